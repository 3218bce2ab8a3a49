//! What the pool counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Figures of a pool. All but the first four only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PoolStats {
    /// How many workers there should be.
    pub workers: usize,
    /// How many are up.
    pub alive: usize,
    /// How many serve a request now.
    pub busy: u64,
    /// How many requests wait.
    pub queued: usize,
    /// Requests taken up by a worker.
    pub requests: u64,
    /// Of those, how many ended with an error.
    pub failures: u64,
    /// Requests done again because a worker died, kept silent or answered nonsense.
    pub retries: u64,
    /// Frames given.
    pub frames: u64,
    /// Workers replaced because they died or were killed, or that did not start.
    pub restarts: u64,
    /// Workers replaced because they had done their share.
    pub recycled: u64,
    /// Process ids of the workers that are up.
    pub pids: Vec<u32>,
    /// What the workers decode with, as they say themselves; why they do not start, if none is up.
    pub description: String,
}

/// The counters behind [`PoolStats`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) busy: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) frames: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) recycled: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The process in each slot.
    pids: Vec<Option<u32>>,
    /// Why the last start failed; `None` after one that did not.
    start_error: Option<String>,
    description: String,
}

impl Counters {
    pub(super) fn new(workers: usize) -> Self {
        let state = State { pids: vec![None; workers], ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// A worker is up.
    pub(super) fn up(&self, slot: usize, pid: u32, description: &str) {
        let mut state = self.state();
        state.pids[slot] = Some(pid);
        state.start_error = None;
        description.clone_into(&mut state.description);
    }

    /// A worker is gone.
    pub(super) fn down(&self, slot: usize) {
        self.state().pids[slot] = None;
    }

    /// A worker did not start.
    pub(super) fn start_failed(&self, reason: &str) {
        self.state().start_error = Some(reason.to_owned());
    }

    /// Why requests cannot be served: no worker is up and the last start failed.
    pub(super) fn out_of_order(&self) -> Option<String> {
        let state = self.state();
        if state.pids.iter().any(Option::is_some) { None } else { state.start_error.clone() }
    }

    pub(super) fn stats(&self, queued: usize) -> PoolStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let out_of_order = self.out_of_order();
        let state = self.state();
        let pids: Vec<u32> = state.pids.iter().flatten().copied().collect();
        PoolStats {
            workers: state.pids.len(),
            alive: pids.len(),
            busy: read(&self.busy),
            queued,
            requests: read(&self.requests),
            failures: read(&self.failures),
            retries: read(&self.retries),
            frames: read(&self.frames),
            restarts: read(&self.restarts),
            recycled: read(&self.recycled),
            pids,
            description: out_of_order.unwrap_or_else(|| state.description.clone()),
        }
    }

    /// Nothing that holds the lock can leave it half changed, so a panic elsewhere is no reason to give up.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
