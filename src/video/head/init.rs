//! The head of an initialisation segment.

use super::position::{read_seq, write_seq};
use super::wire::{Reader, Writer};
use super::{HeadError, InitId, VERSION};
use bytes::Bytes;
use shardlog::Seq;

pub(super) const KIND: u8 = 2;

/// The head of an initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitHead {
    /// Names the body.
    pub(crate) id: InitId,
    /// The newest initialisation segment before this one.
    pub(crate) previous: Option<Seq>,
}

impl InitHead {
    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::new(28);
        writer.u8(VERSION);
        writer.u8(KIND);
        writer.u16(0);
        writer.bytes(&self.id.0);
        write_seq(&mut writer, self.previous);
        writer.finish()
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, HeadError> {
        let head = Self { id: reader.id()?, previous: read_seq(&mut reader)? };
        reader.end()?;
        Ok(head)
    }
}
