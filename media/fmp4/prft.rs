//! Producer reference time (`prft`): when, by the camera's clock, an instant of the media was.
//!
//! ffmpeg 5 writes flags 24 ("real time of the scene") in both of its modes, and both mean the first sample of the fragment.
//! Only with `-write_prft pts` is that true: the time is then `media_time` itself read as Unix time (useful with `-copyts
//! -avoid_negative_ts disabled` and a source dated by the wall clock; without those it lies in 1970, and `media_time` may be on
//! another timeline than `tfdt`). With `-write_prft wallclock` the time is that of *writing*, which is after the
//! fragment's last picture, so the stamp is late by the fragment's duration. [`Prft::anchor_ms`] tells them apart.

use super::boxes::{BoxAt, decode, encode};
use super::chunk::{ChunkInfo, TrackChunk};
use super::init::Init;
use crate::error::MediaError;
use mp4_atom::ReferenceTime;

/// What the time in a `prft` box is said to mean (its flags).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrftClock {
    /// 0: when the frame went into the encoder.
    EncoderInput,
    /// 1: when it came out.
    EncoderOutput,
    /// 2: when the `moof` was finalised, which is after the fragment's last frame.
    Finalised,
    /// 4: when the `moof` was written, likewise.
    Written,
    /// 8: arbitrary but consistent.
    Consistent,
    /// 24: a consistent, small offset from the time of the scene.
    RealTime,
}

/// A `prft` box as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prft {
    /// The track whose timeline `media_time` counts in.
    pub track_id: u32,
    /// NTP time: seconds since 1900 in the upper 32 bits, the fraction in the lower.
    pub ntp: u64,
    /// The instant of the media, in ticks of that track.
    pub media_time: u64,
    /// What the time means.
    pub clock: PrftClock,
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
/// Bytes of a `prft` box of the longer version.
pub(crate) const PRFT_BYTES_MAX: usize = 32;
/// The year 2000; a producer whose clock stands earlier has none.
const PLAUSIBLE_US_MIN: i64 = 946_684_800_000_000;
/// How far a stamp made from the presentation time may be off through rounding, in microseconds.
const SAME_US: u64 = 2_000;

impl Prft {
    /// Reads a `prft` box.
    pub(crate) fn parse(found: BoxAt<'_>) -> Result<Self, MediaError> {
        let prft: mp4_atom::Prft = decode(found)?;
        let clock = match prft.utc_time_semantics {
            ReferenceTime::Input => PrftClock::EncoderInput,
            ReferenceTime::Output => PrftClock::EncoderOutput,
            ReferenceTime::Finalised => PrftClock::Finalised,
            ReferenceTime::Written => PrftClock::Written,
            ReferenceTime::Consistent => PrftClock::Consistent,
            ReferenceTime::RealTime => PrftClock::RealTime,
        };
        Ok(Self {
            track_id: prft.reference_track_id,
            ntp: prft.ntp_timestamp,
            media_time: prft.media_time,
            clock,
        })
    }

    /// The box that says that `media_time` of this track was at `unix_us`, microseconds since the Unix epoch.
    pub fn at(track_id: u32, media_time: u64, unix_us: i64, clock: PrftClock) -> Self {
        Self { track_id, ntp: unix_us_to_ntp(unix_us), media_time, clock }
    }

    /// Whether it tells when the `moof` was written, and so nothing of when the media was captured.
    pub fn is_of_writing(&self) -> bool {
        matches!(self.clock, PrftClock::Finalised | PrftClock::Written)
    }

