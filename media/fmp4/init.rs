//! The initialisation segment: what tracks there are.

use super::boxes::{BoxAt, bad, boxes, decode, find, need, put_box};
use super::codec::{Codec, read_entry};
use crate::error::MediaError;
use bytes::Bytes;

/// Most tracks of any kind.
const TRACKS_MAX: usize = 32;

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// A video or audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its id in every `traf`.
    pub id: u32,
    /// Pictures or sound.
    pub kind: TrackKind,
    /// How its samples are coded.
    pub codec: Codec,
    /// RFC 6381 name, such as `avc1.64001f`.
    pub codec_string: String,
    /// Ticks per second; never zero.
    pub timescale: u32,
    /// Coded width in pixels; 0 for sound.
    pub width: u32,
    /// Coded height in pixels; 0 for sound.
    pub height: u32,
    /// Degrees clockwise the picture is to be turned for display: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Samples per second; 0 for pictures.
    pub sample_rate: u32,
    /// Sound channels; 0 for pictures.
    pub channels: u16,
    /// Decoder configuration: the body of `avcC`, `hvcC`, `av1C`, `dOps` or `dfLa`; for AAC the AudioSpecificConfig.
    pub extradata: Bytes,
    /// Bytes of the length before each NAL unit (1, 2 or 4); 0 when the codec has none.
    pub nal_length_bytes: u8,
    /// What the edit list adds to a sample's `pts` to get its place in the presentation, in ticks.
    pub presentation_shift: i64,
    /// Whether the parameter sets may also stand in the samples (`avc3`, `hev1`).
    pub parameter_sets_in_band: bool,
    pub(crate) defaults: Defaults,
}

/// Defaults of a track's samples (`trex`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

impl Track {
    /// Ticks of this track as milliseconds, rounded down.
    pub fn ms(&self, ticks: i64) -> i64 {
        self.scaled(ticks, 1_000)
    }

    /// Ticks of this track as microseconds, rounded down.
    pub fn us(&self, ticks: i64) -> i64 {
        self.scaled(ticks, 1_000_000)
    }

    fn scaled(&self, ticks: i64, per_second: i128) -> i64 {
        let scaled = (i128::from(ticks) * per_second).div_euclid(i128::from(self.timescale.max(1)));
        scaled.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}

/// An initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// `ftyp` and `moov` as they are stored and served: as they came, less the tracks that carry neither pictures nor
    /// sound and less whatever stood around the two boxes.
    pub bytes: Bytes,
    /// The video and audio tracks, in the order of the `moov`; never empty.
    pub tracks: Vec<Track>,
    /// Tracks of other kinds (timecode, captions, metadata) whose samples are dropped.
    pub(crate) ignored: Vec<(u32, Defaults)>,
}

impl Init {
    /// Reads `ftyp` + `moov`. Refuses what is encrypted, progressive, without tracks, or in a codec that is not taken.
    pub fn parse(bytes: &Bytes) -> Result<Self, MediaError> {
        let moov = find(bytes, b"moov")?.ok_or(MediaError::NotMp4("there is no moov box"))?;
        let ftyp = find(bytes, b"ftyp")?;
        let mvex = find(moov.body, b"mvex")?;
        let mut tracks = Vec::new();
        let mut ignored = Vec::new();
        for found in boxes(moov.body) {
            let found = found?;
            if &found.name != b"trak" {
                continue;
            }
            if tracks.len() + ignored.len() == TRACKS_MAX {
                let value = TRACKS_MAX as u64 + 1;
                return Err(MediaError::Absurd { what: "number of tracks", value, limit: TRACKS_MAX as u64 });
            }
            match read_track(moov.body, found)? {
                Ok(track) => tracks.push(track),
                Err(id) => ignored.push((id, Defaults::default())),
            }
        }
        let mvex = mvex.ok_or(MediaError::NotFragmented("its moov has no mvex box"))?;
        if tracks.is_empty() {
            return Err(MediaError::NoTracks);
        }
        for (id, defaults) in read_defaults(mvex)? {
            if let Some(track) = tracks.iter_mut().find(|track| track.id == id) {
                track.defaults = defaults;
            } else if let Some(other) = ignored.iter_mut().find(|(other, _)| *other == id) {
                other.1 = defaults;
            }
        }
        let mut ids: Vec<u32> =
            tracks.iter().map(|track| track.id).chain(ignored.iter().map(|(id, _)| *id)).collect();
        ids.sort_unstable();
        if ids.first() == Some(&0) || ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(bad(*b"moov", "its track ids are not distinct and above 0"));
        }
        let bytes = canonical(bytes, ftyp, moov, &ignored)?;
        Ok(Self { bytes, tracks, ignored })
    }

    /// The track with this id.
    pub fn track(&self, id: u32) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The track that cuts and dates everything: the first video track, or else the first.
    pub fn lead(&self) -> &Track {
        self.video().unwrap_or(&self.tracks[0])
    }

    /// The first video track.
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == TrackKind::Video)
    }

    /// Every track's RFC 6381 name, comma-separated, as `CODECS` in a playlist wants it.
    pub fn codecs(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for track in &self.tracks {
            if !names.contains(&track.codec_string.as_str()) {
                names.push(&track.codec_string);
            }
        }
        names.join(",")
    }

    /// Sample defaults of any track that the `moov` names.
    pub(crate) fn defaults(&self, id: u32) -> Option<Defaults> {
        let ignored = || self.ignored.iter().find(|(other, _)| *other == id).map(|(_, defaults)| *defaults);
        self.track(id).map(|track| track.defaults).or_else(ignored)
    }
}

