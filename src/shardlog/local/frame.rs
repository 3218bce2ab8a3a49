//! A frame: one record, or one change of a shard, as it lies in a segment.
//!
//! ```text
//!  0  magic "KFRM"                    8  shard         u128        56  head_len          u32
//!  4  version = 1        u8          24  seq           u64         60  body_len          u32
//!  5  kind               u8          32  arrival (ms)  u64         64  batch_remaining   u32
//!  6  zero               u16         40  epoch         u64         68  crc of head       u32
//!                                    48  durable_to    u64         72  crc of body       u32
//!                                                                  76  crc of bytes 0..76 and of the place  u32
//! 80  head, body, zeros up to a multiple of 8
//! ```
//! Numbers are little-endian, checksums CRC-32C. The last one also covers the frame's *place* (lane, segment, offset), so
//! that bytes which look like a frame but were not written here are none.
//!
//! | kind     | seq                    | other fields                                                                  |
//! |----------|------------------------|-------------------------------------------------------------------------------|
//! | 1 record | the record's           | arrival, epoch of the writer, head, body; batch_remaining: how many records of its batch follow |
//! | 2 create | 0                      |                                                                               |
//! | 3 claim  | next                   | the new epoch                                                                 |
//! | 4 trim   | new first              |                                                                               |
//! | 5 seal   | next                   | epoch of the writer                                                           |
//! | 6 delete | next                   |                                                                               |
//! | 7 mark   | 0, of no shard         | written when the store closes                                                 |
//!
//! `durable_to` is the offset up to which the segment was known to be on disk when the frame was written. It tells
//! recovery what damage means: before the `durable_to` of any later frame it lies in acknowledged data.

use super::name::LaneName;
use crate::types::ShardId;
use bytes::{Buf, BufMut};
use crc32c::{crc32c, crc32c_append};

const MAGIC: &[u8; 4] = b"KFRM";
const VERSION: u8 = 1;
/// Bytes before the head.
pub(super) const HEADER_LEN: usize = 80;
/// Frames begin at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;

/// Bytes do not have the layout they should; says what does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Where a frame lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) lane: LaneName,
    pub(super) segment: u64,
    pub(super) offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Record = 1,
    Create = 2,
    Claim = 3,
    Trim = 4,
    Seal = 5,
    Delete = 6,
    Mark = 7,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Claim, Create, Delete, Mark, Record, Seal, Trim};
        [Record, Create, Claim, Trim, Seal, Delete, Mark].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) shard: ShardId,
    pub(super) seq: u64,
    pub(super) arrival: u64,
    pub(super) epoch: u64,
    pub(super) durable_to: u64,
    pub(super) head_len: u32,
    pub(super) body_len: u32,
    pub(super) batch_remaining: u32,
    pub(super) head_crc: u32,
    pub(super) body_crc: u32,
}

impl Header {
    /// A frame without head and body.
    pub(super) fn change(kind: Kind, shard: ShardId, seq: u64, epoch: u64) -> Self {
        Self {
            kind,
            shard,
            seq,
            arrival: 0,
            epoch,
            durable_to: 0,
            head_len: 0,
            body_len: 0,
            batch_remaining: 0,
            head_crc: 0,
            body_crc: 0,
        }
    }

    pub(super) fn encode(&self, place: Place, out: &mut Vec<u8>) {
        let start = out.len();
        out.put_slice(MAGIC);
        out.put_u8(VERSION);
        out.put_u8(self.kind as u8);
        out.put_u16_le(0);
        out.put_u128_le(self.shard.0);
        out.put_u64_le(self.seq);
        out.put_u64_le(self.arrival);
        out.put_u64_le(self.epoch);
        out.put_u64_le(self.durable_to);
        out.put_u32_le(self.head_len);
        out.put_u32_le(self.body_len);
        out.put_u32_le(self.batch_remaining);
        out.put_u32_le(self.head_crc);
        out.put_u32_le(self.body_crc);
        out.put_u32_le(checksum(&out[start..], place));
    }

