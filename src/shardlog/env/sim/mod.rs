//! A simulated machine for tests: a clock that is moved by hand, seeded randomness, and files whose power can be cut.

mod clock;
mod disk;
mod files;
mod inode;
mod random;

pub use clock::ManualClock;
pub use files::SimFiles;
pub use random::SeededRandom;

use super::Env;
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
}

/// A simulated machine. Everything it does follows from the seed and from the order of the calls.
pub fn sim_env(seed: u64) -> (Env, SimHandles) {
    let handles = SimHandles {
        clock: ManualClock::new(),
        random: SeededRandom::new(seed),
        files: SimFiles::new(seed ^ 0x6469_736b),
    };
    (handles.env(), handles)
}

impl SimHandles {
    /// The environment as it stands.
    pub fn env(&self) -> Env {
        Env {
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(self.random.clone()),
            files: Arc::new(self.files.clone()),
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
