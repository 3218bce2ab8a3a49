//! Segments and initialisation segments: bytes that never change.

use crate::app::App;
use crate::auth::GetHls;
use crate::error::ApiError;
use crate::http::reply::{Representation, as_io};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, Method, StatusCode};
use video::{InitId, ReadError};

const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// `segment/{fragment}.m4s`
pub(super) async fn segment(
    State(app): State<App>,
    camera: GetHls,
    Path((_, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let number = file.strip_suffix(".m4s").and_then(|number| number.parse().ok());
    let segment = app.video.segment(&camera.stream, number.ok_or_else(no_such_file)?).await?;
    let etag = format!("\"{}\"", segment.etag);
    if crate::http::range::unchanged(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    // Players take segments whole; a length, so that they can tell a cut one.
    let facts = [
        (CONTENT_TYPE, "video/iso.segment".to_owned()),
        (CACHE_CONTROL, IMMUTABLE.to_owned()),
        (CONTENT_LENGTH, segment.len.to_string()),
        (ETAG, etag),
    ];
    if method == Method::HEAD {
        return Ok(facts.into_response());
    }
    Ok((facts, axum::body::Body::from_stream(as_io(segment.body))).into_response())
}

/// `init/{id}.mp4`
pub(super) async fn init(
    State(app): State<App>,
    camera: GetHls,
    Path((_, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = file.strip_suffix(".mp4").and_then(|id| id.parse::<InitId>().ok()).ok_or(ReadError::NoInit)?;
    let bytes = app.video.init(&camera.stream, id).await?;
    let etag = format!("\"{id}\"");
    let init = Representation {
        content_type: "video/mp4",
        cache_control: IMMUTABLE,
        etag: &etag,
        len: bytes.len() as u64,
    };
    Ok(init.answer(&method, &headers, |range| stream::iter([Ok(part(&bytes, range))])))
}

/// `range` lies within.
fn part(bytes: &Bytes, range: std::ops::Range<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(bytes.len());
    bytes.slice(place(range.start)..place(range.end))
}

fn no_such_file() -> ApiError {
    ApiError::not_found("NO_SUCH_PATH", "a segment is named NUMBER.m4s")
}
