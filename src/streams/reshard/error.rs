//! Why shards are not split or merged.

use crate::error::{CatalogueError, DataKeyError, InvalidSetting, StreamNotFound};
use crate::hash::HashRange;
use crate::types::StreamStatus;

/// Errors of splitting and merging shards. Nothing happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReshardError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// A setting is not allowed: not on a stream of this kind, or not so many shards.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// Its shards are being split or merged, or it is being deleted.
    #[error("the stream is {0:?}")]
    NotActive(StreamStatus),
    /// How many shards there are is decided by what is written to the stream.
    #[error("the stream is on demand")]
    OnDemand,
    /// The stream has no shard of this index.
    #[error("the stream has no shard {index}")]
    NoSuchShard {
        /// The index asked for.
        index: u32,
    },
    /// The shard was split or merged before.
    #[error("shard {index} is closed")]
    Closed {
        /// Its index.
        index: u32,
    },
    /// A shard cannot be split there: each part owns at least one hash key, and the lower one at least two.
    #[error("hash key {at} does not split {} to {}", .range.first, .range.last)]
    SplitPoint {
        /// The first hash key that the upper part should own.
        at: u128,
        /// What the shard owns.
        range: HashRange,
    },
    /// The second shard's hash keys do not follow those of the first.
    #[error("shards {first} and {second} are not adjacent")]
    NotAdjacent {
        /// One shard.
        first: u32,
        /// The other.
        second: u32,
    },
    /// More than twice, or less than half of the shards there are.
    #[error("{target} shards are more than twice or less than half of {open}")]
    TooFar {
        /// Open shards there are.
        open: u32,
        /// Open shards asked for.
        target: u32,
    },
    /// The number of shards was set as often as it may be in 24 hours.
    #[error("the number of shards was set {max} times within 24 hours")]
    TooOften {
        /// How often it may be.
        max: u32,
    },
    /// The hash keys of the shards there are cannot be divided into so many.
    #[error("the shards own too few hash keys to be split into {target}")]
    TooNarrow {
        /// Open shards asked for.
        target: u32,
    },
    /// The stream has too many closed shards that can still be read.
    #[error("the stream has too many closed shards: wait until the oldest have expired")]
    TooManyClosed,
    /// The plan could not be written down.
    #[error(transparent)]
    Catalogue(CatalogueError),
}

impl From<CatalogueError> for ReshardError {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Key(DataKeyError::Destroyed) => Self::NotActive(StreamStatus::Deleting),
            CatalogueError::RowTooLarge { .. } => Self::TooManyClosed,
            other => Self::Catalogue(other),
        }
    }
}
