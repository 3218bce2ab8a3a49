//! Numbers for whoever watches the store.

use super::LocalStore;
use super::context::{Context, lock};
use crate::env::Env;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the store has done since it was opened, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalStats {
    /// Syncs of segment files.
    pub fsyncs: u64,
    /// Time they took together, in microseconds.
    pub fsync_micros_total: u64,
    /// Time the slowest one took, in microseconds.
    pub fsync_micros_max: u64,
    /// Bytes written to segments.
    pub bytes_written: u64,
    /// Records made durable.
    pub records_written: u64,
    /// Bytes that wait to be written or synced.
    pub queue_bytes: u64,
    /// Bytes of the newest bodies that are held in memory.
    pub recent_bytes: u64,
    /// Bodies that were read from memory.
    pub recent_hits: u64,
    /// Bodies that had to be read from a file.
    pub recent_misses: u64,
    /// Segment files.
    pub segments: u64,
    /// Bytes that the file system has given them; of those that take appends, their length.
    pub bytes_on_disk: u64,
    /// Bytes of the records that can be read, framing included. The rest of `bytes_on_disk` is not given back yet, or the
    /// log's own. Of a block of records that is trimmed in part this is an estimate.
    pub bytes_readable: u64,
    /// Lanes that have a thread.
    pub lanes: u64,
    /// Lanes that take no writes since one failed.
    pub lanes_dead: u64,
    /// How often the whole log was gone through for damage.
    pub scrub_passes: u64,
    /// Bytes that were verified in doing so.
    pub scrub_bytes: u64,
    /// Places that were found damaged; each counts once.
    pub damaged: u64,
    /// Files in the log's directories that are not the log's, as found at opening.
    pub unknown_files: u64,
}

/// The running totals.
#[derive(Default)]
pub(super) struct Counters {
    fsyncs: AtomicU64,
    fsync_micros_total: AtomicU64,
    fsync_micros_max: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) records_written: AtomicU64,
}

impl Counters {
    /// Runs and times a sync.
    pub(super) fn timed_sync(&self, env: &Env, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let start = env.clock.monotonic();
        let result = sync();
        let micros = env.clock.monotonic().saturating_sub(start).as_micros() as u64;
        self.fsyncs.fetch_add(1, Ordering::Relaxed);
        self.fsync_micros_total.fetch_add(micros, Ordering::Relaxed);
        self.fsync_micros_max.fetch_max(micros, Ordering::Relaxed);
        result
    }
}

/// What a lane has on disk.
#[derive(Default)]
pub(super) struct LaneCounts {
    pub(super) segments: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl LocalStore {
    /// The numbers now. Cheap: a few steps in memory for each shard and lane.
    pub fn stats(&self) -> LocalStats {
        let Context { counters, scrubbed, recent, .. } = &*self.inner.context;
        let mut stats = LocalStats {
            fsyncs: counters.fsyncs.load(Ordering::Relaxed),
            fsync_micros_total: counters.fsync_micros_total.load(Ordering::Relaxed),
            fsync_micros_max: counters.fsync_micros_max.load(Ordering::Relaxed),
            bytes_written: counters.bytes_written.load(Ordering::Relaxed),
            records_written: counters.records_written.load(Ordering::Relaxed),
            queue_bytes: self.inner.context.queued_bytes(),
            recent_bytes: recent.bytes() as u64,
            recent_hits: recent.hits.load(Ordering::Relaxed),
            recent_misses: recent.misses.load(Ordering::Relaxed),
            scrub_passes: scrubbed.passes.load(Ordering::Relaxed),
            scrub_bytes: scrubbed.bytes.load(Ordering::Relaxed),
            damaged: scrubbed.damaged.load(Ordering::Relaxed),
            unknown_files: lock(&self.inner.context.unknown).len() as u64,
            ..LocalStats::default()
        };
        for lane in lock(&self.inner.lanes).values() {
            stats.lanes += 1;
            stats.lanes_dead += u64::from(lane.shared.queue.is_dead());
            stats.segments += lane.shared.counted.segments.load(Ordering::Relaxed);
            stats.bytes_on_disk += lane.shared.counted.bytes.load(Ordering::Relaxed);
        }
        for shard in self.inner.context.all_shards() {
            stats.bytes_readable += shard.index().stored_bytes();
        }
        stats
    }

    /// What is wrong with lanes that take no writes since one failed, in words. It stays so until the store is opened again.
    pub fn failures(&self) -> Vec<String> {
        let lanes = lock(&self.inner.lanes);
        let failures = lanes.values().filter_map(|lane| lane.shared.queue.failure());
        failures.map(|failure| failure.to_string()).collect()
    }
}
