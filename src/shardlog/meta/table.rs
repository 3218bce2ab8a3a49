//! A table of rows that follows the journal.

use super::{MetaError, Versioned};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;

/// What is to be done with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It stands as it is here, whatever stood there.
    Put { key: String, version: u64, value: Bytes },
    /// It is not there, whether it was or not.
    Remove { key: String },
}

/// Up to where a table has followed which journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The journal's id.
    pub(super) journal: u128,
    /// The sequence of the first record that the table has not seen.
    pub(super) next: u64,
}

/// All that a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) rows: BTreeMap<String, Versioned>,
    /// `None` if it never followed a journal.
    pub(super) position: Option<Position>,
}

/// Rows by key. A crash may take the newest changes back, in order and with the position. One task at a time uses it.
#[async_trait]
pub(super) trait Table: Send + Sync + 'static {
    /// A row.
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError>;

    /// Every row whose key begins with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError>;

    /// Up to where it has followed which journal.
    async fn position(&self) -> Result<Option<Position>, MetaError>;

    /// Makes the changes and notes the position: all of it or nothing.
    async fn apply(&self, changes: Vec<Change>, position: Position) -> Result<(), MetaError>;

    /// All there is.
    async fn snapshot(&self) -> Result<Snapshot, MetaError> {
        let rows = self.list("").await?.into_iter().collect();
        Ok(Snapshot { rows, position: self.position().await? })
    }
}

/// What makes `to` of `from`.
pub(super) fn difference(
    from: &BTreeMap<String, Versioned>,
    to: &BTreeMap<String, Versioned>,
) -> Vec<Change> {
    let removed = from.keys().filter(|key| !to.contains_key(*key));
    let removed = removed.map(|key| Change::Remove { key: key.clone() });
    let put = to.iter().filter(|(key, row)| from.get(*key) != Some(row));
    let put = put.map(|(key, Versioned { version, value })| Change::Put {
        key: key.clone(),
        version: *version,
        value: value.clone(),
    });
    removed.chain(put).collect()
}
