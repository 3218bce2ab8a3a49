//! The end of a closed segment: an index of its records, so that nobody need scan it again.
//!
//! ```text
//! frames … │ block │ block │ … │ directory │ trailer │ end of file
//!
//! directory: for each block, 72 bytes                 trailer, 48 bytes
//!  0  shard                u128                        0  magic "KEND"
//! 16  first sequence       u64                         4  version = 1             u8, then 3 zeros
//! 24  first arrival (ms)   u64                         8  segment number          u64
//! 32  last arrival (ms)    u64                        16  end of frames           u64
//! 40  bytes of frames      u64                        24  offset of directory     u64
//! 48  offset of block      u64                        32  number of blocks        u32
//! 56  length of block      u32                        36  crc of directory        u32
//! 60  records in block     u32                        40  zero                    u32
//! 64  crc of block         u32                        44  crc of bytes 0..44      u32
//! 68  zero                 u32
//! ```
//! Directory entries are in order of shard and sequence. [`block`](super::block) draws a block. A segment whose footer is
//! missing or damaged is scanned instead.

use super::block::{BLOCK_BYTES, Entry};
use super::frame::Malformed;
use crate::types::{Arrival, Seq, ShardId};
use bytes::{Buf, BufMut};
use crc32c::crc32c;
use std::ops::Range;

const MAGIC: &[u8; 4] = b"KEND";
const VERSION: u8 = 1;
/// Bytes at the end of the file.
pub(super) const TRAILER_LEN: usize = 48;
/// Bytes per block in the directory.
const BLOCK_INFO_LEN: usize = 72;
/// The largest block that is believed: one that was just under its size and took one more record.
const BLOCK_LEN_MAX: u32 = 1 << 20;

/// What the directory says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockInfo {
    pub(super) shard: ShardId,
    pub(super) first: Seq,
    pub(super) first_arrival: Arrival,
    pub(super) last_arrival: Arrival,
    /// Bytes of the records' frames.
    pub(super) frames_len: u64,
    pub(super) offset: u64,
    pub(super) len: u32,
    pub(super) count: u32,
    pub(super) crc: u32,
}

impl BlockInfo {
    /// Describes a block that is in memory only. There must be at least one entry.
    pub(super) fn of(shard: ShardId, first: Seq, entries: &[Entry]) -> Self {
        Self {
            shard,
            first,
            first_arrival: entries[0].arrival,
            last_arrival: entries[entries.len() - 1].arrival,
            frames_len: entries.iter().map(Entry::frame_len).sum(),
            offset: 0,
            len: 0,
            count: entries.len() as u32,
            crc: 0,
        }
    }

    /// About how many bytes the frames of those of its records take that lie in a range.
    pub(super) fn frames_len_of(&self, range: Range<Seq>) -> u64 {
        let records = range.end.min(self.end()).0.saturating_sub(range.start.max(self.first).0);
        (u128::from(self.frames_len) * u128::from(records) / u128::from(self.count)) as u64
    }

    /// The sequence after the last one.
    pub(super) fn end(&self) -> Seq {
        self.first.plus(u64::from(self.count))
    }
}

/// Builds a footer.
pub(super) struct FooterWriter {
    segment: u64,
    frames_end: u64,
    out: Vec<u8>,
    blocks: Vec<BlockInfo>,
}

impl FooterWriter {
    /// A footer that will be written at `frames_end`.
    pub(super) fn new(segment: u64, frames_end: u64) -> Self {
        Self { segment, frames_end, out: Vec::new(), blocks: Vec::new() }
    }

    /// Adds consecutive records of a shard as blocks; shards must come in id order. Returns what was added and how many
    /// entries each took, in order.
    pub(super) fn add(&mut self, shard: ShardId, mut first: Seq, mut entries: &[Entry]) -> &[BlockInfo] {
        let added_from = self.blocks.len();
        self.out.reserve(entries.iter().map(Entry::len_in_block).sum());
        while !entries.is_empty() {
            let mut len = 0;
            let full = entries.iter().position(|entry| {
                len += entry.len_in_block();
                len >= BLOCK_BYTES
            });
            let (block, rest) = entries.split_at(full.map_or(entries.len(), |last| last + 1));
            let start = self.out.len();
            block.iter().for_each(|entry| entry.encode(&mut self.out));
            self.blocks.push(BlockInfo {
                offset: self.frames_end + start as u64,
                len: (self.out.len() - start) as u32,
                crc: crc32c(&self.out[start..]),
                ..BlockInfo::of(shard, first, block)
            });
            first = first.plus(block.len() as u64);
            entries = rest;
        }
        &self.blocks[added_from..]
    }

    /// The footer's bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let directory = self.out.len();
        for block in &self.blocks {
            self.out.put_u128_le(block.shard.0);
            self.out.put_u64_le(block.first.0);
            self.out.put_u64_le(block.first_arrival.0);
            self.out.put_u64_le(block.last_arrival.0);
            self.out.put_u64_le(block.frames_len);
            self.out.put_u64_le(block.offset);
            self.out.put_u32_le(block.len);
            self.out.put_u32_le(block.count);
            self.out.put_u32_le(block.crc);
            self.out.put_u32_le(0);
        }
        let directory_crc = crc32c(&self.out[directory..]);
        let trailer = self.out.len();
        self.out.put_slice(MAGIC);
        self.out.put_u8(VERSION);
        self.out.put_bytes(0, 3);
        self.out.put_u64_le(self.segment);
        self.out.put_u64_le(self.frames_end);
        self.out.put_u64_le(self.frames_end + directory as u64);
        self.out.put_u32_le(self.blocks.len() as u32);
        self.out.put_u32_le(directory_crc);
        self.out.put_u32_le(0);
        self.out.put_u32_le(crc32c(&self.out[trailer..]));
        self.out
    }
}

