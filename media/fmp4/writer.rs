//! Writing chunks.

use super::boxes::{BoxAt, bad, boxes, decode, encode, need};
use super::moof::DECODE_TIME_MAX;
use super::prft::{PRFT_BYTES_MAX, Prft};
use crate::error::MediaError;
use bytes::Bytes;
use mp4_atom::{Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry};

/// Sample flags of a sync sample: depends on no other.
const SYNC: u32 = 0x0200_0000;
/// Sample flags of any other: depends on others, not a sync sample.
const NOT_SYNC: u32 = 0x0101_0000;

/// A sample to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSample {
    /// Its bytes; NAL units with length prefixes.
    pub data: Bytes,
    /// Duration in ticks.
    pub duration: u32,
    /// `pts - dts` in ticks.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// One track's samples of a chunk to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrack {
    /// The track.
    pub track_id: u32,
    /// Decoding time of the first sample in ticks.
    pub decode_time: u64,
    /// In decoding order.
    pub samples: Vec<NewSample>,
}

/// A sample's line in the `trun`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) composition_offset: i64,
}

/// One track's part of a chunk: a line per sample, and the samples' bytes in as many slices as convenient.
pub(crate) struct OutTrack<'a> {
    pub(crate) track_id: u32,
    pub(crate) decode_time: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) data: Vec<&'a [u8]>,
}

/// Writes a chunk in the canonical form. Fails only when the samples exceed 2 GiB or a composition offset 31 bits.
pub fn write_chunk(sequence: u32, tracks: &[NewTrack]) -> Result<Bytes, MediaError> {
    write_dated_chunk(&[], sequence, tracks)
}

/// [`write_chunk`] with `prft` boxes before it.
pub fn write_dated_chunk(prfts: &[Prft], sequence: u32, tracks: &[NewTrack]) -> Result<Bytes, MediaError> {
    let mut out = Vec::with_capacity(tracks.len());
    for track in tracks {
        let mut entries = Vec::with_capacity(track.samples.len());
        for sample in &track.samples {
            let size = u32::try_from(sample.data.len()).map_err(|_| too_long())?;
            let flags = if sample.sync { SYNC } else { NOT_SYNC };
            let composition_offset = i64::from(sample.composition_offset);
            entries.push(Entry { duration: sample.duration, size, flags, composition_offset });
        }
        let data = track.samples.iter().map(|sample| &sample.data[..]).collect();
        out.push(OutTrack { track_id: track.track_id, decode_time: track.decode_time, entries, data });
    }
    write(prfts, sequence, &out)
}

