//! `GET /v1/video/{stream}/timeline`: what was recorded, and why the rest was not.

use super::range::RangeQuery;
use crate::app::App;
use crate::auth::ListFragments;
use crate::error::ApiError;
use crate::http::{Instant, Query};
use axum::Json;
use axum::extract::State;
use video::TimelineView;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The last 24 hours unless a range is given.
pub async fn timeline(
    State(app): State<App>,
    camera: ListFragments,
    Query(range): Query<RangeQuery>,
) -> Result<Json<TimelineView>, ApiError> {
    let to_ms = range.to.map_or_else(|| app.env.clock.now_ms(), Instant::ms);
    let range = range.or(to_ms.saturating_sub(DAY_MS), to_ms);
    Ok(Json(app.video.timeline(&camera.stream, range).await?))
}
