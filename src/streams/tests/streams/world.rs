//! What a test stands on: a store, metadata, keys and a stopped clock, which outlive the service.

use crate::meddling::{FailingMeta, MeddledStore};
use bytes::Bytes;
use shardlog::LogStore;
use shardlog::env::Env;
use shardlog::env::sim::{SimHandles, sim_env};
use shardlog::memory::MemoryStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use streams::{
    Arrival, NewStream, Parts, PlainRecord, ReadLimit, Record, SealedSettings, Seq, Shard, StreamKind,
    Streams, StreamsConfig, WhenFull,
};
use vault::{RootSource, SystemEntropy, Vault};

pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) sim: SimHandles,
    pub(crate) store: Arc<MeddledStore>,
    pub(crate) meta: Arc<FailingMeta>,
    pub(crate) vault: Arc<Vault>,
    _keys: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn on(store: Arc<dyn LogStore>) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let root = RootSource::from_file(keys.path().join("root"), true);
        let vault = Vault::open(&keys.path().join("keys"), &root, Arc::new(SystemEntropy)).unwrap();
        let (env, sim) = sim_env(7);
        Self {
            env,
            sim,
            store: Arc::new(MeddledStore::new(store)),
            meta: Arc::new(FailingMeta::new()),
            vault: Arc::new(vault),
            _keys: keys,
        }
    }

    /// Goes on with another store, as after a restart.
    pub(crate) fn replace_store(&mut self, store: Arc<dyn LogStore>) {
        self.store = Arc::new(MeddledStore::new(store));
    }

    pub(crate) async fn open(&self) -> Streams {
        self.open_with(StreamsConfig::default()).await
    }

    pub(crate) async fn open_with(&self, config: StreamsConfig) -> Streams {
        let (store, meta) = (self.store.clone(), self.meta.clone());
        Streams::open(store, meta, self.vault.clone(), self.env.clone(), config).await.unwrap()
    }

    /// A service with one stream, `cam`, of one shard that keeps records for a day.
    pub(crate) async fn with_cam(&self) -> (Streams, Shard) {
        let streams = self.open().await;
        streams.create(new("cam")).await.unwrap();
        let shard = streams.shard("cam", 0).unwrap();
        (streams, shard)
    }

    pub(crate) fn now(&self) -> Arrival {
        Arrival(self.env.clock.now_ms())
    }
}

pub(crate) fn new(name: &str) -> NewStream {
    NewStream {
        name: name.to_owned(),
        kind: StreamKind::Video,
        shards: 1,
        retention_hours: 24,
        retention_bytes: None,
        when_full: WhenFull::Refuse,
        attributes: BTreeMap::new(),
        sealed_settings: SealedSettings::default(),
        data: None,
    }
}

/// A stream of data records.
pub(crate) fn data(name: &str, shards: u32) -> NewStream {
    NewStream { kind: StreamKind::Data, shards, ..new(name) }
}

pub(crate) fn record(head: &str, body: impl Into<Bytes>) -> Record {
    Record { head: Bytes::copy_from_slice(head.as_bytes()), body: body.into() }
}

/// Appends one record and waits until it is durable.
pub(crate) async fn put(shard: &Shard, head: &str) -> Seq {
    let appended = shard.append(vec![record(head, format!("body of {head}"))]).await.unwrap();
    appended.durable.await.unwrap();
    appended.first
}

pub(crate) async fn read_all(shard: &Shard) -> Vec<PlainRecord> {
    let mut next = shard.state().await.unwrap().tail.first;
    let mut all = Vec::new();
    loop {
        let limit = ReadLimit { records: 100, bytes: 1 << 20 };
        let page = shard.read(next, limit, Parts::Whole).await.unwrap();
        let Some(last) = page.last() else { return all };
        next = last.seq.plus(1);
        all.extend(page);
    }
}

/// The heads of all records, as text.
pub(crate) async fn heads(shard: &Shard) -> Vec<String> {
    let text = |record: PlainRecord| String::from_utf8(record.head.to_vec()).unwrap();
    read_all(shard).await.into_iter().map(text).collect()
}
