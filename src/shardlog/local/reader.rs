//! Reading records. Everything here blocks, except where an index says that what is asked for is in memory.
//!
//! Nothing unverified is returned but one thing: heads come from blocks (or memory) that were checked, whole bodies are
//! checked against their CRC, and a *part* of a body is returned as it is, since its checksum covers the whole. Whoever
//! needs parts authenticates them: the sealing above this crate gives each piece of a body its own tag.

use super::block::{self, Entry};
use super::context::Context;
use super::frame::Malformed;
use super::index::{BlockRef, Located};
use super::rebuild;
use super::segment::Segment;
use super::shard::Shard;
use crate::error::StoreError;
use crate::types::{Arrival, Parts, ReadLimit, Seq, StoredRecord};
use bytes::Bytes;
use crc32c::crc32c;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How many records are taken from an index at a time.
const STEP: usize = 256;

/// What is wanted of each record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Heads,
    /// All of it, from wherever it is.
    Whole,
    /// All of it as long as that is in memory: the first record that is not ends the answer.
    Recent,
}

impl From<Parts> for Wanted {
    fn from(parts: Parts) -> Self {
        match parts {
            Parts::Heads => Self::Heads,
            Parts::Whole => Self::Whole,
        }
    }
}

/// Records from `from` on; see [`LogStore::read`](crate::LogStore::read).
pub(super) fn read(
    context: &Context,
    shard: &Shard,
    from: Seq,
    limit: ReadLimit,
    wanted: Wanted,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut bytes = 0_u64;
    let mut found = Vec::new();
    while found.len() < limit.records.max(1) {
        let seq = from.plus(found.len() as u64);
        let count = (limit.records.max(1) - found.len()).min(STEP);
        let Run { segment, entries } = match locate(context, shard, seq, count, wanted) {
            Ok(Some(run)) => run,
            Ok(None) => break,
            // The first record decides the answer; later trouble ends it and is met by the next read.
            Err(error) if found.is_empty() => return Err(error),
            Err(_) => break,
        };
        for (seq, entry) in (seq.0..).map(Seq).zip(entries) {
            bytes += entry.head.len() as u64;
            if wanted != Wanted::Heads {
                bytes += u64::from(entry.body_len);
            }
            if bytes > limit.bytes as u64 && !found.is_empty() {
                return Ok(found);
            }
            let body = match wanted {
                Wanted::Heads => None,
                Wanted::Recent => match recent(context, &segment, &entry) {
                    None => return Ok(found),
                    body => body,
                },
                Wanted::Whole => match whole_body(context, shard, &segment, seq, &entry) {
                    Ok(body) => Some(body),
                    Err(error) if found.is_empty() => return Err(error),
                    Err(_) => return Ok(found),
                },
            };
            let Entry { arrival, head, body_len, .. } = entry;
            found.push(StoredRecord { seq, arrival, head, body_len: u64::from(body_len), body });
        }
    }
    Ok(found)
}

/// A byte range of one body; see [`LogStore::body`](crate::LogStore::body).
pub(super) fn body(
    context: &Context,
    shard: &Shard,
    seq: Seq,
    range: &Range<u64>,
) -> Result<Bytes, StoreError> {
    let next = shard.index().tail.next;
    let Run { segment, entries } =
        locate(context, shard, seq, 1, Wanted::Whole)?.ok_or(StoreError::Unwritten { next })?;
    let entry = entries.first().ok_or(StoreError::Unwritten { next })?;
    let len = u64::from(entry.body_len);
    if range.start > range.end || range.end > len {
        return Err(StoreError::TooLarge { what: "end of a body range", size: range.end, limit: len });
    }
    if *range == (0..len) {
        return whole_body(context, shard, &segment, seq, entry);
    }
    if let Some(body) = recent(context, &segment, entry) {
        return Ok(body.slice(range.start as usize..range.end as usize)); // shorter than the body, which is in memory
    }
    context.recent.misses.fetch_add(1, Ordering::Relaxed);
    let at = entry.body_offset() + range.start;
    let bytes = read_range(context, &segment, at, range.end - range.start);
    let bytes = bytes.map_err(|error| settle(shard, seq, error))?;
    // No checksum tells whether the record was trimmed, and became a hole, while it was read.
    shard.index().locate(seq, 0)?;
    Ok(bytes)
}

/// The first record that arrived at or after `at`, which the index found to be in `block`; see
/// [`LogStore::seek`](crate::LogStore::seek).
pub(super) fn seek(
    context: &Context,
    shard: &Shard,
    at: Arrival,
    block: &BlockRef,
) -> Result<Seq, StoreError> {
    let first = match load(context, block) {
        Ok(entries) => block.info.first.plus(entries.partition_point(|entry| entry.arrival < at) as u64),
        // If the block was trimmed meanwhile, so was everything up to its end.
        Err(_) if shard.index().tail.first >= block.info.end() => block.info.end(),
        Err(error) => return Err(settle(shard, block.info.first, error)),
    };
    let index = shard.index();
    index.refuse_gone()?;
    Ok(first.max(index.tail.first))
}

