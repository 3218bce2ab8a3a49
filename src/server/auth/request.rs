//! Finding out who makes a request, and what it may do.

use super::access::{Access, Circumstances, Target, Token};
use super::action::Action;
use super::identity::{Identities, Identity};
use super::token::Grant;
use crate::app::App;
use crate::audit::Entry;
use crate::error::ApiError;
use crate::http::{Peer, RequestId};
use axum::extract::{FromRequestParts, RawPathParams};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use serde::Deserialize;

/// The code of the refusal of who presents nothing.
pub const SIGN_IN_REQUIRED: &str = "SIGN_IN_REQUIRED";

/// What `Authorization: Basic` and `Bearer` may be long.
const AUTHORIZATION_BYTES_MAX: usize = 4096;

impl Circumstances {
    /// Of a request to this server.
    pub fn of(parts: &Parts, app: &App) -> Self {
        let user_agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self {
            source: parts.extensions.get::<Peer>().map(|peer| peer.address.ip()),
            secure: app.config.tls(),
            user_agent: user_agent.map(str::to_owned),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
        }
    }
}

impl FromRequestParts<App> for Access {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let challenge =
            parts.headers.get("x-requested-with").is_none_or(|by| by.as_bytes() != b"kinetoscope");
        let source = parts.extensions.get::<Peer>().map(|peer| peer.address.ip());
        let refuse = |code, message| {
            if code != SIGN_IN_REQUIRED {
                app.audit.note(&Entry::nobody(source, code));
            }
            ApiError::unauthorized(code, message, challenge)
        };
        let circumstances = Circumstances::of(parts, app);
        let (token, in_query) = match presented(parts) {
            Presented::Nothing => return Err(refuse(SIGN_IN_REQUIRED, "sign in first")),
            Presented::Unreadable => return Err(refuse("SIGN_IN_FAILED", "the sign-in cannot be read")),
            Presented::Basic { id, secret } => {
                let identity = app.keys.check(&id, &secret);
                let identity = identity
                    .ok_or_else(|| refuse("SIGN_IN_FAILED", "unknown access key id or wrong secret"))?;
                return Ok(Self { identity, token: None, circumstances });
            }
            Presented::Bearer(token) => (token, false),
            Presented::TokenInQuery(token) => (token, true),
        };
        let verify = |bytes: &[u8], mac: &[u8]| app.vault.verify_mac(Identities::TOKEN_PURPOSE, bytes, mac);
        let grant = Grant::open(&token, verify);
        let (grant, identity) = still_good(app, grant).map_err(|(code, message)| refuse(code, message))?;
        let token = Some(Token { grant, in_query: in_query.then_some(token) });
        Ok(Self { identity, token, circumstances })
    }
}

/// A token's grant and who made it, unless the token was not ours, its access key is gone or disabled, or its time is over.
pub fn still_good(
    app: &App,
    grant: Option<Grant>,
) -> Result<(Grant, Identity), (&'static str, &'static str)> {
    match grant.and_then(|grant| Some((app.keys.holder(&grant.key_id)?, grant))) {
        None => Err(("TOKEN_INVALID", "the token is not one of ours, or its access key is gone")),
        Some((_, grant)) if app.env.clock.now_ms() / 1000 >= grant.until_s => {
            Err(("TOKEN_EXPIRED", "the token has expired"))
        }
        Some((identity, grant)) => Ok((grant, identity)),
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

/// The holder of an access key, for what no token allows. What exactly it is, the body says.
pub struct Owner(pub Access);

impl FromRequestParts<App> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let access = Access::from_request_parts(parts, app).await?;
        match access.token {
            None => Ok(Self(access)),
            Some(_) => {
                Err(ApiError::forbidden("TOKEN_SCOPE", "no token allows this")
                    .hint("sign in with an access key"))
            }
        }
    }
}

/// The stream of a request's path, handed out only to callers that may do this to it. Handlers get the name no other
/// way, so none can forget to ask.
pub struct For<const ACTION: u8> {
    /// The stream's name. Well-formed; whether there is such a stream is for the handler to find out.
    pub stream: String,
    /// Who asks.
    pub access: Access,
}

impl<const ACTION: u8> For<ACTION> {
    /// The caller's token, if it came as `?token=`.
    pub fn token_in_query(&self) -> Option<&str> {
        self.access.token.as_ref()?.in_query.as_deref()
    }
}

/// For handlers that do [`Action::DescribeStream`]; and so on.
pub type DescribeStream = For<{ Action::DescribeStream as u8 }>;
#[expect(missing_docs, reason = "as above")]
mod actions {
    use super::{Action, For, ForUser};
    pub type CreateStream = For<{ Action::CreateStream as u8 }>;
    pub type UpdateStream = For<{ Action::UpdateStream as u8 }>;
    pub type UpdateDataRetention = For<{ Action::UpdateDataRetention as u8 }>;
    pub type DeleteStream = For<{ Action::DeleteStream as u8 }>;
    pub type PutMedia = For<{ Action::PutMedia as u8 }>;
    pub type GetHls = For<{ Action::GetHls as u8 }>;
    pub type GetClip = For<{ Action::GetClip as u8 }>;
    pub type GetMedia = For<{ Action::GetMedia as u8 }>;
    pub type ListFragments = For<{ Action::ListFragments as u8 }>;
    pub type GetImages = For<{ Action::GetImages as u8 }>;
    pub type GetUser = ForUser<{ Action::GetUser as u8 }>;
    pub type CreateUser = ForUser<{ Action::CreateUser as u8 }>;
    pub type DeleteUser = ForUser<{ Action::DeleteUser as u8 }>;
    pub type CreateKey = ForUser<{ Action::CreateKey as u8 }>;
    pub type ListKeys = ForUser<{ Action::ListKeys as u8 }>;
    pub type UpdateKey = ForUser<{ Action::UpdateKey as u8 }>;
    pub type DeleteKey = ForUser<{ Action::DeleteKey as u8 }>;
    pub type PutPolicy = ForUser<{ Action::PutPolicy as u8 }>;
    pub type GetPolicy = ForUser<{ Action::GetPolicy as u8 }>;
    pub type DeletePolicy = ForUser<{ Action::DeletePolicy as u8 }>;
}
pub use actions::*;

impl<const ACTION: u8> FromRequestParts<App> for For<ACTION> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let access = Access::from_request_parts(parts, app).await?;
        let stream = path_param(parts, app, "stream").await?;
        access.permit(app, Action::of::<ACTION>(), Target::Stream(&stream)).await?;
        check_stream_name(&stream)?;
        Ok(Self { stream, access })
    }
}

/// The user of a request's path, in the same way.
pub struct ForUser<const ACTION: u8> {
    /// The user's name, as the path has it.
    pub user: String,
}

impl<const ACTION: u8> FromRequestParts<App> for ForUser<ACTION> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let access = Access::from_request_parts(parts, app).await?;
        let user = path_param(parts, app, "user").await?;
        access.permit(app, Action::of::<ACTION>(), Target::User(&user)).await?;
        Ok(Self { user })
    }
}

async fn path_param(parts: &mut Parts, app: &App, name: &str) -> Result<String, ApiError> {
    let params =
        RawPathParams::from_request_parts(parts, app).await.map_err(|error| ApiError::internal(&error))?;
    let value = params.iter().find_map(|(param, value)| (param == name).then_some(value));
    Ok(value.unwrap_or_default().to_owned())
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
