//! Spans of footage, and the gaps between them with their reasons.

use super::Timeline;
use super::fragment::Fragment;
use super::walk::Walk;
use crate::clock::{Clock, TimeRange};
use crate::error::ReadError;
use crate::reason::Reason;
use serde::Serialize;

/// Media missing for less than this is not called a gap.
const GAP_US_MIN: u64 = 500_000;
/// The same by our clock, where the network's jitter comes in.
const SERVER_GAP_US_MIN: u64 = 3_000_000;

/// Footage without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// In milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// In milliseconds since the Unix epoch.
    pub end_ms: u64,
    /// Fragments that overlap it.
    pub fragments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Time without footage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// In milliseconds since the Unix epoch.
    pub start_ms: u64,
    /// In milliseconds since the Unix epoch.
    pub end_ms: u64,
    /// Why.
    pub reason: Reason,
}

/// What was recorded in a range of time. Spans and gaps fill the range up to now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineView {
    /// Start of the range in milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
    /// The clock of all times here.
    pub clock: Clock,
    /// Oldest first.
    pub spans: Vec<Span>,
    /// Oldest first.
    pub gaps: Vec<Gap>,
}

/// Why there is nothing after the newest fragment; `None` when its camera is still sending.
pub(crate) type TrailingGap = Option<Reason>;

/// What was recorded in a range, as it looks at `now_ms`.
pub(crate) async fn view(
    timeline: &Timeline,
    range: TimeRange,
    now_ms: u64,
    trailing: TrailingGap,
    spans_max: usize,
) -> Result<TimelineView, ReadError> {
    let TimeRange { from_ms, to_ms, clock } = range;
    let (from_us, to_us) = (from_ms.saturating_mul(1000), to_ms.saturating_mul(1000));
    let mut folding = match timeline.forward(clock, to_us, None, 1).await?.first() {
        // What follows the range says why there was nothing before it.
        Some(after) => Folding::new(clock, from_us, to_us, after.start_us(clock), why_before(after)),
        None => {
            let until_us = to_us.min(now_ms.saturating_mul(1000));
            Folding::new(clock, from_us, until_us, until_us, trailing.unwrap_or_default())
        }
    };
    let mut too_many = false;
    timeline
        .walk_back(clock, to_us, |fragment| {
            too_many = folding.spans.len() > spans_max;
            if too_many { Walk::Stop } else { folding.add(fragment) }
        })
        .await?;
    if too_many {
        return Err(ReadError::TooManyFragments { max: spans_max });
    }
    let (spans, gaps) = folding.finish(timeline.tail()?.first.0 > 0);
    Ok(TimelineView { from_ms, to_ms, clock, spans, gaps })
}

/// Why there is nothing before a fragment, if there is nothing.
fn why_before(fragment: &Fragment) -> Reason {
    match fragment.reason {
        Reason::None => Reason::NoData,
        reason => reason,
    }
}

/// Fragments, newest first, folded into spans and gaps.
struct Folding {
    clock: Clock,
    from_us: u64,
    /// End of what gaps are told of.
    until_us: u64,
    /// Start of what was added last.
    later_us: u64,
    /// Why there would be a gap before that; [`Reason::None`]: the camera is still sending.
    reason: Reason,
    /// Ordinal of what was added last.
    ordinal: Option<u64>,
    spans: Vec<Span>,
    gaps: Vec<Gap>,
}

impl Folding {
    fn new(clock: Clock, from_us: u64, until_us: u64, later_us: u64, reason: Reason) -> Self {
        let (spans, gaps) = (Vec::new(), Vec::new());
        Self { clock, from_us, until_us, later_us, reason, ordinal: None, spans, gaps }
    }

    fn add(&mut self, fragment: &Fragment) -> Walk {
        let start_us = fragment.start_us(self.clock);
        let end_us = fragment.end_us(self.clock);
        let least_us = if self.clock == Clock::Server { SERVER_GAP_US_MIN } else { GAP_US_MIN };
        let missing_us = self.later_us.saturating_sub(end_us);
        // A camera that is still sending is never up to date to the millisecond: no gap after its newest fragment.
        let gap = missing_us >= least_us && self.reason != Reason::None;
        if gap {
            self.gap(end_us, self.later_us, self.reason);
        }
        if end_us > self.from_us {
            self.cover(start_us.max(self.from_us), end_us, fragment.bytes, gap);
        }
        self.ordinal = Some(fragment.ordinal);
        self.later_us = start_us;
        self.reason = why_before(fragment);
        if start_us <= self.from_us { Walk::Stop } else { Walk::On }
    }

    /// Tells of a gap, as far as it lies in the range.
    fn gap(&mut self, start_us: u64, end_us: u64, reason: Reason) {
        let (start_us, end_us) = (start_us.max(self.from_us), end_us.min(self.until_us));
        if start_us < end_us {
            self.gaps.push(Gap { start_ms: start_us / 1000, end_ms: end_us / 1000, reason });
        }
    }

    fn cover(&mut self, start_us: u64, end_us: u64, bytes: u64, anew: bool) {
        if anew || self.spans.is_empty() {
            self.spans.push(Span {
                start_ms: start_us / 1000,
                end_ms: end_us / 1000,
                fragments: 0,
                bytes: 0,
            });
        }
        if let Some(span) = self.spans.last_mut() {
            span.start_ms = span.start_ms.min(start_us / 1000);
            span.end_ms = span.end_ms.max(end_us / 1000);
            span.fragments += 1;
            span.bytes = span.bytes.saturating_add(bytes);
        }
    }

    fn finish(mut self, trimmed: bool) -> (Vec<Span>, Vec<Gap>) {
        if self.later_us > self.from_us {
            let reason = match self.ordinal {
                Some(0) => Reason::NotRecorded,
                Some(_) => Reason::Retention,
                None if trimmed => Reason::Retention,
                None => Reason::NotRecorded,
            };
            self.gap(self.from_us, self.later_us, reason);
        }
        self.spans.reverse();
        self.gaps.reverse();
        (self.spans, self.gaps)
    }
}
