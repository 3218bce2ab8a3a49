//! Small values with compare-and-set: the catalogue of streams, users, keys in use.
//!
//! [`JournalledMeta`] keeps them in an SQLite file and, first, in the log; [`MemoryMeta`] in memory.

use crate::error::Source;
use async_trait::async_trait;
use bytes::Bytes;

mod journal;
mod journalled;
mod memory;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;

pub use journal::{JOURNAL_SHARD, Standing};
pub use journalled::{Inspection, JournalledMeta};
pub use memory::MemoryMeta;

/// A value and the version under which it stands. Versions grow by one with each write, from 1; a key that was removed
/// starts again from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Counts the writes of this key.
    pub version: u64,
    /// What was put.
    pub value: Bytes,
}

/// Errors of a [`MetaStore`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum MetaError {
    /// Someone else wrote first; nothing was changed.
    #[error("version conflict on {key}: expected {expected:?}, found {found:?}")]
    Conflict {
        /// The key.
        key: String,
        /// What the caller expected (`None`: absent).
        expected: Option<u64>,
        /// What stands there (`None`: absent).
        found: Option<u64>,
    },
    /// It did not happen; a retry is safe.
    #[error("metadata unavailable: {0}")]
    Unavailable(Source),
    /// It may have happened: read the key and compare.
    #[error("outcome of a metadata write unknown: {0}")]
    Unknown(Source),
    /// Stored metadata is not what was written, or not of this log.
    #[error("{what}")]
    Damaged {
        /// What does not hold, and what can be done.
        what: String,
    },
}

/// A store of small values. Every successful write is durable on return.
#[async_trait]
pub trait MetaStore: Send + Sync + 'static {
    /// The value, if any.
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError>;

    /// Writes when the key's version is `expected` (`None`: only if absent). Returns the new version.
    async fn put(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, MetaError>;

    /// Removes when the key's version is `expected`.
    async fn remove(&self, key: &str, expected: u64) -> Result<(), MetaError>;

    /// Every key that begins with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError>;
}
