//! Time, as the worker uses it: how long until it has to give up.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// An instant by which the next frame must be there.
pub(crate) struct Deadline {
    allowed: Duration,
    at: Duration,
}

impl Deadline {
    /// `allowed` from now.
    pub(crate) fn new(allowed: Duration) -> Self {
        Self { allowed, at: now(ClockId::Monotonic).saturating_add(allowed) }
    }

    /// Something was achieved: the whole time is allowed again.
    pub(crate) fn renew(&mut self) {
        self.at = now(ClockId::Monotonic).saturating_add(self.allowed);
    }

    /// Time left; zero when it has passed.
    pub(crate) fn left(&self) -> Duration {
        self.at.saturating_sub(now(ClockId::Monotonic))
    }
}

/// Processor time used by this process so far, in milliseconds.
pub(crate) fn cpu_ms() -> u64 {
    u64::try_from(now(ClockId::ProcessCPUTime).as_millis()).unwrap_or(u64::MAX)
}

/// Time of day, in microseconds since the Unix epoch.
pub(crate) fn unix_us() -> u64 {
    u64::try_from(now(ClockId::Realtime).as_micros()).unwrap_or(u64::MAX)
}

fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
