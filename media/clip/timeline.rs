//! The clip's samples on one timeline.

use super::{CLIP_SAMPLES_MAX, ClipChunk, payload};
use crate::error::MediaError;
use crate::fmp4::{ChunkInfo, Init, Key, TrackKind};

/// A sample of the clip. Times are in ticks of its track on the clip's timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClipSample {
    pub(super) dts: i64,
    pub(super) pts: i64,
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) key: Key,
    /// Where its bytes start, counted from the start of the clip's media data.
    pub(super) place: u64,
}

/// A track of the clip.
#[derive(Debug)]
pub(super) struct ClipTrack {
    pub(super) id: u32,
    pub(super) kind: TrackKind,
    pub(super) timescale: u32,
    /// In decoding order; decoding times never decrease.
    pub(super) samples: Vec<ClipSample>,
    /// The `pts` from which on it is presented.
    pub(super) start: i64,
    /// How long after the clip's zero that is, in ticks of this track.
    pub(super) delay: i64,
    /// The same in ticks of the movie.
    pub(super) movie_delay: u64,
}

/// All tracks that have samples, and the timescale of the movie: that of the lead track, so that its times are exact.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) movie_timescale: u32,
    pub(super) tracks: Vec<ClipTrack>,
}

impl Timeline {
    pub(super) fn new(init: &Init, chunks: &[ClipChunk<'_>]) -> Result<Self, MediaError> {
        let mut tracks: Vec<ClipTrack> = init
            .tracks
            .iter()
            .map(|track| ClipTrack {
                id: track.id,
                kind: track.kind,
                timescale: track.timescale,
                samples: Vec::new(),
                start: 0,
                delay: 0,
                movie_delay: 0,
            })
            .collect();
        let lead_scale = init.lead().timescale;
        let mut lead_shift = 0;
        let mut first_shift = None;
        let mut payload_start = 0;
        let mut count = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            if index == 0 || chunk.start_ms.is_some() {
                lead_shift = shift(init, &tracks, chunk.info, chunk.start_ms.unwrap_or(0))?;
                first_shift = first_shift.or(Some(lead_shift));
            }
            count += chunk.info.tracks.iter().map(|track| track.samples.len() as u64).sum::<u64>();
            if count > CLIP_SAMPLES_MAX {
                let limit = CLIP_SAMPLES_MAX;
                return Err(MediaError::Absurd { what: "number of samples in a clip", value: count, limit });
            }
            add(&mut tracks, chunk.info, payload_start, lead_shift, lead_scale)?;
            let range = payload(chunk.info);
            payload_start += range.end - range.start;
        }
        tracks.retain(|track| !track.samples.is_empty());
        if tracks.is_empty() {
            return Err(MediaError::BadChunk("the clip has no samples".to_owned()));
        }
        let mut timeline = Self { movie_timescale: lead_scale, tracks };
        timeline.set_zero(init, first_shift.unwrap_or(0))?;
        Ok(timeline)
    }

    /// Decides from where on each track is presented. `origin` is where the first session's own zero lies, in movie ticks.
    fn set_zero(&mut self, init: &Init, origin: i64) -> Result<(), MediaError> {
        let movie = self.movie_timescale;
        let edit = |id: u32| init.track(id).map_or(0, |track| track.presentation_shift);
        let firsts: Vec<i64> = self.tracks.iter().map(first_presented).collect();
        let mut zero = i64::MAX;
        for (track, first) in self.tracks.iter().zip(&firsts) {
            zero = zero.min(rescale(first.saturating_add(edit(track.id)), track.timescale, movie)?);
        }
        let zero = zero.max(origin);
        for (track, first) in self.tracks.iter_mut().zip(firsts) {
            let edit = edit(track.id);
            let zero_here = rescale(zero, movie, track.timescale)?.saturating_sub(edit);
            track.start = first.max(zero_here);
            track.delay = track.start - zero_here;
            track.movie_delay = u64::try_from(rescale(track.delay, track.timescale, movie)?).unwrap_or(0);
        }
        Ok(())
    }
}

/// The `pts` of the first picture or sound that can be presented.
fn first_presented(track: &ClipTrack) -> i64 {
    match track.samples.first() {
        Some(ClipSample { key: Key::Open, pts, .. }) => *pts,
        _ => track.samples.iter().map(|sample| sample.pts).min().unwrap_or(0),
    }
}

/// What to add to decoding times of the lead track so that `info` starts at `start_ms`, or later if it would overlap.
fn shift(init: &Init, tracks: &[ClipTrack], info: &ChunkInfo, start_ms: u64) -> Result<i64, MediaError> {
    let movie = init.lead().timescale;
    let lead = info.lead(init);
    let scale = init.track(lead.track_id).map_or(movie, |track| track.timescale);
    let wanted = i128::from(start_ms) * i128::from(movie) / 1_000;
    let mut shift = fit(wanted - i128::from(rescale(ticks(lead.decode_time)?, scale, movie)?))?;
    for part in &info.tracks {
        let Some(track) = tracks.iter().find(|track| track.id == part.track_id) else { continue };
        let Some(last) = track.samples.last() else { continue };
        let end = last.dts.saturating_add(i64::from(last.duration));
        let end = rescale(end, track.timescale, movie)?;
        let earliest = end.saturating_sub(rescale(ticks(part.decode_time)?, track.timescale, movie)?);
        shift = shift.max(earliest);
    }
    Ok(shift)
}

/// Adds a chunk's samples to their tracks.
fn add(
    tracks: &mut [ClipTrack],
    info: &ChunkInfo,
    payload_start: u64,
    lead_shift: i64,
    lead_scale: u32,
) -> Result<(), MediaError> {
    for part in &info.tracks {
        let Some(track) = tracks.iter_mut().find(|track| track.id == part.track_id) else { continue };
        let shift = rescale(lead_shift, lead_scale, track.timescale)?;
        for sample in &part.samples {
            let dts = fit(i128::from(sample.dts) + i128::from(shift))?;
            let pts = fit(i128::from(sample.pts) + i128::from(shift))?;
            // Muxers that guess durations step back now and then; decoding times may not.
            let dts = track.samples.last().map_or(dts, |last| dts.max(last.dts));
            let place = payload_start + u64::from(sample.offset.saturating_sub(info.head_len));
            let (duration, size, key) = (sample.duration, sample.size, sample.key);
            track.samples.push(ClipSample { dts, pts, duration, size, key, place });
        }
    }
    Ok(())
}

/// Ticks of one timescale in ticks of another, rounded down.
pub(super) fn rescale(value: i64, from: u32, to: u32) -> Result<i64, MediaError> {
    fit((i128::from(value) * i128::from(to)).div_euclid(i128::from(from.max(1))))
}

fn ticks(value: u64) -> Result<i64, MediaError> {
    fit(i128::from(value))
}

/// Keeps times so small that sums of a few of them cannot overflow.
fn fit(value: i128) -> Result<i64, MediaError> {
    let small = i64::try_from(value).ok().filter(|value| value.unsigned_abs() < 1 << 61);
    small.ok_or_else(|| MediaError::BadChunk("its times do not fit the clip".to_owned()))
}
