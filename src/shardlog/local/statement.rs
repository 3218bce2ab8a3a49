//! The beginning of a segment: who it is, and the state of every shard of its lane at that moment.
//!
//! ```text
//! header, 40 bytes                                    for each shard, 64 bytes
//!  0  magic "KSEG"                                     0  shard               u128
//!  4  version = 1               u8                     16  epoch               u64
//!  5  retention class           u8                     24  first               u64   oldest record not trimmed
//!  6  lane                      u8                     32  next                u64
//!  7  zero                      u8                     40  last arrival (ms)   u64   if flag 2
//!  8  segment number            u64                    48  born                u64   segment in which it was created
//! 16  made at (ms)              u64                    56  flags               u8    1 sealed, 2 has a last arrival
//! 24  number of shards          u32                    57  zero                7 bytes
//! 28  crc of the statement      u32
//! 32  zero                      u32
//! 36  crc of bytes 0..36        u32
//! 40  the statement: its shards in id order; after it, the first frame
//! ```
//! Only the newest segment's statement matters: together with the frames that follow it tells all there is to know about
//! the lane's shards, so that older segments are nothing but records and go when these have been trimmed.

use super::frame::Malformed;
use super::name::LaneName;
use crate::types::{Arrival, Epoch, RetentionClass, Seq, ShardId};
use bytes::{Buf, BufMut};
use crc32c::crc32c;

const MAGIC: &[u8; 4] = b"KSEG";
const VERSION: u8 = 1;
const SEALED: u8 = 1;
const HAS_ARRIVAL: u8 = 2;
/// Bytes before the statement.
pub(super) const SEGMENT_HEADER_LEN: usize = 40;
/// Bytes per shard in the statement.
const SHARD_LEN: usize = 64;
/// A statement of more would not be made, and one read back is not believed.
pub(super) const SHARDS_MAX: u32 = 1 << 20;

/// One shard in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShardStatement {
    pub(super) shard: ShardId,
    pub(super) epoch: Epoch,
    pub(super) first: Seq,
    pub(super) next: Seq,
    pub(super) last_arrival: Option<Arrival>,
    pub(super) born: u64,
    pub(super) sealed: bool,
}

/// The fixed part of a segment's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) lane: LaneName,
    pub(super) segment: u64,
    pub(super) made_ms: u64,
    pub(super) shards: u32,
    pub(super) statement_crc: u32,
}

impl SegmentHeader {
    pub(super) fn decode(bytes: &[u8; SEGMENT_HEADER_LEN]) -> Result<Self, Malformed> {
        let (fields, mut crc) = bytes.split_at(SEGMENT_HEADER_LEN - 4);
        if !fields.starts_with(MAGIC) {
            return Err(Malformed("it does not begin like a segment"));
        }
        if crc.get_u32_le() != crc32c(fields) {
            return Err(Malformed("the checksum of the segment's header does not match"));
        }
        if fields[4] != VERSION {
            return Err(Malformed("the segment is of an unknown version"));
        }
        let mut rest = &fields[5..];
        let lane = LaneName { class: RetentionClass(rest.get_u8()), lane: rest.get_u8() };
        rest.advance(1);
        let header = Self {
            lane,
            segment: rest.get_u64_le(),
            made_ms: rest.get_u64_le(),
            shards: rest.get_u32_le(),
            statement_crc: rest.get_u32_le(),
        };
        if header.shards > SHARDS_MAX {
            return Err(Malformed("the segment's statement is absurdly long"));
        }
        Ok(header)
    }

    /// Bytes of the statement that follows the header.
    pub(super) fn statement_len(&self) -> usize {
        self.shards as usize * SHARD_LEN
    }

    /// Where the first frame begins.
    pub(super) fn first_frame(&self) -> u64 {
        (SEGMENT_HEADER_LEN + self.statement_len()) as u64
    }
}

