//! `/v1/users/{user}/policies/{policy}`, and `POST /v1/policies/check`: what would be allowed, and by which statement.

use super::sources::to_the_end;
use crate::app::App;
use crate::auth::policy::{
    Because, Caller, Context, POLICY_BYTES_MAX, Policy, PolicyKind, Question, ResourceRule, decide,
};
use crate::auth::{
    Access, Action, ChangeError, Circumstances, DeletePolicy, GetPolicy, Owner, PutPolicy, Target, judge,
};
use crate::error::ApiError;
use crate::http::{JsonBody, TextBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `GET /v1/users/{user}/policies/{policy}`: as it was put.
pub async fn show(
    State(app): State<App>,
    GetPolicy { user }: GetPolicy,
    Path((_, policy)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let user = app.keys.user(&user).ok_or(ChangeError::NotFound { what: "user", name: user })?;
    let stored = user.policies.get(&policy).ok_or(ChangeError::NotFound { what: "policy", name: policy })?;
    Ok(([(CONTENT_TYPE, "application/json")], stored.text.clone()).into_response())
}

/// `PUT /v1/users/{user}/policies/{policy}`: the body is the policy.
pub async fn put(
    State(app): State<App>,
    PutPolicy { user }: PutPolicy,
    Path((_, policy)): Path<(String, String)>,
    TextBody(text): TextBody,
) -> Result<StatusCode, ApiError> {
    let new = to_the_end(async move { Ok(app.keys.put_policy(&user, &policy, text).await?) }).await?;
    Ok(if new { StatusCode::CREATED } else { StatusCode::NO_CONTENT })
}

/// `DELETE /v1/users/{user}/policies/{policy}`
pub async fn delete(
    State(app): State<App>,
    DeletePolicy { user }: DeletePolicy,
    Path((_, policy)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    to_the_end(async move { Ok(app.keys.delete_policy(&user, &policy).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What would be asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Whose policies count. Without one, `policies` are looked at alone.
    user: Option<String>,
    /// Policies that count in addition, by name.
    #[serde(default)]
    policies: BTreeMap<String, Value>,
    action: String,
    #[serde(default = "no_resource")]
    resource: String,
    /// Values of condition keys. What is not given is as for a request that has no such value.
    #[serde(default)]
    context: BTreeMap<String, OneOrMore>,
}

fn no_resource() -> String {
    "*".to_owned()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// The answer.
#[derive(Serialize)]
pub struct Checked {
    allowed: bool,
    /// The statement that decides; `null`: none allows it.
    because: Option<Because>,
}

/// `POST /v1/policies/check`
pub async fn check(
    State(app): State<App>,
    Owner(access): Owner,
    JsonBody(check): JsonBody<Check>,
) -> Result<Json<Checked>, ApiError> {
    access
        .permit(&app, Action::SimulatePolicy, check.user.as_deref().map_or(Target::All, Target::User))
        .await?;
    let bad_policy = |name: &str, error| ApiError::bad_request("BAD_POLICY", format!("{name}: {error}"));
    let mut policies = Vec::new();
    for (name, value) in check.policies {
        let policy = Policy::parse(&value.to_string(), PolicyKind::Identity, POLICY_BYTES_MAX)
            .map_err(|error| bad_policy(&name, error))?;
        policies.push((name, policy));
    }
    let names = app.config.names();
    let now_ms = app.env.clock.now_ms();
    let user = match check.user {
        None => None,
        Some(name) => Some(app.keys.user(&name).ok_or(ChangeError::NotFound { what: "user", name })?),
    };
    let asked_of = Access { circumstances: Circumstances::default(), token: None, ..access };
    let mut context = match &user {
        Some(user) => asked_of.context(&names, user, now_ms),
        None => {
            let mut context = Context::default();
            context.set_time(now_ms);
            context
        }
    };
    for key in ["aws:SourceIp", "aws:SecureTransport", "aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys"] {
        context.determine(key);
    }
    for (key, values) in check.context {
        match values {
            OneOrMore::One(value) => context.set(&key, value),
            OneOrMore::More(values) => context.set_all(&key, values),
        }
    }
    let (action, resource) = (check.action.as_str(), check.resource.as_str());
    let added = policies.iter().map(|(name, policy)| (name.as_str(), policy));
    let verdict = match &user {
        Some(user) if policies.is_empty() => {
            judge(user, &names, action, resource, &context, None, ResourceRule::Either)
        }
        user => {
            let own = user.iter().flat_map(|user| &user.policies);
            let own = own.filter_map(|(name, stored)| Some((name.as_str(), stored.policy.as_ref().ok()?)));
            let arn = user.as_ref().map_or_else(|| names.root(), |user| names.user(&user.name));
            let caller = Caller { arn: &arn, account: &names.account };
            let question = Question { caller, action, resource, context: &context };
            decide(own.chain(added), None, ResourceRule::Either, &question)
        }
    };
    Ok(Json(Checked { allowed: verdict.allowed, because: verdict.because }))
}
