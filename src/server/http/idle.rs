//! Noticing that nothing happens.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use shardlog::env::Clock;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Expires when [`touch`](Self::touch) has not been called for a while. Touching is cheap: the timer is not set anew
/// each time, but looks at the clock when it fires.
pub struct Idle {
    clock: Arc<dyn Clock>,
    timeout: Duration,
    last: Duration,
    timer: Option<BoxFuture<'static, ()>>,
}

impl Idle {
    /// Expires after `timeout` from now, unless touched.
    pub fn new(clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        let last = clock.monotonic();
        Self { clock, timeout, last, timer: None }
    }

    /// Something happened.
    pub fn touch(&mut self) {
        self.last = self.clock.monotonic();
    }

    /// Ready when nothing has happened for the whole timeout.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = self.timeout.saturating_sub(self.clock.monotonic().saturating_sub(self.last));
            if left.is_zero() {
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| self.clock.sleep(left));
            ready!(timer.poll_unpin(cx));
            self.timer = None;
        }
    }
}