    /// Reads the fixed part of the frame at `place`.
    pub(super) fn decode(bytes: &[u8; HEADER_LEN], place: Place) -> Result<Self, Malformed> {
        let (fields, mut crc) = bytes.split_at(HEADER_LEN - 4);
        if !fields.starts_with(MAGIC) {
            return Err(Malformed("no frame begins here"));
        }
        if crc.get_u32_le() != checksum(fields, place) {
            return Err(Malformed("the checksum of the frame's header does not match"));
        }
        if fields[4] != VERSION {
            return Err(Malformed("the frame is of an unknown version"));
        }
        let kind = Kind::from_byte(fields[5]).ok_or(Malformed("the frame is of an unknown kind"))?;
        let mut rest = &fields[8..];
        let header = Self {
            kind,
            shard: ShardId(rest.get_u128_le()),
            seq: rest.get_u64_le(),
            arrival: rest.get_u64_le(),
            epoch: rest.get_u64_le(),
            durable_to: rest.get_u64_le(),
            head_len: rest.get_u32_le(),
            body_len: rest.get_u32_le(),
            batch_remaining: rest.get_u32_le(),
            head_crc: rest.get_u32_le(),
            body_crc: rest.get_u32_le(),
        };
        if header.durable_to > place.offset {
            return Err(Malformed("the frame claims that it was durable before it was written"));
        }
        Ok(header)
    }

    /// Bytes of the whole frame, padding included.
    pub(super) fn frame_len(&self) -> u64 {
        frame_len(self.head_len, self.body_len)
    }
}

/// Bytes that a record with such a head and body takes in a segment.
pub(super) fn frame_len(head_len: u32, body_len: u32) -> u64 {
    (HEADER_LEN as u64 + u64::from(head_len) + u64::from(body_len)).next_multiple_of(ALIGNMENT)
}

fn checksum(fields: &[u8], place: Place) -> u32 {
    let mut at = [0; 18];
    let mut rest = at.as_mut_slice();
    rest.put_u8(place.lane.class.0);
    rest.put_u8(place.lane.lane);
    rest.put_u64_le(place.segment);
    rest.put_u64_le(place.offset);
    crc32c_append(crc32c(fields), &at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::RetentionClass;

    fn place() -> Place {
        Place { lane: LaneName { class: RetentionClass(2), lane: 1 }, segment: 7, offset: 4096 }
    }

    fn header() -> Header {
        Header {
            kind: Kind::Record,
            shard: ShardId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
            seq: 11,
            arrival: 1_700_000_000_000,
            epoch: 3,
            durable_to: 4096,
            head_len: 5,
            body_len: 6,
            batch_remaining: 2,
            head_crc: 0xaaaa_aaaa,
            body_crc: 0xbbbb_bbbb,
        }
    }

    fn encoded() -> [u8; HEADER_LEN] {
        let mut out = Vec::new();
        header().encode(place(), &mut out);
        out.try_into().unwrap()
    }

    #[test]
    fn round_trip() {
        assert_eq!(Header::decode(&encoded(), place()), Ok(header()));
        assert_eq!(header().frame_len(), 96);
        for kind in 1..=7 {
            let header = Header::change(Kind::from_byte(kind).unwrap(), ShardId(1), 2, 3);
            let mut out = Vec::new();
            header.encode(place(), &mut out);
            assert_eq!(Header::decode(&out.try_into().unwrap(), place()), Ok(header));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..HEADER_LEN * 8 {
            let mut bytes = encoded();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bytes, place()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_counts_only_where_it_was_written() {
        let bytes = encoded();
        assert!(Header::decode(&bytes, Place { offset: 4104, ..place() }).is_err());
        assert!(Header::decode(&bytes, Place { segment: 8, ..place() }).is_err());
        let lane = LaneName { class: RetentionClass(2), lane: 0 };
        assert!(Header::decode(&bytes, Place { lane, ..place() }).is_err());
    }

    /// The layout as it was first released: a change that breaks this breaks everybody's data.
    #[test]
    fn the_bytes_are_as_drawn() {
        let bytes = encoded();
        assert_eq!(&bytes[..8], b"KFRM\x01\x01\0\0");
        assert_eq!(bytes[8], 0x10);
        assert_eq!(bytes[24], 11);
        assert_eq!(bytes[32..40], 1_700_000_000_000_u64.to_le_bytes());
        assert_eq!(bytes[40], 3);
        assert_eq!(bytes[48..50], [0, 16]);
        assert_eq!([bytes[56], bytes[60], bytes[64], bytes[68], bytes[72]], [5, 6, 2, 0xaa, 0xbb]);
    }
}
