//! A stream in memory.

use super::row::{Row, key_of};
use crate::keys::DataKeys;
use crate::map::ShardInfo;
use crate::owner::OwnerSlot;
use crate::subscribe::Subscribers;
use crate::throttle::Meter;
use crate::traffic::{Steps, Totals};
use crate::types::{StreamInfo, StreamStatus};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{Semaphore, watch};

/// A stream in memory. A stream nobody writes to is this and nothing more: no task, no buffer.
pub(crate) struct Stream {
    pub(crate) id: u128,
    /// Key of its row; its data keys are bound to it.
    pub(crate) row_key: String,
    info: watch::Sender<Arc<StreamInfo>>,
    pub(crate) keys: DataKeys,
    /// Of every shard in `info`, by index; never one less.
    cells: RwLock<BTreeMap<u32, Arc<ShardCell>>>,
    shard_admission_bytes: usize,
    /// Held while the row is written, so that changes come one after the other.
    pub(super) row: tokio::sync::Mutex<RowState>,
    /// Held while it is looked up what to trim, and trimmed: a hold that is placed meanwhile would come too late.
    pub(crate) trimming: tokio::sync::Mutex<()>,
    /// Held while shards are split and merged.
    pub(crate) resharding: tokio::sync::Mutex<()>,
    /// Bytes appended since retention last looked at the stream.
    pub(crate) appended: AtomicU64,
    /// What its shards took and gave since the start.
    pub(crate) totals: Totals,
    /// Its key-encryption key was changed just now, and it shows.
    rekeying: AtomicBool,
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
    /// As the shard was when the cell was made; its end may have come since.
    pub(crate) info: ShardInfo,
    /// Bytes that may still be admitted.
    pub(crate) admission: Arc<Semaphore>,
    /// The owner, while there is one.
    pub(crate) owner: Mutex<OwnerSlot>,
    /// Batches that were lost after they had been given a place.
    pub(crate) lost: AtomicU64,
    /// What it takes and gives per second.
    pub(crate) meter: Meter,
    /// What it took and gave in the last minutes.
    pub(crate) steps: Steps,
    /// Who gets its records pushed, by the consumer's id.
    pub(crate) subscribers: Subscribers,
}

impl ShardCell {
    fn new(info: ShardInfo, admission_bytes: usize) -> Self {
        Self {
            info,
            admission: Arc::new(Semaphore::new(admission_bytes)),
            owner: Mutex::new(OwnerSlot::Idle),
            lost: AtomicU64::new(0),
            meter: Meter::default(),
            steps: Steps::default(),
            subscribers: Subscribers::default(),
        }
    }

    /// Lets the owner end once it has served what is queued; no new one starts.
    fn close(&self) {
        self.admission.close();
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = OwnerSlot::Closed;
    }
}

impl Stream {
    /// A stream as its row says, at that version.
    pub(super) fn new(row: &Row, version: u64, shard_admission_bytes: usize) -> Self {
        let info = row.info();
        let cell = |info: &ShardInfo| (info.index, Arc::new(ShardCell::new(*info, shard_admission_bytes)));
        Self {
            id: row.id,
            row_key: key_of(row.id),
            cells: RwLock::new(info.shards.iter().map(cell).collect()),
            shard_admission_bytes,
            keys: DataKeys::new(row.data_keys.clone(), row.bindings.clone()),
            rekeying: AtomicBool::new(false),
            info: watch::Sender::new(Arc::new(info)),
            row: tokio::sync::Mutex::new(RowState { version, gone: false }),
            trimming: tokio::sync::Mutex::default(),
            resharding: tokio::sync::Mutex::default(),
            appended: AtomicU64::new(0),
            totals: Totals::default(),
            deleted: AtomicBool::new(false),
        }
    }

    /// The stream as it stands.
    pub(crate) fn info(&self) -> Arc<StreamInfo> {
        self.info.borrow().clone()
    }

    /// Follows the stream as it changes.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<StreamInfo>> {
        self.info.subscribe()
    }

    fn cells_now(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Arc<ShardCell>>> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn cells_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<u32, Arc<ShardCell>>> {
        self.cells.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard of that index.
    pub(crate) fn cell(&self, index: u32) -> Option<Arc<ShardCell>> {
        self.cells_now().get(&index).cloned()
    }

    /// Its shards, in the order of their indexes.
    pub(crate) fn cells(&self) -> Vec<Arc<ShardCell>> {
        self.cells_now().values().cloned().collect()
    }

    /// Takes over a row that was written or read.
    pub(super) fn adopt(&self, row: &Row) {
        let mut info = row.info();
        if info.status == StreamStatus::Active && self.rekeying.load(Ordering::Acquire) {
            info.status = StreamStatus::Updating;
        }
        {
            let mut cells = self.cells_mut();
            for shard in info.shards.iter() {
                let new = || Arc::new(ShardCell::new(*shard, self.shard_admission_bytes));
                cells.entry(shard.index).or_insert_with(new);
            }
            cells.retain(|index, cell| {
                let stays = info.shards.by_index(*index).is_some();
                if !stays {
                    cell.close();
                }
                stays
            });
        }
        self.info.send_replace(Arc::new(info));
        self.keys.adopt(row.data_keys.clone(), row.bindings.clone());
    }

    /// Begins to show, or shows no more, that the key-encryption key was changed.
    pub(crate) fn show_rekeying(&self, shown: bool) {
        self.rekeying.store(shown, Ordering::Release);
        self.info.send_if_modified(|info| {
            let before = info.status;
            let after = match before {
                StreamStatus::Active if shown => StreamStatus::Updating,
                StreamStatus::Updating if !shown && !info.unfinished.is_resharding() => StreamStatus::Active,
                other => other,
            };
            if after != before {
                Arc::make_mut(info).status = after;
            }
            after != before
        });
    }

    /// Whether it was deleted; its shards answer nothing any more.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Makes the shards refuse everything from now on and forgets the keys.
    pub(super) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        let leaving = StreamInfo { status: StreamStatus::Deleting, ..(*self.info()).clone() };
        self.info.send_replace(Arc::new(leaving));
        self.keys.destroy();
        self.close_owners();
    }

    /// Lets every owner end once it has served what is queued; no new one starts.
    pub(crate) fn close_owners(&self) {
        for cell in self.cells() {
            cell.close();
        }
    }
}
