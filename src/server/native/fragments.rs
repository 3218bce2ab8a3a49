//! `GET /v1/video/{stream}/fragments`: the fragments of a range, in pages.

use super::page::Page;
use super::range::RangeQuery;
use crate::app::App;
use crate::auth::ListFragments;
use crate::error::ApiError;
use crate::http::Query;
use axum::Json;
use axum::extract::State;
use video::{FragmentPage, FragmentQuery};

/// Everything unless a range is given.
pub async fn list(
    State(app): State<App>,
    camera: ListFragments,
    Query(range): Query<RangeQuery>,
    Query(page): Query<Page<u64>>,
) -> Result<Json<FragmentPage>, ApiError> {
    let range = range.or(0, u64::MAX);
    let query = FragmentQuery { range, after: page.after, limit: page.limit() };
    Ok(Json(app.video.fragments(&camera.stream, query).await?))
}
