//! A clip: the fragments of a range as one progressive MP4 file.
//!
//! Only the file's header is made; the media data is read from the log when its bytes are asked for, so a clip costs
//! memory for its table of samples and nothing for its media. A clip begins at the key frame before the range and
//! ends with the last fragment that overlaps it. It has one initialisation segment: where codec, size or tracks change
//! within the range, the error says when, so that the caller can ask for either side.

use super::body::{BodyStream, expired};
use super::chunk_bodies;
use super::playlist::recorded;
use crate::clock::TimeRange;
use crate::error::ReadError;
use crate::head::{Flags, Head};
use crate::recording::Recording;
use crate::timeline::{Fragment, Read, read_heads};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use media::clip::{ClipChunk, ClipLayout, ClipPart};
use media::fmp4::{ChunkInfo, Init};
use shardlog::Seq;
use std::ops::Range;
use std::sync::Arc;
use streams::Shard;

/// Chunks up to this size are read whole to get at their heads: the log's smallest piece is no smaller.
const SMALL_CHUNK_BYTES: u64 = 256 << 10;
/// Bytes read at once while a clip is sent.
const PIECE_BYTES: u64 = 1 << 20;

/// A progressive MP4 file of a range.
#[derive(Clone)]
pub struct Clip {
    /// How many bytes the file has.
    pub len: u64,
    /// Strong, without quotes: the same clip has the same bytes.
    pub etag: String,
    /// Start of its first fragment by the camera's clock, in milliseconds since the Unix epoch.
    pub start_ms: u64,
    shard: Shard,
    layout: Arc<ClipLayout>,
    chunks: Arc<Vec<Seq>>,
}

impl Clip {
    /// The bytes of a range, cut to the file.
    pub fn read(&self, range: Range<u64>) -> BodyStream {
        let (shard, layout, chunks) = (self.shard.clone(), self.layout.clone(), self.chunks.clone());
        let end = range.end.min(self.len);
        // A page at a time: the parts of a long clip are many.
        let starts = (range.start..end).step_by(PIECE_BYTES as usize);
        stream::iter(starts)
            .then(move |start| {
                let parts = layout.parts(start..end.min(start.saturating_add(PIECE_BYTES)));
                let (shard, layout, chunks) = (shard.clone(), layout.clone(), chunks.clone());
                async move { read_parts(&shard, &layout, &chunks, parts).await }
            })
            .map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    /// `{"frames":[{"pts","duration","key_frame"}]}` of the video track.
    pub fn frames_json(&self) -> String {
        self.layout.frames_json()
    }
}

async fn read_parts(
    shard: &Shard,
    layout: &ClipLayout,
    chunks: &[Seq],
    parts: Vec<ClipPart>,
) -> Result<Vec<Bytes>, ReadError> {
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        pieces.push(match part {
            ClipPart::Header(range) => layout.header.slice(range),
            ClipPart::Chunk { index, range } => {
                let seq = chunks.get(index).copied().ok_or(ReadError::Empty)?;
                shard.body(seq, range).await.map_err(expired)?
            }
        });
    }
    Ok(pieces)
}

/// Lays out the clip of a range.
pub(crate) async fn clip(recording: &Recording, range: TimeRange) -> Result<Clip, ReadError> {
    let (fragments, _) = recorded(recording, range).await?;
    let fragments = from_key_frame(recording, fragments).await?;
    let (Some(first), Some(last)) = (fragments.first(), fragments.last()) else {
        return Err(ReadError::Empty);
    };
    if let Some(other) = fragments.iter().find(|fragment| fragment.init != first.init) {
        return Err(ReadError::CodecChange { at_ms: other.producer_us / 1000 });
    }
    let init = recording.init_of(first).await?;
    let mut chunks = Vec::new();
    let mut samples = 0_u64;
    for (index, fragment) in fragments.iter().enumerate() {
        let start_ms = (fragment.producer_us - first.producer_us) / 1000;
        let anew = (index > 0 && fragment.discontinuity()).then_some(start_ms);
        for (position, (seq, info)) in infos(recording, &init, fragment).await?.into_iter().enumerate() {
            samples += info.tracks.iter().map(|track| track.samples.len() as u64).sum::<u64>();
            if samples > recording.config.clip_samples_max {
                return Err(ReadError::TooManySamples { max: recording.config.clip_samples_max });
            }
            chunks.push((seq, info, anew.filter(|_| position == 0)));
        }
    }
    let etag = format!("{:032x}-{}-{}-{}-1", recording.id, first.seq, last.seq, chunks.len());
    let start_ms = first.producer_us / 1000;
    let seqs = chunks.iter().map(|(seq, ..)| *seq).collect();
    let layout = lay_out(init, chunks).await?;
    let (shard, len) = (recording.shard.clone(), layout.len);
    Ok(Clip { len, etag, start_ms, shard, layout: Arc::new(layout), chunks: Arc::new(seqs) })
}

/// Puts what decoding needs before the first of these fragments in front of it.
async fn from_key_frame(
    recording: &Recording,
    mut fragments: Vec<Fragment>,
) -> Result<Vec<Fragment>, ReadError> {
    while let Some(first) = fragments.first()
        && !first.independent()
        && !first.flags.has(Flags::DISCONTINUITY)
        && let Some(before) = recording.timeline.before(first).await?
    {
        fragments.insert(0, before);
    }
    Ok(fragments)
}

/// The tables of samples of a fragment's chunks.
async fn infos(
    recording: &Recording,
    init: &Init,
    fragment: &Fragment,
) -> Result<Vec<(Seq, ChunkInfo)>, ReadError> {
    let mut infos = Vec::with_capacity(fragment.chunks as usize);
    if fragment.bytes / u64::from(fragment.chunks.max(1)) <= SMALL_CHUNK_BYTES {
        let mut bodies = chunk_bodies(recording.shard.clone(), fragment);
        while let Some(chunk) = bodies.try_next().await? {
            infos.push((chunk.read.seq, ChunkInfo::parse(init, &chunk.body, chunk.read.body_len)?));
        }
        return Ok(infos);
    }
    let tail = recording.timeline.tail()?;
    let mut next = fragment.seq;
    while infos.len() < fragment.chunks as usize {
        let upto = next.plus(u64::from(fragment.chunks) + 1).min(tail.next);
        for read in read_heads(&recording.shard, next, upto).await? {
            next = read.seq.plus(1);
            if let Some(info) = info(recording, init, &read).await? {
                infos.push((read.seq, info));
            }
            if infos.len() == fragment.chunks as usize {
                break;
            }
        }
    }
    Ok(infos)
}

async fn info(recording: &Recording, init: &Init, read: &Read) -> Result<Option<ChunkInfo>, ReadError> {
    let Head::Chunk(head) = &read.head else { return Ok(None) };
    let bytes = recording.shard.body(read.seq, 0..u64::from(head.head_len)).await.map_err(expired)?;
    Ok(Some(ChunkInfo::parse(init, &bytes, read.body_len)?))
}

/// Makes the header. Takes a while for long clips, so it is done on a thread that may block.
async fn lay_out(
    init: Arc<Init>,
    chunks: Vec<(Seq, ChunkInfo, Option<u64>)>,
) -> Result<ClipLayout, ReadError> {
    let work = move || {
        let chunks: Vec<_> =
            chunks.iter().map(|(_, info, start_ms)| ClipChunk { info, start_ms: *start_ms }).collect();
        ClipLayout::new(&init, &chunks)
    };
    let laid_out = tokio::task::spawn_blocking(work).await;
    Ok(laid_out.map_err(|_| streams::ReadError::ShuttingDown)??)
}
