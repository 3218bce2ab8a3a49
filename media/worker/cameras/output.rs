//! From what the tracks give to fragmented MP4: onto one timeline, and into chunks.

use super::failure::GaveUp;
use super::reorder::Reorder;
use super::track::Taken;
use bytes::Bytes;
use media::fmp4::TrackKind;
use media::fragmenter::{AccessUnit, Fragmenter, Options};
use media::rtp::{RtpSession, RtpTrack};
use std::collections::VecDeque;

/// Most bytes that are held back until the clock knows where the tracks belong.
const HELD_BYTES_MAX: usize = 16 << 20;

/// Dates units and makes chunks of them.
pub(crate) struct Output {
    tracks: Vec<RtpTrack>,
    timing: Vec<Timing>,
    /// Fed with packets by whoever takes them in.
    pub(crate) session: RtpSession,
    /// What came before the clock had settled, each with its track and its arrival.
    held: VecDeque<(usize, u64, Taken)>,
    held_bytes: usize,
    fragmenter: Fragmenter,
    units: u64,
}

/// What gives a track's pictures their times of decoding.
#[derive(Default)]
struct Timing {
    reorder: Reorder,
    /// From picture to picture, in ticks.
    step: i64,
}

impl Output {
    /// For tracks, in chunks that last `chunk_ms` milliseconds.
    pub(crate) fn new(tracks: &[RtpTrack], chunk_ms: u32) -> Self {
        let kinds: Vec<TrackKind> = tracks.iter().map(|track| track.encoding.kind()).collect();
        Self {
            tracks: tracks.to_vec(),
            timing: tracks.iter().map(|_| Timing::default()).collect(),
            session: RtpSession::new(tracks),
            held: VecDeque::new(),
            held_bytes: 0,
            fragmenter: Fragmenter::new(Options { chunk_ms, ..Options::default() }, &kinds),
            units: 0,
        }
    }

    /// Takes what came out of a track, of packets that arrived at this time, in microseconds since the Unix epoch.
    pub(crate) fn push(&mut self, index: usize, arrival_us: u64, taken: Taken) -> Result<(), GaveUp> {
        self.release()?;
        if self.session.clock().is_settled() {
            return self.place(index, arrival_us, taken);
        }
        if let Taken::Unit { data, .. } = &taken {
            self.held_bytes += data.len();
        }
        self.held.push_back((index, arrival_us, taken));
        if self.held_bytes > HELD_BYTES_MAX {
            self.session.clock().settle();
        }
        Ok(())
    }

    /// Hands on what was held back, if the clock has settled.
    pub(crate) fn release(&mut self) -> Result<(), GaveUp> {
        if !self.session.clock().is_settled() {
            return Ok(());
        }
        self.held_bytes = 0;
        for (index, arrival_us, taken) in std::mem::take(&mut self.held) {
            self.place(index, arrival_us, taken)?;
        }
        Ok(())
    }

    /// Gives up everything.
    pub(crate) fn end(&mut self) -> Result<(), GaveUp> {
        self.session.clock().settle();
        self.release()?;
        Ok(self.fragmenter.flush()?)
    }

    /// The next piece of the MP4.
    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        self.fragmenter.pop()
    }

    /// Units handed on so far.
    pub(crate) fn units(&self) -> u64 {
        self.units
    }

    fn place(&mut self, index: usize, arrival_us: u64, taken: Taken) -> Result<(), GaveUp> {
        let encoding = self.tracks[index].encoding;
        let timing = &mut self.timing[index];
        match taken {
            Taken::Config { config, depth, step } => {
                timing.step = step;
                timing.reorder.expect(depth);
                self.fragmenter.configure(index, &config)?;
            }
            Taken::Unit { ticks, data, sync } => {
                let Some(pts) = self.session.clock().media_ticks(index, ticks) else { return Ok(()) };
                let dts = match encoding.kind() {
                    TrackKind::Video => timing.reorder.date(pts, timing.step),
                    TrackKind::Audio => pts,
                };
                self.units += 1;
                let unix_us = self.session.clock().unix_us(index, ticks);
                let arrival_us = i64::try_from(arrival_us).ok().filter(|us| *us > 0);
                let unit = AccessUnit { track: index, pts, dts, data, sync, unix_us, arrival_us };
                self.fragmenter.push(unit)?;
            }
        }
        Ok(())
    }
}
