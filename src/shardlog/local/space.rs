//! Giving space back: files of which nothing is readable any more, and the bodies of deleted shards in files of others.
//!
//! Nothing depends on it being done: what a crash leaves behind, the next opening finds and gives back.

use super::context::{Context, lock};
use super::index::BlockRef;
use super::lane::LaneShared;
use super::reader;
use super::segment::Segment;
use crate::env::OpenMode;
use crate::error::StoreError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Holes begin and end at multiples of this: file systems give back whole blocks only.
const HOLE_ALIGNMENT: u64 = 4096;

/// Whether there is anything to give back.
pub(super) fn is_due(lane: &LaneShared) -> bool {
    !lock(&lane.dead_segments).is_empty()
        || lock(&lane.deleted_blocks).iter().any(|block| block.segment.is_closed())
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
    // The open segment keeps its bodies: recovery would take a hole for damage.
    let in_closed = |block: &mut BlockRef| block.segment.is_closed();
    let deleted: Vec<_> = lock(&lane.deleted_blocks).extract_if(.., in_closed).collect();
    for block in deleted {
        if block.segment.removed.load(Ordering::SeqCst) {
            continue;
        }
        if let Err(error) = punch(context, lane, &block) {
            let path = block.segment.path.display();
            tracing::warn!(%path, %error, "the space of a deleted shard could not be given back");
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
    lane.counted.bytes.fetch_sub(segment.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    Ok(())
}

/// Punches out the bodies of a block's records. Their headers and heads stay, so that a scan of the file still finds the
/// frames of the other shards behind them.
fn punch(context: &Context, lane: &LaneShared, block: &BlockRef) -> Result<(), StoreError> {
    let entries = reader::load(context, block)?;
    let segment = &block.segment;
    let unavailable = |error| segment.read_error(0, error);
    let file = context.env.files.open(&segment.path, OpenMode::Write).map_err(unavailable)?;
    for entry in entries.iter() {
        let from = entry.body_offset().next_multiple_of(HOLE_ALIGNMENT);
        let to = (entry.body_offset() + u64::from(entry.body_len)) / HOLE_ALIGNMENT * HOLE_ALIGNMENT;
        if from < to {
            file.punch_hole(from, to - from).map_err(unavailable)?;
            segment.bytes.fetch_sub(to - from, Ordering::Relaxed);
            lane.counted.bytes.fetch_sub(to - from, Ordering::Relaxed);
        }
    }
    Ok(())
}
