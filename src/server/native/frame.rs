//! `GET /v1/video/{stream}/frame.jpg` and `frame.png`: one picture.

use crate::app::App;
use crate::auth::GetImages;
use crate::error::ApiError;
use crate::frames::{ImageQuery, work};
use crate::http::{Instant, Query};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use media::worker_protocol::ImageFormat;
use serde::Deserialize;
use video::FrameMode;

/// Which picture.
#[derive(Deserialize)]
pub struct Which {
    at: Option<Instant>,
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Exact,
    Keyframe,
}

/// As JPEG.
pub async fn jpeg(
    app: State<App>,
    camera: GetImages,
    which: Query<Which>,
    image: Query<ImageQuery>,
) -> Result<Response, ApiError> {
    let format = image.0.jpeg();
    picture(app, camera, which, image, format).await
}

/// As PNG.
pub async fn png(
    app: State<App>,
    camera: GetImages,
    which: Query<Which>,
    image: Query<ImageQuery>,
) -> Result<Response, ApiError> {
    picture(app, camera, which, image, ImageFormat::Png).await
}

async fn picture(
    State(app): State<App>,
    camera: GetImages,
    Query(which): Query<Which>,
    Query(image): Query<ImageQuery>,
    format: ImageFormat,
) -> Result<Response, ApiError> {
    let pool = app.pool.as_ref().map_err(Clone::clone)?;
    let mode = match which.mode {
        Mode::Exact => FrameMode::Exact,
        Mode::Keyframe => FrameMode::Keyframe,
    };
    let plan = app.video.frame_at(&camera.stream, which.at.map(|at| at.us), mode).await?;
    let wanted = plan.wanted.first().cloned();
    let frame = pool.frame(work(&plan, &plan.wanted, image.spec(format))).await?;
    // The newest picture is another one next time.
    let cache = if which.at.is_some() { "private, max-age=60" } else { "no-store" };
    let mut response =
        ([(CONTENT_TYPE, content_type(format)), (CACHE_CONTROL, cache)], frame.image).into_response();
    if let Some(wanted) = wanted {
        let facts = [
            ("x-kinetoscope-producer-us", wanted.producer_us),
            ("x-kinetoscope-server-us", wanted.server_us),
            ("x-kinetoscope-fragment-number", wanted.fragment_number),
        ];
        for (name, value) in facts {
            response.headers_mut().insert(name, value.into());
        }
    }
    Ok(response)
}

fn content_type(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg { .. } => "image/jpeg",
        ImageFormat::Png => "image/png",
    }
}
