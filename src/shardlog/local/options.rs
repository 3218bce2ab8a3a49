//! How a local store is set up.

use super::space::SWEEP_PART;
use super::writer::RECORD_OVERHEAD;
use crate::types::Limits;
use std::time::Duration;

/// Settings of a [`LocalStore`](super::LocalStore). May differ from one opening to the next.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// A segment is closed once it has this many bytes; it can be larger by one group. Space comes back in such pieces.
    pub segment_bytes: u64,
    /// A segment with records in it is closed, at the next write, once it is this old.
    pub segment_age: Duration,
    /// A segment is closed once the index of its records, which is kept in memory until then, takes this many bytes.
    pub table_bytes: usize,
    /// Over how many lanes new shards of a class are spread. Each has its own thread and its own syncs.
    pub lanes_per_class: u8,
    /// Bytes that may wait to be written, all lanes together; at least one batch of the largest size is let in.
    pub queue_bytes: usize,
    /// About how many bytes are written and synced at once.
    pub group_bytes: usize,
    /// Memory for the indexes of closed segments.
    pub block_cache_bytes: usize,
    /// Memory for the newest bodies, so that who follows a shard does not touch the disk; 0: none.
    pub recent_bytes: usize,
    /// Segment files kept open for reading.
    pub open_files_max: usize,
    /// Records are refused while the disk has fewer bytes than this left, so that trims can still be written; but for
    /// those whose writer [may use the reserve](crate::ShardWriter::use_reserve).
    pub reserve_bytes: u64,
    /// A stretch of records that nobody can read any more is given back if it has at least this many bytes, and segments
    /// of which others are still read become so many holes. Less than a camera's chunk, so that one camera's footage can
    /// go from among that of others; more than a few blocks, so that a file does not fall into crumbs.
    pub hole_bytes_min: u64,
    /// How fast the log is gone through for damage; 0: not at all.
    pub scrub_bytes_per_second: u64,
    /// How long to rest after going through it.
    pub scrub_every: Duration,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            segment_age: Duration::from_secs(3600),
            table_bytes: 16 << 20,
            lanes_per_class: 1,
            queue_bytes: 128 << 20,
            group_bytes: 16 << 20,
            block_cache_bytes: 32 << 20,
            recent_bytes: 64 << 20,
            open_files_max: 256,
            reserve_bytes: 64 << 20,
            hole_bytes_min: 64 << 10,
            scrub_bytes_per_second: 8 << 20,
            scrub_every: Duration::from_secs(24 * 3600),
        }
    }
}

impl LocalOptions {
    /// A closed segment is gone through for holes again when this many bytes of it have died.
    pub(super) fn sweep_bytes(&self) -> u64 {
        (self.segment_bytes / SWEEP_PART).max(self.hole_bytes_min)
    }

    /// The queue's budget, large enough for any one batch.
    pub(super) fn queue_bytes(&self) -> usize {
        let limits = Limits::default();
        let largest = limits.batch_bytes_max + (limits.batch_records_max + 1) * RECORD_OVERHEAD;
        self.queue_bytes.clamp(largest, u32::MAX as usize)
    }
}
