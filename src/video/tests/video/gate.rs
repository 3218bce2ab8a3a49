//! A store in memory whose appends become durable, for those who wait, only when a test opens the gate.

use async_trait::async_trait;
use bytes::Bytes;
use shardlog::env::Space;
use shardlog::memory::MemoryStore;
use shardlog::{
    Arrival, Durable, Epoch, Limits, LogStore, Parts, ReadLimit, RetentionClass, SealedRecord, Seq, ShardId,
    ShardState, ShardWriter, StoreError, StoredRecord, Tail,
};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

pub(crate) struct GatedStore {
    store: MemoryStore,
    /// How many appends may become durable.
    gate: watch::Sender<u64>,
    /// Bytes that have been admitted.
    pub(crate) admitted_bytes: Arc<AtomicU64>,
}

impl GatedStore {
    pub(crate) fn new() -> Self {
        Self { store: MemoryStore::new(), gate: watch::Sender::new(0), admitted_bytes: Arc::default() }
    }

    /// Lets so many more appends become durable.
    pub(crate) fn open(&self, appends: u64) {
        self.gate.send_modify(|open| *open = open.saturating_add(appends));
    }
}

struct GatedWriter {
    writer: Box<dyn ShardWriter>,
    gate: watch::Receiver<u64>,
    appended: u64,
    admitted_bytes: Arc<AtomicU64>,
}

#[async_trait]
impl ShardWriter for GatedWriter {
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError> {
        let bytes: usize = batch.iter().map(|record| record.body.len()).sum();
        self.admitted_bytes.fetch_add(bytes as u64, Ordering::SeqCst);
        let durable = self.writer.append(first, batch).await?;
        self.appended += 1;
        let (number, mut gate) = (self.appended, self.gate.clone());
        Ok(Box::pin(async move {
            _ = gate.wait_for(|open| *open >= number).await;
            durable.await
        }))
    }

    fn use_reserve(&mut self, allowed: bool) {
        self.writer.use_reserve(allowed);
    }

    async fn seal(&mut self) -> Result<(), StoreError> {
        self.writer.seal().await
    }
}

#[async_trait]
impl LogStore for GatedStore {
    async fn create(&self, shard: ShardId, class: RetentionClass) -> Result<(), StoreError> {
        self.store.create(shard, class).await
    }

    async fn claim(
        &self,
        shard: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError> {
        let (state, writer) = self.store.claim(shard, epoch).await?;
        let (gate, admitted_bytes) = (self.gate.subscribe(), self.admitted_bytes.clone());
        Ok((state, Box::new(GatedWriter { writer, gate, appended: 0, admitted_bytes })))
    }

    async fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        self.store.shards().await
    }

    async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        self.store.state(shard).await
    }

    fn watch(&self, shard: ShardId) -> Result<watch::Receiver<Tail>, StoreError> {
        self.store.watch(shard)
    }

    async fn seek(&self, shard: ShardId, at: Arrival) -> Result<Seq, StoreError> {
        self.store.seek(shard, at).await
    }

    async fn read(
        &self,
        shard: ShardId,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.store.read(shard, from, limit, parts).await
    }

    async fn stored_from(&self, shard: ShardId, from: Seq) -> Result<u64, StoreError> {
        self.store.stored_from(shard, from).await
    }

    async fn space(&self) -> Result<Space, StoreError> {
        self.store.space().await
    }

    async fn body(&self, shard: ShardId, seq: Seq, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.store.body(shard, seq, range).await
    }

    async fn trim(&self, shard: ShardId, before: Seq) -> Result<(), StoreError> {
        self.store.trim(shard, before).await
    }

    async fn delete(&self, shard: ShardId) -> Result<(), StoreError> {
        self.store.delete(shard).await
    }

    fn limits(&self) -> Limits {
        self.store.limits()
    }
}
