//! `POST /v1/tokens`: hand a part of one's rights on.

use crate::app::App;
use crate::auth::{Action, Grant, Identities, Owner, Target, UserPassword, Verb, Verbs, check_stream_name};
use crate::error::ApiError;
use crate::http::JsonBody;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

/// A year.
const EXPIRES_IN_S_MAX: u64 = 366 * 24 * 3600;

/// What is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    stream: Option<String>,
    verbs: Vec<Verb>,
    #[serde(default = "an_hour")]
    expires_in_s: u64,
}

fn an_hour() -> u64 {
    3600
}

/// What is given.
#[derive(Serialize)]
pub struct Token {
    token: String,
    /// The same, for cameras that push over RTSP: `rtsp://USERNAME:PASSWORD@host/STREAM`.
    rtsp: UserPassword,
    /// Milliseconds since the Unix epoch.
    expires_at: u64,
}

/// Only the holder of an access key makes tokens: a token that makes tokens would never expire.
pub async fn create(
    State(app): State<App>,
    Owner(access): Owner,
    JsonBody(wish): JsonBody<Wish>,
) -> Result<Json<Token>, ApiError> {
    access
        .permit(&app, Action::CreateToken, wish.stream.as_deref().map_or(Target::All, Target::Stream))
        .await?;
    if let Some(stream) = &wish.stream {
        check_stream_name(stream)?;
    }
    let verbs = wish.verbs.into_iter().collect::<Verbs>();
    if verbs.is_empty() || !(1..=EXPIRES_IN_S_MAX).contains(&wish.expires_in_s) {
        let message = format!("verbs must not be empty, and expires_in_s must be 1 to {EXPIRES_IN_S_MAX}");
        return Err(ApiError::bad_request("BAD_BODY", message));
    }
    let until_s = app.env.clock.now_ms() / 1000 + wish.expires_in_s;
    let grant = Grant { until_s, verbs, key_id: access.identity.key_id, stream: wish.stream };
    let mac = |bytes: &[u8]| app.vault.mac(Identities::TOKEN_PURPOSE, bytes);
    let (token, rtsp) = (grant.sign(mac), grant.sign_in_parts(mac));
    Ok(Json(Token { token, rtsp, expires_at: until_s * 1000 }))
}
