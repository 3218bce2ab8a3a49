//! Whether a caller may do what they ask for, and that it is written down. Every operation comes through here.
//!
//! Root may do everything. For users, their policies and that of the stream or key decide; see [`crate::auth::policy`]. Whoever puts
//! records into a stream under a key of its users' choice, or gets them, needs a right on that key too (see `key_use`).

mod key_use;
mod labels;

pub(crate) use key_use::KeyUses;
pub(crate) use labels::ResourcePolicies;

use super::arn::Arn;
use super::error::AwsError;
use super::kms;
use super::operation::{Call, Operation};
use crate::app::App;
use crate::audit::Event;
use crate::auth::policy::{Because, Context, Effect, Origin, ResourceRule, Verdict};
use crate::auth::{Access, Kind, User, Verb, judge};
use labels::{Labels, NotUnderstood};

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
            .try_for_each(|(action, resource)| ask(caller, user, action, call, &resource))
            .and_then(|()| key_use::check(caller, user, operation, call, resource)),
    };
    let reads = USES.iter().any(|beginning| operation.name().starts_with(beginning));
    let kind = if reads { Kind::Use } else { Kind::Control };
    let refusal = outcome.as_ref().err().map(AwsError::code);
    let mut entry = caller.entry(kind, operation.action, resource, refusal);
    entry.context = call.input.pairs("EncryptionContext").map(owned).collect();
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
    let mut context = caller.context(&call.app.config.names(), user, call.app.env.clock.now_ms());
    describe_request(call, &mut context);
    decide(call.app, user, action, resource, &mut context)
        .map_err(|message| AwsError::new("AccessDeniedException", message))
}

/// Decides by the user's policies and what is said of the resource; if the answer is no, in the words of the service.
fn decide(app: &App, user: &User, action: &str, resource: &str, context: &mut Context) -> Result<(), String> {
    let names = app.config.names();
    let verdict = match Labels::of(app, resource) {
        Some(labels) => {
            let tags = labels.tags().into_iter().flatten();
            context.set_resource_tags(tags.map(|(name, value)| (name.as_str(), value.as_str())));
            match labels.policy(app, resource) {
                Ok(policy) => {
                    judge(user, &names, action, resource, context, policy.as_deref(), labels.rule())
                }
                Err(NotUnderstood) => Verdict { allowed: false, because: None },
            }
        }
        None => judge(user, &names, action, resource, context, None, ResourceRule::Either),
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
    Err(format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}"))
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
    // Nobody asks on somebody else's behalf.
    context.determine("kms:ViaService");
    context.set("kms:CallerAccount", &call.app.config.account_id);
    context.set("aws:ViaAWSService", "false");
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
