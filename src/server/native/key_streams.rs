//! `GET /v1/keys/streams`: which key-encryption keys streams depend on.

use super::page::Page;
use crate::app::App;
use crate::auth::{Access, Action, Target};
use crate::error::ApiError;
use crate::http::Query;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use streams::StreamKind;

/// A stream and its keys, by their ids.
#[derive(Serialize)]
pub struct KeyedStream {
    name: String,
    kind: StreamKind,
    /// What is written now depends on it.
    key: String,
    /// Others on which what was written before depends.
    older_keys: Vec<String>,
}

/// A page of streams.
#[derive(Serialize)]
pub struct KeyedStreams {
    streams: Vec<KeyedStream>,
    /// What to ask for as `after`.
    next: Option<String>,
}

/// Streams of every kind, by name.
pub async fn list(
    State(app): State<App>,
    access: Access,
    Query(page): Query<Page>,
) -> Result<Json<KeyedStreams>, ApiError> {
    access.permit(&app, Action::ListKeyStreams, Target::All).await?;
    let page = app.streams.keys(page.after.as_deref(), page.limit());
    let keyed = page.streams.into_iter().map(|stream| KeyedStream {
        name: stream.info.name.clone(),
        kind: stream.info.kind,
        key: stream.info.key.clone(),
        older_keys: stream.older_keys.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(KeyedStreams { streams: keyed.collect(), next: page.next }))
}
