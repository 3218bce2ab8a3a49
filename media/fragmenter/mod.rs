//! From coded pictures and packets of sound to fragmented MP4: an initialisation segment, then chunks.
//!
//! ```text
//! configure(track, how it is coded)     again whenever that changes, before the first unit of the new kind
//! push(unit) … push(unit)               any number of tracks, each in decoding order
//! flush()                               at the end
//! pop() → ftyp moov | prft… moof mdat | prft… moof mdat | …
//! ```
//!
//! The first video track leads; when no track is video, the first that is configured. Nothing is given out before its
//! first key frame, which also is time zero of the media. A chunk begins at every key frame of the lead, and else as soon
//! as it has lasted [`Options::chunk_ms`]. What the other tracks have at that time travels with it. A sample lasts until
//! the next of its track begins, so the newest unit of each track always waits for its successor.
//!
//! A chunk comes with a `prft` that tells when it was captured, and one of the kind `Written` that tells when it would have
//! been written if nothing had been held back, each as far as the units say it.
//!
//! The first initialisation segment waits until all tracks are configured, [`START_WAIT_MS`] of the lead's time at most. A
//! track that is configured later, or anew, is let in with a new one at the lead's next key frame.

mod lane;

use crate::error::MediaError;
use crate::fmp4::key_frame::sample_key;
use crate::fmp4::{NewTrack, Prft, PrftClock, TrackConfig, TrackKind, write_dated_chunk, write_init};
use bytes::Bytes;
use lane::{Lane, Taken};
use std::collections::VecDeque;

/// How media is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A chunk is cut when it has lasted this long, in milliseconds.
    pub chunk_ms: u32,
    /// Or when it has this many bytes; also what is held at most beyond the newest unit of each track.
    pub chunk_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { chunk_ms: 250, chunk_bytes_max: 8 << 20 }
    }
}

/// How long the other tracks are waited for at the start, in milliseconds of the lead's time.
pub const START_WAIT_MS: u64 = 1_000;
/// Sound alone makes a chunk when the pictures stay away this long beyond a chunk's time, in milliseconds.
const PATIENCE_MS: u64 = 2_000;
/// Most units of a track in a chunk.
const UNITS_MAX: usize = 4_096;

/// A coded picture, or a packet of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Index of its track, as given to [`Fragmenter::new`].
    pub track: usize,
    /// When it is shown, in ticks of its track, on a timeline that all tracks share (where that starts is all the same).
    pub pts: i64,
    /// When it is decoded, likewise.
    pub dts: i64,
    /// Its bytes; for H.264 and H.265 NAL units with length prefixes.
    pub data: Bytes,
    /// Whether it is said that decoding can start here. Of H.264 and H.265 the NAL units decide.
    pub sync: bool,
    /// When it was captured, in microseconds since the Unix epoch, if that is known.
    pub unix_us: Option<i64>,
    /// When it had come here as a whole, in microseconds since the Unix epoch, if that is known. It may be handed on later.
    pub arrival_us: Option<i64>,
}

/// Makes fragmented MP4. See the [module](self).
#[derive(Debug)]
pub struct Fragmenter {
    options: Options,
    lanes: Vec<Lane>,
    /// The lead's units from its first key frame on, until the start.
    held: Vec<AccessUnit>,
    started: bool,
    /// Zero of the media, as ticks and their rate; from the first chunk on.
    origin: Option<(i64, u32)>,
    sequence: u32,
    /// Arrival of the unit that is being taken.
    arrival_us: Option<i64>,
    out: VecDeque<Bytes>,
}

impl Fragmenter {
    /// For tracks of these kinds. Their ids in the MP4 are their indices plus one.
    pub fn new(options: Options, kinds: &[TrackKind]) -> Self {
        let lanes = kinds.iter().map(|kind| Lane::new(*kind)).collect();
        let (held, out) = (Vec::new(), VecDeque::new());
        Self { options, lanes, held, started: false, origin: None, sequence: 0, arrival_us: None, out }
    }

