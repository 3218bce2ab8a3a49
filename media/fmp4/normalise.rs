//! Bringing a fragment, however its muxer laid it out, into the canonical form.
//!
//! ```text
//! canonical:  [moof [mfhd] [traf [tfhd default-base-is-moof] [tfdt v1] [trun …] …] …] [mdat samples]
//! ```
//! What arrives may have its `mdat` before the `moof`, several of them, data offsets from the start of the stream (ffmpeg
//! without `default_base_moof`) or from the `traf` before (GStreamer), 32-bit or missing decode times, one track in several
//! `traf` boxes, and tracks that are not kept. A fragment that is canonical already keeps its bytes; any other is
//! written anew, one `traf` with one `trun` per track. Samples are never changed.

use super::chunk::Chunk;
use super::init::Init;
use super::moof::{Base, DECODE_TIME_MAX, Moof};
use super::writer::{Entry, OutTrack, write};
use crate::error::MediaError;
use bytes::{Bytes, BytesMut};
use std::ops::Range;

/// A fragment as it arrives: its boxes one behind the other in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    /// `moof` and `mdat` boxes, whole, in the order they came.
    pub(crate) buf: BytesMut,
    /// The `moof` within `buf`.
    pub(crate) moof: Range<usize>,
    /// The bodies of the `mdat` boxes.
    pub(crate) parts: Vec<Part>,
}

/// The body of an `mdat`.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it starts in the stream.
    pub(crate) stream_start: u64,
    /// Where it is in the buffer.
    pub(crate) range: Range<usize>,
}

impl Arriving {
    /// Where the bytes of `wanted` (in the stream) are in the buffer; `None` if they have not all arrived.
    pub(crate) fn find(&self, wanted: &Range<u64>) -> Option<Range<usize>> {
        if wanted.is_empty() {
            return Some(0..0);
        }
        self.parts.iter().find_map(|part| {
            let start = wanted.start.checked_sub(part.stream_start)?;
            let end = wanted.end - part.stream_start;
            let here = part.range.start as u64;
            (end <= part.range.len() as u64).then(|| (here + start) as usize..(here + end) as usize)
        })
    }
}

/// The canonical chunk. `placed` says where in the stream each run of `moof` is; `next_times` gives the decode time of a track
/// whose `traf` does not. `None` when no kept track has any sample.
pub(crate) fn normalise(
    init: &Init,
    arriving: Arriving,
    moof: &Moof,
    placed: &[Range<u64>],
    next_times: &[(u32, u64)],
) -> Result<Option<Chunk>, MediaError> {
    let lost = || MediaError::BadChunk("its samples lie outside its mdat".to_owned());
    let found: Vec<Range<usize>> =
        placed.iter().map(|run| arriving.find(run).ok_or_else(lost)).collect::<Result<_, _>>()?;
    let kept = |id: u32| init.track(id).is_some();
    if !moof
        .trafs
        .iter()
        .any(|traf| kept(traf.track_id) && traf.runs.iter().any(|run| !run.samples.is_empty()))
    {
        return Ok(None);
    }
    let bytes = if is_canonical(init, &arriving, moof) {
        arriving.buf.freeze()
    } else {
        rewrite(init, &arriving, moof, &found, next_times)?
    };
    Chunk::parse(init, bytes).map(Some)
}

fn is_canonical(init: &Init, arriving: &Arriving, moof: &Moof) -> bool {
    let one_mdat = arriving.moof.start == 0
        && arriving.parts.len() == 1
        && arriving.parts.iter().all(|part| part.range.end == arriving.buf.len());
    one_mdat
        && moof.trafs.iter().enumerate().all(|(index, traf)| {
            traf.base == Base::Moof
                && traf.wide_time
                && init.track(traf.track_id).is_some()
                && traf.runs.iter().all(|run| run.data_offset.is_some() && !run.samples.is_empty())
                && !traf.runs.is_empty()
                && !moof.trafs[..index].iter().any(|other| other.track_id == traf.track_id)
        })
}

/// Writes the fragment anew.
fn rewrite(
    init: &Init,
    arriving: &Arriving,
    moof: &Moof,
    found: &[Range<usize>],
    next_times: &[(u32, u64)],
) -> Result<Bytes, MediaError> {
    let mut tracks: Vec<OutTrack<'_>> = Vec::new();
    let mut found = found.iter();
    for traf in &moof.trafs {
        let runs: Vec<_> = traf.runs.iter().zip(found.by_ref()).collect();
        if init.track(traf.track_id).is_none() || runs.iter().all(|(run, _)| run.samples.is_empty()) {
            continue;
        }
        let index = match tracks.iter().position(|track| track.track_id == traf.track_id) {
            Some(index) => index,
            None => {
                let known = next_times.iter().find(|(id, _)| *id == traf.track_id).map(|(_, time)| *time);
                let decode_time = traf.decode_time.or(known).unwrap_or(0);
                tracks.push(OutTrack {
                    track_id: traf.track_id,
                    decode_time,
                    entries: Vec::new(),
                    data: Vec::new(),
                });
                tracks.len() - 1
            }
        };
        let track = &mut tracks[index];
        wait_until(track, traf.decode_time);
        for (run, range) in runs {
            track.entries.extend(run.samples.iter().map(|sample| Entry {
                duration: sample.duration,
                size: sample.size,
                flags: sample.flags,
                composition_offset: sample.composition_offset,
            }));
            track.data.push(&arriving.buf[range.clone()]);
        }
    }
    if tracks.iter().any(|track| track.decode_time > DECODE_TIME_MAX) {
        return Err(MediaError::BadChunk("its decode time is beyond all bounds".to_owned()));
    }
    write(&[], moof.sequence, &tracks)
}

/// Makes the last sample of a track that goes on in another `traf` last until that one's decode time.
fn wait_until(track: &mut OutTrack<'_>, decode_time: Option<u64>) {
    let lasts: u64 = track.entries.iter().map(|entry| u64::from(entry.duration)).sum();
    let (Some(time), Some(last)) = (decode_time, track.entries.last_mut()) else { return };
    let gap = time.saturating_sub(track.decode_time.saturating_add(lasts));
    last.duration = last.duration.saturating_add(u32::try_from(gap).unwrap_or(u32::MAX));
}
