//! One progressive MP4 file made of stored chunks: its header is computed, its media data stays where it is.
//!
//! ```text
//! [ftyp] [moov: a sample table per track] [mdat: payload of chunk 0, payload of chunk 1, …]
//! '------------- header --------------------'
//! ```
//! Any byte range of the file is therefore a piece of the header and pieces of stored chunks ([`ClipLayout::parts`]), so that
//! a clip of hours costs its sample table and no copy. The `moov` is the one of the initialisation segment with its sample
//! tables filled in: sample entries (and with them colour, aspect and whatever a codec needs) and track headers stay as
//! they came, for every codec alike; the tables are written by the `mp4` crate, which is given numbers only.
//!
//! Time: samples keep their distances. Zero is the first instant at which any track presents something; what the initialisation
//! segment's edit list hides before (priming of sound, for example) stays hidden, and so do the leading
//! pictures of an open GOP that the clip starts with, which cannot be decoded without the GOP before.

mod moov;
mod tables;
mod timeline;

use crate::error::MediaError;
use crate::fmp4::{ChunkInfo, Init, Key, TrackKind};
use bytes::Bytes;
use std::ops::Range;
use timeline::{ClipTrack, Timeline};

/// Most samples of a clip: about thirteen hours of pictures and sound.
pub const CLIP_SAMPLES_MAX: u64 = 1 << 22;

/// A chunk of a clip.
#[derive(Clone, Copy, Debug)]
pub struct ClipChunk<'a> {
    /// Its samples. [`ChunkInfo::parse`] knows keys by flags alone, to which an open GOP looks clean: set the first sample's key
    /// to [`Key::Open`] where a clip starts with one.
    pub info: &'a ChunkInfo,
    /// Where on the clip's timeline it starts (its lead track's decoding time), in milliseconds. `None`: where its own decoding
    /// time puts it, counted on from the chunk before; 0 for the first chunk. Give it for the first chunk after a break
    /// (another session, another media timeline): what is missing in between makes the sample before the break last
    /// longer. A start that would overlap what came before is moved to its end.
    pub start_ms: Option<u64>,
}

/// A frame of the clip's video track, as `clip.frames.json` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Frame {
    /// Presentation time in ticks of the video track, as a player of the clip sees it.
    pub pts: i64,
    /// Ticks until the next frame; for the last one, its own duration.
    pub duration: u64,
    /// 1 for a key frame, 0 for any other.
    pub key_frame: u8,
}

/// Part of a clip's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipPart {
    /// From [`ClipLayout::header`].
    Header(Range<usize>),
    /// From a chunk.
    Chunk {
        /// Index into what was given to [`ClipLayout::new`].
        index: usize,
        /// Bytes of it, counted from the chunk's first.
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
    payloads: Vec<Payload>,
}

/// Media data of one chunk.
#[derive(Clone, Debug)]
struct Payload {
    /// Where it starts in the file.
    start: u64,
    /// Where it is in the chunk.
    range: Range<u64>,
}

impl ClipLayout {
    /// Lays out a clip of chunks that all belong to `init`, in order. Fails without samples, beyond
    /// [`CLIP_SAMPLES_MAX`], and when a gap does not fit 32 bits of ticks.
    pub fn new(init: &Init, chunks: &[ClipChunk<'_>]) -> Result<Self, MediaError> {
        let timeline = Timeline::new(init, chunks)?;
        let payload_len: u64 =
            chunks.iter().map(|chunk| payload(chunk.info).end - payload(chunk.info).start).sum();
        let header = moov::header(init, &timeline, payload_len)?;
        let mut start = header.len() as u64;
        let mut payloads = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let range = payload(chunk.info);
            let end = start + (range.end - range.start);
            payloads.push(Payload { start, range });
            start = end;
        }
        let video = timeline.tracks.iter().find(|track| track.kind == TrackKind::Video);
        let frames = video.map_or_else(Vec::new, frames);
        Ok(Self { header: header.into(), len: start, frames, payloads })
    }

    /// What the bytes of `range` (cut to the file) are made of, in order.
    pub fn parts(&self, range: Range<u64>) -> Vec<ClipPart> {
        let (from, to) = (range.start, range.end.min(self.len));
        let mut parts = Vec::new();
        let header_len = self.header.len() as u64;
        if from < to.min(header_len) {
            parts.push(ClipPart::Header(from as usize..to.min(header_len) as usize));
        }
        let first = self.payloads.partition_point(|payload| payload.start <= from).saturating_sub(1);
        for (index, payload) in self.payloads.iter().enumerate().skip(first) {
            if payload.start >= to {
                break;
            }
            let length = payload.range.end - payload.range.start;
            let start = from.saturating_sub(payload.start).min(length);
            let end = (to - payload.start).min(length);
            if start < end {
                let range = payload.range.start + start..payload.range.start + end;
                parts.push(ClipPart::Chunk { index, range });
            }
        }
        parts
    }

    /// `clip.frames.json`: `{"frames":[{"pts","duration","key_frame"}]}`.
    pub fn frames_json(&self) -> String {
        #[derive(serde::Serialize)]
        struct Frames<'a> {
            frames: &'a [Frame],
        }
        // Numbers in a list cannot fail to serialise.
        serde_json::to_string(&Frames { frames: &self.frames }).unwrap_or_default()
    }
}

/// Where a chunk's media data is in the chunk.
fn payload(info: &ChunkInfo) -> Range<u64> {
    u64::from(info.head_len)..info.len.max(u64::from(info.head_len))
}

/// The frames of a video track that a player of the clip shows, in presentation order.
fn frames(track: &ClipTrack) -> Vec<Frame> {
    let shown = track.samples.iter().filter(|sample| sample.pts >= track.start);
    let mut shown: Vec<(i64, u32, Key)> =
        shown.map(|sample| (sample.pts, sample.duration, sample.key)).collect();
    shown.sort_by_key(|(pts, ..)| *pts);
    let ends = shown.iter().skip(1).map(|(pts, ..)| Some(*pts)).chain([None]);
    shown
        .iter()
        .zip(ends)
        .map(|(&(pts, duration, key), end)| Frame {
            pts: track.delay + (pts - track.start),
            duration: end.map_or(u64::from(duration), |end| end.abs_diff(pts)),
            key_frame: u8::from(key.is_key()),
        })
        .collect()
}