/// A segment's beginning: header and statement. There must be no more than [`SHARDS_MAX`] shards.
pub(super) fn encode(lane: LaneName, segment: u64, made_ms: u64, shards: &[ShardStatement]) -> Vec<u8> {
    let mut statement = Vec::with_capacity(shards.len() * SHARD_LEN);
    for shard in shards {
        statement.put_u128_le(shard.shard.0);
        statement.put_u64_le(shard.epoch.0);
        statement.put_u64_le(shard.first.0);
        statement.put_u64_le(shard.next.0);
        statement.put_u64_le(shard.last_arrival.unwrap_or_default().0);
        statement.put_u64_le(shard.born);
        let arrival_flag = if shard.last_arrival.is_some() { HAS_ARRIVAL } else { 0 };
        statement.put_u8(if shard.sealed { SEALED } else { 0 } | arrival_flag);
        statement.put_bytes(0, 7);
    }
    let mut out = Vec::with_capacity(SEGMENT_HEADER_LEN + statement.len());
    out.put_slice(MAGIC);
    out.put_u8(VERSION);
    out.put_u8(lane.class.0);
    out.put_u8(lane.lane);
    out.put_u8(0);
    out.put_u64_le(segment);
    out.put_u64_le(made_ms);
    out.put_u32_le(shards.len() as u32);
    out.put_u32_le(crc32c(&statement));
    out.put_u32_le(0);
    out.put_u32_le(crc32c(&out));
    out.put_slice(&statement);
    out
}

/// Reads the statement that `header` announces.
pub(super) fn decode(header: &SegmentHeader, statement: &[u8]) -> Result<Vec<ShardStatement>, Malformed> {
    if statement.len() != header.statement_len() {
        return Err(Malformed("the segment's statement is cut short"));
    }
    if crc32c(statement) != header.statement_crc {
        return Err(Malformed("the checksum of the segment's statement does not match"));
    }
    let mut shards = Vec::with_capacity(header.shards as usize);
    for mut entry in statement.chunks_exact(SHARD_LEN) {
        let shard = ShardId(entry.get_u128_le());
        let epoch = Epoch(entry.get_u64_le());
        let first = Seq(entry.get_u64_le());
        let next = Seq(entry.get_u64_le());
        let last_arrival = Arrival(entry.get_u64_le());
        let born = entry.get_u64_le();
        let flags = entry.get_u8();
        let last_arrival = (flags & HAS_ARRIVAL != 0).then_some(last_arrival);
        shards.push(ShardStatement {
            shard,
            epoch,
            first,
            next,
            last_arrival,
            born,
            sealed: flags & SEALED != 0,
        });
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: LaneName = LaneName { class: RetentionClass(4), lane: 1 };

    fn shards() -> Vec<ShardStatement> {
        let open = ShardStatement {
            shard: ShardId(1),
            epoch: Epoch(2),
            first: Seq(3),
            next: Seq(4),
            last_arrival: Some(Arrival(5)),
            born: 6,
            sealed: false,
        };
        vec![open, ShardStatement { shard: ShardId(u128::MAX), last_arrival: None, sealed: true, ..open }]
    }

    fn read(bytes: &[u8]) -> Result<(SegmentHeader, Vec<ShardStatement>), Malformed> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Malformed("short"))?;
        let header = SegmentHeader::decode(header)?;
        decode(&header, rest).map(|shards| (header, shards))
    }

    #[test]
    fn round_trip() {
        let bytes = encode(LANE, 9, 10, &shards());
        let (header, found) = read(&bytes).unwrap();
        assert_eq!((header.lane, header.segment, header.made_ms), (LANE, 9, 10));
        assert_eq!(header.first_frame(), bytes.len() as u64);
        assert_eq!(found, shards());
        assert_eq!(read(&encode(LANE, 9, 10, &[])).unwrap().1, []);
        assert_eq!(&bytes[..8], b"KSEG\x01\x04\x01\0");
        assert_eq!(bytes[40], 1);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = encode(LANE, 9, 10, &shards());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "cut to {len}");
        }
    }
}
