//! A simulated machine for tests: a clock that is moved by hand, seeded randomness, files whose power can be cut, and, if
//! wanted, threads whose turns a seed decides.

mod clock;
mod disk;
mod files;
mod inode;
mod random;
mod threads;

pub use clock::ManualClock;
pub use files::SimFiles;
pub use random::SeededRandom;
pub use threads::SimThreads;

use super::{Env, SystemThreads, Threads};
use std::sync::Arc;

/// What a test holds on to in order to move time and break things.
#[derive(Clone)]
pub struct SimHandles {
    /// The clock of the environment.
    pub clock: ManualClock,
    /// Its randomness.
    pub random: SeededRandom,
    /// Its disk.
    pub files: SimFiles,
    /// Its threads.
    pub threads: Arc<dyn Threads>,
}

/// A simulated machine with threads of the operating system. Everything else follows from the seed and from the order of
/// the calls.
pub fn sim_env(seed: u64) -> (Env, SimHandles) {
    let handles = SimHandles::new(seed, Arc::new(SystemThreads));
    (handles.env(), handles)
}

impl SimHandles {
    /// A machine with such threads.
    pub fn new(seed: u64, threads: Arc<dyn Threads>) -> Self {
        Self {
            clock: ManualClock::new(),
            random: SeededRandom::new(seed),
            files: SimFiles::new(seed ^ 0x6469_736b),
            threads,
        }
    }

    /// The environment as it stands.
    pub fn env(&self) -> Env {
        Env {
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(self.random.clone()),
            files: Arc::new(self.files.clone()),
            threads: self.threads.clone(),
        }
    }

    /// Cuts the power and starts the machine again: of what was not synced, any 512-byte sector and any directory entry
    /// may be lost, as the seed decides. The old environment's files fail from now on; use the returned one.
    pub fn power_cut(&mut self, seed: u64) -> Env {
        self.files = self.files.power_cut(seed);
        self.env()
    }

    /// Ends the process and starts it again: nothing that was written is lost, locks are free. The old environment's
    /// files fail from now on; use the returned one.
    pub fn kill(&mut self) -> Env {
        self.files = self.files.kill();
        self.env()
    }
}
