//! `from`, `to` and `clock`, as most resources take them.

use crate::http::Instant;
use serde::Deserialize;
use video::{Clock, TimeRange};

/// A span of time in a query.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RangeQuery {
    /// Its start.
    pub from: Option<Instant>,
    /// Its end.
    pub to: Option<Instant>,
    /// By whose clock; the camera's if not said.
    #[serde(default)]
    pub clock: Clock,
}

impl RangeQuery {
    /// The range, with defaults for what is not given, in milliseconds since the Unix epoch.
    pub fn or(self, from_ms: u64, to_ms: u64) -> TimeRange {
        TimeRange {
            from_ms: self.from.map_or(from_ms, Instant::ms),
            to_ms: self.to.map_or(to_ms, Instant::ms),
            clock: self.clock,
        }
    }
}
