//! Answers, with the headers that every one of them has.

use super::error::AwsError;
use super::event_stream;
use super::operation::{Outcome, Reply};
use super::wire::Format;
use axum::body::Body;
use axum::response::Response;
use base64_simd::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use shardlog::env::Random;
use std::convert::Infallible;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ID_2: HeaderName = HeaderName::from_static("x-amz-id-2");
/// What scripts of other sites get to see.
const EXPOSED: &str =
    "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";
/// Seconds for which a browser may remember the answer to a preflight.
const MAX_AGE: &str = "172800";
/// An answer above this is put together where it may take its time.
const ENCODE_INLINE_BYTES_MAX: usize = 1 << 20;

/// What a request and its answer are called.
pub(crate) struct Ids {
    /// A random UUID.
    pub(crate) request: String,
    /// 72 random bytes, which nobody here needs but clients print.
    extended: String,
}

impl Ids {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let (mut id, mut extended) = ([0; 16], [0; 72]);
        random.fill(&mut id);
        random.fill(&mut extended);
        let request = uuid::Builder::from_random_bytes(id).into_uuid().to_string();
        Self { request, extended: STANDARD.encode_to_string(extended) }
    }
}

/// The status, content type and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Body,
}

impl Answer {
    /// Nothing but a status.
    pub(crate) fn bare(status: StatusCode) -> Self {
        Self { status, content_type: None, body: Body::empty() }
    }

    /// What an operation came to.
    pub(crate) fn of(outcome: Outcome, format: Format) -> Self {
        let (status, body) = match outcome {
            Ok(Reply::Events(frames)) => {
                let body = Body::from_stream(frames.map(Ok::<_, Infallible>));
                return Self { status: StatusCode::OK, content_type: Some(event_stream::CONTENT_TYPE), body };
            }
            Ok(Reply::Empty) => (StatusCode::OK, Bytes::new()),
            Ok(Reply::Value(value)) => {
                let large = value.encoded_bytes() > ENCODE_INLINE_BYTES_MAX;
                (StatusCode::OK, beside_the_runtime(large, || format.encode(&value)).into())
            }
            Err(error) => (error.status(), error.body(format)),
        };
        Self { status, content_type: Some(format.content_type()), body: body.into() }
    }

    /// An error.
    pub(crate) fn error(error: AwsError, format: Format) -> Self {
        Self::of(Err(error), format)
    }

    /// An error to somebody who speaks neither content type.
    pub(crate) fn xml(status: StatusCode, code: &str, message: Option<&str>) -> Self {
        let body = match message {
            Some(message) => format!("<{code}>\n  <Message>{message}</Message>\n</{code}>\n"),
            None => format!("<{code}/>\n"),
        };
        Self { status, content_type: None, body: body.into() }
    }

    /// An error to somebody who speaks an older JSON.
    pub(crate) fn coral(status: StatusCode, code: &str) -> Self {
        let body = format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{code}"}},"Version":"1.0"}}"#);
        Self { status, content_type: Some("application/json"), body: body.into() }
    }

    /// The answer without what names it to AWS clients, and to this site's own scripts only.
    pub(crate) fn unnamed(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        response
    }

    /// The whole answer to a request with these headers.
    pub(crate) fn respond(self, ids: Ids, asked: &HeaderMap) -> Response {
        let mut response = self.unnamed();
        let headers = response.headers_mut();
        insert(headers, REQUEST_ID, ids.request);
        insert(headers, ID_2, ids.extended);
        if asked.contains_key(ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
        response
    }
}

/// The answer to a browser that asks whether a script of another site may send a request. It may: what counts is whether it
/// can sign it.
pub(crate) fn preflight(ids: Ids, asked: &HeaderMap) -> Response {
    let mut response = Answer::bare(StatusCode::OK).respond(ids, asked);
    let headers = response.headers_mut();
    headers.remove(ID_2);
    headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    for (asks, allows) in [
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
    ] {
        if let Some(value) = asked.get(asks) {
            headers.insert(allows, value.clone());
        }
    }
    response
}

/// Work of milliseconds: on this thread, but with the runtime told, if there is that much of it.
pub(super) fn beside_the_runtime<T>(long: bool, work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    // Values borrow from the body, so they cannot move to another thread; a runtime of one thread has no other way.
    let several =
        || Handle::try_current().is_ok_and(|own| own.runtime_flavor() == RuntimeFlavor::MultiThread);
    if long && several() { tokio::task::block_in_place(work) } else { work() }
}

/// Sets a header whose value we made ourselves out of visible ASCII.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
        headers.insert(name, value);
    }
}
