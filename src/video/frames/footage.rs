//! The pictures of fragments, and the chunks that hold them.

use super::plan::{FramePlan, WantedFrame};
use crate::error::ReadError;
use crate::head::{Flags, Head};
use crate::playback::chunk_bodies;
use crate::recording::Recording;
use crate::timeline::Fragment;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use media::fmp4::{ChunkInfo, Init};
use media::worker_protocol::CHUNKS_BYTES_MAX;

/// How many fragments back a key frame is looked for.
const BACK_MAX: usize = 64;

/// One picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub(super) pts: i64,
    pub(super) producer_us: u64,
    pub(super) key: bool,
    /// Index of its chunk.
    pub(super) chunk: usize,
}

/// A fragment's pictures and chunks.
pub(super) struct Footage {
    pub(super) fragment: Fragment,
    /// Bodies of its chunks.
    pub(super) chunks: Vec<Bytes>,
    /// In the order of presentation.
    pub(super) pictures: Vec<Picture>,
}

/// Reads a fragment's chunks, all or the first ones up to the first picture.
pub(super) async fn footage(
    recording: &Recording,
    init: &Init,
    fragment: &Fragment,
    first_picture_only: bool,
) -> Result<Footage, ReadError> {
    let video = init.video().ok_or(ReadError::NoVideo)?;
    if fragment.bytes > CHUNKS_BYTES_MAX as u64 && !first_picture_only {
        return Err(ReadError::TooLarge { bytes: fragment.bytes, max: CHUNKS_BYTES_MAX as u64 });
    }
    let mut footage = Footage { fragment: fragment.clone(), chunks: Vec::new(), pictures: Vec::new() };
    let mut bodies = chunk_bodies(recording.shard.clone(), fragment);
    while let Some(chunk) = bodies.try_next().await? {
        let Head::Chunk(head) = &chunk.read.head else { continue };
        let info = ChunkInfo::parse(init, &chunk.body, chunk.read.body_len)?;
        for sample in info.track(video.id).iter().flat_map(|track| &track.samples) {
            footage.pictures.push(Picture {
                pts: sample.pts,
                producer_us: u64::try_from(head.producer_us_of(sample.pts)).unwrap_or(0),
                key: sample.sync(),
                chunk: footage.chunks.len(),
            });
        }
        footage.chunks.push(chunk.body);
        if first_picture_only && !footage.pictures.is_empty() {
            break;
        }
    }
    footage.pictures.sort_by_key(|picture| picture.pts);
    Ok(footage)
}

impl Footage {
    /// The picture with which decoding starts: the first one in the order of decoding is the first key picture.
    pub(super) fn key_picture(&self) -> Option<usize> {
        self.pictures.iter().position(|picture| picture.key).or((!self.pictures.is_empty()).then_some(0))
    }

    /// The picture that is on screen at an instant.
    pub(super) fn on_screen(&self, at_us: u64) -> Option<usize> {
        self.pictures.partition_point(|picture| picture.producer_us <= at_us).checked_sub(1)
    }

    /// The picture at `index`, wanted for an instant, or for being the newest.
    pub(super) fn wanted(&self, index: usize, instant: u64) -> WantedFrame {
        let picture = &self.pictures[index];
        let requested_us = if instant == super::gop::NEWEST { picture.producer_us } else { instant };
        let into_us = i128::from(picture.producer_us) - i128::from(self.fragment.producer_us);
        let server_us = i128::from(self.fragment.server_ms) * 1000 + into_us;
        WantedFrame {
            requested_us,
            pts: picture.pts,
            producer_us: picture.producer_us,
            server_us: u64::try_from(server_us).unwrap_or(0),
            fragment_number: self.fragment.seq.0,
            frame_index: u32::try_from(index).unwrap_or(u32::MAX),
            key_frame: picture.key,
        }
    }
}

/// Where decoding must start so that every picture of a fragment comes out right: the fragments before it that are
/// needed, oldest first. `None` when there is no key frame to start with.
pub(super) async fn lead_in(
    recording: &Recording,
    fragment: &Fragment,
    every_picture: bool,
) -> Result<Option<Vec<Fragment>>, ReadError> {
    let mut needed: Vec<Fragment> = Vec::new();
    // An open group of pictures asks for one more key frame, the one before it.
    let mut one_more = every_picture;
    let mut first = fragment.clone();
    for _ in 0..BACK_MAX {
        let leads_back = first.flags.has(Flags::OPEN_GOP) || first.flags.has(Flags::GRADUAL);
        if first.independent() && !(leads_back && one_more) {
            return Ok(Some(needed));
        }
        one_more &= !first.independent();
        let before = match first.discontinuity() {
            true => None,
            false => recording.timeline.before(&first).await?,
        };
        match before.filter(|before| before.init == fragment.init) {
            Some(before) => {
                needed.insert(0, before.clone());
                first = before;
            }
            // The best there is: what leads back past the beginning cannot be had.
            None => return Ok(first.independent().then_some(needed)),
        }
    }
    Ok(None)
}

/// Puts footage together for a decoder.
pub(super) fn plan(init: &Init, chunks: &[Bytes], wanted: Vec<WantedFrame>) -> Result<FramePlan, ReadError> {
    let video = init.video().ok_or(ReadError::NoVideo)?;
    let bytes: usize = chunks.iter().map(Bytes::len).sum();
    if bytes > CHUNKS_BYTES_MAX {
        return Err(ReadError::TooLarge { bytes: bytes as u64, max: CHUNKS_BYTES_MAX as u64 });
    }
    let mut all = BytesMut::with_capacity(bytes);
    for chunk in chunks {
        all.extend_from_slice(chunk);
    }
    Ok(FramePlan {
        init: init.bytes.clone(),
        chunks: all.freeze(),
        codec: video.codec_string.clone(),
        width: video.width,
        height: video.height,
        rotation: video.rotation,
        timescale: video.timescale,
        wanted,
    })
}
