//! A running service: its parts opened in order, and closed in the opposite one.

use crate::app::{App, AppState};
use crate::audit::Audit;
use crate::auth::{Credentials, Identities, KeysError};
use crate::aws::Aws;
use crate::ballast::Ballast;
use crate::cameras::pull::Sources;
use crate::cameras::{Cameras, CamerasConfig};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::frames::ARCHIVES_MAX;
use crate::health::DiskProbe;
use crate::keystore_copy::{self, Keystore};
use crate::metrics::Metrics;
use crate::root::{Root, RootError};
use crate::rtsp::Rtsp;
use crate::workers::{Pool, PoolConfig};
use shardlog::env::{Env, FileSystem, RealFiles};
use shardlog::local::{LocalOptions, LocalStore};
use shardlog::meta::JournalledMeta;
use shardlog::{LogStore, MetaError, MetaStore, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use streams::{DiskMarks, Streams, StreamsConfig};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vault::{Entropy, Vault, VaultError};
use video::{Video, VideoConfig};

/// How long ingest sessions and media-workers may take to finish after a signal to stop.
const SESSIONS_GRACE: Duration = Duration::from_secs(2);
/// How long the log may take to become durable and closed.
const LOG_GRACE: Duration = Duration::from_secs(2);

/// Why a service cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The keystore.
    #[error("keystore: {0}")]
    Vault(#[from] VaultError),
    /// The root key.
    #[error("root key: {0}")]
    Root(#[from] RootError),
    /// The keystore is not there, and the metadata that it sealed has no copy of it.
    #[error("the keystore {0} is lost, and there is no copy of it in the metadata: put one back")]
    KeystoreLost(PathBuf),
    /// The metadata.
    #[error("metadata: {0}")]
    Meta(#[from] MetaError),
    /// The record log.
    #[error("record log: {0}")]
    Store(#[from] StoreError),
    /// The disk cannot be asked how large it is.
    #[error("disk: {0}")]
    Disk(#[source] std::io::Error),
    /// The catalogue of streams.
    #[error("streams: {0}")]
    Streams(#[from] streams::OpenError),
    /// The audit log cannot be opened.
    #[error("audit log: {0}")]
    Audit(#[source] std::io::Error),
    /// The access keys.
    #[error("access keys: {0}")]
    Keys(#[from] KeysError),
    /// The counters.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Opening the keystore panicked.
    #[error("keystore: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The log did not become durable and closed in time. What was acknowledged is safe; the next start recovers.
#[derive(Debug, thiserror::Error)]
#[error("the record log did not close in time")]
pub struct SlowClose;

/// A running service.
pub struct Service {
    app: App,
    streams: Streams,
    new_credentials: Option<PathBuf>,
}

impl Service {
    /// Opens log, metadata, keystore and everything on top of them. `data` must stay open as long as the service.
    pub async fn open(
        config: Config,
        data: &DataDir,
        root: Root,
        preset: Option<Credentials>,
        env: Env,
    ) -> Result<Self, ServiceError> {
        for path in data.unknown() {
            tracing::warn!(path = %path.display(), "left an unknown file in the data directory alone");
        }
        let marks = disk_marks(&config, data)?;
        let store = LocalStore::open(data.log(), log_options(&config, marks), env.clone()).await?;
        let store = Arc::new(store);
        let log: Arc<dyn LogStore> = store.clone();
        let meta: Arc<dyn MetaStore> =
            Arc::new(JournalledMeta::open(data.meta(), log.clone(), env.clone()).await?);
        keystore_copy::restore(&*meta, &data.keys()).await?;
        let root_kms = root.kms().cloned();
        let vault = open_vault(data, root, &env).await?;
        let opened =
            Identities::open(meta.clone(), vault.clone(), env.clone(), preset, &data.credentials()).await?;
        let (keys, created) = opened;
        let limits = StreamsConfig { marks, rates: config.shard_rates(), ..StreamsConfig::default() };
        let streams = Streams::open(log, meta.clone(), vault.clone(), env.clone(), limits).await?;
        keystore_copy::keep(&*meta, &data.keys()).await;
        let keystore = Keystore::new(vault.clone(), meta.clone(), data.keys(), env.clone());
        let audit = Audit::open(&data.audit(), env.clone()).map_err(ServiceError::Audit)?;
        let video_config =
            VideoConfig { target_duration_s: config.target_duration_s, ..VideoConfig::default() };
        let video = Video::open(streams.clone(), env.clone(), video_config);
        streams.spawn_retention(video.trim_guard());
        streams.spawn_resharding();
        let pool = Pool::start(pool_config(&config, data), env.clock.clone());
        if let Err(error) = &pool {
            // Recording and playing need no worker.
            tracing::warn!(%error, "no frames can be made");
        }
        let (metrics, stop) = (Metrics::new()?, CancellationToken::new());
        let ballast = Ballast::new(data.path(), marks.reserve, marks.full_below);
        tokio::spawn(ballast.keep(env.clock.clone(), stop.clone()));
        let cameras = cameras_config(&config, data);
        let cameras = Cameras::start(video.clone(), cameras, env.clock.clone(), &metrics, stop.clone());
        let sources = Sources::start(cameras.clone(), video.clone(), env.clone(), stop.clone());
        let aws = Aws::open(meta.clone(), &keystore, &config, env.clock.now_ms()).await?;
        let app = AppState {
            data: data.path().to_owned(),
            started: env.clock.monotonic(),
            keys,
            keystore,
            audit,
            root_kms,
            metrics,
            rtsp: Rtsp::default(),
            disk: DiskProbe::default(),
            archives: Arc::new(Semaphore::new(ARCHIVES_MAX)),
            stop,
            sessions: TaskTracker::new(),
            config,
            env,
            vault,
            store,
            strays: streams.strays().to_vec(),
            streams: streams.clone(),
            aws,
            sources,
            cameras,
            video,
            pool,
        };
        let app = Arc::new(app);
        keep_house(&app);
        Ok(Self { app, streams, new_credentials: created.then(|| data.credentials()) })
    }

    /// What handlers of requests share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The credentials file, if this start made the root access key.
    pub fn new_credentials(&self) -> Option<&Path> {
        self.new_credentials.as_deref()
    }

    /// Ends everything: sessions finish, the log becomes durable and is closed. Takes at most [`SESSIONS_GRACE`] and
    /// [`LOG_GRACE`].
    pub async fn close(self) -> Result<(), SlowClose> {
        let Self { app, streams, .. } = self;
        app.stop.cancel();
        app.sessions.close();
        let sessions = async {
            app.sessions.wait().await;
            app.sources.shutdown().await;
            app.cameras.shutdown().await;
            if let Ok(pool) = &app.pool {
                pool.shutdown().await;
            }
        };
        tokio::select! {
            () = sessions => {}
            () = app.env.clock.sleep(SESSIONS_GRACE) => {
                tracing::warn!("some uploads or media-workers did not finish in time");
            }
        }
        let closing = async {
            app.audit.write_counts().await;
            if let Err(error) = app.keys.save_used().await {
                tracing::warn!(%error, "when access keys were used last could not be written down");
            }
            app.video.shutdown().await;
            streams.shutdown().await;
            app.store.close().await;
        };
        tokio::select! {
            () = closing => {}
            () = app.env.clock.sleep(LOG_GRACE) => return Err(SlowClose),
        }
        tracing::info!("closed");
        Ok(())
    }
}

/// What has to be done from time to time, until the service stops.
fn keep_house(app: &App) {
    let (keeper, ended) = (app.clone(), app.stop.clone());
    app.sessions.spawn(async move {
        tokio::select! {
            () = keeper.keys.keep_used() => {}
            () = keeper.audit.keep_counting() => {}
            () = keeper.keystore.keep_sweeping() => {}
            () = keep_asking_for_root(&keeper) => {}
            () = ended.cancelled() => {}
        }
    });
}

/// Asks the external KMS, if there is one, whether the root key may still be used.
async fn keep_asking_for_root(app: &App) {
    match &app.root_kms {
        Some(kms) => {
            let interval = Duration::from_secs(app.config.root_kms_check_s);
            kms.keep_asking(&app.vault, interval, &app.env).await;
        }
        None => std::future::pending().await,
    }
}

/// How full the disk may become.
fn disk_marks(config: &Config, data: &DataDir) -> Result<DiskMarks, ServiceError> {
    let total = RealFiles.space(data.path()).map_err(ServiceError::Disk)?.total;
    let reserve = config.disk_reserve_mib << 20;
    Ok(DiskMarks { full_below: config.disk_free_min.of(total).max(2 * reserve), reserve })
}

fn log_options(config: &Config, marks: DiskMarks) -> LocalOptions {
    LocalOptions {
        segment_bytes: config.segment_mib << 20,
        recent_bytes: usize::try_from(config.live_cache_mib << 20).unwrap_or(usize::MAX),
        reserve_bytes: marks.reserve,
        ..LocalOptions::default()
    }
}

/// The environment's randomness, as the vault takes it.
pub(crate) struct EnvEntropy(pub(crate) Env);

impl Entropy for EnvEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.random.fill(buffer);
    }
}

/// Opens the keystore of a data directory.
pub async fn open_vault(data: &DataDir, root: Root, env: &Env) -> Result<Arc<Vault>, ServiceError> {
    let root = Box::pin(root.unlock(&data.keys(), env)).await?;
    let (dir, entropy) = (data.keys(), Arc::new(EnvEntropy(env.clone())));
    let vault = tokio::task::spawn_blocking(move || Vault::open(&dir, &root, entropy)).await??;
    Ok(Arc::new(vault))
}

/// The `media-worker` executable.
fn worker_binary(config: &Config) -> PathBuf {
    // Without a path to ourselves there is nothing to look beside: the bare name then fails to be found.
    let beside = || std::env::current_exe().unwrap_or_default().with_file_name("media-worker");
    config.media_worker.clone().unwrap_or_else(beside)
}

fn cameras_config(config: &Config, data: &DataDir) -> CamerasConfig {
    CamerasConfig {
        binary: worker_binary(config),
        cache_dir: data.workers(),
        workers: usize::try_from(config.camera_workers).unwrap_or(1),
        memory_max_bytes: config.camera_worker_memory_mib << 20,
        retention_hours: config.retention_hours,
        takeover: config.publisher_takeover,
    }
}

fn pool_config(config: &Config, data: &DataDir) -> PoolConfig {
    PoolConfig {
        workers: usize::try_from(config.workers).unwrap_or(1),
        request_timeout: Duration::from_secs(config.worker_timeout_s),
        memory_max_bytes: config.worker_memory_mib << 20,
        ..PoolConfig::new(worker_binary(config), data.workers())
    }
}
