//! Where time, randomness, threads and the file system come in. Nothing else in the core may ask the operating system for them,
//! so that a test can stop the clock, replay a seed and cut the power at any write.

use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

mod files;
#[cfg(any(test, feature = "testing"))]
pub mod hooked;
mod real;
#[cfg(any(test, feature = "testing"))]
pub mod sim;
mod threads;

pub use files::{File, FileSystem, Lock, OpenMode, Space};
pub use real::{RealFiles, SystemClock, SystemRandom};
pub use threads::{Signal, SystemThreads, Threads, Work};

/// The environment the core runs in. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub random: Arc<dyn Random>,
    /// Files.
    pub files: Arc<dyn FileSystem>,
    /// Threads.
    pub threads: Arc<dyn Threads>,
}

impl Env {
    /// The machine's own clock, randomness, files and threads.
    pub fn real() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(SystemRandom),
            files: Arc::new(RealFiles),
            threads: Arc::new(SystemThreads),
        }
    }

    /// Runs work that blocks beside the async threads. `None` if it broke off: it panicked, or the process is ending.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone away; the work is done all the same.
        self.threads.run_blocking(Box::new(move || _ = reply.send(work())));
        answer.await.ok()
    }
}

/// A clock.
pub trait Clock: Send + Sync + 'static {
    /// Wall time in milliseconds since the Unix epoch. May jump.
    fn now_ms(&self) -> u64;

    /// Time since some fixed point; never goes back. For measuring, not for dating.
    fn monotonic(&self) -> Duration;

    /// Resolves after `duration` of this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A source of randomness.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}
