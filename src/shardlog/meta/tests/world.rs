//! A log and a table that fail when told to, and what should stand in them.

use crate::env::sim::{SeededRandom, SimHandles, sim_env};
use crate::env::{Env, Space};
use crate::error::StoreError;
use crate::memory::MemoryStore;
use crate::meta::journal::Journal;
use crate::meta::journalled::Restating;
use crate::meta::table::{Change, Position, Snapshot, Table};
use crate::meta::{JOURNAL_SHARD, JournalledMeta, MetaError, MetaStore, Versioned};
use crate::store::{Durable, LogStore, ShardWriter};
use crate::types::*;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

pub(super) type Rows = BTreeMap<String, Versioned>;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The process dies: nothing works any more.
    Crash,
    /// One operation fails, and says so, but for a table, which has not to say.
    Refusal,
    /// One operation has an unknown outcome.
    Doubt,
}

/// Counts operations, each as two steps: before it happens, and after.
#[derive(Default)]
pub(super) struct Fate {
    steps_left: Option<u64>,
    trouble: Option<Trouble>,
    crashed: bool,
}

#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Fate>>);

impl Shared {
    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.0.lock().unwrap()
    }

    /// Something goes wrong after so many steps, or never again.
    pub(super) fn set(&self, after: Option<u64>, trouble: Trouble) {
        *self.fate() = Fate { steps_left: after, trouble: Some(trouble), crashed: false };
    }

    /// Whether what was ordered has not happened yet.
    pub(super) fn is_ahead(&self) -> bool {
        self.fate().steps_left.is_some()
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.fate().crashed
    }

    /// A step; somebody else may have a turn first.
    async fn step(&self, after: bool) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.outcome(after)
    }

    fn outcome(&self, after: bool) -> Result<(), StoreError> {
        let source = || Arc::new(io::Error::other("ordered")) as crate::Source;
        let mut fate = self.fate();
        if fate.crashed {
            return Err(StoreError::Unavailable(source()));
        }
        match fate.steps_left {
            Some(0) => fate.steps_left = None,
            left => {
                fate.steps_left = left.map(|left| left - 1);
                return Ok(());
            }
        }
        match fate.trouble {
            Some(Trouble::Refusal) if !after => Err(StoreError::Unavailable(source())),
            Some(Trouble::Crash) => {
                fate.crashed = true;
                Err(StoreError::Unknown(source()))
            }
            _ => Err(StoreError::Unknown(source())),
        }
    }
}

pub(super) struct World {
    pub(super) env: Env,
    pub(super) machine: SimHandles,
    pub(super) fate: Shared,
    pub(super) log: Arc<FatedLog>,
    pub(super) table: Arc<FatedTable>,
    /// What should stand there.
    pub(super) model: Rows,
    random: SeededRandom,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (env, machine) = sim_env(seed);
        Self::on(seed, env, machine, Arc::new(MemoryStore::new()))
    }

    /// With a log that is there already.
    pub(super) fn on(seed: u64, env: Env, machine: SimHandles, log: Arc<dyn LogStore>) -> Self {
        let fate = Shared::default();
        let log = FatedLog { inner: log, fate: fate.clone(), damaged: Mutex::default() };
        let table = FatedTable { fate: fate.clone(), full: AtomicBool::new(false), stored: Mutex::default() };
        let random = SeededRandom::new(seed);
        Self { env, machine, fate, log: Arc::new(log), table: Arc::new(table), model: Rows::new(), random }
    }

    /// Goes on with another log, as after a restart.
    pub(super) fn replace_log(&mut self, env: Env, log: Arc<dyn LogStore>) {
        let log = FatedLog { inner: log, fate: self.fate.clone(), damaged: Mutex::default() };
        (self.env, self.log) = (env, Arc::new(log));
    }

    /// Opens the metadata, with statements so often that many runs see one.
    pub(super) async fn open(&self) -> Result<JournalledMeta, MetaError> {
        let journal = Journal::read(&*self.log).await?;
        let restating = Restating { changes: 5, age_ms: 1 << 40 };
        JournalledMeta::on(self.table.clone(), self.log.clone(), self.env.clone(), journal, restating).await
    }

    /// A change that a seed chooses: the key, what should stand there afterwards.
    pub(super) fn choose(&self) -> (String, Option<Versioned>) {
        let key = format!("key {}", self.random.below(4));
        let found = self.model.get(&key).map(|row| row.version);
        if found.is_some() && self.random.below(3) == 0 {
            return (key, None);
        }
        let value = Bytes::from(vec![b'v'; self.random.below(300) as usize]);
        (key, Some(Versioned { version: found.unwrap_or(0) + 1, value }))
    }

    pub(super) async fn make(
        &self,
        meta: &JournalledMeta,
        key: &str,
        to: Option<&Versioned>,
    ) -> Result<(), MetaError> {
        let found = self.model.get(key).map(|row| row.version);
        match to {
            Some(row) => {
                let version = meta.put(key, found, row.value.clone()).await?;
                assert_eq!(version, row.version);
                Ok(())
            }
            None => meta.remove(key, found.unwrap()).await,
        }
    }

    pub(super) fn note(&mut self, key: &str, to: Option<Versioned>) {
        match to {
            Some(row) => _ = self.model.insert(key.to_owned(), row),
            None => _ = self.model.remove(key),
        }
    }

    /// Makes `count` changes, all of which must go well.
    pub(super) async fn change(&mut self, meta: &JournalledMeta, count: usize) {
        for _ in 0..count {
            let (key, to) = self.choose();
            self.make(meta, &key, to.as_ref()).await.unwrap();
            self.note(&key, to);
        }
    }

    pub(super) async fn journal_len(&self) -> u64 {
        let tail = self.log.inner.state(JOURNAL_SHARD).await.unwrap().tail;
        tail.next.0 - tail.first.0
    }
}

