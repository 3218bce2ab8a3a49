//! `GET /v1/audit`: the newest lines of the audit log.

use super::page::Page;
use crate::app::App;
use crate::audit::Wanted;
use crate::auth::{Access, Action, Target};
use crate::error::ApiError;
use crate::http::Query;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which lines.
#[derive(Deserialize)]
pub struct Filter {
    event: Option<String>,
    contains: Option<String>,
}

/// What was found, newest first.
#[derive(Serialize)]
pub struct Answer {
    entries: Vec<Value>,
    /// There may be older ones.
    more: bool,
}

/// The newest lines that pass the filter.
pub async fn list(
    State(app): State<App>,
    access: Access,
    Query(page): Query<Page>,
    Query(Filter { event, contains }): Query<Filter>,
) -> Result<Json<Answer>, ApiError> {
    access.permit(&app, Action::GetAuditLog, Target::All).await?;
    let found = app.audit.read(Wanted { limit: page.limit(), event, contains }).await;
    let found = found.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(Answer { entries: found.entries, more: found.more }))
}