    /// Writes the box.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), MediaError> {
        let utc_time_semantics = match self.clock {
            PrftClock::EncoderInput => ReferenceTime::Input,
            PrftClock::EncoderOutput => ReferenceTime::Output,
            PrftClock::Finalised => ReferenceTime::Finalised,
            PrftClock::Written => ReferenceTime::Written,
            PrftClock::Consistent => ReferenceTime::Consistent,
            PrftClock::RealTime => ReferenceTime::RealTime,
        };
        let prft = mp4_atom::Prft {
            reference_track_id: self.track_id,
            ntp_timestamp: self.ntp,
            media_time: self.media_time,
            utc_time_semantics,
        };
        encode(&prft, out)
    }

    /// The time in microseconds since the Unix epoch; negative before 1970. NTP's count of seconds ends in 2036; times whose
    /// upper bit is not set are read as of the era that begins then.
    pub fn unix_us(&self) -> i64 {
        ntp_to_unix_us(self.ntp)
    }

    /// The Unix time in milliseconds of media time zero, such that media at `t` ms of the timeline was at anchor + `t`.
    /// `chunk` is the one that the box came before, `arrival_ms` (Unix) when that chunk was complete here.
    ///
    /// Stamps that say they are of the finished `moof` are taken back by the chunk's duration. Of those that claim real time, so
    /// are the ones that cannot be true: a chunk arrives after its end, so a start that leaves less than half of its
    /// duration before the arrival is the time of writing. `None` for a time before the year 2000, for a track that is
    /// unknown or not in the chunk, and for numbers that do not fit.
    pub fn anchor_ms(&self, init: &Init, chunk: &ChunkInfo, arrival_ms: u64) -> Option<i64> {
        let track = init.track(self.track_id)?;
        let samples = chunk.track(self.track_id)?;
        let stamp_us = self.unix_us();
        if stamp_us < PLAUSIBLE_US_MIN {
            return None;
        }
        let media_us = track.us(media_time_in(samples, self.media_time));
        let start_us = track.us(i64::try_from(samples.decode_time).ok()?);
        let duration_us = track.us(i64::try_from(samples.duration).ok()?);
        let late = match self.clock {
            PrftClock::EncoderInput | PrftClock::EncoderOutput | PrftClock::Consistent => false,
            PrftClock::Finalised | PrftClock::Written => true,
            PrftClock::RealTime => {
                let own_us = i64::try_from(self.media_time).map_or(i64::MAX, |time| track.us(time));
                let of_presentation = stamp_us.abs_diff(own_us) <= SAME_US;
                let began_us = stamp_us.checked_add(start_us)?.checked_sub(media_us)?;
                let arrival_us = i64::try_from(arrival_ms).ok()?.checked_mul(1_000)?;
                !of_presentation && began_us > arrival_us.checked_sub(duration_us / 2)?
            }
        };
        let at_us = if late { stamp_us.checked_sub(duration_us)? } else { stamp_us };
        Some(at_us.checked_sub(media_us)?.div_euclid(1_000))
    }

    /// The Unix time in milliseconds of the start of the chunk that the box came with: [`Prft::anchor_ms`] plus the chunk's
    /// [`ChunkInfo::start_ms`].
    pub fn start_ms(&self, init: &Init, chunk: &ChunkInfo, arrival_ms: u64) -> Option<i64> {
        self.anchor_ms(init, chunk, arrival_ms)?.checked_add(chunk.start_ms(init))
    }
}

/// A 64-bit NTP time as microseconds since the Unix epoch; see [`Prft::unix_us`].
pub(crate) fn ntp_to_unix_us(ntp: u64) -> i64 {
    let era = if ntp >> 63 == 0 { 1_i64 << 32 } else { 0 };
    let seconds = (ntp >> 32) as i64 + era - NTP_TO_UNIX_S;
    let fraction_us = ((ntp & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32;
    seconds * 1_000_000 + fraction_us as i64
}

/// Microseconds since the Unix epoch as a 64-bit NTP time of whatever era; [`ntp_to_unix_us`] gives them back exactly from
/// 1968 to 2104.
pub(crate) fn unix_us_to_ntp(unix_us: i64) -> u64 {
    let seconds = unix_us.div_euclid(1_000_000) + NTP_TO_UNIX_S;
    let fraction = ((unix_us.rem_euclid(1_000_000) as u64) << 32).div_ceil(1_000_000);
    ((seconds as u64) << 32) | fraction.min(0xffff_ffff)
}

/// The instant of the chunk's own timeline that `media_time` means: itself if the chunk presents it, otherwise its first sample.
fn media_time_in(samples: &TrackChunk, media_time: u64) -> i64 {
    let first = samples.samples.first().map_or(0, |sample| sample.pts);
    let presents =
        |time: i64| samples.samples.iter().any(|s| (s.pts..=s.pts + i64::from(s.duration)).contains(&time));
    i64::try_from(media_time).ok().filter(|&time| presents(time)).unwrap_or(first)
}
