//! Cameras that we call for: a stream's `source` is recorded as long as it is enabled.
//!
//! A task for each source calls, records and, after a failure, calls again: after a second, then later and later, up to a
//! minute. What a stream's camera is called with stands sealed in the stream's row, so everything goes on after a restart.
//!
//! `rtsp://` is called from here, with a client in Rust. `rtsps://`, and what that client does not understand, a media-worker
//! calls with GStreamer.

mod changing;
mod client;
mod error;
mod probe;
mod settings;
mod status;
mod supervise;

pub use changing::Changing;
pub use error::PullError;
pub use probe::{Probe, ProbeTrack};
pub use settings::{BadSource, Given, Source, Transport};
pub use status::{SourceInfo, SourceState, SourceStatus};

use super::Cameras;
use changing::Turns;
use shardlog::env::Env;
use status::Shared;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streams::StreamInfo;
use supervise::Supervisor;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use video::Video;

/// A camera that sends nothing for this long is called again.
const PULL_SILENCE: Duration = Duration::from_secs(10);
/// Cameras that may be looked at at the same time.
const PROBES_MAX: usize = 8;

/// The sources of all streams. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    cameras: Cameras,
    video: Video,
    env: Env,
    stop: CancellationToken,
    /// By the stream's name.
    tasks: Mutex<HashMap<String, Task>>,
    /// Slots for cameras that are looked at.
    probes: Semaphore,
    /// Who may change which stream.
    turns: Turns,
}

/// A source that is known.
struct Task {
    /// The stream's: a name may be given to another stream later.
    id: u128,
    source: Source,
    status: Shared,
    cancel: CancellationToken,
    /// `None` when it is not to be recorded.
    running: Option<JoinHandle<()>>,
}

impl Sources {
    /// Begins to record every source that is enabled. `stop` ends them all. Must be called within a tokio runtime.
    pub fn start(cameras: Cameras, video: Video, env: Env, stop: CancellationToken) -> Self {
        let (tasks, turns) = Default::default();
        let probes = Semaphore::new(PROBES_MAX);
        let inner = Inner { cameras, video, env, stop, tasks, probes, turns };
        let sources = Self { inner: Arc::new(inner) };
        for stream in sources.inner.video.sealed() {
            if let Some(source) = Source::of(&stream.sealed_settings) {
                sources.inner.begin(&stream, source);
            }
        }
        sources
    }

    /// Waits until it is the caller's turn to change a stream's settings.
    pub async fn changing(&self, stream: &str) -> Changing {
        Changing::begin(self.clone(), stream).await
    }

    /// Calls a camera and looks at what it sends, for at most thirteen seconds.
    pub async fn probe(&self, source: &Source) -> Result<Probe, PullError> {
        let _slot = self.inner.probes.try_acquire().map_err(|_| PullError::Busy)?;
        tokio::select! {
            probe = probe::probe(&self.inner.cameras, source, &*self.inner.env.clock) => probe,
            () = self.inner.stop.cancelled() => Err(PullError::Busy),
        }
    }

    /// A stream's source, as it may be shown.
    pub fn describe(&self, stream: &str) -> Option<SourceInfo> {
        let tasks = self.inner.tasks();
        tasks.get(stream).map(|task| SourceInfo::new(&task.source, task.status.get()))
    }

    /// How many sources are in each state.
    pub fn counts(&self) -> HashMap<SourceState, usize> {
        let mut counts = HashMap::new();
        for task in self.inner.tasks().values() {
            *counts.entry(task.status.get().state).or_default() += 1;
        }
        counts
    }

    /// Waits until no camera is recorded any more; `stop` has been cancelled.
    pub async fn shutdown(&self) {
        let running: Vec<_> =
            self.inner.tasks().values_mut().filter_map(|task| task.running.take()).collect();
        for running in running {
            if let Err(error) = running.await {
                tracing::error!(%error, "a source's task panicked");
            }
        }
    }
}

impl Inner {
    fn begin(&self, stream: &StreamInfo, source: Source) {
        if self.stop.is_cancelled() {
            return;
        }
        let (status, cancel) = (Shared::default(), self.stop.child_token());
        status.change(|status| {
            status.state = if source.enabled { SourceState::Connecting } else { SourceState::Stopped };
            status.since_ms = self.env.clock.now_ms();
        });
        let supervisor = Supervisor {
            cameras: self.cameras.clone(),
            env: self.env.clone(),
            stream: stream.name.clone(),
            source: source.clone(),
            status: status.clone(),
            cancel: cancel.clone(),
            stop: self.stop.clone(),
        };
        let running = source.enabled.then(|| tokio::spawn(supervisor.run()));
        let task = Task { id: stream.id, source, status, cancel, running };
        self.tasks().insert(stream.name.clone(), task);
    }

    /// Nothing that holds the lock can leave it half changed.
    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