/// Writes `moof` and `mdat`, with the `prft`s before them: a `traf` with one `trun` for each track, the data
/// track by track.
pub(crate) fn write(prfts: &[Prft], sequence: u32, tracks: &[OutTrack<'_>]) -> Result<Bytes, MediaError> {
    let payload: usize = tracks.iter().flat_map(|track| &track.data).map(|slice| slice.len()).sum();
    let mdat_len = u32::try_from(payload + 8).map_err(|_| too_long())?;
    let mut moof = Moof { mfhd: Mfhd { sequence_number: sequence }, traf: tracks.iter().map(traf).collect() };
    let mut head = Vec::new();
    encode(&moof, &mut head)?;
    // The offsets count from the moof, whose length is only known now; writing them does not change it.
    let mut offset = head.len() + 8;
    for (traf, track) in moof.traf.iter_mut().zip(tracks) {
        traf.trun[0].data_offset = Some(i32::try_from(offset).map_err(|_| too_long())?);
        offset += track.data.iter().map(|slice| slice.len()).sum::<usize>();
    }
    let mut out = Vec::with_capacity(prfts.len() * PRFT_BYTES_MAX + head.len() + mdat_len as usize);
    for prft in prfts {
        prft.write(&mut out)?;
    }
    encode(&moof, &mut out)?;
    out.extend_from_slice(&mdat_len.to_be_bytes());
    out.extend_from_slice(b"mdat");
    for slice in tracks.iter().flat_map(|track| &track.data) {
        out.extend_from_slice(slice);
    }
    Ok(out.into())
}

fn too_long() -> MediaError {
    MediaError::BadChunk("it is longer than 2 GiB".to_owned())
}

/// The `traf` of a track. What all samples share stands once, in the `tfhd`.
fn traf(track: &OutTrack<'_>) -> Traf {
    let entries = &track.entries;
    let duration = shared(entries.iter().map(|entry| entry.duration));
    let size = shared(entries.iter().map(|entry| entry.size));
    let later_flags = shared(entries.iter().skip(1).map(|entry| entry.flags));
    let first_flags = entries.first().map(|entry| entry.flags);
    let default_flags = if entries.len() > 1 { later_flags } else { first_flags };
    let composed = entries.iter().any(|entry| entry.composition_offset != 0);
    let samples: Vec<TrunEntry> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| TrunEntry {
            duration: duration.is_none().then_some(entry.duration),
            size: size.is_none().then_some(entry.size),
            flags: match default_flags {
                None => Some(entry.flags),
                Some(default) => (index == 0 && entry.flags != default).then_some(entry.flags),
            },
            cts: composed.then_some(entry.composition_offset),
        })
        .collect();
    Traf {
        tfhd: Tfhd {
            track_id: track.track_id,
            default_sample_duration: duration,
            default_sample_size: size,
            default_sample_flags: default_flags,
            default_base_is_moof: true,
            ..Tfhd::default()
        },
        tfdt: Some(Tfdt { base_media_decode_time: track.decode_time }),
        trun: vec![Trun { data_offset: Some(0), samples: samples.into() }],
        ..Traf::default()
    }
}

/// The value that all have; `None` when they differ or there is none.
fn shared(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// A copy of a canonical `moof` with another sequence number and with `shift(track_id)` ticks added to each track's decoding
/// time. `moof` may have more behind it, such as the whole chunk; the copy is of the `moof` alone and as long as it was, so
/// what follows can be sent as it is stored. Refuses times below zero and whatever is not canonical.
pub fn retime(moof: &[u8], sequence: u32, shift: impl Fn(u32) -> i64) -> Result<Bytes, MediaError> {
    let whole = need(moof, b"moof", b"moof")?;
    let mut out = moof[..whole.start + whole.whole.len()].to_vec();
    for found in boxes(whole.body) {
        let found = found?;
        match &found.name {
            b"mfhd" => put(&mut out, whole.body_start() + found.body_start() + 4, &sequence.to_be_bytes())?,
            b"traf" => {
                let tfhd: Tfhd = decode(need(found.body, b"traf", b"tfhd")?)?;
                let tfdt = need(found.body, b"traf", b"tfdt")?;
                let time = wide_time(tfdt)?.checked_add_signed(shift(tfhd.track_id));
                let time = time
                    .filter(|&time| time <= DECODE_TIME_MAX)
                    .ok_or_else(|| bad(*b"tfdt", "out of range"))?;
                let at = whole.body_start() + found.body_start() + tfdt.body_start() + 4;
                put(&mut out, at, &time.to_be_bytes())?;
            }
            _ => {}
        }
    }
    Ok(out.into())
}

fn wide_time(tfdt: BoxAt<'_>) -> Result<u64, MediaError> {
    let time = tfdt.body.get(4..).and_then(|rest| rest.first_chunk::<8>());
    match (tfdt.body.first(), time) {
        (Some(1), Some(&time)) => Ok(u64::from_be_bytes(time)),
        _ => Err(bad(*b"tfdt", "it is not of version 1")),
    }
}

fn put(out: &mut [u8], at: usize, value: &[u8]) -> Result<(), MediaError> {
    let place = out.get_mut(at..at + value.len()).ok_or_else(|| bad(*b"moof", "it is cut off"))?;
    place.copy_from_slice(value);
    Ok(())
}
