//! The head of a chunk.

use super::directory::{DIRECTORY_FRAGMENTS, DirectoryEntry};
use super::wire::{Reader, Writer};
use super::{Flags, HEAD_BYTES_MAX, HeadError, InitId, Position, TAGS_BYTES_MAX, TRACKS_MAX, VERSION};
use crate::clock::ProducerClock;
use crate::reason::Reason;
use bytes::Bytes;

pub(super) const KIND: u8 = 1;

/// One track's share of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrackHead {
    /// The track's id in the initialisation segment.
    pub(crate) track_id: u32,
    /// How many samples.
    pub(crate) samples: u32,
    /// Decoding time of the first one in ticks of the track.
    pub(crate) decode_time: u64,
    /// Sum of their durations in ticks of the track.
    pub(crate) duration: u64,
}

/// A name and a value that the producer gave to the chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// At most 255 bytes.
    pub(crate) name: String,
    /// At most [`TAGS_BYTES_MAX`] bytes with everything else.
    pub(crate) value: String,
}

impl Tag {
    /// What it takes in a head.
    pub(crate) fn encoded_len(&self) -> usize {
        3 + self.name.len() + self.value.len()
    }
}

/// The head of a chunk. Times without a unit are in ticks of the lead track.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChunkHead {
    /// What the chunk begins.
    pub(crate) flags: Flags,
    /// Where it stands.
    pub(crate) position: Position,
    /// Where its producer time comes from.
    pub(crate) clock: ProducerClock,
    /// Why there is a discontinuity before it.
    pub(crate) reason: Reason,
    /// Ticks per second of the lead track.
    pub(crate) timescale: u32,
    /// Decoding time of its first sample.
    pub(crate) decode_time: u64,
    /// How long it lasts.
    pub(crate) duration: u64,
    /// `pts - decode_time` of a sample that is presented exactly at its producer time: the constant delay that a
    /// session's reordering brings.
    pub(crate) presentation_offset: i64,
    /// Its initialisation segment.
    pub(crate) init: InitId,
    /// Bytes before the media data: `moof` and the `mdat` header.
    pub(crate) head_len: u32,
    /// At most [`TRACKS_MAX`].
    pub(crate) tracks: Vec<TrackHead>,
    /// At most [`TAGS_BYTES_MAX`] bytes.
    pub(crate) tags: Vec<Tag>,
    /// At most [`DIRECTORY_FRAGMENTS`], oldest first.
    pub(crate) directory: Vec<DirectoryEntry>,
}

impl ChunkHead {
    /// How long it lasts in microseconds, at most what fits.
    pub(crate) fn duration_us(&self) -> u64 {
        ticks_to_us(self.duration, self.timescale)
    }

    /// Its end by the camera's clock.
    pub(crate) fn end_us(&self) -> u64 {
        self.position.producer_us.saturating_add(self.duration_us())
    }

    /// The camera's time of a presentation time of the lead track.
    pub(crate) fn producer_us_of(&self, pts: i64) -> i64 {
        let ticks = i128::from(pts) - i128::from(self.decode_time) - i128::from(self.presentation_offset);
        let us = (ticks * 1_000_000).div_euclid(i128::from(self.timescale.max(1)))
            + i128::from(self.position.producer_us);
        us.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    pub(crate) fn encode(&self) -> Bytes {
        // What does not fit must not get here: ingest checks tracks and tags at the door.
        assert!(self.tags.len() <= usize::from(u8::MAX), "more tags than a head counts");
        assert!(self.tracks.len() <= TRACKS_MAX, "more tracks than a head holds");
        assert!(
            self.tags.iter().map(Tag::encoded_len).sum::<usize>() <= TAGS_BYTES_MAX,
            "more tags than a head holds"
        );
        assert!(self.directory.len() as u64 <= DIRECTORY_FRAGMENTS, "more entries than a directory holds");
        let mut writer = Writer::new(HEAD_BYTES_MAX);
        writer.u8(VERSION);
        writer.u8(KIND);
        writer.u16(self.flags.bits());
        self.position.write(&mut writer);
        writer.u8(self.clock.to_wire());
        writer.u8(self.reason.to_wire());
        writer.u16(0);
        writer.u32(self.timescale);
        writer.u64(self.decode_time);
        writer.u64(self.duration);
        writer.i64(self.presentation_offset);
        writer.bytes(&self.init.0);
        writer.u32(self.head_len);
        writer.bytes(&[self.tracks.len() as u8, self.tags.len() as u8, self.directory.len() as u8, 0]);
        for track in &self.tracks {
            writer.u32(track.track_id);
            writer.u32(track.samples);
            writer.u64(track.decode_time);
            writer.u64(track.duration);
        }
        for tag in &self.tags {
            writer.u8(tag.name.len() as u8);
            writer.u16(tag.value.len() as u16);
            writer.bytes(tag.name.as_bytes());
            writer.bytes(tag.value.as_bytes());
        }
        self.directory.iter().for_each(|entry| entry.write(&mut writer));
        writer.finish()
    }

    pub(super) fn read(flags: Flags, mut reader: Reader<'_>) -> Result<Self, HeadError> {
        let position = Position::read(&mut reader)?;
        let clock = ProducerClock::from_wire(reader.u8()?)?;
        let reason = Reason::from_wire(reader.u8()?)?;
        reader.u16()?;
        let timescale = reader.u32()?;
        if timescale == 0 {
            return Err(HeadError::Field { field: "timescale", value: 0 });
        }
        let decode_time = reader.u64()?;
        let duration = reader.u64()?;
        let presentation_offset = reader.i64()?;
        let init = reader.id()?;
        let head_len = reader.u32()?;
        let tracks = count(reader.u8()?, TRACKS_MAX, "tracks")?;
        let tags = reader.u8()?;
        let directory = count(reader.u8()?, DIRECTORY_FRAGMENTS as usize, "directory")?;
        reader.u8()?;
        let tracks = (0..tracks).map(|_| read_track(&mut reader)).collect::<Result<_, _>>()?;
        let tags = (0..tags).map(|_| read_tag(&mut reader)).collect::<Result<_, _>>()?;
        let directory =
            (0..directory).map(|_| DirectoryEntry::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self {
            flags,
            position,
            clock,
            reason,
            timescale,
            decode_time,
            duration,
            presentation_offset,
            init,
            head_len,
            tracks,
            tags,
            directory,
        })
    }
}

/// Ticks as microseconds, at most what fits.
pub(crate) fn ticks_to_us(ticks: u64, timescale: u32) -> u64 {
    let us = u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1));
    u64::try_from(us).unwrap_or(u64::MAX)
}

fn count(value: u8, max: usize, field: &'static str) -> Result<usize, HeadError> {
    let count = usize::from(value);
    if count <= max { Ok(count) } else { Err(HeadError::Field { field, value: value.into() }) }
}

fn read_track(reader: &mut Reader<'_>) -> Result<TrackHead, HeadError> {
    Ok(TrackHead {
        track_id: reader.u32()?,
        samples: reader.u32()?,
        decode_time: reader.u64()?,
        duration: reader.u64()?,
    })
}

fn read_tag(reader: &mut Reader<'_>) -> Result<Tag, HeadError> {
    let name_len = usize::from(reader.u8()?);
    let value_len = usize::from(reader.u16()?);
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| HeadError::Field { field: "tag", value: 0 })
    };
    Ok(Tag { name: text(reader.take(name_len)?)?, value: text(reader.take(value_len)?)? })
}
