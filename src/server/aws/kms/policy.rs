//! Who may use keys: `PutKeyPolicy`, `GetKeyPolicy`, `ListKeyPolicies`.

use super::faults::default_policy;
use super::key_ref::key;
use super::keys::{change, changeable};
use super::shapes::{KEY_ID, LIMIT, MARKER, POLICY};
use crate::auth::policy::{Policy, PolicyKind};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Pattern, Shape, Text, Value, optional, required, structure};
use vault::KEY_POLICY_BYTES_MAX;

/// The one name that a key's policy can have.
const NAME: &str = "default";
const POLICY_NAME: Member = optional(
    "PolicyName",
    Shape::Text(Text::of(1, 128).like(Pattern {
        shown: "[\\w]+",
        matches: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
    })),
);

pub(super) const PUT: &[Member] = &[
    KEY_ID,
    POLICY_NAME,
    required("Policy", POLICY),
    optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean),
];
pub(super) const GET: &[Member] = &[KEY_ID, POLICY_NAME];
pub(super) const LIST: &[Member] = &[KEY_ID, LIMIT, MARKER];

/// `PutKeyPolicy`
pub(super) async fn put(call: Call<'_>) -> Outcome {
    named(&call)?;
    let id = changeable(&call)?.id;
    let policy = checked(call.input.text("Policy").unwrap_or_default())?;
    change(&call, move |vault| vault.put_key_policy(&id, policy)).await?;
    Ok(Reply::Empty)
}

/// `GetKeyPolicy`
pub(super) fn get(call: Call<'_>) -> Outcome {
    named(&call)?;
    let info = key(&call)?;
    let policy = match info.attributes.policy.as_str() {
        "" => default_policy(&call.app.config),
        policy => policy.to_owned(),
    };
    Ok(structure([("Policy", policy.into()), ("PolicyName", NAME.into())]).into())
}

/// `ListKeyPolicies`
pub(super) fn list(call: Call<'_>) -> Outcome {
    key(&call)?;
    Ok(structure([("PolicyNames", vec![Value::from(NAME)].into()), ("Truncated", false.into())]).into())
}

/// The policy, if it can be evaluated.
pub(super) fn checked(policy: &str) -> Result<String, AwsError> {
    match Policy::parse(policy, PolicyKind::Resource, KEY_POLICY_BYTES_MAX) {
        Ok(_) => Ok(policy.to_owned()),
        Err(error) => Err(AwsError::new("MalformedPolicyDocumentException", error.to_string())),
    }
}

fn named(call: &Call<'_>) -> Result<(), AwsError> {
    match call.input.text("PolicyName") {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(AwsError::new("NotFoundException", "No such policy exists")),
    }
}
