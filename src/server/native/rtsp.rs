//! `GET /v1/rtsp`: where cameras push over RTSP, and which were refused lately and why.

use crate::app::App;
use crate::auth::{Access, Action, Target};
use crate::error::ApiError;
use crate::rtsp::RtspView;
use axum::Json;
use axum::extract::State;

/// For who may manage all streams: it names streams and cameras' addresses.
pub async fn describe(State(app): State<App>, access: Access) -> Result<Json<RtspView>, ApiError> {
    access.permit(&app, Action::DescribeRtsp, Target::All).await?;
    Ok(Json(app.rtsp.view(app.config.tls())))
}
