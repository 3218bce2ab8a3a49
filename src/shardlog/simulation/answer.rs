//! What the engine answered, in the model's words.

use super::model::{Record, Refusal, Shard};
use crate::error::StoreError;
use crate::types::{Arrival, SealedRecord, Seq, ShardId, StoredRecord};
use bytes::Bytes;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The state of the shard does not allow it; nothing happened.
    Refused(Refusal),
    /// It did not happen, for a reason of the machine.
    No,
    /// It may have happened.
    Unknown,
}

impl Outcome {
    pub(super) fn of(result: &Result<(), StoreError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(StoreError::Unavailable(_) | StoreError::Full(_)) => Self::No,
            Err(StoreError::Unknown(_)) => Self::Unknown,
            Err(error) => Self::Refused(refusal(error)),
        }
    }
}

/// # Panics
/// When the error is none that an undamaged shard may give.
pub(super) fn refusal(error: &StoreError) -> Refusal {
    match error {
        StoreError::NotFound(_) => Refusal::NotFound,
        StoreError::AlreadyExists(_) => Refusal::AlreadyExists,
        StoreError::Fenced { .. } => Refusal::Fenced,
        StoreError::Sealed { .. } => Refusal::Sealed,
        StoreError::OutOfSequence { .. } => Refusal::OutOfSequence,
        StoreError::ArrivalBefore { .. } => Refusal::ArrivalBefore,
        StoreError::Trimmed { .. } => Refusal::Trimmed,
        StoreError::Unwritten { .. } => Refusal::Unwritten,
        other => panic!("not an answer of an undamaged shard: {other:?}"),
    }
}

/// The record that the engine is given for a record of the model.
pub(super) fn sealed(id: ShardId, seq: u64, record: Record) -> SealedRecord {
    let Record { arrival, len, stamp } = record;
    let head = Bytes::from(format!("{id} {seq} {arrival} {len} {stamp}"));
    let body = (0..len).map(|i| (u64::from(i).wrapping_mul(31) ^ seq ^ stamp) as u8).collect();
    SealedRecord { arrival: Arrival(arrival), head, body }
}

/// # Panics
/// When what was read is not that record.
pub(super) fn assert_is(found: &StoredRecord, id: ShardId, seq: u64, record: Record) {
    let SealedRecord { arrival, head, body } = sealed(id, seq, record);
    assert_eq!((found.seq, found.arrival, &found.head), (Seq(seq), arrival, &head));
    assert_eq!(found.body_len, body.len() as u64);
    assert!(found.body.as_ref().is_none_or(|found| *found == body), "the body of {seq} is another");
}

/// Records `range` of a shard, with their sequences.
pub(super) fn numbered(shard: &Shard, from: u64) -> impl Iterator<Item = (u64, Record)> {
    (from..).zip(shard.records[from as usize..].iter().copied())
}
