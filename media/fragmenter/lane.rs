//! One track's units on their way into chunks.

use super::AccessUnit;
use crate::fmp4::{Codec, NewSample, TrackConfig, TrackKind};
use bytes::Bytes;
use std::collections::VecDeque;

/// Most bytes and units that are held of a track that has not been let in yet; the oldest go.
const WAITING_BYTES_MAX: usize = 1 << 20;
const WAITING_UNITS_MAX: usize = 512;
/// A sample that would last longer than this, in milliseconds, and [`GAP_TIMES`] as long as those before, ends earlier: there
/// is a gap behind it.
const GAP_MS: u64 = 1_000;
const GAP_TIMES: u64 = 8;

/// A unit whose times count from the origin of the media, once that is known.
#[derive(Debug)]
struct Unit {
    pts: i64,
    dts: i64,
    data: Bytes,
    sync: bool,
    unix_us: Option<i64>,
    arrival_us: Option<i64>,
}

/// A track.
#[derive(Debug)]
pub(super) struct Lane {
    kind: TrackKind,
    /// As the initialisation segment has it.
    config: Option<TrackConfig>,
    /// As the next one will have it.
    next: Option<TrackConfig>,
    /// Origin of the media in ticks, while there is a `config`.
    origin: i64,
    /// In decoding order; of `config`.
    pending: VecDeque<Unit>,
    pending_bytes: usize,
    /// In decoding order; of `next`, and without an origin.
    waiting: VecDeque<Unit>,
    waiting_bytes: usize,
    /// Decoding time of the newest unit ever put into `pending`, and the rate it counts in.
    newest: Option<(i64, u32)>,
    /// How long a sample lasts, as the latest did; 0 before the first.
    usual: u32,
    /// Pictures that do not lead are let in at their own first key frame.
    open: bool,
}

/// What a lane gives to a chunk.
pub(super) struct Taken {
    pub(super) decode_time: u64,
    /// Never empty.
    pub(super) samples: Vec<NewSample>,
    /// A presentation time and when that was, in microseconds since the Unix epoch.
    pub(super) date: Option<(u64, i64)>,
    /// When its last sample had arrived and was over, in microseconds since the Unix epoch.
    pub(super) arrived_us: Option<i64>,
}

impl Lane {
    pub(super) fn new(kind: TrackKind) -> Self {
        Self {
            kind,
            config: None,
            next: None,
            origin: 0,
            pending: VecDeque::new(),
            pending_bytes: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            newest: None,
            usual: 0,
            open: false,
        }
    }

    pub(super) fn kind(&self) -> TrackKind {
        self.kind
    }

    /// How the units that come now are coded.
    pub(super) fn newest_config(&self) -> Option<&TrackConfig> {
        self.next.as_ref().or(self.config.as_ref())
    }

    /// Whether that is still to be said by an initialisation segment.
    pub(super) fn is_waiting(&self) -> bool {
        self.next.is_some()
    }

