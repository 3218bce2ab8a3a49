//! `GET /v1/video/{stream}/media.mp4`: fragmented MP4 from an instant on, and on into the live edge.

use crate::app::App;
use crate::auth::GetMedia;
use crate::error::ApiError;
use crate::http::reply::as_io;
use crate::http::{Instant, Query};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Deserialize;

/// Where to begin.
#[derive(Deserialize)]
pub struct Start {
    from: Option<Instant>,
}

/// Ends when the server does, when the client has gone, or when one file cannot go on.
pub async fn media(
    State(app): State<App>,
    camera: GetMedia,
    Query(start): Query<Start>,
) -> Result<Response, ApiError> {
    let media = app.video.media_from(&camera.stream, start.from.map(Instant::ms)).await?;
    let stop = app.stop.clone();
    let media = as_io(media).take_until(async move { stop.cancelled().await });
    Ok(([(CONTENT_TYPE, "video/mp4"), (CACHE_CONTROL, "no-store")], Body::from_stream(media)).into_response())
}
