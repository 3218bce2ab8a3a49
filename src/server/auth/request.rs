//! Finding out who makes a request, and what it may do.

use super::keys::AccessKeys;
use super::token::{Grant, Verb};
use crate::app::App;
use crate::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde::Deserialize;

/// The code of the refusal of who presents nothing.
pub const SIGN_IN_REQUIRED: &str = "SIGN_IN_REQUIRED";

/// What `Authorization: Basic` and `Bearer` may be long.
const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// Who makes a request.
#[derive(Clone, Debug)]
pub enum Access {
    /// The holder of an access key: may do everything.
    Key {
        /// The key's id.
        id: String,
    },
    /// The bearer of a token.
    Token {
        /// What it says.
        grant: Grant,
        /// The token itself if it came as `?token=`: what the answer links to must be asked for in the same way.
        in_query: Option<String>,
    },
}

impl Access {
    /// Refuses what the caller may not do. `stream`: the one it is about; `None`: all of them.
    pub fn allow(&self, verb: Verb, stream: Option<&str>) -> Result<(), ApiError> {
        let Self::Token { grant, .. } = self else { return Ok(()) };
        if !grant.verbs.allow(verb) {
            let message = format!("the token does not allow {verb:?}").to_lowercase();
            return Err(ApiError::forbidden("TOKEN_SCOPE", message));
        }
        match (&grant.stream, stream) {
            (None, _) => Ok(()),
            (Some(granted), Some(asked)) if granted == asked => Ok(()),
            (Some(granted), _) => Err(ApiError::forbidden(
                "TOKEN_SCOPE",
                format!("the token is for the stream {granted:?} only"),
            )),
        }
    }
}

impl FromRequestParts<App> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let challenge =
            parts.headers.get("x-requested-with").is_none_or(|by| by.as_bytes() != b"kinetoscope");
        let refuse = |code, message| ApiError::unauthorized(code, message, challenge);
        let (token, in_query) = match presented(parts) {
            Presented::Nothing => return Err(refuse(SIGN_IN_REQUIRED, "sign in first")),
            Presented::Unreadable => return Err(refuse("SIGN_IN_FAILED", "the sign-in cannot be read")),
            Presented::Basic { id, secret } => {
                return if app.keys.check(&id, &secret) {
                    Ok(Self::Key { id })
                } else {
                    Err(refuse("SIGN_IN_FAILED", "unknown access key id or wrong secret"))
                };
            }
            Presented::Bearer(token) => (token, false),
            Presented::TokenInQuery(token) => (token, true),
        };
        let grant =
            Grant::open(&token, |bytes, mac| app.vault.verify_mac(AccessKeys::TOKEN_PURPOSE, bytes, mac));
        let grant = still_good(app, grant).map_err(|(code, message)| refuse(code, message))?;
        Ok(Self::Token { grant, in_query: in_query.then_some(token) })
    }
}

/// A token's grant, unless the token was not ours, its access key is gone or its time is over.
pub fn still_good(app: &App, grant: Option<Grant>) -> Result<Grant, (&'static str, &'static str)> {
    match grant.filter(|grant| app.keys.contains(&grant.key_id)) {
        None => Err(("TOKEN_INVALID", "the token is not one of ours, or its access key is gone")),
        Some(grant) if app.env.clock.now_ms() / 1000 >= grant.until_s => {
            Err(("TOKEN_EXPIRED", "the token has expired"))
        }
        Some(grant) => Ok(grant),
    }
}

enum Presented {
    Nothing,
    Unreadable,
    Basic { id: String, secret: String },
    Bearer(String),
    TokenInQuery(String),
}

/// What the request presents; the header wins over the query.
fn presented(parts: &Parts) -> Presented {
    #[derive(Deserialize)]
    struct TokenInQuery {
        token: Option<String>,
    }
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        let query = axum::extract::Query::<TokenInQuery>::try_from_uri(&parts.uri);
        return match query.map(|query| query.0.token) {
            Ok(Some(token)) => Presented::TokenInQuery(token),
            Ok(None) => Presented::Nothing,
            Err(_) => Presented::Unreadable,
        };
    };
    let header = header.to_str().ok().filter(|header| header.len() <= AUTHORIZATION_BYTES_MAX);
    let Some((scheme, value)) = header.and_then(|header| header.split_once(' ')) else {
        return Presented::Unreadable;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Presented::Bearer(value.trim().to_owned());
    }
    let pair = STANDARD.decode(value.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((id, secret)) if scheme.eq_ignore_ascii_case("basic") => {
            Presented::Basic { id: id.to_owned(), secret: secret.to_owned() }
        }
        _ => Presented::Unreadable,
    }
}

/// The holder of an access key, for what no token may do.
pub struct Owner {
    /// The key's id.
    pub key_id: String,
}

impl FromRequestParts<App> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Access::from_request_parts(parts, app).await? {
            Access::Key { id } => Ok(Self { key_id: id }),
            Access::Token { .. } => {
                Err(ApiError::forbidden("TOKEN_SCOPE", "no token allows this")
                    .hint("sign in with an access key"))
            }
        }
    }
}

/// The stream of a request's path, handed out only to callers that may do `VERB` to it. Handlers get the name no other
/// way, so none can forget to ask.
pub struct For<const VERB: u8> {
    /// The stream's name. Well-formed; whether there is such a stream is for the handler to find out.
    pub stream: String,
    /// The caller's token, if it came as `?token=`.
    pub token_in_query: Option<String>,
}

/// For handlers that read.
pub type Play = For<{ Verb::Play as u8 }>;
/// For handlers that make frames.
pub type Frames = For<{ Verb::Frames as u8 }>;
/// For handlers that take media in.
pub type Ingest = For<{ Verb::Ingest as u8 }>;
/// For handlers that create, change and delete.
pub type Manage = For<{ Verb::Manage as u8 }>;

impl<const VERB: u8> FromRequestParts<App> for For<VERB> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let access = Access::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::internal(&error))?;
        let stream =
            params.iter().find_map(|(name, value)| (name == "stream").then_some(value)).unwrap_or_default();
        access.allow(Verb::of::<VERB>(), Some(stream))?;
        check_stream_name(stream)?;
        let token_in_query = if let Access::Token { in_query, .. } = access { in_query } else { None };
        Ok(Self { stream: stream.to_owned(), token_in_query })
    }
}

/// Streams are named by 1 to 256 characters of `[a-zA-Z0-9_.-]`.
pub fn check_stream_name(name: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=256).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ApiError::bad_request("BAD_STREAM_NAME", "not a stream's name")
        .hint("use 1 to 256 characters of a-z A-Z 0-9 _ . -"))
}
