//! A chunk: one `moof` and one `mdat`, in the canonical form, and the table of its samples.

use super::boxes::{Header, boxes};
use super::init::Init;
use super::key_frame::{Key, find_keys};
use super::moof::{Base, Moof, Traf};
use super::prft::Prft;
use crate::error::MediaError;
use bytes::Bytes;
use std::ops::Range;

/// Sample flag: not a sync sample.
const NOT_SYNC: u32 = 0x0001_0000;

/// One sample: a coded picture or a packet of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where its bytes start, counted from the chunk's first byte.
    pub offset: u32,
    /// How many bytes it has.
    pub size: u32,
    /// Decoding time in ticks.
    pub dts: i64,
    /// Composition time in ticks, before the edit list (see `Track::presentation_shift`).
    pub pts: i64,
    /// Duration in ticks.
    pub duration: u32,
    /// ISO sample flags as the muxer wrote them.
    pub flags: u32,
    /// Whether decoding can start here.
    pub key: Key,
}

impl Sample {
    /// Whether the muxer says that this is a sync sample.
    pub fn sync(&self) -> bool {
        self.flags & NOT_SYNC == 0
    }
}

/// The samples of one track in a chunk, in decoding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackChunk {
    /// The track.
    pub track_id: u32,
    /// Decoding time of the first sample in ticks.
    pub decode_time: u64,
    /// Sum of the samples' durations in ticks.
    pub duration: u64,
    /// The samples; never empty.
    pub samples: Vec<Sample>,
}

/// What a chunk's `moof` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkInfo {
    /// `mfhd` sequence number as the muxer counted.
    pub sequence: u32,
    /// Bytes before the media data: `moof` and the `mdat` header.
    pub head_len: u32,
    /// Bytes of the whole chunk.
    pub len: u64,
    /// The tracks that have samples here; never empty.
    pub tracks: Vec<TrackChunk>,
}

impl ChunkInfo {
    /// Reads a stored chunk's head: `head` must hold at least the `moof` and the `mdat` header, `len` is the length of the
    /// whole chunk in bytes. Samples' keys are what the flags say, since the samples themselves are not at hand. Refuses
    /// what is not in the canonical form.
    pub fn parse(init: &Init, head: &[u8], len: u64) -> Result<Self, MediaError> {
        let not_canonical = || MediaError::BadChunk("it is not in the canonical form".to_owned());
        let found = boxes(head).next().ok_or_else(not_canonical)??;
        let mdat_start = found.whole.len();
        let mdat = Header::parse(&head[mdat_start..])?.ok_or_else(not_canonical)?;
        let fits = mdat.size.is_some_and(|size| size.checked_add(mdat_start as u64) == Some(len));
        if &found.name != b"moof" || &mdat.name != b"mdat" || !fits {
            return Err(not_canonical());
        }
        let head_len = u32::try_from(mdat_start + mdat.len).map_err(|_| not_canonical())?;
        let moof = Moof::parse(init, found.body)?;
        let placed = moof.place(0, 0)?;
        let mut placed = placed.iter();
        let mut tracks: Vec<TrackChunk> = Vec::with_capacity(moof.trafs.len());
        for traf in &moof.trafs {
            let runs: Vec<&Range<u64>> = placed.by_ref().take(traf.runs.len()).collect();
            let inside = runs
                .iter()
                .all(|run| run.start >= u64::from(head_len) && run.end <= len.min(u32::MAX.into()));
            let again = tracks.iter().any(|track| track.track_id == traf.track_id);
            if traf.base != Base::Moof || !inside || again || init.track(traf.track_id).is_none() {
                return Err(not_canonical());
            }
            tracks.push(read_track(traf, &runs).ok_or_else(not_canonical)?);
        }
        if tracks.is_empty() {
            return Err(not_canonical());
        }
        Ok(Self { sequence: moof.sequence, head_len, len, tracks })
    }

    /// The samples of one track.
    pub fn track(&self, id: u32) -> Option<&TrackChunk> {
        self.tracks.iter().find(|track| track.track_id == id)
    }

