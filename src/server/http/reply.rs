//! Answers that several resources share.

use super::range::{Wanted, unchanged, wanted};
use crate::error::Causes;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::ops::Range;

/// Something with a length and a strong version that can be read in parts.
pub struct Representation<'a> {
    /// Its media type.
    pub content_type: &'static str,
    /// How long it may be kept, by the client only: every answer needed a sign-in.
    pub cache_control: &'static str,
    /// Strong, quotes included.
    pub etag: &'a str,
    /// In bytes.
    pub len: u64,
}

impl Representation<'_> {
    /// Answers GET and HEAD with ranges and conditions. `read` is called only when bytes are to be sent.
    pub fn answer<S>(
        self,
        method: &Method,
        headers: &HeaderMap,
        read: impl FnOnce(Range<u64>) -> S,
    ) -> Response
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        if unchanged(headers, self.etag) {
            return self.respond(StatusCode::NOT_MODIFIED, None, Body::empty());
        }
        let (status, range) = match wanted(headers, self.len, self.etag) {
            Wanted::Whole => (StatusCode::OK, 0..self.len),
            Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            Wanted::Unsatisfiable => {
                let mut response = self.respond(StatusCode::RANGE_NOT_SATISFIABLE, Some(0), Body::empty());
                insert(&mut response, CONTENT_RANGE, format!("bytes */{}", self.len));
                return response;
            }
        };
        let bytes = range.end - range.start;
        let body =
            if method == Method::HEAD { Body::empty() } else { Body::from_stream(read(range.clone())) };
        let mut response = self.respond(status, Some(bytes), body);
        if status == StatusCode::PARTIAL_CONTENT {
            insert(
                &mut response,
                CONTENT_RANGE,
                format!("bytes {}-{}/{}", range.start, range.end - 1, self.len),
            );
        }
        response
    }

    fn respond(&self, status: StatusCode, bytes: Option<u64>, body: Body) -> Response {
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(bytes) = bytes {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
        }
        insert(&mut response, ETAG, self.etag.to_owned());
        response
    }
}

/// A body whose failure cuts the connection, so that nobody takes a part for the whole. The cause goes to the log.
pub fn as_io<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static
where
    E: std::error::Error + Send + Sync + 'static,
{
    body.map_err(|error| {
        tracing::error!(cause = %Causes(&error), "an answer was cut off");
        std::io::Error::other(error)
    })
}

/// Sets a header whose value we made ourselves out of visible ASCII.
fn insert(response: &mut Response, name: http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

    const CONTENT: &[u8] = b"0123456789";

    async fn get(
        method: Method,
        headers: &[(http::HeaderName, &'static str)],
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let what =
            Representation { content_type: "video/mp4", cache_control: "private", etag: "\"v1\"", len: 10 };
        let response = what.answer(&method, &headers, |range| {
            let part = &CONTENT[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            stream::iter([Ok(Bytes::from_static(part))])
        });
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 100).await.unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    #[tokio::test]
    async fn whole_part_head_and_nothing() {
        let (status, headers, body) = get(Method::GET, &[]).await;
        assert_eq!(
            (status, headers[CONTENT_LENGTH].as_bytes(), &*body),
            (StatusCode::OK, &b"10"[..], CONTENT)
        );
        assert_eq!(headers[ETAG], "\"v1\"");
        assert_eq!(headers[ACCEPT_RANGES], "bytes");

        let (status, headers, body) = get(Method::GET, &[(RANGE, "bytes=2-4")]).await;
        assert_eq!((status, &*body), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
        assert_eq!(headers[CONTENT_RANGE], "bytes 2-4/10");
        assert_eq!(headers[CONTENT_LENGTH], "3");

        let (status, headers, body) = get(Method::HEAD, &[(RANGE, "bytes=2-4")]).await;
        assert_eq!((status, headers[CONTENT_LENGTH].as_bytes()), (StatusCode::PARTIAL_CONTENT, &b"3"[..]));
        assert!(body.is_empty());

        let (status, headers, _) = get(Method::GET, &[(RANGE, "bytes=10-")]).await;
        assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(headers[CONTENT_RANGE], "bytes */10");
    }

    #[tokio::test]
    async fn conditions() {
        let (status, headers, body) = get(Method::GET, &[(IF_NONE_MATCH, "\"v1\"")]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(headers[ETAG], "\"v1\"");
        let (status, _, body) = get(Method::GET, &[(RANGE, "bytes=2-4"), (IF_RANGE, "\"v0\"")]).await;
        assert_eq!((status, &*body), (StatusCode::OK, CONTENT));
    }
}
