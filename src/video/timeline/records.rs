//! Reading heads off the log.

use crate::config::{BYTES_PER_READ, HEADS_PER_READ};
use crate::error::ReadError;
use crate::head::Head;
use shardlog::{Arrival, Parts, ReadLimit, Seq};
use streams::{PlainRecord, Shard};

/// A record's head, read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) seq: Seq,
    pub(crate) arrival: Arrival,
    pub(crate) head: Head,
    pub(crate) body_len: u64,
}

impl Read {
    pub(crate) fn of(record: &PlainRecord) -> Result<Self, ReadError> {
        let head = Head::decode(&record.head).map_err(|error| ReadError::Head { seq: record.seq, error })?;
        Ok(Self { seq: record.seq, arrival: record.arrival, head, body_len: record.body_len })
    }
}

/// Some of the heads from `from` up to `upto`, at least one.
pub(crate) async fn read_heads(shard: &Shard, from: Seq, upto: Seq) -> Result<Vec<Read>, ReadError> {
    let wanted = usize::try_from(upto.0.saturating_sub(from.0)).unwrap_or(usize::MAX);
    let limit = ReadLimit { records: wanted.min(HEADS_PER_READ), bytes: BYTES_PER_READ };
    let records = shard.read(from, limit, Parts::Heads).await?;
    if records.is_empty() {
        return Err(ReadError::damaged(from, "it is said to be durable and cannot be read"));
    }
    records.iter().take_while(|record| record.seq < upto).map(Read::of).collect()
}

/// One head.
pub(crate) async fn head_at(shard: &Shard, seq: Seq) -> Result<Read, ReadError> {
    let records = shard.read(seq, ReadLimit { records: 1, bytes: 0 }, Parts::Heads).await?;
    records.first().map(Read::of).unwrap_or_else(|| Err(ReadError::damaged(seq, "it is not there")))
}
