//! The head of the record that ends a connection: the proof of how it ended.

use super::wire::{Reader, Writer};
use super::{HeadError, Position, VERSION};
use crate::reason::Reason;
use bytes::Bytes;

pub(super) const KIND: u8 = 3;

/// The head of the end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndHead {
    /// Where the stream stands now.
    pub(crate) position: Position,
    /// Why nothing follows.
    pub(crate) reason: Reason,
}

impl EndHead {
    pub(crate) fn encode(&self) -> Bytes {
        let mut writer = Writer::new(8 + Position::BYTES);
        writer.u8(VERSION);
        writer.u8(KIND);
        writer.u16(0);
        self.position.write(&mut writer);
        writer.u8(self.reason.to_wire());
        writer.bytes(&[0; 3]);
        writer.finish()
    }

    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, HeadError> {
        let position = Position::read(&mut reader)?;
        let reason = Reason::from_wire(reader.u8()?)?;
        reader.take(3)?;
        reader.end()?;
        Ok(Self { position, reason })
    }
}
