//! `from`, `to` and `clock`, as most resources take them.

use crate::app::App;
use crate::http::Instant;
use serde::Deserialize;
use video::{Clock, ReadError, TimeRange};

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
    /// The range; everything up to now if nothing else is said, or up to the end of footage that is ahead of our clock.
    pub async fn up_to_now(self, app: &App, stream: &str) -> Result<TimeRange, ReadError> {
        let end_ms = if self.to.is_none() { end_ms(app, stream).await? } else { 0 };
        Ok(self.or(0, end_ms))
    }

    /// The range, with defaults for what is not given, in milliseconds since the Unix epoch.
    pub fn or(self, from_ms: u64, to_ms: u64) -> TimeRange {
        TimeRange {
            from_ms: self.from.map_or(from_ms, Instant::ms),
            to_ms: self.to.map_or(to_ms, Instant::ms),
            clock: self.clock,
        }
    }
}

/// Now, or the end of footage that is ahead of our clock, in milliseconds since the Unix epoch.
pub async fn end_ms(app: &App, stream: &str) -> Result<u64, ReadError> {
    let newest_ms = app.video.describe(stream).await?.last_ms;
    Ok(app.env.clock.now_ms().max(newest_ms.unwrap_or(0)))
}