/// Bytes of the records of a block from `from` on.
pub(super) fn stored_from(
    context: &Context,
    shard: &Shard,
    block: &BlockRef,
    from: Seq,
) -> Result<u64, StoreError> {
    let entries = load(context, block).map_err(|error| settle(shard, from, error))?;
    let from = from.max(shard.index().tail.first).0.saturating_sub(block.info.first.0);
    Ok(entries.iter().skip(from as usize).map(Entry::frame_len).sum())
}

/// Consecutive records in one segment.
struct Run {
    segment: Arc<Segment>,
    entries: Vec<Entry>,
}

/// Where the record `seq` lies, with some that follow it; `None` if it is the next sequence, or not what is wanted.
fn locate(
    context: &Context,
    shard: &Shard,
    seq: Seq,
    count: usize,
    wanted: Wanted,
) -> Result<Option<Run>, StoreError> {
    let located = shard.index().locate(seq, count)?;
    match located {
        Located::End => Ok(None),
        // A block may have to be read, and whoever wants what is in memory must not wait for that.
        Located::Block(_) if wanted == Wanted::Recent => Ok(None),
        Located::Open(segment, entries) => Ok(Some(Run { segment, entries })),
        Located::Block(block) => {
            let entries = load(context, &block).map_err(|error| settle(shard, seq, error))?;
            let from = (seq.0 - block.info.first.0) as usize;
            let entries = entries.iter().skip(from).take(count).cloned().collect();
            Ok(Some(Run { segment: block.segment, entries }))
        }
    }
}

/// A block's entries, from the cache if they are there.
pub(super) fn load(context: &Context, block: &BlockRef) -> Result<Arc<Vec<Entry>>, StoreError> {
    if let Some(pinned) = &block.pinned {
        return Ok(pinned.clone());
    }
    let BlockRef { segment, info, .. } = block;
    let key = (segment.lane, segment.number, info.offset);
    if let Some(entries) = context.blocks.get(&key) {
        return Ok(entries);
    }
    let entries = match read_block(context, block) {
        Err(damage @ StoreError::Corrupt { .. }) => {
            tracing::error!(%damage, "scanning a log segment for what a damaged block of its footer should say");
            let file = segment.open(context).map_err(|error| segment.read_error(0, error))?;
            rebuild::scan_block(segment, file.as_ref(), info)?.ok_or(damage)?
        }
        read => read?,
    };
    let entries = Arc::new(entries);
    context.blocks.insert(key, entries.clone());
    Ok(entries)
}

fn read_block(context: &Context, block: &BlockRef) -> Result<Vec<Entry>, StoreError> {
    let BlockRef { segment, info, .. } = block;
    let bytes = read_range(context, segment, info.offset, u64::from(info.len))?;
    if crc32c(&bytes) != info.crc {
        return Err(
            segment.corrupt(info.offset, Malformed("the checksum of a block of the footer does not match"))
        );
    }
    block::decode(bytes, info.count).map_err(|what| segment.corrupt(info.offset, what))
}

/// A byte range of one body if that is in memory.
pub(super) fn recent_body(context: &Context, shard: &Shard, seq: Seq, range: &Range<u64>) -> Option<Bytes> {
    let Located::Open(segment, entries) = shard.index().locate(seq, 1).ok()? else { return None };
    let body = recent(context, &segment, entries.first()?)?;
    let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    (range.start <= range.end && range.end <= body.len()).then(|| body.slice(range))
}

fn recent(context: &Context, segment: &Segment, entry: &Entry) -> Option<Bytes> {
    context.recent.get(segment.lane, segment.number, entry.offset)
}

fn whole_body(
    context: &Context,
    shard: &Shard,
    segment: &Segment,
    seq: Seq,
    entry: &Entry,
) -> Result<Bytes, StoreError> {
    if let Some(body) = recent(context, segment, entry) {
        return Ok(body);
    }
    context.recent.misses.fetch_add(1, Ordering::Relaxed);
    let at = entry.body_offset();
    let checked = read_range(context, segment, at, u64::from(entry.body_len)).and_then(|body| {
        if crc32c(&body) == entry.body_crc {
            return Ok(body);
        }
        Err(segment.corrupt(at, Malformed("the checksum of the body does not match")))
    });
    checked.map_err(|error| settle(shard, seq, error))
}

/// The bytes of a segment. `len` comes from an index, which holds nothing larger than the limits.
fn read_range(context: &Context, segment: &Segment, at: u64, len: u64) -> Result<Bytes, StoreError> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    let mut bytes = vec![0; len as usize];
    segment
        .open(context)
        .and_then(|file| file.read_exact_at(&mut bytes, at))
        .map_err(|error| segment.read_error(at, error))?;
    Ok(Bytes::from(bytes))
}

/// What an error of reading `seq` means: a file may be gone because the record was trimmed or deleted meanwhile.
fn settle(shard: &Shard, seq: Seq, error: StoreError) -> StoreError {
    let index = shard.index();
    let first = index.tail.first;
    match (index.refuse_gone(), error) {
        (Err(gone), _) => gone,
        (Ok(()), _) if seq < first => StoreError::Trimmed { first },
        (Ok(()), StoreError::Corrupt { place, what }) => {
            StoreError::Corrupt { place: format!("{place} (shard {}, sequence {seq})", shard.id), what }
        }
        (Ok(()), error) => error,
    }
}
