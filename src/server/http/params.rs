//! Query strings and JSON bodies, with refusals in our own shape.

use super::body::{Upload, UploadError};
use super::limits::{JSON_BYTES_MAX, JSON_TIMEOUT};
use crate::app::App;
use crate::error::ApiError;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::BytesMut;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// A query string, read into `T`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let parsed = axum::extract::Query::try_from_uri(&parts.uri);
        parsed.map(|query| Self(query.0)).map_err(|error| ApiError::bad_request("BAD_QUERY", reason(&error)))
    }
}

/// The innermost cause: the outer ones only say that a query could not be read.
fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A JSON body of at most [`JSON_BYTES_MAX`], whatever its content type says; an empty one means `{}`.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let body = read_body(request, app).await?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| ApiError::bad_request("BAD_BODY", error.to_string()))
    }
}

/// A body of text, of at most [`JSON_BYTES_MAX`].
pub struct TextBody(pub String);

impl FromRequest<App> for TextBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let body = read_body(request, app).await?;
        String::from_utf8(body.into())
            .map(Self)
            .map_err(|error| ApiError::bad_request("BAD_BODY", error.to_string()))
    }
}

async fn read_body(request: Request, app: &App) -> Result<BytesMut, ApiError> {
    let mut upload = Upload::new(request.into_body(), app.env.clock.clone(), JSON_TIMEOUT);
    let mut body = BytesMut::new();
    let read = async {
        while let Some(bytes) = upload.next().await? {
            if body.len() + bytes.len() > JSON_BYTES_MAX {
                let message = format!("the body is larger than {JSON_BYTES_MAX} bytes");
                return Err(ApiError::too_large("BODY_TOO_LARGE", message));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(())
    };
    tokio::select! {
        read = read => read?,
        () = app.env.clock.sleep(JSON_TIMEOUT) => return Err(UploadError::Idle(JSON_TIMEOUT).into()),
    }
    Ok(body)
}
