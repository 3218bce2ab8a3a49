//! Sample tables, written by the `mp4` crate.

use super::timeline::ClipTrack;
use crate::error::MediaError;
use mp4::WriteBox;

/// What the boxes around a track's sample table need to know of it. Times are in ticks of the track, counted from its first
/// sample's decoding time.
pub(super) struct Table {
    /// What is added to composition times so that none is negative.
    pub(super) composition_shift: i64,
    /// Sum of the samples' durations.
    pub(super) duration: u64,
}

impl Table {
    pub(super) fn new(track: &ClipTrack) -> Self {
        let base = track.samples.first().map_or(0, |sample| sample.dts);
        let earliest = track.samples.iter().map(|sample| sample.pts - sample.dts).min().unwrap_or(0);
        let end = track.samples.last().map_or(0, |last| last.dts + i64::from(last.duration));
        Self { composition_shift: (-earliest).max(0), duration: end.abs_diff(base) }
    }
}

/// Writes `stts`, `ctts`, `stss`, `stsc`, `stsz` and `stco` or `co64`. `payload_start` is where the media data begins in the
/// file, `wide` whether offsets take 64 bits.
pub(super) fn write(
    out: &mut Vec<u8>,
    track: &ClipTrack,
    table: &Table,
    payload_start: u64,
    wide: bool,
) -> Result<(), MediaError> {
    put_durations(out, track)?;
    put_composition(out, track, table.composition_shift)?;
    put_sync(out, track)?;
    let groups = groups(track);
    put_groups(out, &groups)?;
    put_sizes(out, track)?;
    put_offsets(out, groups.iter().map(|(place, _)| payload_start + place), wide)
}

/// A `moov` with one track, whose sample table can be filled in and written box by box: the crate does not export the boxes
/// inside by name.
fn empty() -> mp4::MoovBox {
    let mut moov = mp4::MoovBox::default();
    moov.traks.resize_with(1, Default::default);
    moov
}

fn put_durations(out: &mut Vec<u8>, track: &ClipTrack) -> Result<(), MediaError> {
    let samples = &track.samples;
    let lasts =
        samples.iter().zip(samples.iter().skip(1)).map(|(sample, next)| next.dts.abs_diff(sample.dts));
    let lasts = lasts.chain(samples.last().map(|last| u64::from(last.duration)));
    let deltas = runs(lasts.map(|ticks| number("ticks between two samples", ticks)))?;
    let stts = &mut empty().traks[0].mdia.minf.stbl.stts;
    stts.entries.resize_with(deltas.len(), Default::default);
    for (entry, (count, delta)) in stts.entries.iter_mut().zip(deltas) {
        (entry.sample_count, entry.sample_delta) = (count, delta);
    }
    written(stts.write_box(out))
}

/// Left out when no sample is presented at another time than it is decoded.
fn put_composition(out: &mut Vec<u8>, track: &ClipTrack, shift: i64) -> Result<(), MediaError> {
    let offsets = track.samples.iter().map(|sample| sample.pts - sample.dts + shift);
    if offsets.clone().all(|offset| offset == 0) {
        return Ok(());
    }
    let offsets = offsets.map(|offset| {
        i32::try_from(offset).map_err(|_| absurd("ticks of composition offset", offset.unsigned_abs()))
    });
    let offsets = runs(offsets)?;
    let stbl = &mut empty().traks[0].mdia.minf.stbl;
    let ctts = stbl.ctts.insert(Default::default());
    ctts.entries.resize_with(offsets.len(), Default::default);
    for (entry, (count, offset)) in ctts.entries.iter_mut().zip(offsets) {
        (entry.sample_count, entry.sample_offset) = (count, offset);
    }
    written(ctts.write_box(out))
}

/// Left out when decoding can start at every sample.
fn put_sync(out: &mut Vec<u8>, track: &ClipTrack) -> Result<(), MediaError> {
    if track.samples.iter().all(|sample| sample.key.is_key()) {
        return Ok(());
    }
    let numbered = (1..).zip(&track.samples);
    let stbl = &mut empty().traks[0].mdia.minf.stbl;
    let stss = stbl.stss.insert(Default::default());
    stss.entries = numbered.filter(|(_, sample)| sample.key.is_key()).map(|(number, _)| number).collect();
    written(stss.write_box(out))
}

fn put_groups(out: &mut Vec<u8>, groups: &[(u64, u32)]) -> Result<(), MediaError> {
    let runs = runs(groups.iter().map(|(_, count)| Ok(*count)))?;
    let stsc = &mut empty().traks[0].mdia.minf.stbl.stsc;
    stsc.entries.resize_with(runs.len(), Default::default);
    let mut first = 1;
    for (entry, (group_count, sample_count)) in stsc.entries.iter_mut().zip(runs) {
        (entry.first_chunk, entry.samples_per_chunk, entry.sample_description_index) =
            (first, sample_count, 1);
        first += group_count;
    }
    written(stsc.write_box(out))
}

fn put_sizes(out: &mut Vec<u8>, track: &ClipTrack) -> Result<(), MediaError> {
    let stsz = &mut empty().traks[0].mdia.minf.stbl.stsz;
    stsz.sample_count = number("number of samples", track.samples.len() as u64)?;
    stsz.sample_sizes = track.samples.iter().map(|sample| sample.size).collect();
    written(stsz.write_box(out))
}

fn put_offsets(out: &mut Vec<u8>, offsets: impl Iterator<Item = u64>, wide: bool) -> Result<(), MediaError> {
    let stbl = &mut empty().traks[0].mdia.minf.stbl;
    if wide {
        let co64 = stbl.co64.insert(Default::default());
        co64.entries = offsets.collect();
        return written(co64.write_box(out));
    }
    let stco = stbl.stco.insert(Default::default());
    stco.entries = offsets.map(|offset| number("offset", offset)).collect::<Result<_, _>>()?;
    written(stco.write_box(out))
}

/// Runs of samples that lie one directly behind the other: where each starts and how many it has.
fn groups(track: &ClipTrack) -> Vec<(u64, u32)> {
    let mut groups: Vec<(u64, u32)> = Vec::new();
    let mut end = None;
    for sample in &track.samples {
        match groups.last_mut() {
            Some((_, count)) if end == Some(sample.place) => *count += 1,
            _ => groups.push((sample.place, 1)),
        }
        end = Some(sample.place + u64::from(sample.size));
    }
    groups
}

/// Equal neighbours as counts.
fn runs<T: PartialEq>(
    values: impl Iterator<Item = Result<T, MediaError>>,
) -> Result<Vec<(u32, T)>, MediaError> {
    let mut runs: Vec<(u32, T)> = Vec::new();
    for value in values {
        let value = value?;
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    Ok(runs)
}

fn number(what: &'static str, value: u64) -> Result<u32, MediaError> {
    u32::try_from(value).map_err(|_| absurd(what, value))
}

fn absurd(what: &'static str, value: u64) -> MediaError {
    MediaError::Absurd { what, value, limit: u32::MAX.into() }
}

fn written(outcome: Result<u64, mp4::Error>) -> Result<(), MediaError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(e) => Err(MediaError::BadChunk(format!("the clip's sample table cannot be written: {e}"))),
    }
}
