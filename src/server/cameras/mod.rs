//! Cameras that send RTP: their packets go through a `media-worker` process, and what it makes of them into a stream.
//!
//! ```text
//! RTSP push, RTSP pull ─► Recorder ─► packets ─► media-worker ─► fragmented MP4 ─► video::IngestSession
//! (network, in here)      a socket for each camera           ◄── the scanner checks what the worker says
//! ```
//! The connections to cameras stay in this process, so that a worker can die under its cameras: each is handed to another
//! worker at once, in a new ingest session, and goes on at its next key frame. A camera whose workers die again and again
//! waits longer and longer. Everything is held up by whatever is slowest: the log, the worker, in the end the camera.

mod attend;
mod error;
mod pace;
mod process;
pub mod pull;
mod recorder;
mod recording;
mod socket;
mod status;
mod workers;

pub use error::RecordError;
pub(crate) use pace::{BEAT, Pace};
pub use recorder::Recorder;
pub use status::RtpStatus;
pub use workers::WorkersStats;

use crate::metrics::Metrics;
use crate::workers::{StartError, process::within};
use media::worker_protocol::camera::Open;
use process::Attachment;
use prometheus::{IntCounter, IntGauge};
use recording::Recording;
use serde::Serialize;
use shardlog::env::Clock;
use status::Board;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use video::{IngestError, IngestSession, ManageError, NewVideo, ProducerClock, SessionOptions, Video};
use workers::{Workers, WorkersConfig};

/// Batches of packets that may wait for a worker, of each camera.
const INPUT_QUEUE: usize = 8;
/// How long workers may take to end.
const END_TIMEOUT: Duration = Duration::from_millis(1200);

/// How cameras are taken in.
#[derive(Clone, Debug)]
pub struct CamerasConfig {
    /// The `media-worker` executable.
    pub binary: PathBuf,
    /// The folder that workers may write into.
    pub cache_dir: PathBuf,
    /// How many worker processes share the cameras.
    pub workers: usize,
    /// Memory after which a worker is replaced, in bytes.
    pub memory_max_bytes: u64,
    /// Hours of footage kept by streams that a camera creates.
    pub retention_hours: u32,
    /// Whether a camera takes over from whoever is sending to its stream.
    pub takeover: bool,
}

/// Chunks of cameras over RTSP last about this long, in milliseconds.
pub(crate) const CHUNK_MS: u32 = 250;

/// Who sends, and what may be done for it.
#[derive(Clone, Debug, Default)]
pub struct RecordOptions {
    /// Who is sending, for people: an address or a name.
    pub peer: String,
    /// Whether a stream that is not there is made.
    pub auto_create: bool,
}

/// Figures of everything that is taken in over RTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CamerasStats {
    /// Cameras that are being recorded.
    pub cameras: usize,
    /// RTP packets taken since the start.
    pub packets: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// RTP packets that were of no use.
    pub packets_dropped: u64,
    /// The processes that read them.
    pub workers: WorkersStats,
}

/// Takes in what cameras send over RTP. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Cameras {
    inner: Arc<Inner>,
}

struct Inner {
    video: Video,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    workers: Arc<Workers>,
    board: Arc<Board>,
    ingest: Ingest,
    config: CamerasConfig,
    tasks: TaskTracker,
    /// What belongs to a stream or a process, and does not keep to the cameras' pace.
    runtime: Handle,
    pace: Pace,
}

/// What all ways in count together.
struct Ingest {
    bytes: IntCounter,
    fragments: IntCounter,
    errors: IntCounter,
    sessions: IntGauge,
}

