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
    let samples = &track.samples;
    let mut moov = mp4::MoovBox::default(); // the crate does not export the boxes inside by name
    moov.traks.resize_with(1, Default::default);
    let Some(trak) = moov.traks.first_mut() else { return Ok(()) };
    let stbl = &mut trak.mdia.minf.stbl;

    let lasts =
        samples.iter().zip(samples.iter().skip(1)).map(|(sample, next)| next.dts.abs_diff(sample.dts));
    let lasts = lasts.chain(samples.last().map(|last| u64::from(last.duration)));
    let deltas = runs(lasts.map(|ticks| number("ticks between two samples", ticks)))?;
    stbl.stts.entries.resize_with(deltas.len(), Default::default);
    for (entry, (count, delta)) in stbl.stts.entries.iter_mut().zip(deltas) {
        (entry.sample_count, entry.sample_delta) = (count, delta);
    }
    stbl.stts.write_box(out).map_err(|e| unwritten(&e))?;

    if samples.iter().any(|sample| sample.pts - sample.dts + table.composition_shift != 0) {
        let offsets = samples.iter().map(|sample| {
            let offset = sample.pts - sample.dts + table.composition_shift;
            i32::try_from(offset).map_err(|_| absurd("ticks of composition offset", offset.unsigned_abs()))
        });
        let offsets = runs(offsets)?;
        let ctts = stbl.ctts.insert(Default::default());
        ctts.entries.resize_with(offsets.len(), Default::default);
        for (entry, (count, offset)) in ctts.entries.iter_mut().zip(offsets) {
            (entry.sample_count, entry.sample_offset) = (count, offset);
        }
        ctts.write_box(out).map_err(|e| unwritten(&e))?;
    }

    if samples.iter().any(|sample| !sample.key.is_key()) {
        let stss = stbl.stss.insert(Default::default());
        stss.entries =
            (1..).zip(samples).filter(|(_, sample)| sample.key.is_key()).map(|(number, _)| number).collect();
        stss.write_box(out).map_err(|e| unwritten(&e))?;
    }

    let groups = groups(track);
    let counts: Vec<u32> = groups.iter().map(|(_, count)| *count).collect();
    let mut first = 1;
    let mut entries = Vec::new();
    for (group_count, sample_count) in runs(counts.into_iter().map(Ok))? {
        entries.push((first, sample_count));
        first += group_count;
    }
    stbl.stsc.entries.resize_with(entries.len(), Default::default);
    for (entry, (first, sample_count)) in stbl.stsc.entries.iter_mut().zip(entries) {
        (entry.first_chunk, entry.samples_per_chunk, entry.sample_description_index) =
            (first, sample_count, 1);
    }
    stbl.stsc.write_box(out).map_err(|e| unwritten(&e))?;

    stbl.stsz.sample_count = samples.len() as u32; // at most CLIP_SAMPLES_MAX
    stbl.stsz.sample_sizes = samples.iter().map(|sample| sample.size).collect();
    stbl.stsz.write_box(out).map_err(|e| unwritten(&e))?;

    let offsets = groups.iter().map(|(place, _)| payload_start + place);
    if wide {
        let co64 = stbl.co64.insert(Default::default());
        co64.entries = offsets.collect();
        co64.write_box(out).map_err(|e| unwritten(&e))?;
    } else {
        let stco = stbl.stco.insert(Default::default());
        stco.entries = offsets.map(|offset| number("offset", offset)).collect::<Result<_, _>>()?;
        stco.write_box(out).map_err(|e| unwritten(&e))?;
    }
    Ok(())
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

fn unwritten(error: &mp4::Error) -> MediaError {
    MediaError::BadChunk(format!("the clip's sample table cannot be written: {error}"))
}