    /// Says how a track's units are coded from now on. Units of a track that was never configured are dropped; an index
    /// beyond the tracks is ignored, as is what is in force already. Fails when no initialisation segment can say it.
    pub fn configure(&mut self, track: usize, config: &TrackConfig) -> Result<(), MediaError> {
        if self.lanes.get(track).is_none_or(|lane| lane.newest_config() == Some(config)) {
            return Ok(());
        }
        write_init(&[(1, config.clone())])?;
        if self.held.iter().any(|unit| unit.track == track) {
            // They are coded as was said before.
            self.begin()?;
        }
        self.lanes[track].configure(config.clone());
        Ok(())
    }

    /// Takes the next unit of a track. A decoding time that does not go on after the one before is moved to where it does.
    /// Fails only when a chunk cannot be written, which the limits rule out.
    pub fn push(&mut self, unit: AccessUnit) -> Result<(), MediaError> {
        let Some(lead) = self.lead() else { return Ok(()) };
        let track = unit.track;
        self.arrival_us = unit.arrival_us;
        let Some(lane) = self.lanes.get_mut(track) else { return Ok(()) };
        let Some(config) = lane.newest_config() else { return Ok(()) };
        let key = sample_key(config.codec, config.nal_length_bytes(), unit.sync, &unit.data).is_key();
        let timescale = config.timescale;
        if track != lead {
            lane.push(unit, key);
            self.begin_when_ready()?;
            return self.cut_if_the_lead_is_missing(track);
        }
        if !self.started {
            if key || !self.held.is_empty() {
                self.held.push(unit);
            }
            return self.begin_when_ready();
        }
        if key && self.lanes.iter().any(Lane::is_waiting) {
            self.flush()?;
            self.origin.get_or_insert((unit.dts, timescale));
            self.start(unit.dts, timescale)?;
        } else if self.lanes[track].is_waiting() {
            // Coded in a way that no initialisation segment has said yet, and decoding cannot start here.
            return Ok(());
        }
        let lane = &mut self.lanes[track];
        let dts = lane.push(unit, key);
        let key = key && lane.kind() == TrackKind::Video; // of sound, every unit is one
        let lasted = lane.pending_ticks().saturating_mul(1_000)
            >= u64::from(self.options.chunk_ms) * u64::from(timescale);
        if lane.has_whole() && (key || lasted || lane.had_gap() || self.is_full()) {
            self.cut(dts, timescale)?;
        }
        Ok(())
    }

    /// Gives out all that is held. The last unit of each track lasts as long as the one before.
    pub fn flush(&mut self) -> Result<(), MediaError> {
        if !self.started && !self.held.is_empty() {
            self.begin()?;
        }
        // A gap within a track ends a chunk.
        loop {
            let taken = self.lanes.iter_mut().map(Lane::take_all).collect();
            if !self.write(taken)? {
                return Ok(());
            }
        }
    }

