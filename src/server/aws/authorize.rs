//! Whether a caller may do what they ask for. Every operation comes through here.

use super::error::AwsError;
use crate::app::App;
use crate::audit::Event;
use crate::auth::policy::ResourceRule;
use crate::auth::{Access, Kind, judge};

/// What changes nothing but records begins like this; everything else changes something.
const USES: &[&str] = &["Describe", "Get", "List", "PutRecord", "SubscribeTo"];

/// Refuses what the caller may not do, and writes down what was asked for. `action` is what a policy calls the operation,
/// `resource` the ARN of what it is about (`*` if nothing in particular).
pub(crate) async fn authorize(
    app: &App,
    caller: &Access,
    action: &'static str,
    resource: &str,
) -> Result<(), AwsError> {
    let permitted = permit(app, caller, action, resource);
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    let uses = USES.iter().any(|begins| name.starts_with(begins));
    let kind = if uses { Kind::Use } else { Kind::Control };
    let entry = caller.entry(kind, action, resource, permitted.as_ref().err().map(AwsError::code));
    match entry.event {
        Event::Control => app.audit.record(&entry).await,
        _ => app.audit.note(entry),
    }
    permitted
}

/// Root may do everything, a user what their policies allow.
fn permit(app: &App, caller: &Access, action: &'static str, resource: &str) -> Result<(), AwsError> {
    let Some(user) = &caller.identity.user else { return Ok(()) };
    let names = app.config.names();
    let context = caller.context(&names, user, app.env.clock.now_ms());
    if judge(user, &names, action, resource, &context, None, ResourceRule::Either).allowed {
        return Ok(());
    }
    let user = names.user(&user.name);
    let message = format!("User: {user} is not authorized to perform: {action} on resource: {resource}");
    Err(AwsError::new("AccessDeniedException", message))
}
