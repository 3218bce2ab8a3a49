//! `POST /v1/sources/probe`: what a camera sends, before it is recorded.

use super::sources;
use crate::app::{App, AppState};
use crate::auth::{Access, Action, Target, check_stream_name};
use crate::cameras::pull::{Given, Probe, ProbeTrack, PullError, Source};
use crate::error::ApiError;
use crate::http::JsonBody;
use crate::workers::process::within;
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use media::worker_protocol::{ImageSpec, Wanted, Work};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// Widest picture in pixels.
const WIDTH_MAX: u32 = 640;
/// How long everything may take.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(14_500);

/// What a camera sends.
#[derive(Serialize)]
pub struct Answer {
    tracks: Vec<ProbeTrack>,
    warnings: Vec<String>,
    /// A JPEG as a `data:` URL.
    picture: Option<String>,
    took_ms: u64,
}

/// The body is a source as in a stream's settings. With `stream` beside it, what is not given is that stream's.
pub async fn probe(
    State(app): State<App>,
    access: Access,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<Json<Answer>, ApiError> {
    let stream = match body.remove("stream") {
        None | Some(Value::Null) => None,
        Some(Value::String(stream)) => Some(stream),
        Some(_) => return Err(ApiError::bad_request("BAD_BODY", "stream must be a name")),
    };
    let target = stream.as_deref().map_or(Target::All, Target::Stream);
    access.permit(&app, Action::ProbeSource, target).await?;
    let old = match &stream {
        Some(stream) => {
            check_stream_name(stream)?;
            Source::of(&app.video.settings(stream)?.sealed_settings)
        }
        None => None,
    };
    let given = serde_json::from_value::<Given>(Value::Object(body))
        .map_err(|error| ApiError::bad_request("BAD_BODY", error.to_string()))?;
    let Some(source) = sources::read(Some(given), old.as_ref())? else {
        return Err(ApiError::bad_request("BAD_BODY", "give a url"));
    };
    let began = app.env.clock.monotonic();
    let Probe { tracks, mut warnings, media } = app.sources.probe(&source).await?;
    let picture = match media {
        Some((init, chunk)) => {
            let width = init.video().map_or(WIDTH_MAX, |track| track.width.clamp(1, WIDTH_MAX));
            let image = ImageSpec { width: Some(width), ..ImageSpec::default() };
            let work = Work { init: init.bytes.clone(), chunks: chunk, wanted: Wanted::NearestKey(0), image };
            let spent = app.env.clock.monotonic().saturating_sub(began);
            let picture = picture(&app, work, ANSWER_TIMEOUT.saturating_sub(spent)).await;
            picture.inspect_err(|why| warnings.push(format!("no picture: {why}"))).ok()
        }
        None => None,
    };
    let took_ms = app.env.clock.monotonic().saturating_sub(began).as_millis();
    Ok(Json(Answer { tracks, warnings, picture, took_ms: u64::try_from(took_ms).unwrap_or(u64::MAX) }))
}

/// The picture, or why there is none.
async fn picture(app: &AppState, work: Work, limit: Duration) -> Result<String, String> {
    let pool = app.pool.as_ref().map_err(ToString::to_string)?;
    match within(&*app.env.clock, limit, pool.frame(work)).await {
        Some(Ok(frame)) => Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(&frame.image))),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the media workers are busy".to_owned()),
    }
}

impl From<PullError> for ApiError {
    fn from(error: PullError) -> Self {
        use http::StatusCode;
        let status = match error {
            PullError::Record(error) => return error.into(),
            PullError::Unauthorized(_) | PullError::NoMedia(_) | PullError::Unsupported(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            PullError::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
            PullError::Busy => return Self::busy(error.to_string()),
            PullError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            PullError::Unreachable(_)
            | PullError::Untrusted(_)
            | PullError::Protocol(_)
            | PullError::Ended(_) => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.code(), error.to_string()).hint(error.hint())
    }
}
