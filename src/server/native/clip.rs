//! `GET /v1/video/{stream}/clip.mp4`: a range as one file that players and decoders can seek in; and
//! `clip.frames.json`, which tells them where its frames are.

use super::range::RangeQuery;
use crate::app::App;
use crate::auth::GetClip;
use crate::error::ApiError;
use crate::http::Query;
use crate::http::reply::{Representation, as_io};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, Method};
use video::{Clip, ReadError};

/// The same range may later give more (footage of the newest moment) or less (retention), under another ETag.
const CACHE: &str = "private, no-cache";

/// The file, or a part of it.
pub async fn clip(
    State(app): State<App>,
    camera: GetClip,
    Query(range): Query<RangeQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let clip = find(&app, &camera.stream, range).await?;
    let etag = format!("\"{}\"", clip.etag);
    let file = Representation { content_type: "video/mp4", cache_control: CACHE, etag: &etag, len: clip.len };
    Ok(file.answer(&method, &headers, |part| as_io(clip.read(part))))
}

/// `{"frames":[{"pts","duration","key_frame"}]}`
pub async fn frames(
    State(app): State<App>,
    camera: GetClip,
    Query(range): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let clip = find(&app, &camera.stream, range).await?;
    // Millions of frames take a moment to write down.
    let json = tokio::task::spawn_blocking(move || clip.frames_json()).await;
    let json = json.map_err(|error| ApiError::internal(&error))?;
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHE)], json).into_response())
}

async fn find(app: &App, stream: &str, range: RangeQuery) -> Result<Clip, ReadError> {
    app.video.clip(stream, range.up_to_now(app, stream).await?).await
}
