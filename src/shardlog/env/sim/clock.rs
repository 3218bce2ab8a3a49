//! A clock that stands still until a test moves it.

use crate::env::Clock;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Wall time at which every manual clock starts: 2023-11-14 22:13:20 UTC.
const START_MS: u64 = 1_700_000_000_000;

#[derive(Clone, Copy)]
struct Times {
    now_ms: u64,
    monotonic: Duration,
}

/// A clock that stands still until it is moved. Clones show the same time.
#[derive(Clone)]
pub struct ManualClock {
    times: Arc<watch::Sender<Times>>,
}

impl ManualClock {
    /// A clock that stands at 1 700 000 000 000 ms.
    pub fn new() -> Self {
        let times = Times { now_ms: START_MS, monotonic: Duration::ZERO };
        Self { times: Arc::new(watch::Sender::new(times)) }
    }

    /// Lets time pass: wall time and monotonic time both; sleeps that are over resolve.
    pub fn advance(&self, by: Duration) {
        self.times.send_modify(|times| {
            times.now_ms += by.as_millis() as u64;
            times.monotonic += by;
        });
    }

    /// Sets the wall clock, as an operator or NTP would; no time passes.
    pub fn set(&self, now_ms: u64) {
        self.times.send_modify(|times| times.now_ms = now_ms);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.times.borrow().now_ms
    }

    fn monotonic(&self) -> Duration {
        self.times.borrow().monotonic
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut times = self.times.subscribe();
        let deadline = self.monotonic() + duration;
        Box::pin(async move {
            if times.wait_for(|times| times.monotonic >= deadline).await.is_err() {
                std::future::pending::<()>().await; // nobody is left who could move the clock
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_sleep_ends_when_time_has_passed_and_not_when_the_wall_clock_is_set() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep(Duration::from_secs(60));
        assert!(sleep.as_mut().now_or_never().is_none());
        clock.set(START_MS + 1_000_000);
        clock.advance(Duration::from_secs(59));
        assert!(sleep.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        sleep.await;
        assert_eq!(clock.now_ms(), START_MS + 1_000_000 + 60_000);
        assert_eq!(clock.monotonic(), Duration::from_secs(60));
    }
}