/// The last bytes of a closed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) frames_end: u64,
    pub(super) directory_at: u64,
    pub(super) blocks: u32,
    directory_crc: u32,
}

impl Trailer {
    /// Reads the trailer of segment number `segment`, a file of `file_len` bytes.
    pub(super) fn decode(bytes: &[u8; TRAILER_LEN], segment: u64, file_len: u64) -> Result<Self, Malformed> {
        let (fields, mut crc) = bytes.split_at(TRAILER_LEN - 4);
        if !fields.starts_with(MAGIC) {
            return Err(Malformed("it does not end like a closed segment"));
        }
        if crc.get_u32_le() != crc32c(fields) {
            return Err(Malformed("the checksum of the footer's trailer does not match"));
        }
        if fields[4] != VERSION {
            return Err(Malformed("the footer is of an unknown version"));
        }
        let mut rest = &fields[8..];
        let found = rest.get_u64_le();
        let trailer = Self {
            frames_end: rest.get_u64_le(),
            directory_at: rest.get_u64_le(),
            blocks: rest.get_u32_le(),
            directory_crc: rest.get_u32_le(),
        };
        let end = trailer.directory_at.checked_add(trailer.directory_len() + TRAILER_LEN as u64);
        if found != segment || end != Some(file_len) || trailer.frames_end > trailer.directory_at {
            return Err(Malformed("the footer belongs to another file"));
        }
        Ok(trailer)
    }

    /// Bytes of the directory.
    pub(super) fn directory_len(&self) -> u64 {
        u64::from(self.blocks) * BLOCK_INFO_LEN as u64
    }

    /// Reads the directory, [`Trailer::directory_len`] bytes.
    pub(super) fn decode_directory(&self, directory: &[u8]) -> Result<Vec<BlockInfo>, Malformed> {
        if directory.len() as u64 != self.directory_len() {
            return Err(Malformed("the footer's directory is cut short"));
        }
        if crc32c(directory) != self.directory_crc {
            return Err(Malformed("the checksum of the footer's directory does not match"));
        }
        directory.chunks_exact(BLOCK_INFO_LEN).map(|entry| self.decode_info(entry)).collect()
    }

    fn decode_info(&self, mut entry: &[u8]) -> Result<BlockInfo, Malformed> {
        let info = BlockInfo {
            shard: ShardId(entry.get_u128_le()),
            first: Seq(entry.get_u64_le()),
            first_arrival: Arrival(entry.get_u64_le()),
            last_arrival: Arrival(entry.get_u64_le()),
            frames_len: entry.get_u64_le(),
            offset: entry.get_u64_le(),
            len: entry.get_u32_le(),
            count: entry.get_u32_le(),
            crc: entry.get_u32_le(),
        };
        let inside = info.offset >= self.frames_end
            && info.offset.checked_add(u64::from(info.len)).is_some_and(|end| end <= self.directory_at);
        let whole = info.count > 0 && info.first.0.checked_add(u64::from(info.count)).is_some();
        if inside && whole && info.len <= BLOCK_LEN_MAX {
            Ok(info)
        } else {
            Err(Malformed("the footer's directory makes no sense"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::block;
    use bytes::Bytes;

    const FRAMES_END: u64 = 1000;

    fn entries(count: u64) -> Vec<Entry> {
        let entry = |i: u64| Entry {
            arrival: Arrival(i),
            offset: 40 + i,
            head: Bytes::from(vec![i as u8; 300]),
            body_len: i as u32,
            body_crc: 9,
        };
        (0..count).map(entry).collect()
    }

    fn footer() -> (Vec<u8>, Vec<BlockInfo>) {
        let mut writer = FooterWriter::new(5, FRAMES_END);
        let mut blocks = writer.add(ShardId(1), Seq(7), &entries(3)).to_vec();
        blocks.extend(writer.add(ShardId(2), Seq(0), &entries(500)));
        assert!(writer.add(ShardId(3), Seq(0), &[]).is_empty());
        (writer.finish(), blocks)
    }

    fn read(footer: &[u8]) -> Result<Vec<BlockInfo>, Malformed> {
        let (rest, trailer) = footer.split_last_chunk().ok_or(Malformed("short"))?;
        let trailer = Trailer::decode(trailer, 5, FRAMES_END + footer.len() as u64)?;
        let directory = rest.get((trailer.directory_at - FRAMES_END) as usize..).ok_or(Malformed("short"))?;
        trailer.decode_directory(directory)
    }

    #[test]
    fn round_trip() {
        let (bytes, blocks) = footer();
        assert_eq!(read(&bytes).unwrap(), blocks);
        assert_eq!(blocks.len(), 4, "500 heads of 300 bytes take three blocks");
        let mut next = Seq(0);
        for info in &blocks[1..] {
            let start = (info.offset - FRAMES_END) as usize;
            let block = Bytes::copy_from_slice(&bytes[start..start + info.len as usize]);
            assert_eq!(crc32c(&block), info.crc);
            assert_eq!(info.first, next);
            let range = info.first.0 as usize..info.end().0 as usize;
            assert_eq!(block::decode(block, info.count).unwrap(), entries(500)[range]);
            next = info.end();
        }
        assert_eq!(next, Seq(500));
    }

    #[test]
    fn every_flipped_bit_of_directory_and_trailer_and_every_cut_is_noticed() {
        let (bytes, blocks) = footer();
        let directory = bytes.len() - TRAILER_LEN - blocks.len() * BLOCK_INFO_LEN;
        for bit in directory * 8..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&damaged).is_err(), "bit {bit}");
        }
        for len in directory..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert!(read(&bytes[8..]).is_err());
    }
}
