//! The clip's header: the initialisation segment's `moov` with the sample tables filled in.

use super::tables::{self, Table};
use super::timeline::{ClipTrack, Timeline};
use crate::error::MediaError;
use crate::fmp4::Init;
use crate::fmp4::boxes::{BoxAt, boxes, decode, encode, find, need, put_box};

/// `ftyp`, `moov` and the header of an `mdat` with `payload_len` bytes of media data.
pub(super) fn header(init: &Init, timeline: &Timeline, payload_len: u64) -> Result<Vec<u8>, MediaError> {
    // Offsets depend on the header's length, which depends on their width but not on their values: so it is written once to
    // measure and once for good.
    let measured = write(init, timeline, payload_len, 0, false)?;
    let end = measured.len() as u64 + payload_len;
    if end <= u64::from(u32::MAX) {
        return write(init, timeline, payload_len, measured.len() as u64, false);
    }
    let measured = write(init, timeline, payload_len, 0, true)?;
    write(init, timeline, payload_len, measured.len() as u64, true)
}

fn write(
    init: &Init,
    timeline: &Timeline,
    payload_len: u64,
    payload_start: u64,
    wide: bool,
) -> Result<Vec<u8>, MediaError> {
    let mut out = b"\0\0\0\x1cftypisom\0\0\x02\0isomiso6mp41".to_vec();
    let moov = need(&init.bytes, b"file", b"moov")?;
    put_box(&mut out, b"moov", |out| {
        for found in boxes(moov.body) {
            let found = found?;
            match &found.name {
                b"mvhd" => {
                    let mut mvhd: mp4_atom::Mvhd = decode(found)?;
                    mvhd.timescale = timeline.movie_timescale;
                    mvhd.duration = timeline
                        .tracks
                        .iter()
                        .map(|track| movie_duration(timeline, track))
                        .max()
                        .unwrap_or(0);
                    encode(&mvhd, out)?;
                }
                b"trak" => {
                    let tkhd: mp4_atom::Tkhd = decode(need(found.body, b"trak", b"tkhd")?)?;
                    // A track that has no samples in this clip is left out.
                    if let Some(track) = timeline.tracks.iter().find(|track| track.id == tkhd.track_id) {
                        put_track(out, timeline, track, found, payload_start, wide)?;
                    }
                }
                b"mvex" => {}
                _ => out.extend_from_slice(found.whole),
            }
        }
        Ok(())
    })?;
    put_mdat_header(&mut out, payload_len);
    Ok(out)
}

fn put_mdat_header(out: &mut Vec<u8>, payload_len: u64) {
    match u32::try_from(payload_len + 8) {
        Ok(size) => {
            out.extend_from_slice(&size.to_be_bytes());
            out.extend_from_slice(b"mdat");
        }
        Err(_) => {
            out.extend_from_slice(b"\0\0\0\x01mdat");
            out.extend_from_slice(&(payload_len + 16).to_be_bytes());
        }
    }
}

/// How long the track is presented, in movie ticks, rounded up so that no player cuts the last sample.
fn presented(timeline: &Timeline, track: &ClipTrack) -> u64 {
    let ends = track.samples.iter().map(|sample| sample.pts + i64::from(sample.duration));
    let ticks = ends.max().unwrap_or(0).saturating_sub(track.start).max(0);
    let scaled = (i128::from(ticks) * i128::from(timeline.movie_timescale)).unsigned_abs();
    u64::try_from(scaled.div_ceil(u128::from(track.timescale.max(1)))).unwrap_or(u64::MAX)
}

fn movie_duration(timeline: &Timeline, track: &ClipTrack) -> u64 {
    track.movie_delay.saturating_add(presented(timeline, track))
}

fn put_track(
    out: &mut Vec<u8>,
    timeline: &Timeline,
    track: &ClipTrack,
    trak: BoxAt<'_>,
    payload_start: u64,
    wide: bool,
) -> Result<(), MediaError> {
    let table = Table::new(track);
    put_box(out, b"trak", |out| {
        for found in boxes(trak.body) {
            let found = found?;
            match &found.name {
                b"tkhd" => {
                    let mut tkhd: mp4_atom::Tkhd = decode(found)?;
                    tkhd.duration = movie_duration(timeline, track);
                    encode(&tkhd, out)?;
                    put_edits(out, timeline, track, &table)?;
                }
                b"edts" => {}
                b"mdia" => put_media(out, track, &table, found, payload_start, wide)?,
                _ => out.extend_from_slice(found.whole),
            }
        }
        Ok(())
    })
}

/// The edit list: wait until the track's start, then go from there to the end. Left out when it would change nothing.
fn put_edits(
    out: &mut Vec<u8>,
    timeline: &Timeline,
    track: &ClipTrack,
    table: &Table,
) -> Result<(), MediaError> {
    let base = track.samples.first().map_or(0, |sample| sample.dts);
    let media_time = (track.start - base + table.composition_shift).max(0).unsigned_abs();
    if media_time == 0 && track.movie_delay == 0 {
        return Ok(());
    }
    let edit = |segment_duration, media_time| mp4_atom::ElstEntry {
        segment_duration,
        media_time,
        media_rate: 1.into(),
    };
    let mut entries = Vec::with_capacity(2);
    if track.movie_delay > 0 {
        entries.push(edit(track.movie_delay, None));
    }
    entries.push(edit(presented(timeline, track), Some(media_time)));
    put_box(out, b"edts", |out| encode(&mp4_atom::Elst { entries }, out))
}

/// `mdia`: as it came, but for the duration and the sample table.
fn put_media(
    out: &mut Vec<u8>,
    track: &ClipTrack,
    table: &Table,
    mdia: BoxAt<'_>,
    payload_start: u64,
    wide: bool,
) -> Result<(), MediaError> {
    let put_table = |out: &mut Vec<u8>, stbl: BoxAt<'_>| {
        put_box(out, b"stbl", |out| {
            out.extend_from_slice(find(stbl.body, b"stsd")?.map_or(&[], |stsd| stsd.whole));
            tables::write(out, track, table, payload_start, wide)
        })
    };
    put_box(out, b"mdia", |out| {
        for found in boxes(mdia.body) {
            let found = found?;
            match &found.name {
                b"mdhd" => {
                    let mut mdhd: mp4_atom::Mdhd = decode(found)?;
                    mdhd.duration = table.duration;
                    encode(&mdhd, out)?;
                }
                b"minf" => put_box(out, b"minf", |out| {
                    for found in boxes(found.body) {
                        let found = found?;
                        match &found.name {
                            b"stbl" => put_table(out, found)?,
                            _ => out.extend_from_slice(found.whole),
                        }
                    }
                    Ok(())
                })?,
                _ => out.extend_from_slice(found.whole),
            }
        }
        Ok(())
    })
}
