//! `DescribeStream` and `DescribeStreamSummary`; and how streams and shards are shown.

use super::faults::status_name;
use super::sequence::SequenceNumber;
use super::shapes::{ARN_MEMBER, LIMIT, NAME_MEMBER, SHARD_ID, STREAM_ID_MEMBER};
use super::shard_id::{shard_index, shard_name};
use super::stream_ref::{look, stream_arn};
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Value, optional, structure};
use streams::{Capacity, Distribution, ShardInfo, StreamInfo, StreamStatus};

pub(super) const STREAM: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    optional("Limit", LIMIT),
    optional("ExclusiveStartShardId", SHARD_ID),
    STREAM_ID_MEMBER,
];
pub(super) const SUMMARY: &[Member] = &[NAME_MEMBER, ARN_MEMBER, STREAM_ID_MEMBER];

/// Shards of one `DescribeStream`.
const SHARDS_MAX: usize = 100;

/// `DescribeStream`
pub(super) fn stream(call: Call<'_>) -> Outcome {
    let info = look(&call)?;
    let limit =
        call.input.integer("Limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SHARDS_MAX);
    // A name that is none comes after all that are.
    let after = call.input.text("ExclusiveStartShardId").map(|name| shard_index(name).unwrap_or(u32::MAX));
    let shown = info.status != StreamStatus::Creating;
    let all = info.shards.iter().filter(|shard| shown && after.is_none_or(|after| shard.index > after));
    let mut shards: Vec<_> = all.take(limit.min(SHARDS_MAX) + 1).map(shard_value).collect();
    let more = shards.len() > limit.min(SHARDS_MAX);
    shards.truncate(limit.min(SHARDS_MAX));
    Ok(structure([(
        "StreamDescription",
        structure([
            ("StreamName", info.name.clone().into()),
            ("StreamARN", stream_arn(&call, &info.name).into()),
            ("StreamStatus", status_name(info.status).into()),
            ("StreamModeDetails", mode(&info)),
            ("Shards", shards.into()),
            ("HasMoreShards", more.into()),
            ("RetentionPeriodHours", info.retention_hours.into()),
            ("StreamCreationTimestamp", created(&info)),
            ("EnhancedMonitoring", monitoring(&info)),
            ("EncryptionType", encryption_type(&info).unwrap_or("NONE").into()),
            ("KeyId", key_id(&info)),
        ]),
    )])
    .into())
}

/// `DescribeStreamSummary`
pub(super) fn summary(call: Call<'_>) -> Outcome {
    let info = look(&call)?;
    let shown = info.status != StreamStatus::Creating;
    let data = info.data.as_deref();
    let on_demand = data.filter(|data| data.capacity == Capacity::OnDemand);
    let distribution = on_demand.map(|data| match data.distribution {
        Distribution::ByKey => "USER_PARTITION_KEY",
        Distribution::Even => "AUTO",
    });
    let warm = on_demand
        .and_then(|data| data.warm_throughput_mib)
        .map(|mib| structure([("TargetMiBps", mib.into()), ("CurrentMiBps", mib.into())]));
    Ok(structure([(
        "StreamDescriptionSummary",
        structure([
            ("StreamName", info.name.clone().into()),
            ("StreamARN", stream_arn(&call, &info.name).into()),
            ("StreamStatus", status_name(info.status).into()),
            ("StreamModeDetails", mode(&info)),
            ("RetentionPeriodHours", info.retention_hours.into()),
            ("StreamCreationTimestamp", created(&info)),
            ("EnhancedMonitoring", monitoring(&info)),
            ("EncryptionType", encryption_type(&info).unwrap_or("NONE").into()),
            ("KeyId", key_id(&info)),
            ("OpenShardCount", if shown { info.open_shards().len() } else { 0 }.into()),
            ("ConsumerCount", data.map_or(0, |data| data.consumers.len()).into()),
            ("MaxRecordSizeInKiB", data.map(|data| data.record_bytes_max >> 10).into()),
            ("WarmThroughput", warm.into()),
            ("RecordDistributionStrategy", distribution.into()),
        ]),
    )])
    .into())
}

/// When a stream was made.
pub(super) fn created(info: &StreamInfo) -> Value<'static> {
    Value::Timestamp(i64::try_from(info.created_ms).unwrap_or(i64::MAX))
}

/// Who says how many shards it has.
pub(super) fn mode(info: &StreamInfo) -> Value<'static> {
    let on_demand = info.data.as_deref().is_some_and(|data| data.capacity == Capacity::OnDemand);
    structure([("StreamMode", if on_demand { "ON_DEMAND" } else { "PROVISIONED" }.into())])
}

/// `KMS` if its users chose a key. Everything is encrypted in any case, but clients take the word for their own choice.
pub(super) fn encryption_type(info: &StreamInfo) -> Option<&'static str> {
    info.data.as_deref()?.encryption.is_some().then_some("KMS")
}

fn key_id(info: &StreamInfo) -> Value<'static> {
    info.data.as_deref().and_then(|data| data.encryption.clone()).into()
}

fn monitoring(info: &StreamInfo) -> Value<'static> {
    let names = info.data.iter().flat_map(|data| data.monitored.iter().cloned());
    let names: Vec<Value<'_>> = names.map(Value::from).collect();
    Value::List(vec![structure([("ShardLevelMetrics", names.into())])])
}

/// The hash keys of a shard.
pub(super) fn hash_key_range(shard: &ShardInfo) -> Value<'static> {
    structure([
        ("StartingHashKey", shard.hash_range.first.to_string().into()),
        ("EndingHashKey", shard.hash_range.last.to_string().into()),
    ])
}

/// A shard as lists show it.
pub(super) fn shard_value(shard: &ShardInfo) -> Value<'static> {
    structure([
        ("ShardId", shard_name(shard.index).into()),
        ("ParentShardId", shard.parent.map(shard_name).into()),
        ("AdjacentParentShardId", shard.adjacent_parent.map(shard_name).into()),
        ("HashKeyRange", hash_key_range(shard)),
        (
            "SequenceNumberRange",
            structure([
                ("StartingSequenceNumber", SequenceNumber::start(shard).to_string().into()),
                ("EndingSequenceNumber", SequenceNumber::end(shard).map(|number| number.to_string()).into()),
            ]),
        ),
    ])
}
