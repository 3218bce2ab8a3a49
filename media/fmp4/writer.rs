//! Writing chunks.

use crate::error::MediaError;
use bytes::Bytes;

/// A sample to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSample {
    /// Its bytes, NAL units with length prefixes.
    pub data: Bytes,
    /// Duration in ticks.
    pub duration: u32,
    /// `pts - dts` in ticks.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// One track's samples of a chunk to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrack {
    /// The track.
    pub track_id: u32,
    /// Decoding time of the first sample in ticks.
    pub decode_time: u64,
    /// In decoding order.
    pub samples: Vec<NewSample>,
}

/// Writes a chunk in the canonical form.
pub fn write_chunk(sequence: u32, tracks: &[NewTrack]) -> Result<Bytes, MediaError> {
    let _ = (sequence, tracks);
    Err(MediaError::NoMedia)
}

/// A copy of a canonical `moof` with another sequence number and with `shift(track_id)` ticks added to each track's decoding
/// time. The length stays the same, so the `mdat` can follow as it is stored.
pub fn retime(moof: &[u8], sequence: u32, shift: impl Fn(u32) -> i64) -> Result<Bytes, MediaError> {
    let _ = (moof, sequence, shift(0));
    Err(MediaError::NoMedia)
}
