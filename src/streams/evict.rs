//! Making room on a full disk: of the streams that let their oldest records go, the oldest of all go first.

use crate::error::ReadError;
use crate::retention::{RetentionReport, TrimGuard, held_from, trim_shard};
use crate::service::Streams;
use crate::shard::Shard;
use crate::types::WhenFull;
use shardlog::{Arrival, Seq};

/// Rounds of one pass: what a round frees, the store may give back later than the next look at the disk.
const ROUNDS_MAX: u32 = 8;

impl Streams {
    /// Looks at the disk; if it is full, lets oldest records go until it is not, or until nothing is left that may go.
    pub(crate) async fn make_room(&self, guard: &dyn TrimGuard, report: &mut RetentionReport) {
        let room = &self.core().room;
        for _ in 0..ROUNDS_MAX {
            let space = match self.core().store.space().await {
                Ok(space) => space,
                Err(error) => return tracing::warn!(%error, "the disk cannot be asked how full it is"),
            };
            room.see(space);
            let missing = room.marks.evict_until().saturating_sub(space.free);
            if !room.state().full || missing == 0 || self.core().is_closing() {
                return;
            }
            let (records, bytes) = self.evict(guard, missing, report).await;
            if records == 0 {
                return;
            }
            room.evicted(records, bytes);
            tracing::info!(records, bytes, "oldest records went to make room on the disk");
        }
    }

    /// Lets at least so many bytes of the oldest records go, if there are as many. Returns how many records and bytes went.
    async fn evict(&self, guard: &dyn TrimGuard, bytes: u64, report: &mut RetentionReport) -> (u64, u64) {
        let mut streams = self.core().catalogue.all();
        streams.retain(|stream| stream.info().when_full == WhenFull::DropOldest);
        let shards: Vec<_> = streams.iter().map(|stream| self.shards_of(stream)).collect();
        let mut may_go = Vec::new();
        for shard in shards.iter().flatten() {
            let Ok(tail) = shard.watch() else { continue };
            let next = tail.borrow().next;
            match held_from(shard, guard).await {
                Ok(held) => may_go.push((shard, held.map_or(next, |(seq, _)| seq))),
                Err(error) => {
                    tracing::warn!(%error, "left a shard as it is, for it is not known what of it is held");
                }
            }
        }
        let cutoff = match oldest_to_go(&may_go, bytes).await {
            Ok(cutoff) => cutoff,
            Err(error) => {
                tracing::warn!(%error, "it cannot be found out what is oldest");
                return (0, 0);
            }
        };
        let before = report.records;
        let mut freed = 0;
        for (stream, shards) in streams.iter().zip(&shards) {
            let _trimming = stream.trimming.lock().await;
            for shard in shards {
                let stored = shard.stored().await;
                report.add(stream, trim_shard(shard, guard, cutoff).await);
                freed += stored.saturating_sub(shard.stored().await);
            }
        }
        (report.records - before, freed)
    }
}

/// The earliest instant before which at least so many bytes have arrived in these shards, of the records before a place of
/// each; if there are fewer, one that is later than all of them.
pub(crate) async fn oldest_to_go(shards: &[(&Shard, Seq)], bytes: u64) -> Result<Arrival, ReadError> {
    let (mut low, mut high) = (u64::MAX, 0);
    for (shard, _) in shards {
        low = low.min(shard.stream().created_ms);
        let last = shard.watch()?.borrow().last_arrival;
        high = high.max(last.unwrap_or_default().0.saturating_add(1));
    }
    // Arrivals never lie before a stream was made, unless the clock was set back: then the search only takes longer.
    if low > high {
        low = 0;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if arrived_before(shards, Arrival(middle)).await? >= bytes {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Arrival(high))
}

async fn arrived_before(shards: &[(&Shard, Seq)], at: Arrival) -> Result<u64, ReadError> {
    let mut bytes = 0;
    for (shard, end) in shards {
        let first = shard.watch()?.borrow().first;
        let to = shard.seek(at).await?.min(*end);
        bytes += shard.stored_from(first).await?.saturating_sub(shard.stored_from(to).await?);
    }
    Ok(bytes)
}