pub(super) async fn all(meta: &JournalledMeta) -> Rows {
    meta.list("").await.unwrap().into_iter().collect()
}

pub(super) struct FatedTable {
    fate: Shared,
    /// It cannot be written.
    pub(super) full: AtomicBool,
    stored: Mutex<Snapshot>,
}

impl FatedTable {
    pub(super) fn copy(&self) -> Snapshot {
        self.stored.lock().unwrap().clone()
    }

    pub(super) fn put_back(&self, copy: Snapshot) {
        *self.stored.lock().unwrap() = copy;
    }

    async fn step(&self, after: bool) -> Result<(), MetaError> {
        self.fate.step(after).await.map_err(|error| MetaError::Unavailable(Arc::new(error)))
    }
}

#[async_trait]
impl Table for FatedTable {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, MetaError> {
        Ok(self.copy().rows.get(key).cloned())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Versioned)>, MetaError> {
        Ok(self.copy().rows.into_iter().filter(|(key, _)| key.starts_with(prefix)).collect())
    }

    async fn position(&self) -> Result<Option<Position>, MetaError> {
        Ok(self.copy().position)
    }

    async fn apply(&self, changes: Vec<Change>, position: Position) -> Result<(), MetaError> {
        self.step(false).await?;
        if self.full.load(Ordering::Relaxed) {
            return Err(MetaError::Unavailable(Arc::new(io::Error::from(io::ErrorKind::StorageFull))));
        }
        let mut stored = self.copy();
        for change in changes {
            match change {
                Change::Put { key, version, value } => {
                    stored.rows.insert(key, Versioned { version, value });
                }
                Change::Remove { key } => _ = stored.rows.remove(&key),
            }
        }
        stored.position = Some(position);
        self.put_back(stored);
        self.step(true).await
    }
}

/// What is damaged of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damaged {
    Body,
    All,
}

pub(super) struct FatedLog {
    pub(super) inner: Arc<dyn LogStore>,
    fate: Shared,
    pub(super) damaged: Mutex<BTreeMap<Seq, Damaged>>,
}

impl FatedLog {
    pub(super) fn damage(&self, seq: Seq, what: Damaged) {
        self.damaged.lock().unwrap().insert(seq, what);
    }
}

#[async_trait]
impl LogStore for FatedLog {
    async fn create(&self, shard: ShardId, class: RetentionClass) -> Result<(), StoreError> {
        assert_eq!((shard, class), (JOURNAL_SHARD, RetentionClass::METADATA));
        self.fate.step(false).await?;
        self.inner.create(shard, class).await?;
        self.fate.step(true).await
    }

    async fn claim(
        &self,
        shard: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError> {
        self.fate.step(false).await?;
        let (state, writer) = self.inner.claim(shard, epoch).await?;
        self.fate.step(true).await?;
        Ok((state, Box::new(FatedWriter { inner: writer, fate: self.fate.clone() })))
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
        let mut found = self.inner.read(shard, from, limit, parts).await?;
        let damaged = self.damaged.lock().unwrap();
        let hurts = |what: &Damaged| *what == Damaged::All || parts == Parts::Whole;
        let first = damaged.range(from..).find(|(_, what)| hurts(what)).map(|(seq, _)| *seq);
        if first == Some(from) {
            return Err(StoreError::Corrupt { place: format!("record {from}"), what: "ordered".to_owned() });
        }
        found.retain(|record| first.is_none_or(|first| record.seq < first));
        Ok(found)
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
        self.fate.step(false).await?;
        self.inner.trim(shard, before).await?;
        self.fate.step(true).await
    }

    async fn delete(&self, _: ShardId) -> Result<(), StoreError> {
        panic!("the journal is never deleted")
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }
}

struct FatedWriter {
    inner: Box<dyn ShardWriter>,
    fate: Shared,
}

#[async_trait]
impl ShardWriter for FatedWriter {
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError> {
        self.fate.step(false).await?;
        let durable = self.inner.append(first, batch).await?;
        let fate = self.fate.clone();
        Ok(Box::pin(async move {
            durable.await?;
            fate.step(true).await
        }))
    }

    fn use_reserve(&mut self, allowed: bool) {
        self.inner.use_reserve(allowed);
    }

    async fn seal(&mut self) -> Result<(), StoreError> {
        panic!("the journal is never sealed")
    }
}
