//! Room on the disk: whether there is some, who is refused when there is not, and who waits for it.

use crate::error::AppendError;
use crate::limits::{DiskMarks, ROOM_WAIT};
use crate::types::WhenFull;
use shardlog::env::{Clock, Space};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// How full the disk is, and what became of that since the service was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskState {
    /// Bytes that may still be written, as was last seen; `None` before the first look.
    pub free: Option<u64>,
    /// Bytes there are.
    pub total: u64,
    /// Below this, streams refuse new records or let their oldest go.
    pub full_below: u64,
    /// Streams refuse records, or let their oldest go.
    pub full: bool,
    /// Appends that were refused.
    pub refused: u64,
    /// Records that went to make room.
    pub evicted_records: u64,
    /// Bytes of them.
    pub evicted_bytes: u64,
}

/// Why a record is not taken.
#[derive(Debug, thiserror::Error)]
#[error("{free} bytes are free on the disk, and below {full_below} no new records are taken")]
struct NoRoom {
    free: u64,
    full_below: u64,
}

pub(crate) struct Room {
    pub(crate) marks: DiskMarks,
    /// As last seen, less what was appended since; more than any disk has before the first look.
    free: AtomicU64,
    total: AtomicU64,
    full: AtomicBool,
    refused: AtomicU64,
    evicted_records: AtomicU64,
    evicted_bytes: AtomicU64,
    /// The disk was looked at.
    seen: Notify,
    /// Somebody waits for the disk to be looked at.
    pub(crate) wanted: Notify,
}

impl Room {
    pub(crate) fn new(marks: DiskMarks) -> Self {
        Self {
            marks,
            free: AtomicU64::new(u64::MAX),
            total: AtomicU64::new(0),
            full: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            evicted_records: AtomicU64::new(0),
            evicted_bytes: AtomicU64::new(0),
            seen: Notify::new(),
            wanted: Notify::new(),
        }
    }

    /// The disk was looked at.
    pub(crate) fn see(&self, space: Space) {
        let Space { free, total } = space;
        self.free.store(free, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let was_full = self.full.load(Ordering::Relaxed);
        let full = if was_full { free < self.marks.roomy_from() } else { free < self.marks.full_below };
        self.full.store(full, Ordering::Relaxed);
        match (was_full, full) {
            (false, true) => tracing::warn!(free, full_below = self.marks.full_below, "the disk is full"),
            (true, false) => tracing::info!(free, "there is room on the disk again"),
            _ => {}
        }
        self.seen.notify_waiters();
    }

    /// So many bytes are about to be written.
    pub(crate) fn take(&self, bytes: u64) {
        let take = |free: u64| (free != u64::MAX).then(|| free.saturating_sub(bytes));
        let Ok(free) = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) else { return };
        if free.saturating_sub(bytes) < self.marks.full_below && !self.full.load(Ordering::Relaxed) {
            self.wanted.notify_one();
        }
    }

    /// The store found the disk fuller than was known.
    pub(crate) fn refused_by_store(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.wanted.notify_one();
    }

    pub(crate) fn evicted(&self, records: u64, bytes: u64) {
        self.evicted_records.fetch_add(records, Ordering::Relaxed);
        self.evicted_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether records of such a stream are taken. Where oldest records go, that is waited for, for a while.
    pub(crate) async fn admit(&self, when_full: WhenFull, clock: &Arc<dyn Clock>) -> Result<(), AppendError> {
        if !self.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        if when_full == WhenFull::DropOldest {
            let gave_up = clock.sleep(ROOM_WAIT);
            tokio::pin!(gave_up);
            loop {
                let seen = self.seen.notified();
                // Room goes on being made while what is above the reserve is written.
                if self.free.load(Ordering::Relaxed)
                    > self.marks.reserve.saturating_add(self.marks.full_below) / 2
                {
                    return Ok(());
                }
                self.wanted.notify_one();
                tokio::select! {
                    () = seen => {}
                    () = &mut gave_up => break,
                }
            }
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        let (free, full_below) = (self.free.load(Ordering::Relaxed), self.marks.full_below);
        Err(AppendError::Full(Arc::new(NoRoom { free, full_below })))
    }

    pub(crate) fn state(&self) -> DiskState {
        let free = self.free.load(Ordering::Relaxed);
        DiskState {
            free: (free != u64::MAX).then_some(free),
            total: self.total.load(Ordering::Relaxed),
            full_below: self.marks.full_below,
            full: self.full.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            evicted_records: self.evicted_records.load(Ordering::Relaxed),
            evicted_bytes: self.evicted_bytes.load(Ordering::Relaxed),
        }
    }
}
