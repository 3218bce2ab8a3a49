//! `IncreaseStreamRetentionPeriod` and `DecreaseStreamRetentionPeriod`

use super::change::must_be_active;
use super::shapes::{ARN_MEMBER, NAME_MEMBER, STREAM_ID_MEMBER};
use super::{faults, stream_ref};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, required};
use streams::StreamPatch;

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required("RetentionPeriodHours", Shape::Integer { min: i32::MIN as i64, max: i32::MAX as i64 }),
    STREAM_ID_MEMBER,
];

/// Shortest retention in hours.
const HOURS_MIN: i64 = 24;
/// Longest retention in hours: a year.
const HOURS_MAX: i64 = 8760;

/// `IncreaseStreamRetentionPeriod`. What was trimmed does not come back.
pub(super) async fn increase(call: Call<'_>) -> Outcome {
    set(call, |wanted, now| {
        (wanted < now).then(|| {
            format!(
                "Requested retention period ({wanted} hours) for stream {{}} can not be shorter than existing retention period \
                 ({now} hours). Use DecreaseRetentionPeriod API."
            )
        })
    })
    .await
}

/// `DecreaseStreamRetentionPeriod`
pub(super) async fn decrease(call: Call<'_>) -> Outcome {
    set(call, |wanted, now| {
        (wanted > now).then(|| {
            format!(
                "Requested retention period ({wanted} hours) for stream {{}} can not be longer than existing retention period \
                 ({now} hours). Use IncreaseRetentionPeriod API."
            )
        })
    })
    .await
}

async fn set(call: Call<'_>, refuses: impl Fn(i64, i64) -> Option<String>) -> Outcome {
    let stream = stream_ref::look(&call)?;
    let wanted = call.input.integer("RetentionPeriodHours").unwrap_or_default();
    if wanted < HOURS_MIN {
        return Err(AwsError::invalid_argument(format!(
            "Minimum allowed retention period is {HOURS_MIN} hours. Requested retention period ({wanted} hours) is too short."
        )));
    }
    if wanted > HOURS_MAX {
        return Err(AwsError::invalid_argument(format!(
            "Maximum allowed retention period is {HOURS_MAX} hours. Requested retention period ({wanted} hours) is too long."
        )));
    }
    must_be_active(&call, &stream)?;
    let now = i64::from(stream.retention_hours);
    if let Some(message) = refuses(wanted, now) {
        return Err(AwsError::invalid_argument(message.replace("{}", &stream.name)));
    }
    if wanted != now {
        let patch = StreamPatch { retention_hours: u32::try_from(wanted).ok(), ..StreamPatch::default() };
        let updated = call.app.streams.update(&stream.name, patch).await;
        updated.map_err(|error| faults::update(&call, &error))?;
    }
    Ok(Reply::Empty)
}