/// Reads a `trak`; the inner error is the id of a track that is neither video nor audio.
fn read_track(moov: &[u8], trak: BoxAt<'_>) -> Result<Result<Track, u32>, MediaError> {
    let tkhd: mp4_atom::Tkhd = decode(need(trak.body, b"trak", b"tkhd")?)?;
    let mdia = need(trak.body, b"trak", b"mdia")?;
    let mdhd: mp4_atom::Mdhd = decode(need(mdia.body, b"mdia", b"mdhd")?)?;
    let hdlr = need(mdia.body, b"mdia", b"hdlr")?;
    let kind = match hdlr.body.get(8..12) {
        Some(b"vide") => TrackKind::Video,
        Some(b"soun") => TrackKind::Audio,
        _ => return Ok(Err(tkhd.track_id)),
    };
    if mdhd.timescale == 0 {
        return Err(bad(*b"mdhd", "its timescale is 0"));
    }
    let minf = need(mdia.body, b"mdia", b"minf")?;
    let stbl = need(minf.body, b"minf", b"stbl")?;
    let stsd = need(stbl.body, b"stbl", b"stsd")?;
    let entries = stsd.body.get(8..).ok_or_else(|| bad(*b"stsd", "it is cut off"))?;
    let first = boxes(entries).next().ok_or_else(|| bad(*b"stsd", "it has no entry"))??;
    let entry = read_entry(tkhd.track_id, kind == TrackKind::Video, first)?;
    if find(stbl.body, b"stsz")?.is_some_and(|stsz| stsz.body.get(8..12).is_some_and(|count| count != [0; 4]))
    {
        return Err(MediaError::NotFragmented("its moov already holds samples"));
    }
    Ok(Ok(Track {
        id: tkhd.track_id,
        kind,
        codec: entry.codec,
        codec_string: entry.codec_string,
        timescale: mdhd.timescale,
        width: entry.width,
        height: entry.height,
        rotation: rotation(need(trak.body, b"trak", b"tkhd")?),
        sample_rate: entry.sample_rate,
        channels: entry.channels,
        extradata: entry.extradata,
        nal_length_bytes: entry.nal_length_bytes,
        presentation_shift: presentation_shift(moov, trak, mdhd.timescale)?,
        parameter_sets_in_band: entry.parameter_sets_in_band,
        defaults: Defaults::default(),
    }))
}

/// The turn that the `tkhd` matrix asks for, where it is one of the four right angles.
fn rotation(tkhd: BoxAt<'_>) -> u16 {
    let matrix = if tkhd.body.first() == Some(&1) { 52 } else { 40 };
    let value = |index: usize| {
        let bytes = tkhd.body.get(matrix + 4 * index..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |&bytes| i32::from_be_bytes(bytes)).signum()
    };
    match (value(0), value(1), value(3), value(4)) {
        (0, 1, -1, 0) => 90,
        (-1, 0, 0, -1) => 180,
        (0, -1, 1, 0) => 270,
        _ => 0,
    }
}

