//! Where a record stands: in its session, in the stream, and in relation to the records that help to find others.

use super::HeadError;
use super::wire::{Reader, Writer};
use shardlog::Seq;

/// Bits of a chunk's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    /// The chunk is the first of its fragment.
    pub(crate) const STARTS_FRAGMENT: Self = Self(1);
    /// Something changes before it: the session, the media timeline, the initialisation segment.
    pub(crate) const DISCONTINUITY: Self = Self(2);
    /// The fragment begins with a key frame.
    pub(crate) const INDEPENDENT: Self = Self(4);
    /// To show those of its pictures that come before its key frame, the fragment before it is needed too.
    pub(crate) const OPEN_GOP: Self = Self(8);
    /// Its first pictures become right only after some more of them (intra refresh), unless the fragment before it is
    /// decoded too.
    pub(crate) const GRADUAL: Self = Self(16);
    /// It is the first of its connection: what came before was complete.
    pub(crate) const CONNECTION: Self = Self(32);
    const ALL: u16 = 63;

    /// Whether every bit of `other` is set.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits and, if `yes`, those of `other`.
    pub(crate) fn with(self, other: Self, yes: bool) -> Self {
        if yes { Self(self.0 | other.0) } else { self }
    }

    pub(super) fn bits(self) -> u16 {
        self.0
    }

    pub(super) fn from_bits(bits: u16) -> Result<Self, HeadError> {
        if bits & !Self::ALL == 0 {
            Ok(Self(bits))
        } else {
            Err(HeadError::Field { field: "flags", value: bits.into() })
        }
    }
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The upload it belongs to.
    pub(crate) session: u128,
    /// Its place in the session, counted in chunks.
    pub(crate) index: u64,
    /// Fragments before its own, since the stream began.
    pub(crate) fragment_ordinal: u64,
    /// Discontinuities up to its own fragment, since the stream began.
    pub(crate) discontinuity_ordinal: u64,
    /// First chunk of its fragment; `None`: this one.
    pub(crate) fragment_seq: Option<Seq>,
    /// The newest earlier record that carries a directory.
    pub(crate) directory_seq: Option<Seq>,
    /// The newest earlier initialisation segment.
    pub(crate) init_seq: Option<Seq>,
    /// When, by the camera's clock: microseconds since the Unix epoch.
    pub(crate) producer_us: u64,
}

impl Position {
    pub(super) const BYTES: usize = 72;

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u128(self.session);
        writer.u64(self.index);
        writer.u64(self.fragment_ordinal);
        writer.u64(self.discontinuity_ordinal);
        write_seq(writer, self.fragment_seq);
        write_seq(writer, self.directory_seq);
        write_seq(writer, self.init_seq);
        writer.u64(self.producer_us);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, HeadError> {
        Ok(Self {
            session: reader.u128()?,
            index: reader.u64()?,
            fragment_ordinal: reader.u64()?,
            discontinuity_ordinal: reader.u64()?,
            fragment_seq: read_seq(reader)?,
            directory_seq: read_seq(reader)?,
            init_seq: read_seq(reader)?,
            producer_us: reader.u64()?,
        })
    }
}

pub(super) fn write_seq(writer: &mut Writer, seq: Option<Seq>) {
    writer.u64(seq.map_or(u64::MAX, |seq| seq.0));
}

pub(super) fn read_seq(reader: &mut Reader<'_>) -> Result<Option<Seq>, HeadError> {
    let seq = reader.u64()?;
    Ok((seq != u64::MAX).then_some(Seq(seq)))
}
