//! `UpdateStreamMode`, `UpdateMaxRecordSize`, `UpdateStreamWarmThroughput` and `UpdateStreamRecordDistributionStrategy`

use super::change::{change, must_be_active};
use super::quota;
use super::shapes::{
    ARN_MEMBER, DISTRIBUTION, FROM_ZERO, MODE, NAME_MEMBER, RECORD_KIB, STREAM_ARN, STREAM_ID_MEMBER,
};
use super::stream_ref::{look, stream_arn};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Value, optional, required, structure};
use streams::{Capacity, DataSettings, Distribution, note_within_a_day};

pub(super) const SET_MODE: &[Member] = &[
    required("StreamARN", STREAM_ARN),
    required("StreamModeDetails", MODE),
    optional("WarmThroughputMiBps", FROM_ZERO),
    STREAM_ID_MEMBER,
];
pub(super) const SET_RECORD_SIZE: &[Member] =
    &[ARN_MEMBER, required("MaxRecordSizeInKiB", RECORD_KIB), STREAM_ID_MEMBER];
pub(super) const SET_WARM: &[Member] =
    &[ARN_MEMBER, NAME_MEMBER, required("WarmThroughputMiBps", FROM_ZERO), STREAM_ID_MEMBER];
pub(super) const SET_DISTRIBUTION: &[Member] = &[
    required("StreamARN", STREAM_ARN),
    required("RecordDistributionStrategy", DISTRIBUTION),
    STREAM_ID_MEMBER,
];

/// How often a stream may change between its users and itself deciding on its shards.
const MODE_CHANGES_PER_DAY: usize = 2;

fn number(call: &Call<'_>, name: &str) -> Option<u32> {
    call.input.integer(name).and_then(|number| u32::try_from(number).ok())
}

fn only_on_demand(data: &DataSettings, what: &str) -> Result<(), AwsError> {
    match data.capacity {
        Capacity::OnDemand => Ok(()),
        Capacity::Provisioned => {
            let message = format!("{what} is only supported for streams in On-Demand mode.");
            Err(AwsError::invalid_argument(message))
        }
    }
}

/// `UpdateStreamMode`
pub(super) async fn set_mode(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let mode = call.input.structure("StreamModeDetails").and_then(|mode| mode.text("StreamMode"));
    let capacity = if mode == Some("ON_DEMAND") { Capacity::OnDemand } else { Capacity::Provisioned };
    let warm = number(&call, "WarmThroughputMiBps");
    let now = stream.data.as_deref().map(|data| data.capacity);
    if capacity == Capacity::OnDemand && now != Some(capacity) {
        quota::room_on_demand(&call)?;
    }
    let too_often = AwsError::new(
        "LimitExceededException",
        format!(
            "The capacity mode of stream {} under account {} was changed {MODE_CHANGES_PER_DAY} times in the last 24 hours, which \
             is the limit.",
            stream.name, call.app.config.account_id
        ),
    );
    let (limited, now_ms) = (call.app.config.shard_limits, call.app.env.clock.now_ms());
    change(&call, &stream, move |data| {
        let changed = data.capacity != capacity;
        if changed && limited && !note_within_a_day(&mut data.capacity_set_ms, now_ms, MODE_CHANGES_PER_DAY) {
            return Err(too_often.clone());
        }
        data.capacity = capacity;
        if warm.is_some() {
            only_on_demand(data, "WarmThroughputMiBps")?;
            data.warm_throughput_mib = warm;
        }
        if capacity == Capacity::Provisioned {
            // Neither has a meaning without somebody else to say how many shards there are.
            data.warm_throughput_mib = None;
            data.distribution = Distribution::ByKey;
        }
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}

/// `UpdateMaxRecordSize`
pub(super) async fn set_record_size(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let kib = number(&call, "MaxRecordSizeInKiB").unwrap_or(1024);
    change(&call, &stream, move |data| {
        data.record_bytes_max = kib << 10;
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}

/// `UpdateStreamWarmThroughput`
pub(super) async fn set_warm(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let mib = number(&call, "WarmThroughputMiBps").unwrap_or_default();
    let before = change(&call, &stream, move |data| {
        only_on_demand(data, "WarmThroughputMiBps")?;
        Ok(data.warm_throughput_mib.replace(mib))
    })
    .await?;
    let warm = structure([("TargetMiBps", mib.into()), ("CurrentMiBps", before.unwrap_or_default().into())]);
    Ok(structure([
        ("StreamARN", stream_arn(&call, &stream.name).into()),
        ("StreamName", Value::from(stream.name.clone())),
        ("WarmThroughput", warm),
    ])
    .into())
}

/// `UpdateStreamRecordDistributionStrategy`
pub(super) async fn set_distribution(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let even = call.input.text("RecordDistributionStrategy") == Some("AUTO");
    change(&call, &stream, move |data| {
        if even {
            only_on_demand(data, "RecordDistributionStrategy AUTO")?;
        }
        data.distribution = if even { Distribution::Even } else { Distribution::ByKey };
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}
