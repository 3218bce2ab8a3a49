//! Giving space back: files of which nothing is readable any more, and, in closed segments of which something is, the
//! stretches between.
//!
//! ```text
//! header │ statement │ dead │ live │ dead … dead │ live │ dead │ blocks │ directory │ trailer
//!                     └ hole ┘     └─── hole ───┘      └ hole ┘
//! ```
//! Every record that can still be read is listed in the footer, so all else between statement and footer may go: frames of
//! trimmed records and deleted shards, and changes of shards, which only matter in the newest segment (but for creations,
//! where a shard that lives was born). A segment is gone through when a good part of it has died since the last time, not
//! for each record. Only what is surely known is punched: a segment whose footer was lost, or contradicts another, keeps
//! every byte.
//!
//! Nothing depends on it being done: what a crash leaves behind, the next opening finds and gives back.

use super::context::{Context, lock};
use super::frame::{Kind, Malformed};
use super::lane::LaneShared;
use super::reader;
use super::recovery::read_directory;
use super::scan::Scanner;
use super::segment::Segment;
use super::shard::Shard;
use crate::env::{File, OpenMode};
use crate::error::StoreError;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Holes begin and end at multiples of this: file systems give back whole blocks only.
pub(super) const HOLE_ALIGNMENT: u64 = 4096;
/// A segment is gone through again when this part of its size has died since the last time.
pub(super) const SWEEP_PART: u64 = 16;

/// Whether there is anything to give back.
pub(super) fn is_due(lane: &LaneShared) -> bool {
    !lock(&lane.dead_segments).is_empty() || !lock(&lane.due_segments).is_empty()
}

/// Gives back what the lane no longer needs. Blocks.
pub(super) fn reclaim(context: &Context, lane: &LaneShared) {
    let dead = std::mem::take(&mut *lock(&lane.dead_segments)); // not in the loop's head, which would keep the lock
    for segment in dead {
        if let Err(error) = remove(context, lane, &segment) {
            let path = segment.path.display();
            tracing::warn!(%path, %error, "a segment of the log that is no longer needed could not be removed");
        }
    }
    let due = std::mem::take(&mut *lock(&lane.due_segments));
    for segment in due {
        segment.dead.store(0, Ordering::Relaxed);
        segment.due.store(false, Ordering::Relaxed); // what dies from here on makes it due again
        if segment.removed.load(Ordering::SeqCst) || !segment.identified.load(Ordering::Relaxed) {
            continue;
        }
        let swept = sweep(context, lane, &segment);
        if let (Err(error), false) = (swept, segment.removed.load(Ordering::SeqCst)) {
            let path = segment.path.display();
            tracing::warn!(%path, %error, "space in a segment of the log could not be given back");
        }
    }
}

fn remove(context: &Context, lane: &LaneShared, segment: &Arc<Segment>) -> io::Result<()> {
    if segment.removed.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    context.env.files.remove(&segment.path)?;
    context.files.remove(&(segment.lane, segment.number));
    lane.counted.segments.fetch_sub(1, Ordering::Relaxed);
    lane.recount(segment, 0);
    Ok(())
}

/// Punches out what lies between the readable records of a closed segment.
fn sweep(context: &Context, lane: &LaneShared, segment: &Segment) -> Result<(), StoreError> {
    let unavailable = |error| segment.read_error(0, error);
    let file = context.env.files.open(&segment.path, OpenMode::Write).map_err(unavailable)?;
    let len = file.size().map_err(unavailable)?;
    let (_, trailer) = read_directory(segment, file.as_ref(), len)?;
    let mut dead_from = segment.read_header(file.as_ref())?.first_frame();
    let end = trailer.frames_end;
    let mut needed = readable(context, lane, segment)?;
    if lane_shards(context, lane).any(|shard| shard.index().born == segment.number) {
        needed.extend(creations(segment, file.as_ref(), dead_from..end)?);
        needed.sort_unstable_by_key(|range| range.start);
    }
    for live in needed.into_iter().chain(std::iter::once(end..end)) {
        if live.start < dead_from || live.end > end {
            return Err(segment.corrupt(live.start, Malformed("records lie upon each other")));
        }
        let from = dead_from.next_multiple_of(HOLE_ALIGNMENT);
        let to = live.start / HOLE_ALIGNMENT * HOLE_ALIGNMENT;
        if to.saturating_sub(from) >= context.options.hole_bytes_min.max(HOLE_ALIGNMENT) {
            file.punch_hole(from, to - from).map_err(unavailable)?;
        }
        dead_from = live.end;
    }
    lane.recount(segment, file.allocated().map_err(unavailable)?);
    Ok(())
}

/// Where the readable records of a closed segment lie, in order. Trims that come meanwhile only make them fewer.
fn readable(context: &Context, lane: &LaneShared, segment: &Segment) -> Result<Vec<Range<u64>>, StoreError> {
    let mut ranges = Vec::new();
    for shard in lane_shards(context, lane) {
        let (first, blocks) = shard.index().blocks_in(segment.number);
        for block in blocks {
            let trimmed = first.0.saturating_sub(block.info.first.0) as usize;
            let entries = reader::load(context, &block)?;
            let readable = entries.iter().skip(trimmed);
            ranges.extend(readable.map(|entry| entry.offset..entry.offset + entry.frame_len()));
        }
    }
    ranges.sort_unstable_by_key(|range| range.start);
    Ok(ranges)
}

fn lane_shards(context: &Context, lane: &LaneShared) -> impl Iterator<Item = Arc<Shard>> {
    let lane = lane.name;
    context.all_shards().into_iter().filter(move |shard| shard.lane.name == lane)
}

/// Where shards are created. Should the footer be lost, this tells that what stands before under the same id is of an
/// earlier shard.
fn creations(segment: &Segment, file: &dyn File, frames: Range<u64>) -> Result<Vec<Range<u64>>, StoreError> {
    let mut scanner = Scanner::new(segment, file, frames.end);
    let (mut at, mut found) = (frames.start, Vec::new());
    while let Some((offset, header)) = scanner.find_header(at)? {
        at = offset + header.frame_len();
        if header.kind == Kind::Create {
            found.push(offset..at);
        }
    }
    Ok(found)
}
