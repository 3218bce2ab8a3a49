//! What is measured: streams, vault and the local log as the server puts them together, in this process.

use super::reads::Reads;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use shardlog::env::hooked::HookedFiles;
use shardlog::env::{Clock, Env, RealFiles, SystemClock};
use shardlog::meta::MemoryMeta;
use shardlog::{LocalOptions, LocalStore};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use streams::{NewStream, Record, SealedSettings, Shard, StreamKind, Streams, StreamsConfig, WhenFull};
use vault::{RootSource, SystemEntropy, Vault};

/// About what the head of a chunk of video takes.
const HEAD_BYTES: usize = 96;

/// The system's clock, until it is set to something else.
pub(crate) struct Dial {
    system: SystemClock,
    now_ms: AtomicU64,
}

impl Dial {
    /// From now on it stands at `now_ms`.
    pub(crate) fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }
}

impl Clock for Dial {
    fn now_ms(&self) -> u64 {
        match self.now_ms.load(Ordering::Relaxed) {
            0 => self.system.now_ms(),
            set => set,
        }
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.system.sleep(duration)
    }
}

/// What outlives the closing of a world: its keys, its catalogue, its clock.
pub(crate) struct Machine {
    pub(crate) folder: PathBuf,
    pub(crate) clock: Arc<Dial>,
    pub(crate) reads: Arc<Reads>,
    meta: Arc<MemoryMeta>,
    vault: Arc<Vault>,
}

impl Machine {
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let root = RootSource::from_file(folder.join("root"), true);
        let vault = Vault::open(&folder.join("keys"), &root, Arc::new(SystemEntropy)).expect("a keystore");
        Self {
            folder: folder.to_owned(),
            clock: Arc::new(Dial { system: SystemClock::new(), now_ms: AtomicU64::new(0) }),
            reads: Arc::default(),
            meta: Arc::default(),
            vault: Arc::new(vault),
        }
    }

    /// Opens the log in the folder `log`, and the streams on it.
    pub(crate) async fn open(&self, log: &str, options: LocalOptions) -> World {
        let files = Arc::new(HookedFiles::new(Arc::new(RealFiles), self.reads.clone()));
        let env = Env { clock: self.clock.clone(), files, ..Env::real() };
        let store = LocalStore::open(self.folder.join(log), options, env.clone()).await.expect("the log");
        let streams = Streams::open(
            Arc::new(store.clone()),
            self.meta.clone(),
            self.vault.clone(),
            env,
            StreamsConfig::default(),
        );
        World { streams: streams.await.expect("the streams"), store }
    }
}

/// An open log with streams on it.
pub(crate) struct World {
    pub(crate) store: LocalStore,
    pub(crate) streams: Streams,
}

impl World {
    /// New streams of one shard.
    pub(crate) async fn shards(&self, prefix: &str, count: usize) -> Vec<Shard> {
        let mut shards = Vec::new();
        for index in 0..count {
            let name = format!("{prefix}-{index}");
            self.streams.create(new_stream(&name, 1)).await.expect("a stream");
            shards.push(self.streams.shard(&name, 0).expect("a shard"));
        }
        shards
    }

    pub(crate) async fn close(self) {
        self.streams.shutdown().await;
        self.store.close().await;
    }
}

/// A stream that keeps everything.
pub(crate) fn new_stream(name: &str, shards: u32) -> NewStream {
    NewStream {
        name: name.to_owned(),
        kind: StreamKind::Video,
        shards,
        retention_hours: 24 * 365,
        retention_bytes: None,
        when_full: WhenFull::Refuse,
        attributes: BTreeMap::new(),
        sealed_settings: SealedSettings::default(),
        data: None,
    }
}

/// A batch of equal records.
pub(crate) fn batch(records: usize, body_bytes: usize) -> Vec<Record> {
    let body: Bytes = (0..body_bytes).map(|index| (index * 31 % 251) as u8).collect();
    let head = Bytes::from_static(&[7; HEAD_BYTES]);
    vec![Record { head, body }; records]
}

/// Empties the page cache of the files of the log in a folder, which must be synced.
pub(crate) fn drop_caches(log: &Path) {
    for lane in std::fs::read_dir(log).expect("the log").flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(lane.path()).expect("a lane").flatten() {
            drop_cache(&file.path());
        }
    }
}

/// Empties the page cache of one file, which must be synced.
pub(crate) fn drop_cache(path: &Path) {
    let file = std::fs::File::open(path).expect("a file");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("fadvise");
}
