//! Codecs and their RFC 6381 names.

/// The codecs taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 (`avc1`, `avc3`).
    H264,
    /// H.265 (`hvc1`, `hev1`).
    H265,
    /// AV1 (`av01`).
    Av1,
    /// MPEG-4 audio and what else `mp4a` carries, in practice AAC.
    Aac,
    /// Opus.
    Opus,
}
