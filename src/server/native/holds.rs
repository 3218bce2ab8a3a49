//! `/v1/video/{stream}/holds`: footage that stays until somebody releases it, whatever retention says.

use super::sources::to_the_end;
use crate::app::App;
use crate::auth::{DescribeStream, UpdateDataRetention};
use crate::error::ApiError;
use crate::http::{Instant, JsonBody};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use streams::{HeldRange, Hold, HoldClock};

/// What a hold covers, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    #[serde(default, deserialize_with = "instant")]
    from: Option<Instant>,
    #[serde(default, deserialize_with = "instant")]
    to: Option<Instant>,
    clock: Option<HoldClock>,
    #[serde(default)]
    reason: String,
}

/// An instant as text, or in seconds as a number.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Seconds(serde_json::Number),
    }
    let text = match Option::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Written::Text(text)) => text,
        Some(Written::Seconds(seconds)) => seconds.to_string(),
    };
    Instant::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

/// All holds of a stream.
#[derive(Serialize)]
pub struct Holds {
    holds: Vec<Hold>,
    /// The one that covers the oldest footage, and so decides.
    oldest_hold: Option<String>,
    /// Bytes that stay until it is released: what it covers, and all that came after.
    held_bytes: u64,
}

/// `GET /v1/video/{stream}/holds`
pub async fn list(State(app): State<App>, camera: DescribeStream) -> Result<Json<Holds>, ApiError> {
    let info = app.video.describe(&camera.stream).await?;
    Ok(Json(Holds { holds: info.holds, oldest_hold: info.oldest_hold, held_bytes: info.held_bytes }))
}

/// `PUT /v1/video/{stream}/holds/{name}`: in the stead of one of the same name; without a range it covers everything.
pub async fn place(
    State(app): State<App>,
    camera: UpdateDataRetention,
    Path((_, name)): Path<(String, String)>,
    JsonBody(given): JsonBody<Given>,
) -> Result<Json<Hold>, ApiError> {
    let clock = given.clock.unwrap_or_default();
    let range = match (given.from, given.to) {
        (None, None) => None,
        (Some(from), Some(to)) => {
            // The whole of the last millisecond.
            Some(HeldRange { from_ms: from.ms(), to_ms: to.us.div_ceil(1000), clock })
        }
        _ => {
            return Err(ApiError::bad_request("BAD_HOLD", "a range has both \"from\" and \"to\"")
                .hint("leave both out to hold the whole stream"));
        }
    };
    let hold = Hold { name, range, reason: given.reason, placed_ms: app.env.clock.now_ms() };
    to_the_end(async move {
        app.video.place_hold(&camera.stream, hold.clone()).await?;
        tracing::info!(stream = camera.stream, hold = hold.name, "a hold was placed");
        Ok(Json(hold))
    })
    .await
}

/// `DELETE /v1/video/{stream}/holds/{name}`
pub async fn release(
    State(app): State<App>,
    camera: UpdateDataRetention,
    Path((_, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        app.video.release_hold(&camera.stream, &name).await?;
        tracing::info!(stream = camera.stream, hold = name, "a hold was released");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
