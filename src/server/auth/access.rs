//! Who makes a request and what is known of it, and whether they may do what it asks for.

use super::action::{Action, Kind};
use super::identity::{Identity, User};
use super::names::Names;
use super::policy::{Because, Caller, Context, Effect, Policy, Question, ResourceRule, Verdict, decide};
use super::token::{Grant, Verb};
use crate::app::AppState;
use crate::audit::{Entry, Event};
use crate::error::ApiError;
use std::net::IpAddr;

/// What is known of a request besides who makes it.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Where it comes from.
    pub source: Option<IpAddr>,
    /// Whether it came encrypted.
    pub secure: bool,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// Names the request in answer and audit log.
    pub request_id: Option<String>,
}

/// Who makes a request.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whose access key it is made with, or made the token.
    pub identity: Identity,
    /// The token it is made with, if not with the key itself: it allows no more than both the token and the key do.
    pub token: Option<Token>,
    /// The rest.
    pub circumstances: Circumstances,
}

/// A token as it was presented.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it says.
    pub grant: Grant,
    /// The token itself if it came as `?token=`: what the answer links to must be asked for in the same way.
    pub in_query: Option<String>,
}

/// What something is done to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Nothing in particular.
    All,
    /// A stream of video.
    Stream(&'a str),
    /// A user.
    User(&'a str),
}

impl Access {
    /// Refuses what the caller may not do, and writes down what was asked for. What changes something is on disk there
    /// before this returns.
    pub async fn permit(&self, app: &AppState, action: Action, target: Target<'_>) -> Result<(), ApiError> {
        let permitted = self.allow(app, action, target);
        let names = app.config.names();
        let resource = match target {
            Target::All => "*".to_owned(),
            Target::User(name) => names.user(name),
            Target::Stream(name) => {
                names.video_stream(name, app.video.settings(name).map_or(0, |stream| stream.created_ms))
            }
        };
        let refusal = permitted.as_ref().err().map(ApiError::code);
        let entry = self.entry(action.kind(), action.name(), &resource, refusal);
        match entry.event {
            Event::Control => app.audit.record(&entry).await,
            _ => app.audit.note(&entry),
        }
        permitted
    }

    /// A line of the audit log.
    pub fn entry(&self, kind: Kind, action: &str, resource: &str, refusal: Option<&str>) -> Entry {
        let event = match (refusal, kind) {
            (Some(_), _) => Event::Refusal,
            (None, Kind::Control) => Event::Control,
            (None, Kind::Use) => Event::Use,
        };
        Entry {
            event,
            who: Some(self.identity.name().to_owned()),
            key_id: Some(self.identity.key_id.clone()),
            action: Some(action.to_owned()),
            resource: Some(resource.to_owned()),
            context: Default::default(),
            allowed: refusal.is_none(),
            reason: refusal.map(str::to_owned),
            source: self.circumstances.source.map(|address| address.to_string()),
            request_id: self.circumstances.request_id.clone(),
        }
    }

    /// Refuses what the caller may not do. Leaves no trace: for what only decides how an answer looks.
    pub fn allow(&self, app: &AppState, action: Action, target: Target<'_>) -> Result<(), ApiError> {
        if let Some(token) = &self.token {
            token.allow(action, target)?;
        }
        let Some(user) = &self.identity.user else { return Ok(()) };
        let names = app.config.names();
        let mut context = self.context(&names, user, app.env.clock.now_ms());
        let resource = match target {
            Target::All => "*".to_owned(),
            Target::User(name) => names.user(name),
            Target::Stream(name) => match app.video.settings(name) {
                Ok(stream) => {
                    let tags = stream.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    context.set_resource_tags(tags);
                    names.video_stream(name, stream.created_ms)
                }
                Err(_) => {
                    context.set_resource_tags([]);
                    names.video_stream(name, 0)
                }
            },
        };
        let verdict = judge(user, &names, action.name(), &resource, &context, None, ResourceRule::Either);
        if verdict.allowed {
            return Ok(());
        }
        Err(refusal(&user.name, action.name(), &resource, verdict.because.as_ref()))
    }

    /// Whether media for a stream that is not there may make it. A token that may push may; a user needs the right.
    pub fn may_create(&self, app: &AppState, stream: &str) -> bool {
        let by_key = Self { token: None, ..self.clone() };
        by_key.allow(app, Action::CreateStream, Target::Stream(stream)).is_ok()
    }

    /// The keys that conditions can ask for, of a user's request.
    pub fn context(&self, names: &Names, user: &User, now_ms: u64) -> Context {
        let mut context = Context::default();
        context.set_time(now_ms);
        context.set("aws:username", &user.name);
        context.set("aws:userid", &user.id);
        context.set("aws:PrincipalArn", names.user(&user.name));
        context.set("aws:PrincipalAccount", &names.account);
        context.set("aws:PrincipalType", "User");
        context.set("aws:RequestedRegion", &names.region);
        if let Some(source) = self.circumstances.source {
            context.set_source(source, self.circumstances.secure);
        }
        if let Some(user_agent) = &self.circumstances.user_agent {
            context.set("aws:UserAgent", user_agent);
        }
        context
    }
}

/// Decides by the user's policies and that of the resource. A policy that is not understood denies everything.
pub fn judge(
    user: &User,
    names: &Names,
    action: &str,
    resource: &str,
    context: &Context,
    of_resource: Option<&Policy>,
    rule: ResourceRule,
) -> Verdict {
    if user.policies.values().any(|stored| stored.policy.is_err()) {
        return Verdict { allowed: false, because: None };
    }
    let arn = names.user(&user.name);
    let caller = Caller { arn: &arn, account: &names.account };
    let policies =
        user.policies.iter().filter_map(|(name, stored)| Some((name.as_str(), stored.policy.as_ref().ok()?)));
    decide(policies, of_resource, rule, &Question { caller, action, resource, context })
}

fn refusal(user: &str, action: &str, resource: &str, because: Option<&Because>) -> ApiError {
    let to = if resource == "*" { String::new() } else { format!(" to {resource}") };
    let why = match because {
        Some(Because { policy, statement, sid, effect: Effect::Deny, .. }) => {
            let sid = sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
            format!(
                "statement {statement}{sid} of the policy {:?} denies it",
                policy.as_deref().unwrap_or_default()
            )
        }
        _ => "no policy allows it".to_owned(),
    };
    ApiError::forbidden("ACCESS_DENIED", format!("the user {user:?} may not do {action}{to}: {why}"))
        .hint("see with kinetoscope policy check what would be allowed")
}

impl Token {
    /// Refuses what the token does not say.
    fn allow(&self, action: Action, target: Target<'_>) -> Result<(), ApiError> {
        let Some(verb) = action.verb() else {
            return Err(
                ApiError::forbidden("TOKEN_SCOPE", "no token allows this").hint("sign in with an access key")
            );
        };
        let stream = if let Target::Stream(name) = target { Some(name) } else { None };
        self.allow_verb(verb, stream)
    }

    /// Refuses what is another verb's, or is not about the stream that the token is for.
    pub fn allow_verb(&self, verb: Verb, stream: Option<&str>) -> Result<(), ApiError> {
        let refuse = |message| Err(ApiError::forbidden("TOKEN_SCOPE", message));
        if !self.grant.verbs.allow(verb) {
            return refuse(format!("the token does not allow {verb:?}").to_lowercase());
        }
        match (&self.grant.stream, stream) {
            (None, _) => Ok(()),
            (Some(granted), Some(asked)) if granted == asked => Ok(()),
            (Some(granted), _) => refuse(format!("the token is for the stream {granted:?} only")),
        }
    }
}
