//! `PutRecord` and `PutRecords`
//!
//! The records of a call are sorted by shard and each shard's share is one append, so a call costs one wait for the disk.

use super::describe::encryption_type;
use super::sequence::SequenceNumber;
use super::shapes::{
    ARN_MEMBER, DATA, DRY_RUN, HASH_KEY, NAME_MEMBER, PARTITION_KEY, SEQUENCE_NUMBER, STREAM_ID_MEMBER,
};
use super::shard_id::shard_name;
use super::{faults, hash_key, stream_ref};
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome};
use crate::aws::wire::{Input, Member, Shape, Value, optional, required, structure};
use bytes::BytesMut;
use std::sync::Arc;
use streams::{AppendError, DataHead, Distribution, KeyedRecord, Placed, Record, StreamInfo};

pub(super) const ONE: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required("Data", DATA),
    optional("PartitionKey", PARTITION_KEY),
    optional("ExplicitHashKey", HASH_KEY),
    optional("SequenceNumberForOrdering", SEQUENCE_NUMBER),
    DRY_RUN,
    STREAM_ID_MEMBER,
];

pub(super) const MANY: &[Member] = &[
    required(
        "Records",
        Shape::List {
            of: &Shape::Structure(&[
                required("Data", DATA),
                optional("PartitionKey", PARTITION_KEY),
                optional("ExplicitHashKey", HASH_KEY),
            ]),
            min: 1,
            max: 500,
            called: Some("com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@0"),
        },
    ),
    NAME_MEMBER,
    ARN_MEMBER,
    DRY_RUN,
    STREAM_ID_MEMBER,
];

/// Room for the heads of a call with keys of common lengths.
const HEADS_BYTES: usize = 16 << 10;
/// Most bytes of the records of one call, partition keys included.
const CALL_BYTES_MAX: u64 = 10 << 20;

/// Seconds by which a number may be ahead of the clock: a shard that came of another one is dated a second later than it is.
const AHEAD_S: u64 = 2;

/// `PutRecord`
pub(super) async fn put_record(call: Call<'_>) -> Outcome {
    let stream = stream_ref::usable(&call)?;
    let entry = entry(&call, &stream, call.input, None, &mut BytesMut::new())?;
    check_ordering(&call, &stream)?;
    call.stop_if_dry_run()?;
    let told = put(&call, &stream, vec![entry]).await?.pop();
    let told = told.unwrap_or(Err(AppendError::Empty));
    let Told { shard, number } = told.map_err(|error| faults::append(&call, &stream.name, &error))?;
    Ok(structure([
        ("ShardId", shard.into()),
        ("SequenceNumber", number.into()),
        ("EncryptionType", encryption_type(&stream).into()),
    ])
    .into())
}

/// `PutRecords`
pub(super) async fn put_records(call: Call<'_>) -> Outcome {
    let stream = stream_ref::usable(&call)?;
    let mut entries = Vec::with_capacity(500);
    let (mut bytes, mut heads) = (0_u64, BytesMut::with_capacity(HEADS_BYTES));
    for (index, record) in call.input.structures("Records").enumerate() {
        let entry = entry(&call, &stream, record, Some(index), &mut heads)?;
        bytes += entry.counts;
        entries.push(entry);
    }
    if bytes > CALL_BYTES_MAX {
        return Err(AwsError::invalid_argument("Records size exceeds 10 MB limit"));
    }
    call.stop_if_dry_run()?;
    let outcomes = put(&call, &stream, entries).await?;
    // What no record of the call can do is said once.
    if let Some(Err(error)) = outcomes.first()
        && outcomes.iter().all(Result::is_err)
        && matches!(error, AppendError::Deleted | AppendError::Key(_) | AppendError::ShuttingDown)
    {
        return Err(faults::append(&call, &stream.name, error));
    }
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let ours = |error: &&AppendError| !matches!(error, AppendError::Throttled { .. });
    if let Some(error) = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).find(ours) {
        tracing::warn!(stream = stream.name, failed, %error, "records were not put");
    }
    let records: Vec<_> = outcomes.into_iter().map(|outcome| result(&call, &stream.name, outcome)).collect();
    Ok(structure([
        ("FailedRecordCount", failed.into()),
        ("Records", records.into()),
        ("EncryptionType", encryption_type(&stream).into()),
    ])
    .into())
}

