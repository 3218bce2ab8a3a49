//! What shards of data records took and gave, for graphs and alarms: since the start, and in the steps of the last minutes.
//!
//! Counted once for a batch, a read or an event, never for a record. A shard that nobody uses keeps nothing.

use crate::catalogue::{ShardCell, Stream};
use crate::error::StreamNotFound;
use crate::limits::{TRAFFIC_STEP, TRAFFIC_STEPS};
use crate::service::{Core, Streams};
use crate::types::StreamKind;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What was taken and given in some time. Bytes are those of data and partition keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of records made durable.
    pub in_bytes: u64,
    /// Records made durable.
    pub in_records: u64,
    /// Bytes of records that readers and subscribers got.
    pub out_bytes: u64,
    /// Records that they got.
    pub out_records: u64,
    /// Records that came too fast, and were refused.
    pub throttled_records: u64,
    /// Reads that came too fast, and were refused.
    pub throttled_reads: u64,
    /// How far, in milliseconds, the slowest reader or subscriber was behind that got an answer; `None` if nobody did.
    pub behind_ms: Option<u64>,
}

impl Traffic {
    /// Takes in what happened besides.
    fn add(&mut self, other: &Self) {
        self.in_bytes += other.in_bytes;
        self.in_records += other.in_records;
        self.out_bytes += other.out_bytes;
        self.out_records += other.out_records;
        self.throttled_records += other.throttled_records;
        self.throttled_reads += other.throttled_reads;
        self.behind_ms = self.behind_ms.max(other.behind_ms);
    }
}

/// The last minutes of one shard, oldest step first: steps in which nothing happened are left out.
#[derive(Default)]
pub(crate) struct Steps(Mutex<VecDeque<(u64, Traffic)>>);

/// The step that an instant of the monotonic clock is in.
fn step_of(now: Duration) -> u64 {
    now.as_secs() / TRAFFIC_STEP.as_secs()
}

impl Steps {
    fn add(&self, now: Duration, traffic: &Traffic) {
        let step = step_of(now);
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who looked at the clock first need not come first.
        if let Some((_, current)) = steps.back_mut().filter(|(last, _)| *last >= step) {
            return current.add(traffic);
        }
        while steps.front().is_some_and(|(first, _)| first + TRAFFIC_STEPS as u64 <= step) {
            steps.pop_front();
        }
        steps.push_back((step, *traffic));
    }

    /// The whole steps before an instant, oldest first; `None`: nothing happened in any.
    fn before(&self, now: Duration) -> Option<Vec<Traffic>> {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = vec![Traffic::default(); TRAFFIC_STEPS];
        let mut used = false;
        for (step, traffic) in steps.iter() {
            // The one that is under way would look like less than it will be.
            let ago = step_of(now).checked_sub(*step).and_then(|ago| usize::try_from(ago).ok());
            let place = ago.filter(|ago| *ago > 0).and_then(|ago| TRAFFIC_STEPS.checked_sub(ago));
            if let Some(place) = place {
                all[place] = *traffic;
                used = true;
            }
        }
        used.then_some(all)
    }

    /// How far the slowest reader was behind when last one got an answer.
    fn behind_ms(&self, now: Duration) -> Option<u64> {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = step_of(now).saturating_sub(TRAFFIC_STEPS as u64);
        let recent = steps.iter().rev().take_while(|(step, _)| *step >= oldest);
        recent.filter_map(|(_, traffic)| traffic.behind_ms).next()
    }
}

/// What happened since the start.
#[derive(Default)]
pub(crate) struct Totals {
    in_bytes: AtomicU64,
    in_records: AtomicU64,
    out_bytes: AtomicU64,
    out_records: AtomicU64,
    throttled_records: AtomicU64,
    throttled_reads: AtomicU64,
}

