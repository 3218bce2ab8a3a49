//! Where work runs that may block, and how threads wait for each other. It comes in through the environment so that a
//! simulation can decide which thread goes on when, and decide the same again.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Work for another thread.
pub type Work = Box<dyn FnOnce() + Send>;

/// Threads.
pub trait Threads: Send + Sync + 'static {
    /// Starts a thread that ends with `work`.
    fn spawn(&self, name: String, work: Work) -> io::Result<()>;

    /// Runs `work`, which may block, beside the async threads. It may never run if the process is about to end.
    fn run_blocking(&self, work: Work);

    /// Something to wait for.
    fn signal(&self) -> Arc<dyn Signal>;
}

/// Lets one thread wait for others. Do not wait while holding a lock.
pub trait Signal: Send + Sync {
    /// Waits until the signal is raised, and lowers it; returns at once if it is up already. One thread waits at a time.
    fn wait(&self);

    /// Raises the signal. Raising it again before it was seen does nothing.
    fn raise(&self);
}

/// The operating system's threads and tokio's pool for work that blocks.
pub struct SystemThreads;

impl Threads for SystemThreads {
    fn spawn(&self, name: String, work: Work) -> io::Result<()> {
        std::thread::Builder::new().name(name).spawn(work).map(drop)
    }

    /// # Panics
    /// Outside a tokio runtime.
    fn run_blocking(&self, work: Work) {
        drop(tokio::task::spawn_blocking(work));
    }

    fn signal(&self) -> Arc<dyn Signal> {
        Arc::new(SystemSignal::default())
    }
}

#[derive(Default)]
struct SystemSignal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal for SystemSignal {
    fn wait(&self) {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let mut raised =
            self.changed.wait_while(raised, |raised| !*raised).unwrap_or_else(PoisonError::into_inner);
        *raised = false;
    }

    fn raise(&self) {
        let was = std::mem::replace(&mut *self.raised.lock().unwrap_or_else(PoisonError::into_inner), true);
        if !was {
            self.changed.notify_one();
        }
    }
}