impl Cameras {
    /// Starts no process yet: workers come up with the first camera. `stop` ends every recording. Must be called within a
    /// tokio runtime.
    pub fn start(
        video: Video,
        config: CamerasConfig,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
        stop: CancellationToken,
    ) -> Self {
        let workers = Workers::new(workers_config(&config), clock.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(workers.clone().watch(stop.clone()));
        let ingest = Ingest {
            bytes: metrics.ingest_bytes.clone(),
            fragments: metrics.ingest_fragments.clone(),
            errors: metrics.ingest_errors.clone(),
            sessions: metrics.sessions.clone(),
        };
        let (runtime, pace) = (Handle::current(), Pace::start(clock.clone()));
        let board = Arc::default();
        let inner = Inner { video, clock, stop, workers, board, ingest, config, tasks, runtime, pace };
        Self { inner: Arc::new(inner) }
    }

    /// Begins to record a camera into `stream`, which is its alone from now on. What the packets carry is said in
    /// `open`; they follow with [`Recorder::packets`].
    pub async fn record(
        &self,
        stream: &str,
        open: Open,
        options: RecordOptions,
    ) -> Result<Recorder, RecordError> {
        let cameras = &self.inner;
        let begun = cameras.begin(stream, &options).await.and_then(|session| {
            let attachment = cameras.attach().map_err(RecordError::NoWorker)?;
            Ok((session, attachment))
        });
        let (session, attachment) = begun.inspect_err(|_| cameras.ingest.errors.inc())?;
        let status = cameras.board.hang(stream, open.carriage);
        let (input, received) = mpsc::channel(INPUT_QUEUE);
        let (tell_over, over) = watch::channel(None);
        let recording = Recording {
            cameras: cameras.clone(),
            stream: stream.to_owned(),
            open,
            options,
            input: received,
            over: tell_over,
            status: status.clone(),
            losses: 0,
            barren: 0,
        };
        let task = cameras.tasks.spawn_on(recording.run(session, attachment), cameras.pace.handle());
        Ok(Recorder { input, over, status, task })
    }

    /// Where connections to cameras are served.
    pub(crate) fn pace(&self) -> &Pace {
        &self.inner.pace
    }

    /// How the camera that sends to `stream` over RTP is doing; `None` when none does.
    pub fn status(&self, stream: &str) -> Option<RtpStatus> {
        self.inner.board.find(stream)
    }

    /// Figures for `/metrics` and the console.
    pub fn stats(&self) -> CamerasStats {
        let totals = self.inner.board.totals();
        CamerasStats {
            cameras: self.inner.board.cameras(),
            packets: totals.packets,
            packets_lost: totals.packets_lost,
            packets_dropped: totals.packets_dropped,
            workers: self.inner.workers.stats(),
        }
    }

    /// Waits until every recording is on disk, which `stop` has ended, and no worker is left.
    pub async fn shutdown(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        let workers = self.inner.workers.end();
        let gone = async {
            for gone in workers {
                gone.cancelled().await;
            }
        };
        if within(&*self.inner.clock, END_TIMEOUT, gone).await.is_none() {
            tracing::warn!("a media worker for cameras does not end");
        }
    }
}

impl Inner {
    /// Hands a camera to a worker. The error is for people.
    fn attach(&self) -> Result<Attachment, String> {
        let _entered = self.runtime.enter();
        self.workers.attach()
    }

    /// Begins an upload to a stream; makes the stream if it may.
    async fn begin(
        self: &Arc<Self>,
        stream: &str,
        options: &RecordOptions,
    ) -> Result<IngestSession, RecordError> {
        let begin = self.clone().begin_here(stream.to_owned(), options.clone());
        self.runtime.spawn(begin).await.unwrap_or_else(|_| Err(IngestError::Interrupted.into()))
    }

    async fn begin_here(
        self: Arc<Self>,
        stream: String,
        options: RecordOptions,
    ) -> Result<IngestSession, RecordError> {
        if self.stop.is_cancelled() {
            return Err(IngestError::ShuttingDown.into());
        }
        let session = SessionOptions {
            peer: options.peer,
            prft: ProducerClock::Rtcp,
            takeover: self.config.takeover,
            ..SessionOptions::default()
        };
        match self.video.ingest(&stream, session.clone()).await {
            Err(IngestError::NotFound(_)) if options.auto_create => {
                let new = NewVideo::named(&stream, self.config.retention_hours);
                match self.video.create(new).await {
                    // Somebody else may have made it meanwhile.
                    Ok(_) | Err(ManageError::AlreadyExists { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(self.video.ingest(&stream, session).await?)
            }
            begun => Ok(begun?),
        }
    }
}

fn workers_config(config: &CamerasConfig) -> Result<WorkersConfig, StartError> {
    let (binary, cache_dir) = crate::workers::find(&config.binary, &config.cache_dir)?;
    let CamerasConfig { workers, memory_max_bytes, .. } = *config;
    Ok(WorkersConfig { binary, cache_dir, workers, memory_max_bytes })
}