impl Totals {
    fn add(&self, traffic: &Traffic) {
        for (total, more) in [
            (&self.in_bytes, traffic.in_bytes),
            (&self.in_records, traffic.in_records),
            (&self.out_bytes, traffic.out_bytes),
            (&self.out_records, traffic.out_records),
            (&self.throttled_records, traffic.throttled_records),
            (&self.throttled_reads, traffic.throttled_reads),
        ] {
            if more > 0 {
                total.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    fn now(&self) -> Traffic {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Traffic {
            in_bytes: of(&self.in_bytes),
            in_records: of(&self.in_records),
            out_bytes: of(&self.out_bytes),
            out_records: of(&self.out_records),
            throttled_records: of(&self.throttled_records),
            throttled_reads: of(&self.throttled_reads),
            behind_ms: None,
        }
    }
}

/// The last minutes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentTraffic {
    /// When the last whole step ended, in milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// All shards together: [`TRAFFIC_STEPS`] steps of [`TRAFFIC_STEP`], oldest first.
    pub stream: Vec<Traffic>,
    /// The same of each shard in which anything happened, by its index.
    pub shards: Vec<(u32, Vec<Traffic>)>,
}

impl Core {
    /// Counts what a shard took and gave.
    pub(crate) fn count(&self, stream: &Stream, cell: &ShardCell, traffic: &Traffic) {
        cell.steps.add(self.env.clock.monotonic(), traffic);
        stream.totals.add(traffic);
        self.totals.add(traffic);
    }
}

impl Streams {
    /// What the shards of a stream of data records took and gave in the last minutes.
    pub fn recent_traffic(&self, name: &str) -> Result<RecentTraffic, StreamNotFound> {
        let stream = self.core().catalogue.get(name)?;
        let (now, now_ms) = (self.core().env.clock.monotonic(), self.core().env.clock.now_ms());
        let under_way =
            now.saturating_sub(TRAFFIC_STEP.saturating_mul(u32::try_from(step_of(now)).unwrap_or(u32::MAX)));
        let mut recent = RecentTraffic {
            until_ms: now_ms.saturating_sub(u64::try_from(under_way.as_millis()).unwrap_or(0)),
            stream: vec![Traffic::default(); TRAFFIC_STEPS],
            shards: Vec::new(),
        };
        for cell in stream.cells() {
            let Some(steps) = cell.steps.before(now) else { continue };
            for (all, of_shard) in recent.stream.iter_mut().zip(&steps) {
                all.add(of_shard);
            }
            recent.shards.push((cell.info.index, steps));
        }
        Ok(recent)
    }

    /// What all streams of data records, also those that are gone, took and gave since the start.
    pub fn traffic(&self) -> Traffic {
        self.core().totals.now()
    }

    /// The same of each of the first streams of data records by name, with how far the slowest recent reader is behind.
    pub fn traffic_of_streams(&self, limit: usize) -> Vec<(String, Traffic)> {
        let now = self.core().env.clock.monotonic();
        let mut all = Vec::new();
        for stream in self.core().catalogue.all() {
            let info = stream.info();
            if info.kind != StreamKind::Data {
                continue;
            }
            if all.len() == limit {
                break;
            }
            let behind_ms = stream.cells().iter().filter_map(|cell| cell.steps.behind_ms(now)).max();
            all.push((info.name.clone(), Traffic { behind_ms, ..stream.totals.now() }));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = TRAFFIC_STEP;

    fn read(behind_ms: u64) -> Traffic {
        Traffic { out_records: 1, behind_ms: Some(behind_ms), ..Traffic::default() }
    }

    #[test]
    fn steps_are_sums_and_the_slowest_reader_counts() {
        let steps = Steps::default();
        assert_eq!(steps.before(STEP * 100), None);
        steps.add(STEP * 7, &read(30));
        steps.add(STEP * 7 + STEP / 2, &read(20));
        assert_eq!(steps.before(STEP * 7 + STEP / 2), None, "not whole yet");
        let both = Traffic { out_records: 2, behind_ms: Some(30), ..Traffic::default() };
        let before = steps.before(STEP * 9).unwrap();
        assert_eq!((before.len(), before[TRAFFIC_STEPS - 2]), (TRAFFIC_STEPS, both));
        assert_eq!(before.iter().filter(|step| **step == Traffic::default()).count(), TRAFFIC_STEPS - 1);
        steps.add(STEP * 6, &read(0));
        assert_eq!(
            steps.before(STEP * 8).unwrap()[TRAFFIC_STEPS - 1].out_records,
            3,
            "the clock was read before"
        );
    }

    #[test]
    fn old_steps_go() {
        let steps = Steps::default();
        let last = 3 * TRAFFIC_STEPS as u32;
        (0..=last).for_each(|step| steps.add(STEP * step, &read(u64::from(step))));
        assert!(steps.0.lock().unwrap().len() <= TRAFFIC_STEPS);
        assert_eq!(steps.behind_ms(STEP * last), Some(u64::from(last)));
        let later = STEP * (last + TRAFFIC_STEPS as u32);
        assert_eq!(steps.before(later).unwrap()[0], read(u64::from(last)));
        assert_eq!((steps.before(later + STEP), steps.behind_ms(later + STEP)), (None, None));
    }
}
