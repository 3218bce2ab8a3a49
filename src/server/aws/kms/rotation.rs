//! New versions of keys: `EnableKeyRotation`, `RotateKeyOnDemand`, `ListKeyRotations`, …

use super::describe::{material_id, page};
use super::faults::{key_arn, pending, unusable};
use super::key_ref::key;
use super::keys::{change, changeable, timestamp};
use super::shapes::{KEY_ID, LIMIT, MARKER};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, Value, optional, structure};
use vault::{KeyInfo, KeyState, KeyUseError, VersionCause};

const DAYS_DEFAULT: u32 = 365;

pub(super) const ENABLE: &[Member] =
    &[KEY_ID, optional("RotationPeriodInDays", Shape::Integer { min: 90, max: 2560 })];
pub(super) const LIST: &[Member] = &[
    KEY_ID,
    optional("IncludeKeyMaterial", Shape::Text(Text::one_of(&["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"]))),
    LIMIT,
    MARKER,
];

/// `EnableKeyRotation`
pub(super) async fn enable(call: Call<'_>) -> Outcome {
    let id = enabled(&call)?.id;
    let days = call.input.integer("RotationPeriodInDays").and_then(|days| u32::try_from(days).ok());
    let (days, now_ms) = (days.unwrap_or(DAYS_DEFAULT), call.app.env.clock.now_ms());
    change(&call, move |vault| vault.schedule_rotation(&id, Some(days), now_ms)).await?;
    Ok(Reply::Empty)
}

/// `DisableKeyRotation`
pub(super) async fn disable(call: Call<'_>) -> Outcome {
    let id = enabled(&call)?.id;
    let now_ms = call.app.env.clock.now_ms();
    change(&call, move |vault| vault.schedule_rotation(&id, None, now_ms)).await?;
    Ok(Reply::Empty)
}

/// `RotateKeyOnDemand`
pub(super) async fn rotate(call: Call<'_>) -> Outcome {
    let id = enabled(&call)?.id;
    let now_ms = call.app.env.clock.now_ms();
    change(&call, move |vault| vault.rotate_on_demand(&id, now_ms)).await?;
    Ok(structure([("KeyId", key_arn(&call.app.config, &id).into())]).into())
}

/// `GetKeyRotationStatus`
pub(super) fn status(call: Call<'_>) -> Outcome {
    let info = key(&call)?;
    let schedule = info.attributes.schedule.filter(|_| info.state != KeyState::PendingDeletion);
    Ok(structure([
        ("KeyId", key_arn(&call.app.config, &info.id).into()),
        ("KeyRotationEnabled", schedule.is_some().into()),
        ("RotationPeriodInDays", schedule.map(|schedule| schedule.days).into()),
        ("NextRotationDate", schedule.and(info.attributes.next_rotation_ms()).map_or(Value::Null, timestamp)),
    ])
    .into())
}

/// `ListKeyRotations`: oldest first.
pub(super) fn list(call: Call<'_>) -> Outcome {
    let info = key(&call)?;
    let all = call.input.text("IncludeKeyMaterial") == Some("ALL_KEY_MATERIAL");
    let versions = info.attributes.versions.iter().zip(1_u32..);
    let versions: Vec<_> =
        versions.filter(|(version, _)| all || version.cause != VersionCause::Creation).collect();
    let arn = key_arn(&call.app.config, &info.id);
    page(
        &call,
        "Rotations",
        100,
        &versions,
        |(_, number)| format!("{number:010}"),
        |(version, number)| {
            let kind = match version.cause {
                VersionCause::Creation => None,
                VersionCause::Schedule => Some("AUTOMATIC"),
                VersionCause::Demand => Some("ON_DEMAND"),
            };
            let current = *number == info.version;
            structure([
                ("KeyId", arn.clone().into()),
                ("KeyMaterialId", material_id(&info.id, *number).into()),
                ("KeyMaterialState", if current { "CURRENT" } else { "NON_CURRENT" }.into()),
                ("RotationDate", kind.map_or(Value::Null, |_| timestamp(version.created_ms))),
                ("RotationType", kind.into()),
            ])
        },
    )
}

/// The key of `KeyId`, if it can be rotated now.
fn enabled(call: &Call<'_>) -> Result<KeyInfo, AwsError> {
    let info = changeable(call)?;
    match info.state {
        KeyState::Enabled => Ok(info),
        KeyState::Disabled => Err(unusable(&call.app.config, KeyUseError::Disabled(info.id))),
        KeyState::PendingDeletion | KeyState::Destroyed => Err(pending(&call.app.config, &info.id)),
    }
}
