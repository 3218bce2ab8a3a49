//! What the lanes, the readers and the store share.

use super::block::Entry;
use super::lane::LaneShared;
use super::name::LaneName;
use super::recent::Recent;
use super::shard::Shard;
use super::{LocalOptions, scrub::Scrubbed, stats::Counters};
use crate::env::{Env, File, Lock, Signal};
use crate::error::{Source, StoreError};
use crate::types::ShardId;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter, Weighter};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Names a block: its lane, its segment, its offset.
pub(super) type BlockKey = (LaneName, u64, u64);

/// Locks, also after a panic elsewhere: what our locks guard is whole between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the store is closed")]
    Closed,
    #[error("lane {lane} takes no writes since one failed ({cause}); open the store again")]
    LaneDead { lane: LaneName, cause: Source },
    #[error("{free} bytes are free on the disk, fewer than the {reserve} kept in reserve")]
    DiskFull { free: u64, reserve: u64 },
    #[error("an earlier batch of this writer did not happen")]
    EarlierFailed,
    #[error("an operation before it, by which it was judged, could not be written")]
    EarlierNotWritten,
    #[error("the lane has as many shards as it can hold")]
    TooManyShards,
    #[error("the thread of lane {0} ended")]
    LaneEnded(LaneName),
    #[error("the operation broke off")]
    BrokenOff,
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        Self::Unavailable(Arc::new(refusal))
    }
}

pub(super) fn unavailable(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(Arc::new(error))
}

#[derive(Clone)]
pub(super) struct BlockWeight;

impl Weighter<BlockKey, Arc<Vec<Entry>>> for BlockWeight {
    fn weight(&self, _: &BlockKey, block: &Arc<Vec<Entry>>) -> u64 {
        block.iter().map(|entry| (size_of::<Entry>() + entry.head.len()) as u64).sum()
    }
}

/// The keys are our own numbers, so nobody can make them collide; and what a cache keeps can be replayed from a seed.
type FixedHasher = BuildHasherDefault<DefaultHasher>;

/// A cache of so much weight, with parts that are locked apart. Their number is fixed: were it to follow the machine's
/// processors, so would what is kept.
fn cache<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    items: usize,
    weight: u64,
    weighter: W,
) -> Cache<K, V, W, FixedHasher> {
    let options =
        OptionsBuilder::new().shards(16).estimated_items_capacity(items).weight_capacity(weight).build();
    let options = options.expect("both capacities are set");
    Cache::with_options(options, weighter, FixedHasher::default(), DefaultLifecycle::default())
}

pub(super) struct Context {
    pub(super) dir: PathBuf,
    pub(super) options: LocalOptions,
    pub(super) env: Env,
    pub(super) counters: Counters,
    pub(super) scrubbed: Scrubbed,
    pub(super) shards: RwLock<HashMap<ShardId, Arc<Shard>>>,
    /// Ids of shards that are being created.
    creating: Mutex<HashSet<ShardId>>,
    pub(super) blocks: Cache<BlockKey, Arc<Vec<Entry>>, BlockWeight, FixedHasher>,
    pub(super) recent: Recent,
    /// Segment files open for reading.
    pub(super) files: Cache<(LaneName, u64), Arc<dyn File>, UnitWeighter, FixedHasher>,
    /// Bytes that may still be queued.
    budget: Arc<Semaphore>,
    budget_bytes: usize,
    closed: AtomicBool,
    /// Keeps other processes out of the directory.
    lock: Mutex<Option<Lock>>,
    /// What was found in the log's directories at opening and is not ours.
    pub(super) unknown: Mutex<Vec<PathBuf>>,
}

impl Context {
    pub(super) fn new(dir: PathBuf, options: LocalOptions, env: Env, lock: Lock) -> Self {
        let block_bytes = options.block_cache_bytes;
        let budget_bytes = options.queue_bytes();
        Self {
            dir,
            env,
            counters: Counters::default(),
            scrubbed: Scrubbed::default(),
            shards: RwLock::default(),
            creating: Mutex::default(),
            blocks: cache(block_bytes / (64 << 10), block_bytes as u64, BlockWeight),
            recent: Recent::new(options.recent_bytes),
            files: cache(options.open_files_max, options.open_files_max as u64, UnitWeighter),
            budget: Arc::new(Semaphore::new(budget_bytes)),
            budget_bytes,
            closed: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
            unknown: Mutex::default(),
            options,
        }
    }

    /// The shard, unless it is not there or the store is closed.
    pub(super) fn shard(&self, id: ShardId) -> Result<Arc<Shard>, StoreError> {
        self.refuse_closed()?;
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        shards.get(&id).cloned().ok_or(StoreError::NotFound(id))
    }

    /// In id order.
    pub(super) fn all_shards(&self) -> Vec<Arc<Shard>> {
        let mut all: Vec<_> =
            self.shards.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_unstable_by_key(|shard| shard.id);
        all
    }

    /// Waits until `bytes` may be queued.
    pub(super) async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let bytes = u32::try_from(bytes.min(self.budget_bytes)).unwrap_or(u32::MAX);
        self.budget.clone().acquire_many_owned(bytes).await.map_err(|_| Refusal::Closed.into())
    }

    pub(super) fn queued_bytes(&self) -> u64 {
        (self.budget_bytes - self.budget.available_permits().min(self.budget_bytes)) as u64
    }

    pub(super) fn refuse_closed(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(Refusal::Closed.into()) } else { Ok(()) }
    }

    /// Something is in the log's directories that is not ours.
    pub(super) fn leave_alone(&self, path: PathBuf) {
        tracing::warn!(path = %path.display(), "left an unknown file in the log alone");
        lock(&self.unknown).push(path);
    }

    /// From here on every operation is refused.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.budget.close();
    }

    /// Lets other processes in.
    pub(super) fn unlock(&self) {
        lock(&self.lock).take();
    }
}

/// A hold on the id of a shard that is being created.
pub(super) struct Reservation {
    context: Arc<Context>,
    id: ShardId,
}

impl Reservation {
    pub(super) fn take(context: &Arc<Context>, id: ShardId) -> Result<Self, StoreError> {
        // Look at the shards second: a creation that ends in between shows in one place or the other.
        if !lock(&context.creating).insert(id) {
            return Err(StoreError::AlreadyExists(id));
        }
        let reservation = Self { context: context.clone(), id };
        match context.shard(id) {
            Err(StoreError::NotFound(_)) => Ok(reservation),
            Err(error) => Err(error),
            Ok(_) => Err(StoreError::AlreadyExists(id)),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        lock(&self.context.creating).remove(&self.id);
    }
}

/// A lane and its thread.
pub(super) struct LaneHandle {
    pub(super) shared: Arc<LaneShared>,
    /// Raised when the thread has ended; taken by whoever waits for that.
    pub(super) ended: Option<Arc<dyn Signal>>,
}