    /// The samples that date this chunk: those of the lead track, or else of the first track here.
    pub fn lead(&self, init: &Init) -> &TrackChunk {
        self.track(init.lead().id).unwrap_or(&self.tracks[0])
    }

    /// Start of the chunk on the media timeline in milliseconds: decoding time of [`ChunkInfo::lead`].
    pub fn start_ms(&self, init: &Init) -> i64 {
        self.ms(init, |track| track.decode_time)
    }

    /// End of the chunk on the media timeline in milliseconds. Equals the next chunk's start when nothing is missing.
    pub fn end_ms(&self, init: &Init) -> i64 {
        self.ms(init, |track| track.decode_time.saturating_add(track.duration))
    }

    fn ms(&self, init: &Init, ticks: impl Fn(&TrackChunk) -> u64) -> i64 {
        let lead = self.lead(init);
        let track = init.track(lead.track_id).unwrap_or_else(|| init.lead());
        track.ms(i64::try_from(ticks(lead)).unwrap_or(i64::MAX))
    }
}

/// A chunk in the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// `moof` and `mdat`.
    pub bytes: Bytes,
    /// What they hold; the keys were found by looking into the samples.
    pub info: ChunkInfo,
    /// Producer time that came before the chunk.
    pub prft: Option<Prft>,
    /// When it was written, if that came before it: the same as `prft` when nothing else did. See [`Prft::is_of_writing`].
    pub written: Option<Prft>,
}

impl Chunk {
    /// Reads a stored chunk and looks into its samples for keys.
    pub fn parse(init: &Init, bytes: Bytes) -> Result<Self, MediaError> {
        let info = ChunkInfo::parse(init, &bytes, bytes.len() as u64)?;
        let mut chunk = Self { bytes, info, prft: None, written: None };
        find_keys(init, &mut chunk);
        Ok(chunk)
    }

    /// Whether a fragment starts here: the key of the first sample of the lead track. In a stream with pictures, a chunk
    /// without any is never a start; in a stream of sound alone every chunk is one.
    pub fn key(&self, init: &Init) -> Key {
        let first = self.info.track(init.lead().id).and_then(|track| track.samples.first());
        first.map_or(Key::No, |sample| sample.key)
    }

    /// The bytes of a sample of this chunk.
    pub fn sample(&self, sample: &Sample) -> Bytes {
        let start = (sample.offset as usize).min(self.bytes.len());
        let end = start.saturating_add(sample.size as usize).min(self.bytes.len());
        self.bytes.slice(start..end)
    }

    /// Cuts the chunk before every key frame of the lead track, and then wherever a part would last longer than
    /// `duration_ms_max`. Other tracks' samples go to the part during which they are decoded. A chunk that needs no cut
    /// comes back as it is. The producer time stays with the first part.
    pub fn split(self, init: &Init, duration_ms_max: u64) -> Result<Vec<Self>, MediaError> {
        super::split::split(init, self, duration_ms_max)
    }
}

/// The samples of a `traf`, whose runs lie at the given ranges of the chunk. `None` without a decode time or samples.
fn read_track(traf: &Traf, runs: &[&Range<u64>]) -> Option<TrackChunk> {
    let decode_time = traf.decode_time?;
    let mut samples = Vec::with_capacity(traf.runs.iter().map(|run| run.samples.len()).sum());
    let mut dts = i64::try_from(decode_time).ok()?;
    for (run, range) in traf.runs.iter().zip(runs) {
        let mut offset = u32::try_from(range.start).ok()?;
        for sample in &run.samples {
            samples.push(Sample {
                offset,
                size: sample.size,
                dts,
                pts: dts + sample.composition_offset,
                duration: sample.duration,
                flags: sample.flags,
                key: Key::from_flags(sample.flags & NOT_SYNC == 0),
            });
            // Neither can overflow: the run ends within the chunk, and durations are 2^16 times 32 bits at most.
            offset = offset.wrapping_add(sample.size);
            dts += i64::from(sample.duration);
        }
    }
    let duration = samples.iter().map(|sample| u64::from(sample.duration)).sum();
    (!samples.is_empty()).then_some(TrackChunk { track_id: traf.track_id, decode_time, duration, samples })
}
