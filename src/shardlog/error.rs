//! What can go wrong with a shard. The variants say what a caller may do next.

use crate::types::{Arrival, Epoch, Seq, ShardId};
use std::sync::Arc;

/// The cause of an error; shared because one failed write answers many waiters.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Errors of [`LogStore`](crate::LogStore) and [`ShardWriter`](crate::ShardWriter).
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such shard (never created, or deleted).
    #[error("shard {0} not found")]
    NotFound(ShardId),
    /// The id is taken.
    #[error("shard {0} already exists")]
    AlreadyExists(ShardId),
    /// The shard takes no more records.
    #[error("shard is sealed at sequence {next}")]
    Sealed {
        /// Where it ends.
        next: Seq,
    },
    /// A newer owner has claimed the shard; this writer is finished.
    #[error("fenced by a newer owner (epoch {})", by.0)]
    Fenced {
        /// The newer owner's generation.
        by: Epoch,
    },
    /// The append did not continue the shard: compare-and-append failed, nothing was written.
    #[error("expected to append at sequence {expected}, was asked for {asked}")]
    OutOfSequence {
        /// The shard's next sequence.
        expected: Seq,
        /// What the caller gave.
        asked: Seq,
    },
    /// The arrival lies before that of an earlier record; nothing was written.
    #[error("arrival {} lies before the last record's {}", asked.0, last.0)]
    ArrivalBefore {
        /// Arrival of the newest record admitted.
        last: Arrival,
        /// What the caller gave.
        asked: Arrival,
    },
    /// The record was there and has been trimmed.
    #[error("trimmed: the oldest readable sequence is {first}")]
    Trimmed {
        /// The oldest record still readable.
        first: Seq,
    },
    /// The record has not been written (or is not durable) yet.
    #[error("not written yet: the next sequence is {next}")]
    Unwritten {
        /// The sequence that the next record will get.
        next: Seq,
    },
    /// A head, body, batch or byte range exceeds the limits.
    #[error("too large: {what} of {size} (limit {limit})")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// Its size.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// It did not happen; a retry is safe.
    #[error("unavailable: {0}")]
    Unavailable(Source),
    /// The disk has no room for records, or not enough. It did not happen; once there is room, a retry is safe.
    #[error("the disk is full: {0}")]
    Full(Source),
    /// It may have happened. This writer is dead: claim the shard again and look.
    #[error("outcome unknown: {0}")]
    Unknown(Source),
    /// Stored bytes are not what was written. Reported, never skipped.
    #[error("corrupt: {place}: {what}")]
    Corrupt {
        /// File and offset, and the shard and sequence where known.
        place: String,
        /// What does not hold.
        what: String,
    },
}
