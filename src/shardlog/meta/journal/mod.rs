//! The metadata's journal: every change of a row, in the log itself, in one shard of its own. What the table loses, it has.

mod read;
mod record;
mod settle;

pub(super) use read::{Journal, changes};
pub(super) use record::{Head, Kind};
pub use settle::Standing;
pub(super) use settle::{Next, Settled, settle};

use super::MetaError;
use crate::error::StoreError;
use crate::types::ShardId;
use std::sync::Arc;

/// The shard that holds the journal. Ids of other shards are UUIDv7; this one is none.
pub const JOURNAL_SHARD: ShardId = ShardId(1);

/// An operation on the journal failed.
pub(super) fn failed(error: StoreError) -> MetaError {
    match error {
        StoreError::Unknown(_) => MetaError::Unknown(Arc::new(error)),
        StoreError::Corrupt { .. } => MetaError::Damaged { what: format!("the metadata's journal: {error}") },
        error => MetaError::Unavailable(Arc::new(error)),
    }
}
