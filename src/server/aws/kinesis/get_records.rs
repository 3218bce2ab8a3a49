//! `GetRecords`

use super::describe::{encryption_type, hash_key_range};
use super::iterator::{Position, tail};
use super::sequence::SequenceNumber;
use super::shapes::{ARN_MEMBER, DRY_RUN, ITERATOR, LIMIT, STREAM_ID_MEMBER};
use super::shard_id::shard_name;
use super::{faults, stream_ref};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Member, Value, optional, required, structure};
use std::sync::Arc;
use streams::{
    DataHead, Parts, PlainRecord, ReadError, ReadLimit, Seq, Shard, ShardInfo, StreamInfo, StreamKind,
    Traffic, counted_bytes,
};

pub(super) const INPUT: &[Member] =
    &[required("ShardIterator", ITERATOR), optional("Limit", LIMIT), ARN_MEMBER, DRY_RUN, STREAM_ID_MEMBER];

/// Most records of one answer.
const RECORDS_MAX: usize = 10_000;
/// Most bytes of one answer; a single larger record is still returned.
const BYTES_MAX: usize = 10 << 20;

/// Where the request's iterator stands.
pub(super) fn position(call: &Call<'_>) -> Result<Position, AwsError> {
    Position::open(call.app, call.input.text("ShardIterator").unwrap_or_default())
}

/// The stream that an iterator reads; not another one that was made under the same name since.
pub(super) fn stream_of(call: &Call<'_>, position: &Position) -> Result<Arc<StreamInfo>, AwsError> {
    let info = call.app.streams.describe(&position.name).ok();
    let info = info.filter(|info| info.kind == StreamKind::Data && info.id == position.stream);
    info.ok_or_else(|| faults::nothing_to_read(call, &position.name, position.shard))
}

/// `GetRecords`
pub(super) async fn get_records(call: Call<'_>) -> Outcome {
    let position = position(&call)?;
    let now_ms = call.app.env.clock.now_ms();
    position.check_age(now_ms)?;
    if let Some(arn) = call.input.text("StreamARN")
        && stream_ref::name_in_arn(&call, arn)? != position.name
    {
        return Err(AwsError::invalid_argument("The ShardIterator is not of the stream in StreamARN."));
    }
    let stream = stream_of(&call, &position)?;
    let shard = call.app.streams.shard(&stream.name, position.shard);
    let shard = shard.map_err(|error| faults::shard(&call, &error))?;
    call.stop_if_dry_run()?;
    if !shard.admit_read() {
        return Err(faults::too_fast(&call, &stream.name, position.shard));
    }
    let wanted = call.input.integer("Limit").and_then(|limit| usize::try_from(limit).ok());
    let limit = ReadLimit { records: wanted.unwrap_or(RECORDS_MAX).min(RECORDS_MAX), bytes: BYTES_MAX };
    let (from, records) = read(&call, &stream, &shard, position.next, limit).await?;
    let (out_bytes, out_records) = (records.iter().map(counted_bytes).sum(), records.len() as u64);
    shard.was_read(out_bytes);
    let next = from.plus(records.len() as u64);

    // Looked at again: the shard may have been closed while it was read.
    let stream = stream_of(&call, &position)?;
    let info = stream.shards.by_index(position.shard);
    let info = info.ok_or_else(|| faults::nothing_to_read(&call, &stream.name, position.shard))?;
    let at_end = info.closed.is_some_and(|closed| next >= closed.next);
    let behind_ms = behind_ms(&call, &stream, &shard, next, records.last(), now_ms)?;
    shard.count(&Traffic { out_bytes, out_records, behind_ms: Some(behind_ms), ..Traffic::default() });
    let records = records.into_iter().map(|record| record_value(&stream, info, record));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let (iterator, children) = if at_end {
        (None, Some(children(&stream, info)))
    } else {
        (Some(Position { next, made_ms: now_ms, ..position }.seal(call.app)?), None)
    };
    Ok(structure([
        ("Records", Value::List(records)),
        ("NextShardIterator", iterator.into()),
        ("MillisBehindLatest", behind_ms.into()),
        ("ChildShards", children.into()),
    ])
    .into())
}

/// Records from a sequence on, or from the oldest that there still is.
async fn read(
    call: &Call<'_>,
    stream: &StreamInfo,
    shard: &Shard,
    from: Seq,
    limit: ReadLimit,
) -> Result<(Seq, Vec<PlainRecord>), AwsError> {
    let mut from = from;
    // Retention may go on while we look.
    for _ in 0..3 {
        match shard.read(from, limit, Parts::Whole).await {
            Ok(records) => {
                if records.is_empty() {
                    shard.check_key().map_err(|error| faults::read(call, &stream.name, &error))?;
                }
                return Ok((from, records));
            }
            Err(ReadError::Trimmed { first }) => from = first,
            Err(error) => return Err(faults::read(call, &stream.name, &error)),
        }
    }
    Err(AwsError::internal(&"the oldest records went faster than they could be read"))
}

/// How far a reader who continues at `next` is behind: 0 if it has everything, else the age of what it got last.
fn behind_ms(
    call: &Call<'_>,
    stream: &StreamInfo,
    shard: &Shard,
    next: Seq,
    last: Option<&PlainRecord>,
    now_ms: u64,
) -> Result<u64, AwsError> {
    let tail = tail(call, stream, shard)?;
    if next >= tail.next {
        return Ok(0);
    }
    let reached = last.map(|record| record.arrival).or(tail.last_arrival);
    Ok(reached.map_or(1, |arrival| now_ms.saturating_sub(arrival.0).max(1)))
}

pub(super) fn record_value(
    stream: &StreamInfo,
    shard: &ShardInfo,
    record: PlainRecord,
) -> Result<Value<'static>, AwsError> {
    let head = DataHead::decode(&record.head).map_err(|error| AwsError::internal(&error))?;
    let partition_key = head.partition_key.map(str::to_owned);
    let number = SequenceNumber::of(shard, record.seq, record.arrival);
    Ok(structure([
        ("SequenceNumber", number.to_string().into()),
        (
            "ApproximateArrivalTimestamp",
            Value::Timestamp(i64::try_from(record.arrival.0).unwrap_or(i64::MAX)),
        ),
        ("Data", record.body.unwrap_or_default().into()),
        ("PartitionKey", partition_key.into()),
        ("EncryptionType", encryption_type(stream).into()),
    ]))
}

/// The shards in which a closed one goes on.
pub(super) fn children(stream: &StreamInfo, shard: &ShardInfo) -> Vec<Value<'static>> {
    let child = |child: &ShardInfo| {
        let parents = child.parent.into_iter().chain(child.adjacent_parent);
        structure([
            ("ShardId", shard_name(child.index).into()),
            ("ParentShards", parents.map(|parent| shard_name(parent).into()).collect::<Vec<_>>().into()),
            ("HashKeyRange", hash_key_range(child)),
        ])
    };
    stream.children(shard.index).map(child).collect()
}
