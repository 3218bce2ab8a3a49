//! One progressive MP4 file made of stored chunks: its header is computed, its media data stays where it is.

use crate::error::MediaError;
use crate::fmp4::{ChunkInfo, Init};
use bytes::Bytes;
use std::ops::Range;

/// A chunk of a clip.
#[derive(Clone, Copy, Debug)]
pub struct ClipChunk<'a> {
    /// Its samples.
    pub info: &'a ChunkInfo,
    /// Where on the clip's timeline it starts, in milliseconds; `None`: where its own decoding time puts it, counted
    /// on from the chunk before. Give it for the first chunk after a break (another session, another media timeline); what is missing in
    /// between makes the sample before the break last longer.
    pub start_ms: Option<u64>,
}

/// A frame of the clip's video track, as `clip.frames.json` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Frame {
    /// Presentation time in ticks of the video track, as a player of the clip sees it.
    pub pts: i64,
    /// Duration in ticks.
    pub duration: u64,
    /// 1 for a sync sample, 0 otherwise.
    pub key_frame: u8,
}

/// Part of a clip's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipPart {
    /// From [`ClipLayout::header`].
    Header(Range<usize>),
    /// From the chunk with this index, counted from the chunk's first byte.
    Chunk {
        /// Index into what was given to [`ClipLayout::new`].
        index: usize,
        /// Bytes of it.
        range: Range<u64>,
    },
}

/// A clip's header and where the rest of it is.
#[derive(Clone, Debug)]
pub struct ClipLayout {
    /// `ftyp`, `moov` and the header of the `mdat`.
    pub header: Bytes,
    /// Bytes of the whole file.
    pub len: u64,
    /// The video frames in presentation order; empty without video.
    pub frames: Vec<Frame>,
}

impl ClipLayout {
    /// Lays out a clip of chunks that all belong to `init`, in order.
    pub fn new(init: &Init, chunks: &[ClipChunk<'_>]) -> Result<Self, MediaError> {
        let _ = (init, chunks);
        Err(MediaError::NoMedia)
    }

    /// What the bytes of `range` (cut to the file) are made of, in order.
    pub fn parts(&self, range: Range<u64>) -> Vec<ClipPart> {
        let _ = range;
        Vec::new()
    }

    /// `clip.frames.json`: `{"frames":[{"pts","duration","key_frame"}]}`.
    pub fn frames_json(&self) -> String {
        String::new()
    }
}
