//! Whether a caller may do what they ask for, and that it is written down. Every operation comes through here.
//!
//! Root may do everything. For users, their policies and that of the stream or key decide; see [`crate::auth::policy`].

use super::arn::Arn;
use super::error::AwsError;
use super::kms;
use super::operation::{Call, Operation};
use crate::app::App;
use crate::audit::Event;
use crate::auth::policy::{Because, Context, Effect, Origin, Policy, PolicyKind, ResourceRule, Verdict};
use crate::auth::{Access, Kind, User, Verb, judge};
use std::collections::BTreeMap;
use vault::KEY_POLICY_BYTES_MAX;

/// Operations that begin so read, or carry what clients send; all others change something.
const USES: &[&str] =
    &["Get", "List", "Describe", "PutRecord", "Subscribe", "Encrypt", "Decrypt", "ReEncrypt", "Generate"];

/// Refuses what the caller may not do. `resource`: the ARN of what it is about (`*` if nothing in particular).
pub(crate) async fn authorize(
    caller: &Access,
    operation: &Operation,
    call: &Call<'_>,
    resource: &str,
) -> Result<(), AwsError> {
    let outcome = match (may_by_token(caller, operation, resource), &caller.identity.user) {
        (Err(refusal), _) => Err(refusal),
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(user)) => questions(operation, call, resource)?
            .into_iter()
            .try_for_each(|(action, resource)| ask(caller, user, action, call, &resource)),
    };
    let reads = USES.iter().any(|beginning| operation.name().starts_with(beginning));
    let kind = if reads { Kind::Use } else { Kind::Control };
    let refusal = outcome.as_ref().err().map(AwsError::code);
    let entry = caller.entry(kind, operation.action, resource, refusal);
    match entry.event {
        Event::Control => call.app.audit.record(&entry).await,
        _ => call.app.audit.note(&entry),
    }
    outcome
}

/// Refuses what the caller's token, if it is one, does not say: tokens come in on native paths, and allow no more than their key.
fn may_by_token(caller: &Access, operation: &Operation, resource: &str) -> Result<(), AwsError> {
    let Some(token) = &caller.token else { return Ok(()) };
    let begins = |beginnings: &[&str]| beginnings.iter().any(|one| operation.name().starts_with(one));
    let verb = if begins(&["Get", "List", "Describe"]) {
        Verb::Play
    } else if begins(&["PutRecord"]) {
        Verb::Ingest
    } else {
        Verb::Manage
    };
    let arn = Arn::parse(resource);
    let stream = arn.as_ref().and_then(|arn| arn.resource.strip_prefix("stream/")?.split('/').next());
    let allowed = token.allow_verb(verb, stream);
    allowed.map_err(|refusal| AwsError::new("AccessDeniedException", refusal.message().to_owned()))
}

/// What must be allowed: the operation on its resource, but for one that policies know under two names.
fn questions(
    operation: &Operation,
    call: &Call<'_>,
    resource: &str,
) -> Result<Vec<(&'static str, String)>, AwsError> {
    if operation.action == kms::RE_ENCRYPT {
        let to = kms::destination(call)?;
        return Ok(vec![("kms:ReEncryptFrom", resource.to_owned()), ("kms:ReEncryptTo", to)]);
    }
    Ok(vec![(operation.action, resource.to_owned())])
}

fn ask(
    caller: &Access,
    user: &User,
    action: &'static str,
    call: &Call<'_>,
    resource: &str,
) -> Result<(), AwsError> {
    let names = call.app.config.names();
    let mut context = caller.context(&names, user, call.app.env.clock.now_ms());
    describe_request(call, &mut context);
    let verdict = match labels(call.app, resource) {
        Some(Labels { tags, policy, rule }) => {
            context.set_resource_tags(tags.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            match policy
                .map(|text| Policy::parse(&text, PolicyKind::Resource, KEY_POLICY_BYTES_MAX))
                .transpose()
            {
                Ok(policy) => judge(user, &names, action, resource, &context, policy.as_ref(), rule),
                Err(error) => {
                    tracing::error!(resource, %error, "a policy is not understood: everything is denied to users");
                    Verdict { allowed: false, because: None }
                }
            }
        }
        None => judge(user, &names, action, resource, &context, None, ResourceRule::Either),
    };
    if verdict.allowed {
        return Ok(());
    }
    let why = match verdict.because {
        Some(Because { effect: Effect::Deny, origin: Origin::Identity, .. }) => {
            "with an explicit deny in an identity-based policy".to_owned()
        }
        Some(Because { effect: Effect::Deny, origin: Origin::Resource, .. }) => {
            "with an explicit deny in a resource-based policy".to_owned()
        }
        _ => format!("because no identity-based policy allows the {action} action"),
    };
    let arn = names.user(&user.name);
    let message = format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}");
    Err(AwsError::new("AccessDeniedException", message))
}

/// What a request says about itself: tags, and what texts are to be bound to.
fn describe_request(call: &Call<'_>, context: &mut Context) {
    let input = call.input;
    let listed =
        input.structures("Tags").filter_map(|tag| Some((tag.text("TagKey")?, tag.text("TagValue")?)));
    context.set_request_tags(input.pairs("Tags").chain(listed));
    let untagged: Vec<String> = input.texts("TagKeys").map(str::to_owned).collect();
    if !untagged.is_empty() {
        context.set_all("aws:TagKeys", untagged);
    }
    let mut bound = Vec::new();
    for (name, value) in input.pairs("EncryptionContext") {
        context.set(&format!("kms:EncryptionContext:{name}"), value);
        bound.push(name.to_owned());
    }
    context.determine("kms:EncryptionContext:");
    context.set_all("kms:EncryptionContextKeys", bound);
}

/// What is said of a resource.
struct Labels {
    tags: BTreeMap<String, String>,
    policy: Option<String>,
    rule: ResourceRule,
}

/// `None`: there is no such resource, or not yet.
fn labels(app: &App, resource: &str) -> Option<Labels> {
    let arn = Arn::parse(resource)?;
    if let Some(id) = arn.resource.strip_prefix("key/") {
        let attributes = app.vault.key(&id.parse().ok()?)?.attributes;
        let policy = match attributes.policy.as_str() {
            "" => kms::default_policy(&app.config),
            policy => policy.to_owned(),
        };
        return Some(Labels {
            tags: attributes.tags.clone(),
            policy: Some(policy),
            rule: ResourceRule::Required,
        });
    }
    let path = arn.resource.strip_prefix("stream/")?;
    let (stream, consumer) = match path.split_once("/consumer/") {
        Some((stream, consumer)) => (stream, Some(consumer.split(':').next().unwrap_or_default())),
        None => (path, None),
    };
    let info = app.streams.look(stream).ok()?;
    let data = info.data.as_deref()?;
    let (tags, policy) = match consumer {
        None => (data.tags.clone(), data.policy.clone()),
        Some(name) => data.consumer(name).map(|consumer| (consumer.tags.clone(), consumer.policy.clone()))?,
    };
    Some(Labels { tags, policy, rule: ResourceRule::Either })
}
