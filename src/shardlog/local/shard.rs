//! A shard in memory: a handle on its index, for readers and for its lane.

use super::context::lock;
use super::index::Index;
use super::lane::LaneShared;
use crate::error::StoreError;
use crate::types::{ShardId, ShardState, Tail};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// A shard. Only its lane's thread changes it, and only to what is durable.
pub(super) struct Shard {
    pub(super) id: ShardId,
    pub(super) lane: Arc<LaneShared>,
    index: Mutex<Index>,
}

impl Shard {
    pub(super) fn new(id: ShardId, lane: Arc<LaneShared>, index: Index) -> Self {
        Self { id, lane, index: Mutex::new(index) }
    }

    /// Held for a few steps in memory only.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    /// The state, unless the shard was deleted.
    pub(super) fn state(&self) -> Result<ShardState, StoreError> {
        let index = self.index();
        index.refuse_gone()?;
        Ok(ShardState { tail: index.tail, epoch: index.epoch, stored_bytes: index.stored_bytes() })
    }

    pub(super) fn watch(&self) -> Result<watch::Receiver<Tail>, StoreError> {
        let index = self.index();
        index.refuse_gone()?;
        Ok(index.watchers().ok_or(StoreError::NotFound(self.id))?.subscribe())
    }
}