    /// The next piece of the MP4: an initialisation segment, or a chunk with the `prft`s that date it.
    pub fn pop(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    fn lead(&self) -> Option<usize> {
        let video = self.lanes.iter().position(|lane| lane.kind() == TrackKind::Video);
        video.or_else(|| self.lanes.iter().position(|lane| lane.newest_config().is_some()))
    }

    /// Begins, if there is something to begin with and nothing to wait for any more.
    fn begin_when_ready(&mut self) -> Result<(), MediaError> {
        let (Some(first), Some(last)) = (self.held.first(), self.held.last()) else { return Ok(()) };
        let timescale = self.lanes[first.track].newest_config().map_or(0, |config| config.timescale);
        let waited =
            last.dts.abs_diff(first.dts).saturating_mul(1_000) >= START_WAIT_MS * u64::from(timescale);
        let bytes: usize = self.held.iter().map(|unit| unit.data.len()).sum();
        let full = bytes >= self.options.chunk_bytes_max || self.held.len() >= UNITS_MAX;
        if waited || full || self.lanes.iter().all(|lane| lane.newest_config().is_some()) {
            self.begin()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), MediaError> {
        self.started = true;
        let arrival_us = self.arrival_us;
        std::mem::take(&mut self.held).into_iter().try_for_each(|unit| self.push(unit))?;
        self.arrival_us = arrival_us;
        Ok(())
    }

    /// Writes an initialisation segment of every track that is configured, at this time of the lead.
    fn start(&mut self, ticks: i64, rate: u32) -> Result<(), MediaError> {
        let origin = self.origin.unwrap_or((ticks, rate));
        let mut tracks = Vec::new();
        for (lane, id) in self.lanes.iter_mut().zip(1..) {
            let times = |timescale| (scale(origin.0, origin.1, timescale), scale(ticks, rate, timescale));
            if let Some(config) = lane.start(times) {
                tracks.push((id, config.clone()));
            }
        }
        self.out.push_back(write_init(&tracks)?);
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes: usize = self.lanes.iter().map(Lane::pending_bytes).sum();
        bytes >= self.options.chunk_bytes_max
            || self.lanes.iter().any(|lane| lane.pending_units() >= UNITS_MAX)
    }

    fn cut_if_the_lead_is_missing(&mut self, track: usize) -> Result<(), MediaError> {
        let full = self.is_full();
        let lane = &self.lanes[track];
        let Some((newest, timescale)) = lane.newest() else { return Ok(()) };
        let patience = (PATIENCE_MS + u64::from(self.options.chunk_ms)) * u64::from(timescale);
        if full || lane.pending_ticks().saturating_mul(1_000) >= patience {
            self.cut(newest, timescale)?;
        }
        Ok(())
    }

    /// Makes a chunk of what is decoded before this time.
    fn cut(&mut self, ticks: i64, rate: u32) -> Result<(), MediaError> {
        let before = |timescale| scale(ticks, rate, timescale);
        let taken = self.lanes.iter_mut().map(|lane| lane.take_before(before)).collect();
        self.write(taken).map(|_| ())
    }

    /// Writes what was taken from each lane as a chunk; whether there was anything.
    fn write(&mut self, taken: Vec<Option<Taken>>) -> Result<bool, MediaError> {
        let mut tracks: Vec<NewTrack> = Vec::new();
        let (mut captured, mut written) = (None, None);
        let lead = self.lead();
        for (index, taken) in taken.into_iter().enumerate() {
            let Some(Taken { decode_time, samples, date, arrived_us }) = taken else { continue };
            // Bounded by the tracks of a camera.
            let track_id = index as u32 + 1;
            let dated = |(time, unix_us)| Prft::at(track_id, time, unix_us, PrftClock::EncoderInput);
            if captured.is_none() || Some(index) == lead {
                captured = date.map(dated).or(captured);
            }
            if written.is_none() || Some(index) == lead {
                // A unit may have come early, as in a burst; then the chunk was over when the one came that ended it.
                let at_us = arrived_us.map(|over| self.arrival_us.map_or(over, |now| now.min(over)));
                let at = |unix_us| Prft::at(track_id, decode_time, unix_us, PrftClock::Written);
                written = at_us.map(at).or(written);
            }
            tracks.push(NewTrack { track_id, decode_time, samples });
        }
        if tracks.is_empty() {
            return Ok(false);
        }
        self.sequence = self.sequence.wrapping_add(1);
        let prfts: Vec<Prft> = captured.into_iter().chain(written).collect();
        self.out.push_back(write_dated_chunk(&prfts, self.sequence, &tracks)?);
        Ok(true)
    }
}

/// Ticks of one rate as ticks of another, rounded down.
fn scale(ticks: i64, from: u32, to: u32) -> i64 {
    let scaled = (i128::from(ticks) * i128::from(to)).div_euclid(i128::from(from.max(1)));
    scaled.clamp(i128::from(i64::MIN / 2), i128::from(i64::MAX / 2)) as i64
}
