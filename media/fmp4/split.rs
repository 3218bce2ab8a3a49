//! Cutting chunks into shorter ones.

use super::chunk::{Chunk, Sample, TrackChunk};
use super::init::{Init, TrackKind};
use super::writer::{Entry, OutTrack, write};
use crate::error::MediaError;

/// See [`Chunk::split`].
pub(crate) fn split(init: &Init, chunk: Chunk, duration_ms_max: u64) -> Result<Vec<Chunk>, MediaError> {
    let lead = chunk.info.lead(init);
    let Some(track) = init.track(lead.track_id) else { return Ok(vec![chunk]) };
    let cuts =
        cuts(lead, track.kind == TrackKind::Video, u128::from(duration_ms_max) * u128::from(track.timescale));
    if cuts.is_empty() {
        return Ok(vec![chunk]);
    }
    let cut_times: Vec<i64> = cuts.iter().map(|&index| lead.samples[index].dts).collect();
    // A sample of another track belongs to the part in whose time it is decoded.
    let part_of = |timescale: u32, dts: i64| {
        let at = i128::from(dts) * i128::from(track.timescale);
        cut_times.partition_point(|&cut| i128::from(cut) * i128::from(timescale) <= at)
    };
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    for part in 0..=cuts.len() {
        let mut tracks = Vec::new();
        for samples in &chunk.info.tracks {
            let Some(own) = init.track(samples.track_id) else { continue };
            let mine = |sample: &&Sample| part_of(own.timescale, sample.dts) == part;
            let mine: Vec<&Sample> = samples.samples.iter().filter(mine).collect();
            if let Some(first) = mine.first() {
                let decode_time = u64::try_from(first.dts).unwrap_or(0);
                tracks.push(out_track(&chunk, samples.track_id, decode_time, &mine));
            }
        }
        if tracks.is_empty() {
            continue;
        }
        let mut made = Chunk::parse(init, write(&[], chunk.info.sequence, &tracks)?)?;
        (made.prft, made.written) = if parts.is_empty() { (chunk.prft, chunk.written) } else { (None, None) };
        parts.push(made);
    }
    Ok(parts)
}

/// Indices of the lead track's samples before which to cut. `limit` is in ticks times 1000.
fn cuts(lead: &TrackChunk, at_keys: bool, limit: u128) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut start = lead.samples.first().map_or(0, |sample| sample.dts);
    for (index, sample) in lead.samples.iter().enumerate().skip(1) {
        let end = sample.dts.saturating_add(i64::from(sample.duration));
        let too_long = u128::from(end.abs_diff(start)) * 1_000 > limit;
        // A cut must lie at a later time than the one before, or other tracks could not be told apart by it.
        if ((at_keys && sample.key.is_key()) || too_long) && sample.dts > start {
            cuts.push(index);
            start = sample.dts;
        }
    }
    cuts
}

fn out_track<'a>(chunk: &'a Chunk, track_id: u32, decode_time: u64, samples: &[&Sample]) -> OutTrack<'a> {
    let entry = |sample: &&Sample| Entry {
        duration: sample.duration,
        size: sample.size,
        flags: sample.flags,
        composition_offset: sample.pts - sample.dts,
    };
    let bytes = |sample: &&Sample| {
        let start = sample.offset as usize;
        chunk.bytes.get(start..start + sample.size as usize).unwrap_or_default()
    };
    OutTrack {
        track_id,
        decode_time,
        entries: samples.iter().map(entry).collect(),
        data: samples.iter().map(bytes).collect(),
    }
}