/// What is told of one record of many.
fn result(call: &Call<'_>, stream: &str, outcome: Result<Told, AppendError>) -> Value<'static> {
    match outcome {
        Ok(Told { shard, number }) => {
            structure([("SequenceNumber", number.into()), ("ShardId", shard.into())])
        }
        Err(AppendError::Throttled { shard }) => {
            let error = faults::too_fast(call, stream, shard);
            structure([
                ("ErrorCode", error.code().into()),
                ("ErrorMessage", error.message().to_owned().into()),
            ])
        }
        Err(_) => structure([
            ("ErrorCode", "InternalFailure".into()),
            ("ErrorMessage", "Internal Service Failure".into()),
        ]),
    }
}

/// One record of the input, checked against what the stream takes. `index` is its place in a list.
fn entry(
    call: &Call<'_>,
    stream: &StreamInfo,
    input: Input<'_>,
    index: Option<usize>,
    heads: &mut BytesMut,
) -> Result<KeyedRecord, AwsError> {
    let data = stream.data.as_deref();
    let evenly = data.is_some_and(|data| data.distribution == Distribution::Even);
    let body = input.blob("Data");
    let partition_key = input.text("PartitionKey");
    let path = || index.map(|index| format!("records.{}.member.", index + 1)).unwrap_or_default();
    if partition_key.is_none() && !evenly {
        return Err(AwsError::validation(format!(
            "1 validation error detected: Value null at '{}partitionKey' failed to satisfy constraint: Member must not be \
             null",
            path()
        )));
    }
    let max = data.map_or(1 << 20, |data| data.record_bytes_max as usize);
    let (len, key_len) = (body.len(), partition_key.map_or(0, str::len));
    if len + key_len > max {
        return Err(AwsError::validation(format!(
            "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim={len} cap={len}]' at '{}data' failed to \
             satisfy constraint: Member must have length less than or equal to {max}",
            path()
        )));
    }
    let explicit = input.text("ExplicitHashKey").map(hash_key::explicit).transpose()?;
    let hash_key = match (evenly, explicit, partition_key) {
        (false, Some(explicit), _) => explicit,
        (false, None, Some(key)) => hash_key::of_partition_key(key),
        _ => {
            let mut random = [0; 16];
            call.app.env.random.fill(&mut random);
            u128::from_be_bytes(random)
        }
    };
    let counts = (len + key_len) as u64;
    Ok(KeyedRecord {
        hash_key,
        counts,
        record: Record { head: DataHead { partition_key }.encode(heads), body },
    })
}

/// A number after which the record must come has to be one that there can be by now. Every new record comes after it.
fn check_ordering(call: &Call<'_>, stream: &StreamInfo) -> Result<(), AwsError> {
    let Some(text) = call.input.text("SequenceNumberForOrdering") else { return Ok(()) };
    let now_s = call.app.env.clock.now_ms() / 1000;
    let number = SequenceNumber::parse(text).filter(|number| number.arrived_s() <= now_s + AHEAD_S);
    if number.is_some() {
        return Ok(());
    }
    let (name, account) = (&stream.name, &call.app.config.account_id);
    Err(AwsError::invalid_argument(format!(
        "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {name} under account {account} is invalid."
    )))
}

/// Where a record went, as clients are told.
struct Told {
    shard: String,
    number: String,
}

/// Appends records, each to the shard of its hash key; resolves when all are durable or lost. Outcomes are in the order of the
/// records.
async fn put(
    call: &Call<'_>,
    stream: &Arc<StreamInfo>,
    records: Vec<KeyedRecord>,
) -> Result<Vec<Result<Told, AppendError>>, AwsError> {
    let not_found = |_| faults::no_such_stream(call, &stream.name);
    let placed = call.app.streams.append_by_hash(&stream.name, records).await.map_err(not_found)?;
    let mut stream = stream.clone();
    let tell = |placed: Result<Placed, AppendError>| {
        let placed = placed?;
        if stream.shards.by_index(placed.shard).is_none() {
            // It came of another one meanwhile.
            stream = call.app.streams.look(&stream.name).map_err(|_| AppendError::Deleted)?;
        }
        let shard = stream.shards.by_index(placed.shard).ok_or(AppendError::Deleted)?;
        let number = SequenceNumber::of(shard, placed.seq, placed.arrival).to_string();
        Ok(Told { shard: shard_name(shard.index), number })
    };
    Ok(placed.into_iter().map(tell).collect())
}
