//! `/v1/users`: who may sign in besides root, and their access keys.

use super::page::Page;
use super::sources::to_the_end;
use crate::app::App;
use crate::auth::{
    Access, Action, ChangeError, CreateKey, CreateUser, DeleteKey, DeleteUser, GetUser, KeyInfo, ListKeys,
    Names, Target, UpdateKey, User,
};
use crate::error::ApiError;
use crate::http::{JsonBody, Query};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shardlog::MetaError;

/// A user. No secrets.
#[derive(Serialize)]
pub struct Description {
    name: String,
    id: String,
    arn: String,
    /// Milliseconds since the Unix epoch.
    created_ms: u64,
    keys: Vec<KeyInfo>,
    /// Names of its policies.
    policies: Vec<String>,
}

impl Description {
    fn of(user: &User, names: &Names) -> Self {
        Self {
            name: user.name.clone(),
            id: user.id.clone(),
            arn: names.user(&user.name),
            created_ms: user.created_ms,
            keys: user.keys(),
            policies: user.policies.keys().cloned().collect(),
        }
    }
}

/// A page of users.
#[derive(Serialize)]
pub struct DescriptionPage {
    users: Vec<Description>,
    /// What to ask for as `after`.
    next: Option<String>,
}

/// `GET /v1/users`
pub async fn list(
    State(app): State<App>,
    access: Access,
    Query(page): Query<Page>,
) -> Result<Json<DescriptionPage>, ApiError> {
    access.permit(&app, Action::ListUsers, Target::All).await?;
    let limit = page.limit();
    let mut users = app.keys.users(page.after.as_deref(), limit + 1);
    let more = users.len() > limit;
    users.truncate(limit);
    let next = users.last().filter(|_| more).map(|user| user.name.clone());
    let names = app.config.names();
    Ok(Json(DescriptionPage {
        users: users.iter().map(|user| Description::of(user, &names)).collect(),
        next,
    }))
}

/// `GET /v1/users/{user}`
pub async fn describe(
    State(app): State<App>,
    GetUser { user }: GetUser,
) -> Result<Json<Description>, ApiError> {
    let user = app.keys.user(&user).ok_or(ChangeError::NotFound { what: "user", name: user })?;
    Ok(Json(Description::of(&user, &app.config.names())))
}

/// `PUT /v1/users/{user}`: may be repeated.
pub async fn create(
    State(app): State<App>,
    CreateUser { user }: CreateUser,
) -> Result<(StatusCode, Json<Description>), ApiError> {
    let names = app.config.names();
    let made = to_the_end(async move {
        match app.keys.create_user(&user).await {
            Err(ChangeError::UserExists(name)) => Ok((StatusCode::OK, app.keys.user(&name))),
            made => Ok((StatusCode::CREATED, Some(made?))),
        }
    });
    let (status, user) = made.await?;
    let user = user.ok_or_else(|| ApiError::busy("the user is being deleted"))?;
    Ok((status, Json(Description::of(&user, &names))))
}

/// `DELETE /v1/users/{user}`: with its keys and policies.
pub async fn delete(State(app): State<App>, DeleteUser { user }: DeleteUser) -> Result<StatusCode, ApiError> {
    to_the_end(async move { Ok(app.keys.delete_user(&user).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Access keys of a user.
#[derive(Serialize)]
pub struct Keys {
    keys: Vec<KeyInfo>,
}

/// `GET /v1/users/{user}/keys`
pub async fn list_keys(State(app): State<App>, ListKeys { user }: ListKeys) -> Result<Json<Keys>, ApiError> {
    let user = app.keys.user(&user).ok_or(ChangeError::NotFound { what: "user", name: user })?;
    Ok(Json(Keys { keys: user.keys() }))
}

/// An access key that has just been made.
#[derive(Serialize)]
pub struct NewKey {
    key_id: String,
    /// Shown this once.
    secret: String,
}

/// `POST /v1/users/{user}/keys`
pub async fn create_key(
    State(app): State<App>,
    CreateKey { user }: CreateKey,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    let made = to_the_end(async move { Ok(app.keys.create_key(&user).await?) }).await?;
    Ok((StatusCode::CREATED, Json(NewKey { key_id: made.key_id, secret: made.secret })))
}

/// What can be changed of an access key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyChange {
    enabled: bool,
}

/// `PATCH /v1/users/{user}/keys/{key}`
pub async fn change_key(
    State(app): State<App>,
    UpdateKey { user }: UpdateKey,
    Path((_, key)): Path<(String, String)>,
    JsonBody(change): JsonBody<KeyChange>,
) -> Result<StatusCode, ApiError> {
    to_the_end(async move { Ok(app.keys.set_key_enabled(&user, &key, change.enabled).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/users/{user}/keys/{key}`
pub async fn delete_key(
    State(app): State<App>,
    DeleteKey { user }: DeleteKey,
    Path((_, key)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    to_the_end(async move { Ok(app.keys.delete_key(&user, &key).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let (status, code) = match &error {
            ChangeError::BadName { .. } => (StatusCode::BAD_REQUEST, "BAD_NAME"),
            ChangeError::Policy(_) => (StatusCode::BAD_REQUEST, "BAD_POLICY"),
            ChangeError::UserExists(_) => (StatusCode::CONFLICT, "USER_EXISTS"),
            ChangeError::NotFound { what: "user", .. } => (StatusCode::NOT_FOUND, "USER_NOT_FOUND"),
            ChangeError::NotFound { what: "policy", .. } => (StatusCode::NOT_FOUND, "POLICY_NOT_FOUND"),
            ChangeError::NotFound { .. } => (StatusCode::NOT_FOUND, "KEY_NOT_FOUND"),
            ChangeError::TooMany { .. } => (StatusCode::CONFLICT, "TOO_MANY"),
            ChangeError::Meta(MetaError::Unavailable(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "STORAGE_FAILED")
            }
            ChangeError::Meta(MetaError::Unknown(_)) => {
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "OUTCOME_UNKNOWN", error.to_string())
                    .hint("look whether it happened, then try again");
            }
            ChangeError::Keys(_) | ChangeError::Meta(_) => return Self::internal(&error),
        };
        Self::new(status, code, error.to_string())
    }
}
