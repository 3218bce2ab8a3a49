//! `CreateStream` and `DeleteStream`

use super::shapes::{
    ARN_MEMBER, DISTRIBUTION, FROM_ONE, FROM_ZERO, MODE, NAME_MEMBER, RECORD_KIB, STREAM_ID_MEMBER,
    STREAM_NAME, TAGS,
};
use super::stream_ref::look;
use super::{faults, making, quota, tags};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Input, Member, Shape, optional, required};
use std::collections::BTreeMap;
use streams::limits::SHARDS_MAX;
use streams::{
    Capacity, DataSettings, Distribution, NewStream, SealedSettings, StreamKind, StreamStatus, WhenFull,
};

pub(super) const CREATE: &[Member] = &[
    required("StreamName", STREAM_NAME),
    optional("ShardCount", FROM_ONE),
    optional("StreamModeDetails", MODE),
    optional("Tags", TAGS),
    optional("WarmThroughputMiBps", FROM_ZERO),
    optional("MaxRecordSizeInKiB", RECORD_KIB),
    optional("RecordDistributionStrategy", DISTRIBUTION),
];
pub(super) const DELETE: &[Member] =
    &[NAME_MEMBER, ARN_MEMBER, optional("EnforceConsumerDeletion", Shape::Boolean), STREAM_ID_MEMBER];

/// Shards of a stream that is made without saying how many.
const SHARDS_DEFAULT: u32 = 4;
/// Hours for which a new stream keeps its records.
const RETENTION_HOURS_DEFAULT: u32 = 24;

/// `CreateStream`. Answers when the stream can be used.
pub(super) async fn create(call: Call<'_>) -> Outcome {
    let input = call.input;
    let data = settings(input)?;
    let shards = input.integer("ShardCount");
    if shards.is_some() && data.capacity == Capacity::OnDemand {
        return Err(AwsError::validation("ShardCount cannot be specified for a stream in On-Demand mode."));
    }
    let shards = shards.map_or(SHARDS_DEFAULT, |count| u32::try_from(count).unwrap_or(u32::MAX));
    if shards > SHARDS_MAX {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A stream may have no more than {SHARDS_MAX} shards, and {shards} were asked for."),
        ));
    }
    let name = input.text("StreamName").unwrap_or_default();
    if call.app.streams.look(name).is_ok() {
        return Err(faults::stream_exists(&call, name));
    }
    match data.capacity {
        Capacity::Provisioned => quota::room_for_shards(&call, shards as usize)?,
        Capacity::OnDemand => quota::room_on_demand(&call)?,
    }
    let _place = making::stream(&call)?;
    let new = NewStream {
        name: name.to_owned(),
        kind: StreamKind::Data,
        shards,
        retention_hours: RETENTION_HOURS_DEFAULT,
        retention_bytes: None,
        when_full: WhenFull::Refuse,
        attributes: BTreeMap::new(),
        sealed_settings: SealedSettings::default(),
        data: Some(data),
    };
    call.app.streams.create(new).await.map_err(|error| faults::create(&call, &error))?;
    Ok(Reply::Empty)
}

fn settings(input: Input<'_>) -> Result<DataSettings, AwsError> {
    let mode = input.structure("StreamModeDetails").and_then(|mode| mode.text("StreamMode"));
    let capacity = if mode == Some("ON_DEMAND") { Capacity::OnDemand } else { Capacity::Provisioned };
    let even = input.text("RecordDistributionStrategy") == Some("AUTO");
    let warm_throughput_mib = input.integer("WarmThroughputMiBps").and_then(|mib| u32::try_from(mib).ok());
    if capacity == Capacity::Provisioned && even {
        return Err(AwsError::invalid_argument(
            "RecordDistributionStrategy AUTO is only supported for streams in On-Demand mode.",
        ));
    }
    if capacity == Capacity::Provisioned && warm_throughput_mib.is_some() {
        return Err(AwsError::invalid_argument(
            "WarmThroughputMiBps is only supported for streams in On-Demand mode.",
        ));
    }
    let mut data = DataSettings {
        capacity,
        distribution: if even { Distribution::Even } else { Distribution::ByKey },
        warm_throughput_mib,
        ..DataSettings::default()
    };
    if let Some(kib) = input.integer("MaxRecordSizeInKiB").and_then(|kib| u32::try_from(kib).ok()) {
        data.record_bytes_max = kib << 10;
    }
    tags::add(&mut data.tags, input.pairs("Tags"))?;
    Ok(data)
}

/// `DeleteStream`. Answers when nothing can be read any more.
pub(super) async fn delete(call: Call<'_>) -> Outcome {
    let info = look(&call)?;
    if matches!(info.status, StreamStatus::Creating) {
        return Err(faults::not_active(&call, &info.name, info.status));
    }
    let consumers = info.data.as_deref().map_or(0, |data| data.consumers.len());
    if consumers > 0 && !call.input.flag("EnforceConsumerDeletion") {
        let (name, account) = (&info.name, &call.app.config.account_id);
        return Err(faults::in_use(format!(
            "Stream {name} under account {account} has {consumers} registered consumers; deregister them first, or set \
             EnforceConsumerDeletion."
        )));
    }
    let _place = making::stream(&call)?;
    call.app.streams.delete(&info.name).await.map_err(|error| faults::delete(&call, &error))?;
    Ok(Reply::Empty)
}
