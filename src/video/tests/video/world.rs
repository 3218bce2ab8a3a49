//! What a test stands on: a store, metadata, keys and a stopped clock, which outlive the service.

use bytes::Bytes;
use shardlog::env::Env;
use shardlog::env::sim::{SimHandles, sim_env};
use shardlog::memory::MemoryStore;
use shardlog::meta::MemoryMeta;
use shardlog::{LogStore, MetaStore};
use std::sync::Arc;
use std::time::Duration;
use streams::{Arrival, RetentionReport, Streams, StreamsConfig};
use vault::{RootSource, SystemEntropy, Vault};
use video::{End, IngestSession, NewVideo, SessionOptions, Summary, Uris, Video, VideoConfig};

/// The machine: what a restart leaves.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) sim: SimHandles,
    pub(crate) store: Arc<dyn LogStore>,
    meta: Arc<dyn MetaStore>,
    vault: Arc<Vault>,
    _keys: tempfile::TempDir,
}

/// The service: what a restart ends.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) streams: Streams,
    pub(crate) video: Video,
    pub(crate) sim: SimHandles,
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
        let meta = Arc::new(MemoryMeta::new());
        Self { env, sim, store, meta, vault: Arc::new(vault), _keys: keys }
    }

    pub(crate) async fn open(&self) -> Service {
        self.open_with(VideoConfig::default()).await
    }

    /// Opens a service; one that was open before is as good as killed, unless it was shut down.
    pub(crate) async fn open_with(&self, config: VideoConfig) -> Service {
        let (store, meta) = (self.store.clone(), self.meta.clone());
        let streams =
            Streams::open(store, meta, self.vault.clone(), self.env.clone(), StreamsConfig::default())
                .await
                .unwrap();
        let video = Video::open(streams.clone(), self.env.clone(), config);
        Service { streams, video, sim: self.sim.clone() }
    }

    /// A service with one stream, `cam`, that keeps footage for a day.
    pub(crate) async fn with_cam(&self) -> Service {
        let service = self.open().await;
        service.create("cam", 24).await;
        service
    }
}

impl Service {
    pub(crate) async fn create(&self, name: &str, retention_hours: u32) {
        self.video.create(NewVideo::named(name, retention_hours)).await.unwrap();
    }

    pub(crate) async fn begin(&self) -> IngestSession {
        self.video.ingest("cam", options()).await.unwrap()
    }

    /// Uploads all of it in one go.
    pub(crate) async fn upload(&self, bytes: &Bytes) -> Summary {
        self.upload_with(bytes, options()).await
    }

    pub(crate) async fn upload_with(&self, bytes: &Bytes, options: SessionOptions) -> Summary {
        let mut session = self.video.ingest("cam", options).await.unwrap();
        // What is wrong with the upload stands in the summary.
        let _ = session.push(bytes.clone()).await;
        session.finish(End::Eof).await
    }

    /// Pushes chunks as they would come: each when its `lasts` is over.
    pub(crate) async fn push_live(&self, session: &mut IngestSession, chunks: &[Bytes], lasts: Duration) {
        for chunk in chunks {
            self.sim.clock.advance(lasts);
            session.push(chunk.clone()).await.unwrap();
            settle().await;
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        use shardlog::env::Clock as _;
        self.sim.clock.now_ms()
    }

    /// Every record of the stream fits together with the others.
    pub(crate) async fn verify(&self) {
        let verified = self.video.verify("cam").await.unwrap();
        assert_eq!(verified.faults, Vec::<String>::new());
    }

    pub(crate) async fn retention_pass(&self) -> RetentionReport {
        self.streams.retention_pass(&*self.video.trim_guard(), Arrival(self.now_ms())).await
    }

    /// Ends the service as SIGTERM would.
    pub(crate) async fn shutdown(self) {
        self.video.shutdown().await;
        self.streams.shutdown().await;
    }
}

pub(crate) fn options() -> SessionOptions {
    SessionOptions { peer: "192.0.2.7:5000".to_owned(), ..SessionOptions::default() }
}

pub(crate) fn uris() -> Uris {
    Uris { prefix: "../".to_owned(), suffix: String::new() }
}

/// Like `assert_eq`, for long texts: shows where they part.
pub(crate) fn assert_same(left: &str, right: &str) {
    let at = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let near = |text: &str| text.get(at.saturating_sub(150)..(at + 150).min(text.len())).map(str::to_owned);
    assert!(left == right, "they part at {at}:\n{:?}\n{:?}", near(left), near(right));
}

/// Lets every task that can go on do so. With a stopped clock and a store in memory nothing else moves.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
