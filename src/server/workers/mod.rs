//! A small pool of `media-worker` processes that turn footage into frames.
//!
//! Codecs are C code that reads hostile bytes, so they run in child processes that hold no key, know no data directory and
//! have limits on memory, time and files. One process serves one request at a time.
//!
//! - A request that finds the queue full is refused at once ([`WorkerError::Busy`]).
//! - A worker that dies, keeps silent too long or answers nonsense is killed and replaced, and its request is done again by
//!   the fresh one, once. Frames that had come already are not given twice.
//! - After several failures in a row, replacements start later and later.
//! - A worker that has served many requests or used much processor time is replaced by a new one.
//!
//! Frames stream to the caller as they are made. A caller that does not take them stops the worker after a few frames, and
//! loses it after [`PoolConfig::request_timeout`].

mod error;
mod frames;
pub(crate) mod process;
mod request;
mod runner;
mod stats;

#[cfg(test)]
mod tests;

pub use error::{StartError, WorkerError};
pub use frames::{Frames, Item};
pub use stats::PoolStats;

use frames::Job;
use media::worker_protocol::{Frame, Work};
use runner::Runner;
use shardlog::env::Clock;
use stats::Counters;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Smallest share of [`PoolConfig::queue_bytes_max`] that is counted.
const KIB: usize = 1024;

/// How a [`Pool`] works.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// The `media-worker` executable.
    pub binary: PathBuf,
    /// A directory of the pool's own, made if it is not there. GStreamer keeps the list of its plugins in it, and loads what
    /// that list says: nobody else may be able to write there.
    pub cache_dir: PathBuf,
    /// How many processes.
    pub workers: usize,
    /// A worker that makes no frame for this long is killed, and so is one whose frames nobody takes for this long. A whole
    /// request may take ten times as long.
    pub request_timeout: Duration,
    /// Address space of a worker in bytes. Starting takes 320 MiB of it, 1080p 420, 4K 620.
    pub memory_max_bytes: u64,
    /// Most requests that wait.
    pub queue_max: usize,
    /// Most footage in all requests that wait or are being served, in bytes; at least that of one request.
    pub queue_bytes_max: usize,
    /// A worker is replaced after this many requests.
    pub requests_max: u32,
    /// Processor time of a worker in seconds; it is replaced when it has used half of it.
    pub cpu_max_s: u64,
}

impl PoolConfig {
    /// The usual limits.
    pub fn new(binary: impl Into<PathBuf>, cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            cache_dir: cache_dir.into(),
            workers: 2,
            request_timeout: Duration::from_secs(10),
            memory_max_bytes: 1 << 30,
            queue_max: 32,
            queue_bytes_max: 256 << 20,
            requests_max: 1000,
            cpu_max_s: 600,
        }
    }
}

/// The executable and the cache directory as absolute paths; makes the directory.
pub(crate) fn find(binary: &Path, cache_dir: &Path) -> Result<(PathBuf, PathBuf), StartError> {
    let not_usable = |reason: String| StartError::Binary { path: binary.display().to_string(), reason };
    let found = binary.canonicalize().and_then(|path| Ok((path.metadata()?.is_file(), path)));
    let binary = match found {
        Ok((true, path)) => path,
        Ok((false, _)) => return Err(not_usable("not a file".to_owned())),
        Err(error) => return Err(not_usable(error.to_string())),
    };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(cache_dir);
    let cache_dir = made.and_then(|()| cache_dir.canonicalize()).map_err(|error| StartError::CacheDir {
        path: cache_dir.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok((binary, cache_dir))
}

/// The pool. Cheap to clone; the workers end with the last clone, or with [`Pool::shutdown`].
#[derive(Clone)]
pub struct Pool {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    runners: Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>,
}

/// What the pool and its runners share.
struct Shared {
    config: PoolConfig,
    clock: Arc<dyn Clock>,
    counters: Counters,
    /// Footage that may still be queued, in KiB.
    admission: Arc<Semaphore>,
    next_id: AtomicU64,
    stop: CancellationToken,
}

impl Pool {
    /// Starts the workers. They come up in the background; requests wait for them. Must be called within a tokio runtime.
    pub fn start(mut config: PoolConfig, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        (config.binary, config.cache_dir) = find(&config.binary, &config.cache_dir)?;
        let workers = config.workers.max(1);
        let (queue, waiting) = mpsc::channel(config.queue_max.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let admission = (config.queue_bytes_max / KIB).clamp(1, Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            config,
            clock,
            counters: Counters::new(workers),
            admission: Arc::new(Semaphore::new(admission)),
            next_id: AtomicU64::new(1),
            stop: CancellationToken::new(),
        });
        let start = |slot| tokio::spawn(Runner::new(slot, Arc::clone(&shared), Arc::clone(&waiting)).run());
        let runners = Arc::new(std::sync::Mutex::new((0..workers).map(start).collect()));
        Ok(Self { queue, shared, runners })
    }

    /// Queues a request; its frames come as they are made. Dropping the [`Frames`] cancels it.
    pub fn frames(&self, work: Work) -> Result<Frames, WorkerError> {
        work.check().map_err(WorkerError::Invalid)?;
        if self.shared.stop.is_cancelled() {
            return Err(WorkerError::ShuttingDown);
        }
        if let Some(reason) = self.shared.counters.out_of_order() {
            return Err(WorkerError::Unavailable { reason });
        }
        let footage = (work.init.len() + work.chunks.len()).div_ceil(KIB).max(1);
        let admission = Arc::clone(&self.shared.admission);
        let admitted = u32::try_from(footage).ok().and_then(|kib| admission.try_acquire_many_owned(kib).ok());
        let busy = || WorkerError::Busy { waiting: self.waiting() };
        let admitted = admitted.ok_or_else(busy)?;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (job, frames) = Job::new(id, work, admitted);
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => busy(),
            mpsc::error::TrySendError::Closed(_) => WorkerError::ShuttingDown,
        })?;
        Ok(frames)
    }

    /// The one frame of a request that asks for one.
    pub async fn frame(&self, work: Work) -> Result<Frame, WorkerError> {
        let mut frames = self.frames(work)?;
        let mut first = None;
        // To the end, so that the worker is free and an error after the frame is not overheard.
        while let Some(item) = frames.next().await {
            first.get_or_insert(item?);
        }
        match first {
            Some(Item::Frame(frame)) => Ok(frame),
            Some(Item::Missing(missing)) => Err(WorkerError::Missing(missing)),
            None => Err(WorkerError::Garbage("a request answered by nothing".into())),
        }
    }

    /// Figures for `/metrics` and the console.
    pub fn stats(&self) -> PoolStats {
        self.shared.counters.stats(self.waiting())
    }

    /// Ends the workers and fails what is queued or being served. Returns when no process is left.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let runners = match self.runners.lock() {
            Ok(mut runners) => std::mem::take(&mut *runners),
            Err(poisoned) => std::mem::take(&mut *poisoned.into_inner()),
        };
        for runner in runners {
            if let Err(error) = runner.await {
                tracing::error!(%error, "a worker's task panicked");
            }
        }
    }

    fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}
