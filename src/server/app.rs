//! What the handlers of requests share.

use crate::audit::Audit;
use crate::auth::Identities;
use crate::aws::Aws;
use crate::aws::root_kms::RootKms;
use crate::cameras::Cameras;
use crate::cameras::pull::Sources;
use crate::config::Config;
use crate::health::DiskProbe;
use crate::keystore_copy::Keystore;
use crate::metrics::Metrics;
use crate::rtsp::Rtsp;
use crate::workers::{Pool, StartError};
use shardlog::env::Env;
use shardlog::local::LocalStore;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use streams::{StrayShard, Streams};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vault::Vault;
use video::Video;

/// One running service; cheap to clone.
pub type App = Arc<AppState>;

/// The parts of a running service.
pub struct AppState {
    /// The settings in force.
    pub config: Config,
    /// Clock and randomness.
    pub env: Env,
    /// The data directory.
    pub data: PathBuf,
    /// Makes and checks tokens.
    pub vault: Arc<Vault>,
    /// Changes the vault's keys.
    pub keystore: Keystore,
    /// The external KMS that has the root key, if one has.
    pub root_kms: Option<RootKms>,
    /// Who did what.
    pub audit: Audit,
    /// Who may sign in.
    pub keys: Identities,
    /// The record log, for its numbers only; everything else goes through `video`.
    pub store: Arc<LocalStore>,
    /// Shards of the log that belonged to no stream at the start.
    pub strays: Vec<StrayShard>,
    /// Streams of data records.
    pub streams: Streams,
    /// What requests of AWS clients share.
    pub aws: Aws,
    /// Cameras and their footage.
    pub video: Video,
    /// Takes in what cameras send over RTP.
    pub cameras: Cameras,
    /// Cameras that are called for.
    pub sources: Sources,
    /// Makes frames; or why none can be made.
    pub pool: Result<Pool, StartError>,
    /// How RTSP is doing.
    pub rtsp: Rtsp,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the disk takes writes.
    pub disk: DiskProbe,
    /// Slots for archives of frames in the making.
    pub archives: Arc<Semaphore>,
    /// Cancelled when the server is to end: endless answers end, ingest sessions finish.
    pub stop: CancellationToken,
    /// Ingest sessions; they outlive their requests.
    pub sessions: TaskTracker,
    /// When the service began, by the monotonic clock.
    pub started: Duration,
}
