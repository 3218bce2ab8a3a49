//! `PutResourcePolicy`, `GetResourcePolicy` and `DeleteResourcePolicy`

use super::change::change;
use super::resource::{RESOURCE_ARN, Resource, resource, went_away};
use super::shapes::STREAM_ID_MEMBER;
use crate::auth::policy::{POLICY_BYTES_MAX, Policy, PolicyKind};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, required, structure};

pub(super) const PUT: &[Member] =
    &[RESOURCE_ARN, required("Policy", Shape::Text(Text::of(0, usize::MAX))), STREAM_ID_MEMBER];
pub(super) const ONE: &[Member] = &[RESOURCE_ARN, STREAM_ID_MEMBER];

/// `PutResourcePolicy`
pub(super) async fn put(call: Call<'_>) -> Outcome {
    let Resource { stream, consumer } = resource(&call)?;
    let text = call.input.text("Policy").unwrap_or_default().to_owned();
    if let Err(error) = Policy::parse(&text, PolicyKind::Resource, POLICY_BYTES_MAX) {
        return Err(AwsError::invalid_argument(format!("Invalid policy: {error}")));
    }
    change(&call, &stream, move |data| {
        *Resource::labels(consumer.as_deref(), data).ok_or_else(went_away)?.policy = Some(text.clone());
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}

/// `GetResourcePolicy`
pub(super) fn get(call: Call<'_>) -> Outcome {
    let (_, policy) = resource(&call)?.read();
    Ok(structure([("Policy", policy.unwrap_or_else(|| "{}".to_owned()).into())]).into())
}

/// `DeleteResourcePolicy`
pub(super) async fn delete(call: Call<'_>) -> Outcome {
    let Resource { stream, consumer } = resource(&call)?;
    let arn = call.input.text("ResourceARN").unwrap_or_default().to_owned();
    change(&call, &stream, move |data| {
        let policy = Resource::labels(consumer.as_deref(), data).ok_or_else(went_away)?.policy.take();
        let none = || {
            AwsError::new(
                "ResourceNotFoundException",
                format!("No resource policy found for resource ARN {arn}"),
            )
        };
        policy.map(|_| ()).ok_or_else(none)
    })
    .await?;
    Ok(Reply::Empty)
}
