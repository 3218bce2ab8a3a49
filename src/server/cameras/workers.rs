//! The worker processes for cameras: started when they are needed, few, and replaced when they end or grow too large.

use super::process::{Attachment, Process};
use crate::workers::StartError;
use serde::Serialize;
use shardlog::env::Clock;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked at how large the workers are.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The same when one after the other is too large: then the cameras need as much, and moving them does not help.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(600);

/// How the workers for cameras are run.
#[derive(Clone, Debug)]
pub(super) struct WorkersConfig {
    /// The `media-worker` executable, as an absolute path.
    pub(super) binary: PathBuf,
    /// The folder that workers may write into, shared with those that make frames.
    pub(super) cache_dir: PathBuf,
    /// How many processes.
    pub(super) workers: usize,
    /// Memory after which a worker is replaced, in bytes.
    pub(super) memory_max_bytes: u64,
}

/// Figures of the workers for cameras.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkersStats {
    /// Processes that are up.
    pub alive: usize,
    /// Processes that died or had to be given up.
    pub restarts: u64,
    /// Processes that were replaced because they had grown too large.
    pub recycled: u64,
    /// Process ids of the workers that are up.
    pub pids: Vec<u32>,
}

/// The processes.
pub(super) struct Workers {
    config: Result<WorkersConfig, StartError>,
    clock: Arc<dyn Clock>,
    slots: Mutex<Vec<Option<Arc<Process>>>>,
    restarts: AtomicU64,
    recycled: AtomicU64,
}

impl Workers {
    /// None is started yet. With an error instead of settings none ever will be.
    pub(super) fn new(config: Result<WorkersConfig, StartError>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let workers = config.as_ref().map_or(0, |config| config.workers.max(1));
        let slots = Mutex::new(vec![None; workers]);
        let (restarts, recycled) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { config, clock, slots, restarts, recycled })
    }

    /// Hands a camera to the worker that has the fewest, or to a new one if there may be one more. The error is for
    /// people. Must be called within a tokio runtime.
    pub(super) fn attach(&self) -> Result<Attachment, String> {
        let config = self.config.as_ref().map_err(ToString::to_string)?;
        let mut slots = self.slots();
        let mut attempts = slots.len();
        loop {
            self.sweep(&mut slots);
            let process = self.choose(config, &mut slots)?;
            match process.attach() {
                // It died a moment ago, and is not known to have: another one takes the camera.
                Err(reason) if attempts > 0 => {
                    tracing::warn!(pid = process.pid, reason, "a media worker takes no camera");
                    attempts -= 1;
                    let slot = slots
                        .iter_mut()
                        .find(|slot| slot.as_ref().is_some_and(|other| Arc::ptr_eq(other, &process)));
                    slot.and_then(Option::take);
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    process.leave.cancel();
                }
                attached => return attached,
            }
        }
    }

    /// The worker that the next camera goes to.
    fn choose(
        &self,
        config: &WorkersConfig,
        slots: &mut [Option<Arc<Process>>],
    ) -> Result<Arc<Process>, String> {
        let free = slots.iter().position(Option::is_none);
        let least = slots.iter().flatten().min_by_key(|process| process.cameras()).cloned();
        match (least, free) {
            // As many as there may be, or one that has nothing to do: processes are dearer than cameras.
            (Some(process), free) if free.is_none() || process.cameras() == 0 => Ok(process),
            (_, Some(free)) => {
                let process = Process::start(config, self.clock.clone())?;
                slots[free] = Some(process.clone());
                Ok(process)
            }
            (None, None) | (Some(_), None) => Err("there is none".to_owned()),
        }
    }

    /// Gives a worker up that does not do what it should. Cameras that it still has leave it.
    pub(super) fn give_up(&self, process: &Arc<Process>) {
        self.take_out(process, &self.restarts);
    }

    /// Watches how large the workers are, until `stop` is cancelled; then lets them go.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let Ok(config) = &self.config else { return };
        let mut interval = LOOK_INTERVAL;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.clock.sleep(interval) => {}
            }
            let mut replaced = false;
            let processes: Vec<_> = self.slots().iter().flatten().cloned().collect();
            for process in processes {
                let bytes = process.resident_bytes().unwrap_or(0);
                if bytes > config.memory_max_bytes {
                    tracing::warn!(
                        pid = process.pid,
                        bytes,
                        "a media worker for cameras has grown too large"
                    );
                    self.take_out(&process, &self.recycled);
                    replaced = true;
                }
            }
            interval =
                if replaced { interval.saturating_mul(2).min(LOOK_INTERVAL_MAX) } else { LOOK_INTERVAL };
        }
    }

    /// Lets the workers go: each ends when its last camera has left.
    pub(super) fn end(&self) -> Vec<CancellationToken> {
        self.slots().iter_mut().filter_map(Option::take).map(|process| process.gone.clone()).collect()
    }

    /// Figures for `/metrics` and the console.
    pub(super) fn stats(&self) -> WorkersStats {
        let mut slots = self.slots();
        self.sweep(&mut slots);
        let pids: Vec<u32> = slots.iter().flatten().map(|process| process.pid).collect();
        WorkersStats {
            alive: pids.len(),
            restarts: self.restarts.load(Ordering::Relaxed),
            recycled: self.recycled.load(Ordering::Relaxed),
            pids,
        }
    }

    /// Takes a worker's place away, if it still has one.
    fn take_out(&self, process: &Arc<Process>, counter: &AtomicU64) {
        let mut slots = self.slots();
        let its =
            |slot: &&mut Option<Arc<Process>>| slot.as_ref().is_some_and(|other| Arc::ptr_eq(other, process));
        if let Some(slot) = slots.iter_mut().find(its) {
            *slot = None;
            counter.fetch_add(1, Ordering::Relaxed);
        }
        drop(slots);
        process.leave.cancel();
    }

    /// Takes away the places of those that have ended.
    fn sweep(&self, slots: &mut [Option<Arc<Process>>]) {
        for slot in slots {
            if let Some(process) = slot.take_if(|process| process.gone.is_cancelled()) {
                tracing::warn!(pid = process.pid, how = process.how(), "a media worker for cameras ended");
                self.restarts.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Nothing that holds the lock can leave it half changed.
    fn slots(&self) -> MutexGuard<'_, Vec<Option<Arc<Process>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
