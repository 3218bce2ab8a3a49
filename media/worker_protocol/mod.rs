//! What the server and a `media-worker` say to each other over the worker's stdin and stdout.
//!
//! Each direction is a sequence of messages; numbers are little-endian. The worker begins with one `hello`. Then the
//! server sends a request and reads `frame` and `missing` messages until `done` or `error`; only after that may it send
//! the next one.
//!
//! ```text
//! message  = length u32 (of what follows it) | version u8 | kind u8 | fields
//!
//! kind     fields
//! 1 request  id u64 | timeout_ms u32 | format u8 | quality u8 | width u32 | height u32      (0 = not given)
//!            | wanted u8 | count u32 | pts i64 × count | init_len u32 | chunks_len u32 | init | chunks
//! 2 frame    id u64 | index u32 | pts i64 | flags u8 (1 = key frame, 2 = damaged) | width u32 | height u32 | image (the rest)
//! 3 missing  id u64 | index u32 | reason u8 | detail (UTF-8, the rest)
//! 4 done     id u64 | items u32 | cpu_ms u64 | decoder (UTF-8, the rest)
//! 5 error    id u64 | code u8 | detail (UTF-8, the rest)
//! 6 hello    description (UTF-8, the rest)
//!
//! format   1 = JPEG, 2 = PNG (quality 0)
//! wanted   1 = at (count × pts), 2 = nearest key frame (one pts), 3 = every key frame (no pts)
//! ```
//! Workers that take in cameras' media speak of it over further sockets, see [`camera`].
//!
//! Every length is checked against its limit before anything is allocated, on both sides: the server does not trust the
//! worker, which has read hostile bytes.

use bytes::Bytes;

pub mod camera;
mod request;
mod response;
mod wire;

#[cfg(test)]
mod tests;

pub use response::{ErrorCode, Frame, Missing, MissingReason, Response};
pub use wire::{ProtocolError, message_len};

/// Version of the layout above; each message carries it.
pub const VERSION: u8 = 1;
/// Bytes of the length that precedes each message.
pub const PREFIX_BYTES: usize = 4;
/// Largest init segment in a request.
pub const INIT_BYTES_MAX: usize = 1 << 20;
/// Most bytes of chunks in a request.
pub const CHUNKS_BYTES_MAX: usize = 128 << 20;
/// Most instants one request may ask for.
pub const WANTED_MAX: usize = 65_536;
/// Largest width and height of an image, in pixels.
pub const SIDE_MAX: u32 = 8192;
/// Largest encoded image.
pub const IMAGE_BYTES_MAX: usize = 64 << 20;
/// Longest text (details, descriptions), in bytes; longer ones are cut.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Largest request message, without its prefix.
pub const REQUEST_BYTES_MAX: usize = 64 + 8 * WANTED_MAX + INIT_BYTES_MAX + CHUNKS_BYTES_MAX;
/// Largest response message, without its prefix.
pub const RESPONSE_BYTES_MAX: usize = 64 + IMAGE_BYTES_MAX;
/// JPEG quality when the caller has no wish.
pub const JPEG_QUALITY_DEFAULT: u8 = 85;

/// One request to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in every response to it.
    pub id: u64,
    /// The worker gives up when it makes no frame for this long, in milliseconds.
    pub timeout_ms: u32,
    /// What to do.
    pub work: Work,
}

/// Footage and the frames wanted from it.
///
/// Times are presentation times in the timescale of the first video track, as the chunks' boxes say them (edit lists
/// are not applied).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// `ftyp` and `moov`; at most [`INIT_BYTES_MAX`].
    pub init: Bytes,
    /// One or more `moof`+`mdat`, in order, starting at a key frame; at most [`CHUNKS_BYTES_MAX`].
    pub chunks: Bytes,
    /// Which frames.
    pub wanted: Wanted,
    /// In which form.
    pub image: ImageSpec,
}

/// Which frames a request asks for. Each one asked for is answered by one frame or one `missing`, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// For each time the frame that is on screen then: the last one that starts at or before it, or the very first one
    /// when the time is before everything. 1 to [`WANTED_MAX`] times, never decreasing.
    At(Vec<i64>),
    /// The one key frame that starts nearest to this time (the earlier of two equally near ones).
    NearestKey(i64),
    /// Every key frame, in the order of presentation.
    EveryKey,
}

/// The form of the images.
///
/// Pixels are as decoded: neither the track's rotation nor its sample aspect ratio is applied. With one side given the
/// other follows from the picture's proportions; with both given the picture is stretched to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// File format.
    pub format: ImageFormat,
    /// Width in pixels, 1 to [`SIDE_MAX`].
    pub width: Option<u32>,
    /// Height in pixels, 1 to [`SIDE_MAX`].
    pub height: Option<u32>,
}

/// File format of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// JFIF: full-range BT.601, whatever the video's matrix and range.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// Lossless RGB (or grey), compressed at level 1.
    Png,
}

impl Default for ImageSpec {
    fn default() -> Self {
        Self { format: ImageFormat::Jpeg { quality: JPEG_QUALITY_DEFAULT }, width: None, height: None }
    }
}
