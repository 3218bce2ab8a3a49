//! The head of a record of a data stream.
//!
//! Heads are sealed with the record. Numbers are little-endian; the first two bytes never change their meaning.
//!
//! ```text
//! version u8 = 1 | kind u8 = 0 (data) | partition key length u16 | partition key          UTF-8
//! ```
//! The body is the record's bytes as they came.

use crate::types::PlainRecord;
use bytes::{BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const KIND_DATA: u8 = 0;
/// Bytes before the partition key.
const FIXED_BYTES: usize = 4;
/// Longest partition key in bytes: 256 characters of any language.
pub const PARTITION_KEY_BYTES_MAX: usize = 1024;

/// What a data record counts for when rates are looked at, in bytes: its data and its partition key.
pub fn counted_bytes(record: &PlainRecord) -> u64 {
    record.body_len + record.head.len().saturating_sub(FIXED_BYTES) as u64
}

/// What the head of a data record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHead<'a> {
    /// What the record was placed by; at most [`PARTITION_KEY_BYTES_MAX`]. `None` for one that was placed evenly.
    pub partition_key: Option<&'a str>,
}

/// Why a head could not be read. Heads are authenticated, so this means a fault of ours or a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataHeadError {
    /// It ends too early, or goes on after its last field.
    #[error("the head has a wrong length")]
    Length,
    /// Written by a newer version of this program.
    #[error("head version {0} is not known")]
    Version(u8),
    /// Not the head of a data record.
    #[error("head kind {0} is no data record")]
    Kind(u8),
    /// The partition key is no text.
    #[error("the partition key is not UTF-8")]
    PartitionKey,
}

/// The length that stands for no partition key at all; an empty one is none that a client may send, but is kept.
const NO_KEY: u16 = u16::MAX;

impl<'a> DataHead<'a> {
    /// Writes the head into room that the heads of a call share. A partition key that is longer than allowed is cut; callers
    /// check it.
    pub fn encode(&self, room: &mut BytesMut) -> Bytes {
        let key = self.partition_key.unwrap_or_default();
        let key = &key[..key.floor_char_boundary(PARTITION_KEY_BYTES_MAX)];
        let len = u16::try_from(key.len()).unwrap_or(NO_KEY);
        room.reserve(FIXED_BYTES + key.len());
        room.put_u8(VERSION);
        room.put_u8(KIND_DATA);
        room.put_u16_le(if self.partition_key.is_some() { len } else { NO_KEY });
        room.put_slice(key.as_bytes());
        room.split().freeze()
    }

    /// Reads the head.
    pub fn decode(head: &'a [u8]) -> Result<Self, DataHeadError> {
        let (fixed, key) = head.split_first_chunk::<FIXED_BYTES>().ok_or(DataHeadError::Length)?;
        let [version, kind, len @ ..] = *fixed;
        if version != VERSION {
            return Err(DataHeadError::Version(version));
        }
        if kind != KIND_DATA {
            return Err(DataHeadError::Kind(kind));
        }
        match u16::from_le_bytes(len) {
            NO_KEY if key.is_empty() => Ok(Self { partition_key: None }),
            len if usize::from(len) == key.len() => {
                let key = std::str::from_utf8(key).map_err(|_| DataHeadError::PartitionKey)?;
                Ok(Self { partition_key: Some(key) })
            }
            _ => Err(DataHeadError::Length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What version 1 looks like on disk: records written by an older build must keep opening.
    #[test]
    fn version_1() {
        let head = DataHead { partition_key: Some("k\u{e4}") };
        assert_eq!(&head.encode(&mut BytesMut::new())[..], b"\x01\x00\x03\x00k\xc3\xa4");
        let none = DataHead { partition_key: None };
        assert_eq!(&none.encode(&mut BytesMut::new())[..], b"\x01\x00\xff\xff");
        assert_eq!(DataHead::decode(b"\x02\x00\x00\x00"), Err(DataHeadError::Version(2)));
        assert_eq!(DataHead::decode(b"\x01\x01\x00\x00"), Err(DataHeadError::Kind(1)));
        assert_eq!(DataHead::decode(b"\x01\x00\x01\x00\xff"), Err(DataHeadError::PartitionKey));
    }

    proptest! {
        #[test]
        fn round_trip_and_truncation(key in proptest::option::of(".{0,256}")) {
            let head = DataHead { partition_key: key.as_deref() };
            let bytes = head.encode(&mut BytesMut::new());
            prop_assert_eq!(DataHead::decode(&bytes), Ok(head));
            for len in 0..bytes.len() {
                prop_assert!(DataHead::decode(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = DataHead::decode(&bytes);
        }
    }
}
