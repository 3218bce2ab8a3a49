//! A stream in memory.

use super::row::{Row, key_of};
use crate::keys::DataKeys;
use crate::owner::OwnerSlot;
use crate::types::{ShardInfo, StreamInfo};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Semaphore;

/// A stream in memory. A stream nobody writes to is this and nothing more: no task, no buffer.
pub(crate) struct Stream {
    pub(crate) id: u128,
    /// Key of its row; also the context under which its data keys are wrapped.
    pub(crate) row_key: String,
    info: RwLock<Arc<StreamInfo>>,
    pub(crate) keys: DataKeys,
    pub(crate) shards: Vec<ShardCell>,
    /// Held while the row is written, so that changes come one after the other.
    pub(super) row: tokio::sync::Mutex<RowState>,
    /// Held while it is looked up what to trim, and trimmed: a hold that is placed meanwhile would come too late.
    pub(crate) trimming: tokio::sync::Mutex<()>,
    /// Bytes appended since retention last looked at the stream.
    pub(crate) appended: AtomicU64,
    deleted: AtomicBool,
}

/// What is known of the stored row.
pub(super) struct RowState {
    /// Its version in the metadata store.
    pub(super) version: u64,
    /// It has been removed.
    pub(super) gone: bool,
}

/// What a shard needs besides its description.
pub(crate) struct ShardCell {
    pub(crate) info: ShardInfo,
    /// Bytes that may still be admitted.
    pub(crate) admission: Arc<Semaphore>,
    /// The owner, while there is one.
    pub(crate) owner: Mutex<OwnerSlot>,
}

impl Stream {
    /// A stream as its row says, at that version.
    pub(super) fn new(row: &Row, version: u64, shard_admission_bytes: usize) -> Self {
        let info = row.info();
        let cell = |info: &ShardInfo| ShardCell {
            info: *info,
            admission: Arc::new(Semaphore::new(shard_admission_bytes)),
            owner: Mutex::new(OwnerSlot::Idle),
        };
        Self {
            id: row.id,
            row_key: key_of(row.id),
            shards: info.shards.iter().map(cell).collect(),
            keys: DataKeys::new(row.data_keys.clone()),
            info: RwLock::new(Arc::new(info)),
            row: tokio::sync::Mutex::new(RowState { version, gone: false }),
            trimming: tokio::sync::Mutex::default(),
            appended: AtomicU64::new(0),
            deleted: AtomicBool::new(false),
        }
    }

    /// The stream as it stands.
    pub(crate) fn info(&self) -> Arc<StreamInfo> {
        self.info.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over a row that was written or read.
    pub(super) fn adopt(&self, row: &Row) {
        *self.info.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(row.info());
        self.keys.adopt(row.data_keys.clone());
    }

    /// Whether it was deleted; its shards answer nothing any more.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Makes the shards refuse everything from now on and forgets the keys.
    pub(super) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        self.keys.destroy();
        self.close_owners();
    }

    /// Lets every owner end once it has served what is queued; no new one starts.
    pub(crate) fn close_owners(&self) {
        for shard in &self.shards {
            shard.admission.close();
            *shard.owner.lock().unwrap_or_else(PoisonError::into_inner) = OwnerSlot::Closed;
        }
    }
}
