//! A store and metadata that a test can hold up, break and falsify.

use async_trait::async_trait;
use bytes::Bytes;
use shardlog::env::Space;
use shardlog::meta::MemoryMeta;
use shardlog::{
    Arrival, Durable, Epoch, Limits, LogStore, MetaError, MetaStore, Parts, ReadLimit, RetentionClass,
    SealedRecord, Seq, ShardId, ShardState, ShardWriter, StoreError, StoredRecord, Tail, Versioned,
};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What is to become of an append.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Refused: it did not happen.
    Refused,
    /// Admitted, but the disk turned out to be full: it did not happen, and the writer goes on from where it was.
    NotWritten,
    /// Admitted, then lost before it was written; the writer is dead.
    Lost,
    /// Admitted and written, but the answer is lost; the writer is dead.
    Written,
}

type Falsify = Box<dyn Fn(&mut Vec<StoredRecord>) + Send + Sync>;

/// Passes everything on to another store, except what a test has ordered.
pub(crate) struct MeddledStore {
    pub(crate) inner: Arc<dyn LogStore>,
    /// While true, batches are written but nobody is told that they are durable.
    held: watch::Sender<bool>,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    falsify: Mutex<Option<Falsify>>,
    /// Shards that may still be created, sealed and deleted.
    pub(crate) changes_left: Allowance,
}

impl MeddledStore {
    pub(crate) fn new(inner: Arc<dyn LogStore>) -> Self {
        Self {
            inner,
            held: watch::Sender::new(false),
            fates: Arc::default(),
            falsify: Mutex::default(),
            changes_left: Allowance::without_end(),
        }
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub(crate) fn next_append(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    pub(crate) fn falsify(&self, with: impl Fn(&mut Vec<StoredRecord>) + Send + Sync + 'static) {
        *self.falsify.lock().unwrap() = Some(Box::new(with));
    }
}

/// Something that may be done so many times more.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<(AtomicUsize, AtomicUsize)>);

impl Allowance {
    fn without_end() -> Self {
        Self(Arc::new((AtomicUsize::new(usize::MAX), AtomicUsize::new(0))))
    }

    pub(crate) fn set(&self, left: usize) {
        self.0.0.store(left, Ordering::SeqCst);
    }

    /// How often it was refused.
    pub(crate) fn refused(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    fn take(&self) -> bool {
        let left = self.0.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            self.0.1.fetch_add(1, Ordering::SeqCst);
        }
        left.is_ok()
    }

    fn take_from_store(&self) -> Result<(), StoreError> {
        self.take().then_some(()).ok_or_else(|| StoreError::Unavailable(ordered()))
    }
}

fn ordered() -> shardlog::Source {
    Arc::new(std::io::Error::other("as the test ordered"))
}

#[async_trait]
impl LogStore for MeddledStore {
    async fn create(&self, shard: ShardId, class: RetentionClass) -> Result<(), StoreError> {
        self.changes_left.take_from_store()?;
        self.inner.create(shard, class).await
    }

    async fn claim(
        &self,
        shard: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError> {
        let (state, inner) = self.inner.claim(shard, epoch).await?;
        let (held, fates) = (self.held.subscribe(), self.fates.clone());
        Ok((
            state,
            Box::new(MeddledWriter {
                inner,
                held,
                fates,
                changes_left: self.changes_left.clone(),
                dead: false,
            }),
        ))
    }

    async fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        self.inner.shards().await
    }

    async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        self.inner.state(shard).await
    }

    fn watch(&self, shard: ShardId) -> Result<watch::Receiver<Tail>, StoreError> {
        self.inner.watch(shard)
    }

    async fn seek(&self, shard: ShardId, at: Arrival) -> Result<Seq, StoreError> {
        self.inner.seek(shard, at).await
    }

    async fn read(
        &self,
        shard: ShardId,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut records = self.inner.read(shard, from, limit, parts).await?;
        if let Some(falsify) = &*self.falsify.lock().unwrap() {
            falsify(&mut records);
        }
        Ok(records)
    }

    async fn stored_from(&self, shard: ShardId, from: Seq) -> Result<u64, StoreError> {
        self.inner.stored_from(shard, from).await
    }

    async fn space(&self) -> Result<Space, StoreError> {
        self.inner.space().await
    }

    async fn body(&self, shard: ShardId, seq: Seq, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.body(shard, seq, range).await
    }

    async fn trim(&self, shard: ShardId, before: Seq) -> Result<(), StoreError> {
        self.inner.trim(shard, before).await
    }

    async fn delete(&self, shard: ShardId) -> Result<(), StoreError> {
        self.changes_left.take_from_store()?;
        self.inner.delete(shard).await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }
}

struct MeddledWriter {
    inner: Box<dyn ShardWriter>,
    held: watch::Receiver<bool>,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    changes_left: Allowance,
    dead: bool,
}

#[async_trait]
impl ShardWriter for MeddledWriter {
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError> {
        if self.dead {
            return Err(StoreError::Unavailable(ordered()));
        }
        let fate = self.fates.lock().unwrap().pop_front();
        self.dead = matches!(fate, Some(Fate::Lost | Fate::Written));
        let written = match fate {
            Some(Fate::Refused) => return Err(StoreError::Unavailable(ordered())),
            Some(Fate::Lost | Fate::NotWritten) => None,
            Some(Fate::Written) | None => Some(self.inner.append(first, batch).await?),
        };
        let (dead, mut held) = (self.dead, self.held.clone());
        Ok(Box::pin(async move {
            let _ = held.wait_for(|held| !held).await;
            match written {
                _ if dead => Err(StoreError::Unknown(ordered())),
                Some(durable) => durable.await,
                None => Err(StoreError::Unavailable(ordered())),
            }
        }))
    }

    fn use_reserve(&mut self, allowed: bool) {
        self.inner.use_reserve(allowed);
    }

    async fn seal(&mut self) -> Result<(), StoreError> {
        self.changes_left.take_from_store()?;
        self.inner.seal().await
    }
}

/// Metadata in memory that takes only so many more writes.
pub(crate) struct FailingMeta {
    pub(crate) inner: MemoryMeta,
    pub(crate) writes_left: Allowance,
    /// Makes each write wait for a while, so that a caller can go away meanwhile.
    pub(crate) slow: AtomicBool,
}

impl FailingMeta {
    pub(crate) fn new() -> Self {
        Self { inner: MemoryMeta::new(), writes_left: Allowance::without_end(), slow: AtomicBool::new(false) }
    }

    async fn write(&self) -> Result<(), MetaError> {
        if self.slow.load(Ordering::SeqCst) {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        self.writes_left.take().then_some(()).ok_or_else(|| MetaError::Unavailable(ordered()))
    }
}

#[async_trait]
impl MetaStore for FailingMeta {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, MetaError> {
        self.write().await?;
        self.inner.put(key, expected, value).await
    }

    async fn remove(&self, key: &str, expected: u64) -> Result<(), MetaError> {
        self.write().await?;
        self.inner.remove(key, expected).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        self.inner.list(prefix).await
    }
}
