//! `/v1/video/{stream}/source`: the camera that is called for. It is set with the stream's other settings.

use crate::app::App;
use crate::auth::UpdateStream;
use crate::cameras::pull::{Given, Source, SourceInfo};
use crate::error::ApiError;
use axum::Json;
use axum::extract::State;
use streams::StreamPatch;
use tracing::Instrument;

/// `GET /v1/video/{stream}/source`
pub async fn describe(State(app): State<App>, camera: UpdateStream) -> Result<Json<SourceInfo>, ApiError> {
    app.video.settings(&camera.stream)?;
    app.sources.describe(&camera.stream).map(Json).ok_or_else(no_source)
}

/// `POST /v1/video/{stream}/source/start`: a camera that is being waited for is called at once.
pub async fn start(State(app): State<App>, camera: UpdateStream) -> Result<Json<SourceInfo>, ApiError> {
    enable(app, camera.stream, true).await
}

/// `POST /v1/video/{stream}/source/stop`: answers when what was recorded is on disk.
pub async fn stop(State(app): State<App>, camera: UpdateStream) -> Result<Json<SourceInfo>, ApiError> {
    enable(app, camera.stream, false).await
}

async fn enable(app: App, stream: String, enabled: bool) -> Result<Json<SourceInfo>, ApiError> {
    to_the_end(async move {
        let changing = app.sources.changing(&stream).await;
        let settings = app.video.settings(&stream)?.sealed_settings.clone();
        let mut source = Source::of(&settings).ok_or_else(no_source)?;
        if source.enabled != enabled {
            source.enabled = enabled;
            let sealed_settings = Some(Source::put(Some(&source), settings));
            app.video.change(&stream, StreamPatch { sealed_settings, ..StreamPatch::default() }).await?;
        }
        changing.apply(enabled).await;
        app.sources.describe(&stream).map(Json).ok_or_else(no_source)
    })
    .await
}

/// Does work to its end even if the client goes away meanwhile: half done, the settings on disk and what is recorded
/// would differ until the next start.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

/// What a user gives, laid over what there is.
pub(super) fn read(given: Option<Given>, old: Option<&Source>) -> Result<Option<Source>, ApiError> {
    let read = given.map(|given| Source::read(given, old)).transpose();
    read.map_err(|error| {
        ApiError::bad_request("BAD_SOURCE", error.to_string())
            .hint("give rtsp://user:password@host:port/path, or url, username, password, transport, enabled")
    })
}

fn no_source() -> ApiError {
    ApiError::not_found("NO_SOURCE", "the stream has no source")
        .hint("set one with PATCH and {\"source\":\"rtsp://…\"}")
}
