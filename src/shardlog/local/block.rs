//! A block: where up to about 64 KiB worth of consecutive records of one shard lie in a segment, with their heads.
//!
//! ```text
//! for each record, in sequence order:
//!  0  arrival (ms)      u64
//!  8  offset of frame   u64
//! 16  body_len          u32
//! 20  crc of body       u32
//! 24  head_len          u32
//! 28  head
//! ```
//! Blocks stand in a segment's [footer](super::footer), whose directory carries their checksums. With the heads in
//! here, reading heads never touches the bodies' part of the file.

use super::frame::{HEADER_LEN, Malformed, frame_len};
use crate::types::Arrival;
use bytes::{Buf, BufMut, Bytes};

const ENTRY_LEN: usize = 28;
/// A block is closed when it is at least this large.
pub(super) const BLOCK_BYTES: usize = 64 << 10;

/// Where a record lies, and its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) arrival: Arrival,
    /// Of the record's frame in its segment.
    pub(super) offset: u64,
    pub(super) head: Bytes,
    pub(super) body_len: u32,
    pub(super) body_crc: u32,
}

impl Entry {
    /// Where the body begins in the segment.
    pub(super) fn body_offset(&self) -> u64 {
        self.offset + (HEADER_LEN + self.head.len()) as u64
    }

    /// Bytes the record takes in its segment.
    pub(super) fn frame_len(&self) -> u64 {
        frame_len(self.head.len() as u32, self.body_len)
    }

    /// Bytes the entry takes in a block.
    pub(super) fn len_in_block(&self) -> usize {
        ENTRY_LEN + self.head.len()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.arrival.0);
        out.put_u64_le(self.offset);
        out.put_u32_le(self.body_len);
        out.put_u32_le(self.body_crc);
        out.put_u32_le(self.head.len() as u32);
        out.put_slice(&self.head);
    }
}

/// Reads a block of `count` records. The heads share the memory of `bytes`.
pub(super) fn decode(mut bytes: Bytes, count: u32) -> Result<Vec<Entry>, Malformed> {
    const SHORT: Malformed = Malformed("the block is cut short");
    if bytes.len() / ENTRY_LEN < count as usize {
        return Err(SHORT);
    }
    let mut entries = Vec::with_capacity(count as usize);
    for _ in 0..count {
        if bytes.len() < ENTRY_LEN {
            return Err(SHORT);
        }
        let arrival = Arrival(bytes.get_u64_le());
        let offset = bytes.get_u64_le();
        let body_len = bytes.get_u32_le();
        let body_crc = bytes.get_u32_le();
        let head_len = bytes.get_u32_le() as usize;
        if bytes.len() < head_len {
            return Err(SHORT);
        }
        entries.push(Entry { arrival, offset, head: bytes.split_to(head_len), body_len, body_crc });
    }
    if bytes.is_empty() { Ok(entries) } else { Err(Malformed("the block is longer than its records")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |i: u64| Entry {
            arrival: Arrival(100 + i),
            offset: 40 + i * 1000,
            head: Bytes::from(vec![i as u8; i as usize * 3]),
            body_len: 900,
            body_crc: 0x1234_5678,
        };
        (0..5).map(entry).collect()
    }

    fn encoded() -> Bytes {
        let mut out = Vec::new();
        entries().iter().for_each(|entry| entry.encode(&mut out));
        assert_eq!(out.len(), entries().iter().map(Entry::len_in_block).sum());
        Bytes::from(out)
    }

    #[test]
    fn round_trip() {
        assert_eq!(decode(encoded(), 5).unwrap(), entries());
        assert_eq!(decode(Bytes::new(), 0).unwrap(), []);
    }

    #[test]
    fn every_cut_and_every_wrong_count_is_noticed() {
        for len in 0..encoded().len() {
            assert!(decode(encoded().slice(..len), 5).is_err(), "cut to {len}");
        }
        for count in [0, 1, 4, 6, u32::MAX] {
            assert!(decode(encoded(), count).is_err(), "count {count}");
        }
    }
}