    pub(super) fn configure(&mut self, config: TrackConfig) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        // Back to what is in force, should it be that.
        self.next = (self.config.as_ref() != Some(&config)).then_some(config);
    }

    /// The initialisation segment is written: what it says of this track. `times` gives, for a timescale, the origin and the
    /// time from which on units that have waited are let in. `pending` must have been taken.
    pub(super) fn start(&mut self, times: impl Fn(u32) -> (i64, i64)) -> Option<&TrackConfig> {
        if let Some(next) = self.next.take() {
            let timescale = next.timescale;
            if let Some((newest, rate)) = &mut self.newest
                && *rate != timescale
            {
                (*newest, *rate) = (super::scale(*newest, *rate, timescale), timescale);
            }
            let (origin, from) = times(timescale);
            (self.origin, self.usual, self.open) = (origin, 0, false);
            self.config = Some(next);
            self.waiting_bytes = 0;
            for unit in std::mem::take(&mut self.waiting) {
                if unit.dts >= from {
                    self.admit(unit);
                }
            }
        }
        self.config.as_ref()
    }

    /// Takes a unit. Returns its decoding time from the origin.
    pub(super) fn push(&mut self, unit: AccessUnit, key: bool) -> i64 {
        let AccessUnit { pts, dts, data, unix_us, arrival_us, .. } = unit;
        let unit = Unit { pts, dts, data, sync: key, unix_us, arrival_us };
        if self.next.is_none() {
            return self.admit(unit);
        }
        self.waiting_bytes += unit.data.len();
        self.waiting.push_back(unit);
        while self.waiting_bytes > WAITING_BYTES_MAX || self.waiting.len() > WAITING_UNITS_MAX {
            self.waiting_bytes -= self.waiting.pop_front().map_or(0, |unit| unit.data.len());
        }
        dts
    }

    fn admit(&mut self, mut unit: Unit) -> i64 {
        let timescale = self.config.as_ref().map_or(0, |config| config.timescale);
        unit.dts = unit.dts.saturating_sub(self.origin);
        unit.pts = unit.pts.saturating_sub(self.origin);
        self.open |= unit.sync;
        if unit.dts < 0 || !self.open {
            return unit.dts;
        }
        if let Some((newest, _)) = self.newest {
            unit.dts = unit.dts.max(newest.saturating_add(1));
        }
        let dts = unit.dts;
        self.newest = Some((dts, timescale));
        self.pending_bytes += unit.data.len();
        self.pending.push_back(unit);
        dts
    }

    /// Decoding time of the newest unit that can go into a chunk, and the rate it counts in.
    pub(super) fn newest(&self) -> Option<(i64, u32)> {
        self.newest.filter(|_| !self.pending.is_empty())
    }

    /// From the first unit's decoding time to the newest's.
    pub(super) fn pending_ticks(&self) -> u64 {
        match (self.pending.front(), self.pending.back()) {
            (Some(first), Some(last)) => last.dts.abs_diff(first.dts),
            _ => 0,
        }
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    pub(super) fn pending_units(&self) -> usize {
        self.pending.len()
    }

    /// Whether any unit's duration is known.
    pub(super) fn has_whole(&self) -> bool {
        self.pending.len() > 1
    }

    /// Whether there is a gap before the newest unit.
    pub(super) fn had_gap(&self) -> bool {
        let mut last = self.pending.iter().rev();
        match (last.next(), last.next()) {
            (Some(newest), Some(before)) => self.lasts(before, newest).1,
            _ => false,
        }
    }

    /// How long a unit lasts that has this successor, and whether there is a gap between them.
    fn lasts(&self, unit: &Unit, successor: &Unit) -> (u32, bool) {
        let ticks = successor.dts.abs_diff(unit.dts);
        let timescale = self.config.as_ref().map_or(1, |config| config.timescale);
        let gap = ticks.saturating_mul(1_000) > GAP_MS * u64::from(timescale)
            && self.usual > 0
            && ticks > GAP_TIMES * u64::from(self.usual);
        let lasts = if gap { self.usual } else { u32::try_from(ticks).unwrap_or(u32::MAX) };
        (lasts, gap)
    }

    /// The units whose duration is known and that are decoded before a time that counts from the origin; a gap ends them.
    pub(super) fn take_before(&mut self, time: impl Fn(u32) -> i64) -> Option<Taken> {
        let before = time(self.config.as_ref()?.timescale);
        let mut taken = None;
        while let (Some(unit), Some(successor)) = (self.pending.front(), self.pending.get(1))
            && unit.dts < before
        {
            let (duration, gap) = self.lasts(unit, successor);
            self.take_first(duration, &mut taken);
            if gap {
                break;
            }
            self.usual = duration;
        }
        taken
    }

    /// All units up to the first gap. One without a successor lasts as long as is usual.
    pub(super) fn take_all(&mut self) -> Option<Taken> {
        let mut taken = self.take_before(|_| i64::MAX);
        if self.pending.len() == 1 {
            let ends = taken.as_ref().and_then(Taken::end);
            // Behind a gap it is a chunk of its own.
            if ends.is_none_or(|end| self.pending[0].dts.unsigned_abs() == end) {
                let duration = if self.usual > 0 { self.usual } else { self.guess() };
                self.take_first(duration, &mut taken);
            }
        }
        taken
    }

    /// How long a unit may last when no other is there to tell.
    fn guess(&self) -> u32 {
        let Some(config) = &self.config else { return 1 };
        match config.codec {
            Codec::H264 | Codec::H265 | Codec::Av1 => (config.timescale / 25).max(1),
            Codec::Aac => 1_024,
            Codec::Opus | Codec::Flac => (config.timescale / 50).max(1),
        }
    }

    fn take_first(&mut self, duration: u32, taken: &mut Option<Taken>) {
        let Some(unit) = self.pending.pop_front() else { return };
        self.pending_bytes -= unit.data.len();
        let taken = taken.get_or_insert_with(|| Taken {
            decode_time: unit.dts.unsigned_abs(), // never below zero: `admit` sees to that
            samples: Vec::new(),
            date: None,
            arrived_us: None,
        });
        let date = unit.unix_us.and_then(|unix_us| Some((u64::try_from(unit.pts).ok()?, unix_us)));
        taken.date = taken.date.or(date);
        let timescale = self.config.as_ref().map_or(0, |config| config.timescale);
        let lasts_us = super::scale(duration.into(), timescale, 1_000_000);
        taken.arrived_us = unit.arrival_us.map(|arrival_us| arrival_us.saturating_add(lasts_us));
        taken.samples.push(NewSample {
            // A time that is this far off is no time.
            composition_offset: i32::try_from(unit.pts.saturating_sub(unit.dts)).unwrap_or(0),
            data: unit.data,
            duration,
            sync: unit.sync,
        });
    }
}

impl Taken {
    /// When its last sample ends.
    fn end(&self) -> Option<u64> {
        let lasts: u64 = self.samples.iter().map(|sample| u64::from(sample.duration)).sum();
        self.decode_time.checked_add(lasts)
    }
}
