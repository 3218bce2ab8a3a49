//! Producer reference time (`prft`): when, by the camera's clock, an instant of the media was.

use super::chunk::ChunkInfo;
use super::init::Init;

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
    /// 24: a consistent, small offset from the time of the scene. ffmpeg claims this for both of its modes, though its
    /// `-write_prft wallclock` stamps the time of writing.
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

impl Prft {
    /// The time as microseconds since the Unix epoch; negative before 1970.
    pub fn unix_us(&self) -> i64 {
        0
    }

    /// The Unix time in milliseconds of media time zero.
    pub fn anchor_ms(&self, init: &Init, chunk: &ChunkInfo, arrival_ms: u64) -> Option<i64> {
        let _ = (init, chunk, arrival_ms);
        None
    }

    /// The Unix time in milliseconds of the start of the chunk that the box came with: [`Prft::anchor_ms`] plus the chunk's
    /// [`ChunkInfo::start_ms`].
    pub fn start_ms(&self, init: &Init, chunk: &ChunkInfo, arrival_ms: u64) -> Option<i64> {
        Some(self.anchor_ms(init, chunk, arrival_ms)?.saturating_add(chunk.start_ms(init)))
    }
}
