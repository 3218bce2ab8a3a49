//! Metadata in memory: for tests, and for looking at rows without changing them.

use super::{MetaError, MetaStore, Versioned};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`MetaStore`] that forgets everything with the process.
#[derive(Default)]
pub struct MemoryMeta {
    rows: Mutex<BTreeMap<String, Versioned>>,
}

impl MemoryMeta {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store with these rows.
    pub fn with(rows: impl IntoIterator<Item = (String, Versioned)>) -> Self {
        Self { rows: Mutex::new(rows.into_iter().collect()) }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Versioned>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(key: &str, expected: Option<u64>, found: Option<u64>) -> Result<(), MetaError> {
    if expected == found { Ok(()) } else { Err(MetaError::Conflict { key: key.to_owned(), expected, found }) }
}

#[async_trait]
impl MetaStore for MemoryMeta {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        Ok(self.rows().get(key).cloned())
    }

    async fn put(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, MetaError> {
        let mut rows = self.rows();
        check(key, expected, rows.get(key).map(|row| row.version))?;
        let version = expected.unwrap_or(0) + 1;
        rows.insert(key.to_owned(), Versioned { version, value });
        Ok(version)
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), MetaError> {
        let mut rows = self.rows();
        check(key, Some(expected), rows.get(key).map(|row| row.version))?;
        rows.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        let rows = self.rows();
        let from_prefix = rows.range(prefix.to_owned()..);
        Ok(from_prefix
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect())
    }
}
