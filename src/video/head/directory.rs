//! An entry of a directory: one earlier fragment, complete.

use super::wire::{Reader, Writer};
use super::{Flags, HeadError, InitId};
use crate::reason::Reason;
use shardlog::Seq;

/// A directory is written with every fragment whose ordinal divides by this, and lists as many.
pub(crate) const DIRECTORY_FRAGMENTS: u64 = 32;

/// One earlier fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryEntry {
    /// Its first chunk, hence its number.
    pub(crate) seq: Seq,
    /// Its start by the camera's clock, in microseconds since the Unix epoch.
    pub(crate) producer_us: u64,
    /// When its first chunk reached us, in milliseconds since the Unix epoch.
    pub(crate) server_ms: u64,
    /// Bytes of its chunks' bodies.
    pub(crate) bytes: u64,
    /// How long it lasts in microseconds.
    pub(crate) duration_us: u32,
    /// How many chunks it has.
    pub(crate) chunks: u32,
    /// Those of its first chunk.
    pub(crate) flags: Flags,
    /// Why there is a discontinuity before it.
    pub(crate) reason: Reason,
    /// Its initialisation segment.
    pub(crate) init: InitId,
}

impl DirectoryEntry {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.seq.0);
        writer.u64(self.producer_us);
        writer.u64(self.server_ms);
        writer.u64(self.bytes);
        writer.u32(self.duration_us);
        writer.u32(self.chunks);
        writer.u16(self.flags.bits());
        writer.u8(self.reason.to_wire());
        writer.u8(0);
        writer.bytes(&self.init.0);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, HeadError> {
        let seq = Seq(reader.u64()?);
        let producer_us = reader.u64()?;
        let server_ms = reader.u64()?;
        let bytes = reader.u64()?;
        let duration_us = reader.u32()?;
        let chunks = reader.u32()?;
        let flags = Flags::from_bits(reader.u16()?)?;
        let reason = Reason::from_wire(reader.u8()?)?;
        reader.u8()?;
        let init = reader.id()?;
        Ok(Self { seq, producer_us, server_ms, bytes, duration_us, chunks, flags, reason, init })
    }
}
