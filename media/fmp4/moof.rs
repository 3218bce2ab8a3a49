//! What a `moof` says, and where in the stream it says its samples are.

use super::boxes::{BoxAt, bad, boxes, decode, need};
use super::init::{Defaults, Init};
use crate::error::{BoxName, MediaError};
use std::ops::Range;

/// Most samples of one chunk. Checked before any sample is unrolled: a run whose samples all take the defaults is only a
/// count in the file.
pub(crate) const SAMPLES_MAX: u64 = 1 << 16;
/// Most `traf` boxes of one `moof`, and most `trun` boxes of one `traf`.
const PARTS_MAX: u64 = 1 << 10;
/// Largest decoding time in ticks; leaves room to add to it without overflow.
pub(crate) const DECODE_TIME_MAX: u64 = 1 << 61;

/// A `moof`.
#[derive(Debug)]
pub(crate) struct Moof {
    pub(crate) sequence: u32,
    pub(crate) trafs: Vec<Traf>,
}

/// A `traf`.
#[derive(Debug)]
pub(crate) struct Traf {
    pub(crate) track_id: u32,
    pub(crate) base: Base,
    pub(crate) decode_time: Option<u64>,
    /// Whether `decode_time` stands in 64 bits, so that it can be changed in place.
    pub(crate) wide_time: bool,
    pub(crate) runs: Vec<Run>,
}

/// What a `traf`'s data offsets count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The first byte of the `moof`.
    Moof,
    /// A byte of the whole stream.
    Stream(u64),
    /// The end of the data of the `traf` before; for the first one the `moof`.
    Previous,
}

/// A `trun`.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) data_offset: Option<i32>,
    pub(crate) samples: Vec<RunSample>,
    /// Sum of the samples' sizes.
    pub(crate) bytes: u64,
}

/// A sample of a run, defaults filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunSample {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) composition_offset: i64,
}

impl Moof {
    /// Reads the body of a `moof`.
    pub(crate) fn parse(init: &Init, body: &[u8]) -> Result<Self, MediaError> {
        let mfhd: mp4_atom::Mfhd = decode(need(body, b"moof", b"mfhd")?)?;
        let mut trafs = Vec::new();
        let mut samples = 0;
        for found in boxes(body) {
            let found = found?;
            if &found.name == b"traf" {
                count_parts(trafs.len())?;
                trafs.push(read_traf(init, found, &mut samples)?);
            }
        }
        Ok(Self { sequence: mfhd.sequence_number, trafs })
    }

    /// Where each run's bytes are in the stream, run by run, given where the `moof` starts. Runs without bytes come too.
    pub(crate) fn place(&self, moof_start: u64, stream_origin: u64) -> Result<Vec<Range<u64>>, MediaError> {
        let outside = || MediaError::BadChunk("its data offsets point before the stream".to_owned());
        let mut placed = Vec::new();
        let mut previous_end = moof_start;
        for traf in &self.trafs {
            let base = match traf.base {
                Base::Moof => moof_start,
                Base::Stream(offset) => offset.wrapping_add(stream_origin),
                Base::Previous => previous_end,
            };
            let mut at = base;
            for run in &traf.runs {
                if let Some(offset) = run.data_offset {
                    at = base.checked_add_signed(i64::from(offset)).ok_or_else(outside)?;
                }
                let end = at.checked_add(run.bytes).ok_or_else(outside)?;
                placed.push(at..end);
                at = end;
            }
            previous_end = at;
        }
        Ok(placed)
    }

    /// The offset of the first `traf` that counts from the start of the stream.
    pub(crate) fn first_stream_offset(&self) -> Option<u64> {
        self.trafs.iter().find_map(|traf| match traf.base {
            Base::Stream(offset) => Some(offset),
            _ => None,
        })
    }
}

fn count_parts(count: usize) -> Result<(), MediaError> {
    if count as u64 >= PARTS_MAX {
        let value = count as u64 + 1;
        return Err(MediaError::Absurd { what: "number of traf or trun boxes", value, limit: PARTS_MAX });
    }
    Ok(())
}

fn read_traf(init: &Init, traf: BoxAt<'_>, samples: &mut u64) -> Result<Traf, MediaError> {
    let tfhd: mp4_atom::Tfhd = decode(need(traf.body, b"traf", b"tfhd")?)?;
    let defaults = init.defaults(tfhd.track_id).ok_or_else(|| {
        MediaError::BadChunk(format!("track {} is not in the initialisation segment", tfhd.track_id))
    })?;
    if tfhd.sample_description_index.is_some_and(|index| index != 1) {
        return Err(MediaError::BadChunk(format!("track {} uses a second sample entry", tfhd.track_id)));
    }
    let defaults = Defaults {
        duration: tfhd.default_sample_duration.unwrap_or(defaults.duration),
        size: tfhd.default_sample_size.unwrap_or(defaults.size),
        flags: tfhd.default_sample_flags.unwrap_or(defaults.flags),
    };
    let base = match tfhd.base_data_offset {
        Some(offset) => Base::Stream(offset),
        None if tfhd.default_base_is_moof => Base::Moof,
        None => Base::Previous,
    };
    let mut read =
        Traf { track_id: tfhd.track_id, base, decode_time: None, wide_time: false, runs: Vec::new() };
    for found in boxes(traf.body) {
        let found = found?;
        match &found.name {
            b"tfdt" => {
                let tfdt: mp4_atom::Tfdt = decode(found)?;
                let time = tfdt.base_media_decode_time;
                if time > DECODE_TIME_MAX {
                    return Err(MediaError::Absurd {
                        what: "decode time",
                        value: time,
                        limit: DECODE_TIME_MAX,
                    });
                }
                read.decode_time = Some(time);
                read.wide_time = found.body.first() == Some(&1);
            }
            b"trun" => {
                count_parts(read.runs.len())?;
                read.runs.push(read_run(found, defaults, samples)?);
            }
            b"senc" => {
                return Err(MediaError::Encrypted { track_id: read.track_id, scheme: BoxName(found.name) });
            }
            _ => {}
        }
    }
    Ok(read)
}

fn read_run(trun: BoxAt<'_>, defaults: Defaults, samples: &mut u64) -> Result<Run, MediaError> {
    let count =
        trun.body.get(4..).and_then(|rest| rest.first_chunk()).map(|&count| u32::from_be_bytes(count));
    *samples += u64::from(count.ok_or_else(|| bad(*b"trun", "it is cut off"))?);
    if *samples > SAMPLES_MAX {
        let what = "number of samples in a fragment";
        return Err(MediaError::Absurd { what, value: *samples, limit: SAMPLES_MAX });
    }
    let read: mp4_atom::Trun = decode(trun)?;
    let entries = read.samples.iter().map(|entry| RunSample {
        duration: entry.duration.unwrap_or(defaults.duration),
        size: entry.size.unwrap_or(defaults.size),
        flags: entry.flags.unwrap_or(defaults.flags),
        composition_offset: entry.cts.unwrap_or(0),
    });
    let samples: Vec<RunSample> = entries.collect();
    let bytes = samples.iter().map(|sample| u64::from(sample.size)).sum();
    Ok(Run { data_offset: read.data_offset, samples, bytes })
}
