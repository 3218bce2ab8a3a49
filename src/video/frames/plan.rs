//! A plan: footage, and the pictures wanted from it.

use crate::reason::Reason;
use bytes::Bytes;
use serde::Serialize;

/// What a decoder needs to make some pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePlan {
    /// `ftyp` and `moov`.
    pub init: Bytes,
    /// One or more `moof` + `mdat`, in order, from a key frame on. At most 128 MiB.
    pub chunks: Bytes,
    /// RFC 6381 name of the track of pictures.
    pub codec: String,
    /// Width of its pictures in pixels.
    pub width: u32,
    /// Height of its pictures in pixels.
    pub height: u32,
    /// Degrees clockwise the pictures are to be turned for display.
    pub rotation: u16,
    /// Ticks per second of its times.
    pub timescale: u32,
    /// At least one, in the order of presentation.
    pub wanted: Vec<WantedFrame>,
}

/// A picture that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WantedFrame {
    /// The instant asked for by the camera's clock, in microseconds since the Unix epoch.
    pub requested_us: u64,
    /// Its presentation time in ticks, as the chunks say it.
    pub pts: i64,
    /// Its time by the camera's clock, in microseconds since the Unix epoch.
    pub producer_us: u64,
    /// When it was here, in microseconds since the Unix epoch: the arrival of its fragment's first chunk, plus how far
    /// into the fragment it is.
    pub server_us: u64,
    /// Its fragment.
    pub fragment_number: u64,
    /// Its place in the fragment, by presentation, from zero.
    pub frame_index: u32,
    /// Whether the footage marks it as a key frame.
    pub key_frame: bool,
}

/// A picture that was asked for and does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingFrame {
    /// The instant asked for by the camera's clock, in microseconds since the Unix epoch.
    pub requested_us: u64,
    /// What kind of absence.
    pub reason: MissingReason,
    /// Why there is a gap there.
    pub gap: Reason,
}

/// Why a picture does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MissingReason {
    /// It is before the stream's first footage or after its last.
    NoMedia,
    /// Footage is missing there.
    Gap,
    /// The footage there has no picture to begin decoding with.
    NoKeyFrame,
}
