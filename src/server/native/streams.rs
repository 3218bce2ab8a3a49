//! `/v1/video` and `/v1/video/{stream}`: list, create, describe, change, delete.

use crate::app::{App, AppState};
use crate::auth::{Access, Manage, Play, Verb};
use crate::error::ApiError;
use crate::http::{JsonBody, Query};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use streams::{SealedSettings, StreamPatch};
use video::{ManageError, NewVideo, VideoInfo, VideoPage};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// A page of the list.
#[derive(Deserialize)]
pub struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

/// Settings of a stream; what is not given stays, or gets its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    retention_hours: Option<u32>,
    attributes: Option<BTreeMap<String, String>>,
}

/// `GET /v1/video`
pub async fn list(
    State(app): State<App>,
    access: Access,
    Query(page): Query<Page>,
) -> Result<Json<VideoPage>, ApiError> {
    access.allow(Verb::Play, None)?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    Ok(Json(app.video.list(page.after.as_deref(), limit).await))
}

/// `GET /v1/video/{stream}`
pub async fn describe(State(app): State<App>, camera: Play) -> Result<Json<VideoInfo>, ApiError> {
    Ok(Json(app.video.describe(&camera.stream).await?))
}

/// `PUT /v1/video/{stream}`: may be repeated.
pub async fn create(
    State(app): State<App>,
    camera: Manage,
    JsonBody(settings): JsonBody<Settings>,
) -> Result<(StatusCode, Json<VideoInfo>), ApiError> {
    let Settings { retention_hours, attributes } = settings;
    let new = NewVideo {
        name: camera.stream.clone(),
        retention_hours: retention_hours.unwrap_or(app.config.retention_hours),
        attributes: attributes.clone().unwrap_or_default(),
        sealed_settings: SealedSettings::default(),
    };
    match app.video.create(new).await {
        Ok(info) => Ok((StatusCode::CREATED, Json(info))),
        Err(ManageError::AlreadyExists { name }) => {
            let info = app.video.describe(&name).await?;
            let same = retention_hours.is_none_or(|hours| hours == info.retention_hours)
                && attributes.is_none_or(|attributes| attributes == info.attributes);
            if same {
                Ok((StatusCode::OK, Json(info)))
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
    camera: Manage,
    JsonBody(settings): JsonBody<Settings>,
) -> Result<Json<VideoInfo>, ApiError> {
    let Settings { retention_hours, attributes } = settings;
    let patch = StreamPatch { retention_hours, attributes, ..StreamPatch::default() };
    Ok(Json(app.video.change(&camera.stream, patch).await?))
}

/// `DELETE /v1/video/{stream}`
pub async fn delete(State(app): State<App>, camera: Manage) -> Result<StatusCode, ApiError> {
    app.video.delete(&camera.stream).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl AppState {
    /// Makes the stream that a camera pushes to. Somebody else may have made it meanwhile.
    pub async fn create_default(&self, name: &str) -> Result<(), ManageError> {
        let new = NewVideo {
            name: name.to_owned(),
            retention_hours: self.config.retention_hours,
            attributes: BTreeMap::new(),
            sealed_settings: SealedSettings::default(),
        };
        match self.video.create(new).await {
            Ok(_) | Err(ManageError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
