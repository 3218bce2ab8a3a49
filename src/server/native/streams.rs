//! `/v1/video` and `/v1/video/{stream}`: list, create, describe, change, delete.

use super::page::Page;
use super::sources::{self, to_the_end};
use crate::app::{App, AppState};
use crate::auth::{Access, Action, CreateStream, DeleteStream, DescribeStream, Target, UpdateStream};
use crate::cameras::RtpStatus;
use crate::cameras::pull::{Given, Source, SourceInfo};
use crate::error::ApiError;
use crate::http::{JsonBody, Query};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use streams::{SealedSettings, StreamPatch, WhenFull};
use video::{ManageError, NewVideo, VideoInfo};

/// Settings of a stream; what is not given stays, or gets its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    retention_hours: Option<u32>,
    /// `null`: as many as come within the hours.
    #[serde(default, deserialize_with = "said")]
    retention_bytes: Option<Option<u64>>,
    when_full: Option<WhenFull>,
    attributes: Option<BTreeMap<String, String>>,
    /// The camera to call for; `null` means none.
    #[serde(default, deserialize_with = "said")]
    source: Option<Option<Given>>,
}

/// Tells `null` from what is not there.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A stream, and the camera that sends to it.
#[derive(Serialize)]
pub struct Description {
    #[serde(flatten)]
    info: VideoInfo,
    /// The camera that is called for.
    source: Option<SourceInfo>,
    /// What is known of the packets of a camera that sends over RTSP.
    rtp: Option<RtpStatus>,
}

/// A page of streams.
#[derive(Serialize)]
pub struct DescriptionPage {
    streams: Vec<Description>,
    next: Option<String>,
}

impl Description {
    /// `address`: whether the caller may see where the camera is.
    fn of(info: VideoInfo, app: &AppState, address: bool) -> Self {
        let source = app.sources.describe(&info.name);
        let source = source.map(|source| if address { source } else { source.without_address() });
        let rtp = app.cameras.status(&info.name);
        Self { info, source, rtp }
    }
}

/// `GET /v1/video`
pub async fn list(
    State(app): State<App>,
    access: Access,
    Query(page): Query<Page>,
) -> Result<Json<DescriptionPage>, ApiError> {
    access.permit(&app, Action::ListStreams, Target::All).await?;
    let address = access.allow(&app, Action::UpdateStream, Target::All).is_ok();
    let page = app.video.list(page.after.as_deref(), page.limit()).await;
    let streams = page.streams.into_iter().map(|info| Description::of(info, &app, address)).collect();
    Ok(Json(DescriptionPage { streams, next: page.next }))
}

/// `GET /v1/video/{stream}`
pub async fn describe(State(app): State<App>, camera: DescribeStream) -> Result<Json<Description>, ApiError> {
    let address = camera.access.allow(&app, Action::UpdateStream, Target::Stream(&camera.stream)).is_ok();
    Ok(Json(Description::of(app.video.describe(&camera.stream).await?, &app, address)))
}

/// `PUT /v1/video/{stream}`: may be repeated.
pub async fn create(
    State(app): State<App>,
    camera: CreateStream,
    JsonBody(settings): JsonBody<Settings>,
) -> Result<(StatusCode, Json<Description>), ApiError> {
    let Settings { retention_hours, retention_bytes, when_full, attributes, source } = settings;
    let source = source.map(|given| sources::read(given, None)).transpose()?;
    let new = NewVideo {
        name: camera.stream.clone(),
        retention_hours: retention_hours.unwrap_or(app.config.retention_hours),
        retention_bytes: retention_bytes.flatten(),
        when_full: when_full.unwrap_or_default(),
        attributes: attributes.clone().unwrap_or_default(),
        sealed_settings: Source::put(source.as_ref().and_then(Option::as_ref), SealedSettings::default()),
    };
    let making = app.clone();
    let made = to_the_end(async move {
        let changing = making.sources.changing(&new.name).await;
        let made = making.video.create(new).await;
        changing.apply(false).await;
        Ok(made)
    });
    match made.await? {
        Ok(info) => Ok((StatusCode::CREATED, Json(Description::of(info, &app, true)))),
        Err(ManageError::AlreadyExists { name }) => {
            let info = app.video.describe(&name).await?;
            let old = Source::of(&app.video.settings(&name)?.sealed_settings);
            let same = retention_hours.is_none_or(|hours| hours == info.retention_hours)
                && retention_bytes.is_none_or(|bytes| bytes == info.retention_bytes)
                && when_full.is_none_or(|when_full| when_full == info.when_full)
                && attributes.is_none_or(|attributes| attributes == info.attributes)
                && source.is_none_or(|source| source == old);
            if same {
                Ok((StatusCode::OK, Json(Description::of(info, &app, true))))
            } else {
                Err(ManageError::AlreadyExists { name }.into())
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// `PATCH /v1/video/{stream}`
pub async fn change(
    State(app): State<App>,
    camera: UpdateStream,
    JsonBody(settings): JsonBody<Settings>,
) -> Result<Json<Description>, ApiError> {
    let Settings { retention_hours, retention_bytes, when_full, attributes, source } = settings;
    to_the_end(async move {
        let changing = app.sources.changing(&camera.stream).await;
        let sealed_settings = match source {
            Some(given) => {
                let settings = app.video.settings(&camera.stream)?.sealed_settings.clone();
                let source = sources::read(given, Source::of(&settings).as_ref())?;
                Some(Source::put(source.as_ref(), settings))
            }
            None => None,
        };
        let patch = StreamPatch { retention_hours, retention_bytes, when_full, attributes, sealed_settings };
        let info = app.video.change(&camera.stream, patch).await?;
        changing.apply(false).await;
        Ok(Json(Description::of(info, &app, true)))
    })
    .await
}

/// `DELETE /v1/video/{stream}`
pub async fn delete(State(app): State<App>, camera: DeleteStream) -> Result<StatusCode, ApiError> {
    to_the_end(async move {
        let changing = app.sources.changing(&camera.stream).await;
        app.video.delete(&camera.stream).await?;
        changing.apply(false).await;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

impl AppState {
    /// Makes the stream that a camera pushes to. Somebody else may have made it meanwhile.
    pub async fn create_default(&self, name: &str) -> Result<(), ManageError> {
        let new = NewVideo::named(name, self.config.retention_hours);
        match self.video.create(new).await {
            Ok(_) | Err(ManageError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
