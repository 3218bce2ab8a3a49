//! The one place where errors become HTTP answers: `{"error":{"code":"…","message":"…","hint":"…"}}`.
//!
//! `code` is for programs and does not change; `message` says what happened; `hint`, where there is one, what to do.

use crate::cameras::RecordError;
use crate::http::UploadError;
use crate::workers::{StartError, WorkerError};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;
use video::{ErrorKind, IngestError, ManageError, ReadError};

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<Cow<'static, str>>,
    /// Ask the client to sign in. Not for the console, whose requests would make browsers show their own dialog.
    challenge: bool,
    /// Stands beside the error, under this name.
    beside: Option<Box<(&'static str, Value)>>,
}

impl ApiError {
    /// An answer with `status`.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, challenge: false, beside: None }
    }

    /// 400.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 403.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 401. With `challenge`, clients are asked for a password.
    pub fn unauthorized(code: &'static str, message: impl Into<String>, challenge: bool) -> Self {
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, code, message) }
            .hint("sign in with HTTP Basic (access key id and secret), Authorization: Bearer TOKEN, or ?token=TOKEN")
    }

    /// 413.
    pub fn too_large(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message)
    }

    /// 503 for what is bounded and in use.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message).hint("try again")
    }

    /// 500 for what should not happen. The cause goes to the log, not to the client.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause = %Causes(cause), "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed; its log says more")
    }

    /// Adds what the client can do about it, if anything.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// Adds what was achieved in spite of the error.
    pub fn beside(mut self, name: &'static str, value: Value) -> Self {
        self.beside = Some(Box::new((name, value)));
        self
    }

    /// What a domain error says of itself. Causes that are ours go to the log.
    fn domain(
        kind: ErrorKind,
        code: &'static str,
        hint: &'static str,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        let status = match kind {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if kind == ErrorKind::Full {
            tracing::warn!(code, cause = %Causes(error), "refused: the disk is full"); // cameras come again and again
        } else if status.is_server_error() {
            tracing::error!(code, cause = %Causes(error), "request failed");
        }
        Self::new(status, code, error.to_string()).hint(hint)
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code for programs.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(hint) = self.hint {
            error["hint"] = hint.into();
        }
        let mut body = json!({"error": error});
        if let Some(beside) = self.beside {
            let (name, value) = *beside;
            body[name] = value;
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.challenge {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"kinetoscope\", charset=\"UTF-8\""),
            );
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An error and what it came from, in one line. Many errors repeat their source in their own words.
pub struct Causes<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<ManageError> for ApiError {
    fn from(error: ManageError) -> Self {
        Self::domain(error.kind(), error.code(), error.hint(), &error)
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        Self::domain(error.kind(), error.code(), error.hint(), &error)
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        Self::domain(error.kind(), error.code(), error.hint(), &error)
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        let status = match error {
            RecordError::Unsupported(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RecordError::Unreachable(_)
            | RecordError::Unauthorized(_)
            | RecordError::Untrusted(_)
            | RecordError::SourceEnded => StatusCode::BAD_GATEWAY,
            _ => return Self::domain(error.kind(), error.code(), error.hint(), &error),
        };
        Self::new(status, error.code(), error.to_string()).hint(error.hint())
    }
}

impl From<WorkerError> for ApiError {
    fn from(error: WorkerError) -> Self {
        let (kind, code, hint) = match &error {
            WorkerError::Busy { .. } => (ErrorKind::Unavailable, "WORKERS_BUSY", "try again"),
            WorkerError::ShuttingDown => (ErrorKind::Unavailable, "SHUTTING_DOWN", "try again"),
            WorkerError::Unavailable { .. } => (
                ErrorKind::Unavailable,
                "NO_WORKER",
                "the media-worker does not start; the server's log says more",
            ),
            WorkerError::Invalid(_) => {
                (ErrorKind::Invalid, "BAD_FRAME_REQUEST", "ask for fewer or smaller frames")
            }
            WorkerError::Missing(_) | WorkerError::Refused { .. } => {
                let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "DECODE_ERROR", error.to_string());
                return error
                    .hint("the footage cannot be decoded here: download a clip, or try another instant");
            }
            _ => (ErrorKind::Internal, "WORKER_FAILED", "try another instant; the server's log says more"),
        };
        Self::domain(kind, code, hint, &error)
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        let hint = "install the media-worker beside the server, or name it with --media-worker";
        Self::domain(ErrorKind::Unavailable, "NO_WORKER", hint, &error)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let (status, code) = match error {
            UploadError::Idle(_) => (StatusCode::REQUEST_TIMEOUT, "UPLOAD_IDLE"),
            UploadError::Broken(_) => (StatusCode::BAD_REQUEST, "UPLOAD_BROKEN"),
        };
        Self::new(status, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_TYPE;
    use std::sync::Arc;
    use streams::{AppendError, StreamNotFound};

    async fn answer(error: ApiError) -> (Response<()>, Value) {
        let (parts, body) = error.into_response().into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (Response::from_parts(parts, ()), serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn the_shape() {
        let error = ApiError::bad_request("BAD", "what").hint("do this").beside("summary", json!({"n": 1}));
        let (response, body) = answer(error).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let expected =
            json!({"error": {"code": "BAD", "message": "what", "hint": "do this"}, "summary": {"n": 1}});
        assert_eq!(body, expected);
        let (_, body) = answer(ApiError::bad_request("BAD", "what").hint("")).await;
        assert!(body["error"].get("hint").is_none(), "no advice is no field");
    }

    #[tokio::test]
    async fn domain_errors_say_what_to_do() {
        let not_found = || StreamNotFound { name: "door".to_owned() };
        let broken: Arc<dyn std::error::Error + Send + Sync> =
            Arc::new(std::io::Error::other("disk on fire"));
        let full: Arc<dyn std::error::Error + Send + Sync> = Arc::new(std::io::Error::other("7 bytes free"));
        let cases: Vec<(ApiError, u16, &str)> = vec![
            (ManageError::NotFound(not_found()).into(), 404, "STREAM_NOT_FOUND"),
            (ManageError::AlreadyExists { name: "door".into() }.into(), 409, "STREAM_EXISTS"),
            (ReadError::Empty.into(), 404, "NO_MEDIA"),
            (ReadError::Expired.into(), 410, "EXPIRED"),
            (ReadError::Backwards.into(), 400, "INVALID_RANGE"),
            (ReadError::TooManyFragments { max: 1 }.into(), 413, "RANGE_TOO_LONG"),
            (IngestError::TakenOver.into(), 409, "TAKEN_OVER"),
            (IngestError::ShuttingDown.into(), 503, "SHUTTING_DOWN"),
            (IngestError::Append(AppendError::Unavailable(broken)).into(), 503, "STORAGE_FAILED"),
            (IngestError::Append(AppendError::Full(full)).into(), 507, "DISK_FULL"),
            (ManageError::Held { hold: "case".into(), holds: 1 }.into(), 409, "STREAM_HELD"),
            (WorkerError::Busy { waiting: 32 }.into(), 503, "WORKERS_BUSY"),
            (WorkerError::Died { how: "signal 9".into() }.into(), 500, "WORKER_FAILED"),
            (UploadError::Idle(std::time::Duration::from_secs(30)).into(), 408, "UPLOAD_IDLE"),
        ];
        for (error, status, code) in cases {
            let (response, body) = answer(error).await;
            assert_eq!(
                (response.status().as_u16(), &body["error"]["code"]),
                (status, &json!(code)),
                "{body}"
            );
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503, "{code}");
        }
    }

    #[test]
    fn causes_stand_in_one_line_and_none_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("inner")]
        struct Inner(#[source] std::io::Error);
        let error = Outer(Inner(std::io::Error::other("root")));
        assert_eq!(Causes(&error).to_string(), "outer: inner: root");
    }
}
