//! `SplitShard`, `MergeShards` and `UpdateShardCount`

use super::shapes::{ARN_MEMBER, FROM_ONE, HASH_KEY, NAME_MEMBER, SHARD_ID, STREAM_ID_MEMBER};
use super::shard_id::{shard_name, shard_named};
use super::stream_ref::{look, stream_arn};
use super::{faults, quota};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, Value, required, structure};
use streams::{HashRange, ReshardError, StreamInfo};

pub(super) const SPLIT: &[Member] = &[
    NAME_MEMBER,
    required("ShardToSplit", SHARD_ID),
    required("NewStartingHashKey", HASH_KEY),
    ARN_MEMBER,
    STREAM_ID_MEMBER,
];
pub(super) const MERGE: &[Member] = &[
    NAME_MEMBER,
    required("ShardToMerge", SHARD_ID),
    required("AdjacentShardToMerge", SHARD_ID),
    ARN_MEMBER,
    STREAM_ID_MEMBER,
];
pub(super) const COUNT: &[Member] = &[
    NAME_MEMBER,
    required("TargetShardCount", FROM_ONE),
    required("ScalingType", Shape::Text(Text::one_of(&["UNIFORM_SCALING"]))),
    ARN_MEMBER,
    STREAM_ID_MEMBER,
];

/// `SplitShard`. Answers when it is sure to happen.
pub(super) async fn split(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    let shard = shard_named(&call, &stream, call.input.text("ShardToSplit").unwrap_or_default())?;
    let text = call.input.text("NewStartingHashKey").unwrap_or_default();
    let at =
        text.parse().ok().ok_or_else(|| split_point(&call, &stream, shard.index, text, shard.hash_range))?;
    quota::room_for_shards(&call, 1)?;
    let split = call.app.streams.split(&stream.name, shard.index, at).await;
    split.map_err(|error| match error {
        ReshardError::SplitPoint { range, .. } => split_point(&call, &stream, shard.index, text, range),
        other => refused(&call, &stream, &other),
    })?;
    Ok(Reply::Empty)
}

/// `MergeShards`. Answers when it is sure to happen.
pub(super) async fn merge(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    let first = shard_named(&call, &stream, call.input.text("ShardToMerge").unwrap_or_default())?;
    let second = shard_named(&call, &stream, call.input.text("AdjacentShardToMerge").unwrap_or_default())?;
    let merge = call.app.streams.merge(&stream.name, first.index, second.index).await;
    merge.map_err(|error| refused(&call, &stream, &error))?;
    Ok(Reply::Empty)
}

/// `UpdateShardCount`. Answers when it is sure to happen.
pub(super) async fn update_count(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    let target = call.input.integer("TargetShardCount").and_then(|count| u32::try_from(count).ok());
    let target = target.unwrap_or_default();
    let open = stream.open_shards().len();
    // Otherwise its own limits refuse it, and more clearly.
    if (open + 1..=open * 2).contains(&(target as usize)) {
        quota::room_for_shards(&call, target as usize - open)?;
    }
    let set = call.app.streams.set_shard_count(&stream.name, target).await;
    let begun = set.map_err(|error| refused(&call, &stream, &error))?;
    Ok(structure([
        ("StreamName", Value::from(stream.name.clone())),
        ("CurrentShardCount", begun.open_shards().len().into()),
        ("TargetShardCount", target.into()),
        ("StreamARN", stream_arn(&call, &stream.name).into()),
    ])
    .into())
}

fn split_point(call: &Call<'_>, stream: &StreamInfo, shard: u32, at: &str, range: HashRange) -> AwsError {
    AwsError::invalid_argument(format!(
        "NewStartingHashKey {at} used in SplitShard() on shard {} in stream {} under account {} is not both greater than one \
         plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
        shard_name(shard),
        stream.name,
        call.app.config.account_id,
        range.first,
        range.last
    ))
}

fn refused(call: &Call<'_>, stream: &StreamInfo, error: &ReshardError) -> AwsError {
    let (name, account) = (&stream.name, &call.app.config.account_id);
    match error {
        ReshardError::NotFound(_) => faults::no_such_stream(call, name),
        ReshardError::NotActive(status) => faults::not_active(call, name, *status),
        ReshardError::OnDemand => AwsError::validation(format!(
            "Request is invalid. Stream {name} under account {account} is in On-Demand mode."
        )),
        ReshardError::NoSuchShard { index } => faults::no_such_shard(call, name, &shard_name(*index)),
        ReshardError::Closed { index } => AwsError::invalid_argument(format!(
            "Shard {} in stream {name} under account {account} has already been merged or split, and thus is not eligible for \
             merging or splitting.",
            shard_name(*index)
        )),
        ReshardError::NotAdjacent { first, second } => AwsError::invalid_argument(format!(
            "Shards {} and {} in stream {name} under account {account} are not an adjacent pair of shards eligible for merging",
            shard_name(*first),
            shard_name(*second)
        )),
        ReshardError::TooFar { open, target } => {
            let far = if target > open { "up over double" } else { "down below half" };
            AwsError::invalid_argument(format!(
                "UpdateShardCount cannot scale {far} your current open shard count. Current open shard count: {open} Target \
                 shard count: {target}"
            ))
        }
        ReshardError::TooOften { max } => AwsError::new(
            "LimitExceededException",
            format!(
                "Stream {name} under account {account} was scaled {max} times in the last 24 hours, which is the limit."
            ),
        ),
        ReshardError::Invalid(_) | ReshardError::TooNarrow { .. } | ReshardError::TooManyClosed => {
            AwsError::new("LimitExceededException", error.to_string())
        }
        ReshardError::SplitPoint { .. } => AwsError::invalid_argument(error.to_string()),
        ReshardError::Catalogue(error) => faults::catalogue(error),
    }
}