/// What the edit list adds to composition times: empty edits delay, the first real edit's media time is skipped.
fn presentation_shift(moov: &[u8], trak: BoxAt<'_>, timescale: u32) -> Result<i64, MediaError> {
    let Some(edts) = find(trak.body, b"edts")? else { return Ok(0) };
    let Some(elst) = find(edts.body, b"elst")? else { return Ok(0) };
    let elst: mp4_atom::Elst = decode(elst)?;
    let mvhd: mp4_atom::Mvhd = decode(need(moov, b"moov", b"mvhd")?)?;
    let mut delay = 0_i128;
    for edit in elst.entries {
        let Some(media_time) = edit.media_time else {
            delay += i128::from(edit.segment_duration);
            continue;
        };
        let delay = delay * i128::from(timescale) / i128::from(mvhd.timescale.max(1));
        let shift = delay - i128::from(media_time);
        return i64::try_from(shift)
            .ok()
            .filter(|shift| shift.unsigned_abs() < 1 << 62)
            .ok_or_else(|| bad(*b"elst", "it moves the track beyond all bounds"));
    }
    Ok(0)
}

/// Every `trex` of `mvex`.
fn read_defaults(mvex: BoxAt<'_>) -> Result<Vec<(u32, Defaults)>, MediaError> {
    let mut all = Vec::new();
    for found in boxes(mvex.body) {
        let found = found?;
        if &found.name == b"trex" {
            let trex: mp4_atom::Trex = decode(found)?;
            let (duration, size) = (trex.default_sample_duration, trex.default_sample_size);
            all.push((trex.track_id, Defaults { duration, size, flags: trex.default_sample_flags }));
        }
    }
    Ok(all)
}

/// `ftyp` and `moov` alone, without the ignored tracks and what refers to them.
fn canonical(
    bytes: &Bytes,
    ftyp: Option<BoxAt<'_>>,
    moov: BoxAt<'_>,
    ignored: &[(u32, Defaults)],
) -> Result<Bytes, MediaError> {
    if ignored.is_empty() && ftyp.is_some_and(|ftyp| ftyp.start == 0 && ftyp.whole.len() == moov.start) {
        return Ok(bytes.slice(..moov.start + moov.whole.len()));
    }
    let mut out = Vec::with_capacity(moov.whole.len() + 64);
    out.extend_from_slice(ftyp.map_or(b"\0\0\0\x18ftypiso6\0\0\0\0iso6mp41", |ftyp| ftyp.whole));
    let dropped = |id: Option<u32>| ignored.iter().any(|(other, _)| Some(*other) == id);
    put_box(&mut out, b"moov", |out| {
        for found in boxes(moov.body) {
            let found = found?;
            match &found.name {
                b"trak" => {
                    let tkhd: mp4_atom::Tkhd = decode(need(found.body, b"trak", b"tkhd")?)?;
                    if !dropped(Some(tkhd.track_id)) {
                        put_filtered(out, found, |child| ignored.is_empty() || &child.name != b"tref")?;
                    }
                }
                b"mvex" => {
                    put_filtered(out, found, |child| &child.name != b"trex" || !dropped(first_id(child)))?;
                }
                _ => out.extend_from_slice(found.whole),
            }
        }
        Ok(())
    })?;
    Ok(out.into())
}

/// Copies a box with those of its children that are wanted.
fn put_filtered(
    out: &mut Vec<u8>,
    parent: BoxAt<'_>,
    wanted: impl Fn(BoxAt<'_>) -> bool,
) -> Result<(), MediaError> {
    put_box(out, &parent.name, |out| {
        for child in boxes(parent.body) {
            let child = child?;
            if wanted(child) {
                out.extend_from_slice(child.whole);
            }
        }
        Ok(())
    })
}

/// The id that a `trex` starts with.
fn first_id(trex: BoxAt<'_>) -> Option<u32> {
    trex.body.get(4..).and_then(|rest| rest.first_chunk()).map(|&id| u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_of_each_right_angle() {
        for (matrix, degrees) in [
            ([1, 0, 0, 1], 0),
            ([0, 1, -1, 0], 90),
            ([-1, 0, 0, -1], 180),
            ([0, -1, 1, 0], 270),
            ([1, 1, 1, 1], 0),
        ] {
            let [a, b, c, d] = matrix.map(|value: i32| value << 16);
            for version in [0, 1] {
                let mut body = vec![0; if version == 1 { 52 } else { 40 }];
                body[0] = version;
                for value in [a, b, 0, c, d, 0, 0, 0, 1 << 30] {
                    body.extend_from_slice(&value.to_be_bytes());
                }
                let tkhd = BoxAt { name: *b"tkhd", start: 0, whole: &body, body: &body };
                assert_eq!(rotation(tkhd), degrees, "{matrix:?} version {version}");
            }
        }
        let cut = BoxAt { name: *b"tkhd", start: 0, whole: &[], body: &[0, 1] };
        assert_eq!(rotation(cut), 0);
    }
}
