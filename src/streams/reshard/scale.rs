//! Streams on demand get more shards by themselves: those that are busy for a while are split in halves.
//!
//! A shard is busy while it is asked for more than [`BUSY_PER_CENT`] of what it takes; after [`BUSY_PASSES`] passes in a row
//! of [`SCALE_INTERVAL`](crate::limits::SCALE_INTERVAL) it is split. What was refused counts too, or a stream that is far
//! too small would never be found out.

use super::plan::halve;
use crate::catalogue::Stream;
use crate::data::Capacity;
use crate::limits::{SCALE_INTERVAL, SHARDS_MAX};
use crate::service::Streams;
use crate::throttle::{Asked, ShardRates};
use crate::types::StreamStatus;
use shardlog::ShardId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// From here on a shard is busy.
const BUSY_PER_CENT: u128 = 60;
/// How long it has to be.
const BUSY_PASSES: u32 = 3;

/// For how many passes shards have been busy.
#[derive(Debug, Default)]
pub struct Busy(BTreeMap<ShardId, u32>);

/// Whether a shard was asked for so much, in a time, that it is busy.
fn is_busy(asked: Asked, rates: &ShardRates, time: Duration) -> bool {
    let share = |asked: u64, per_second: u64| {
        u128::from(asked) * 1000 * 100 > BUSY_PER_CENT * u128::from(per_second) * time.as_millis()
    };
    share(asked.bytes, rates.in_bytes) || share(asked.records, rates.in_records)
}

impl Busy {
    /// Notes whether a shard was busy; whether it has been for long enough.
    fn note(&mut self, before: &Self, shard: ShardId, busy: bool) -> bool {
        if !busy {
            return false;
        }
        let passes = before.0.get(&shard).map_or(1, |passes| passes.saturating_add(1));
        self.0.insert(shard, passes);
        passes >= BUSY_PASSES
    }
}

impl Streams {
    /// Looks, every [`SCALE_INTERVAL`], which shards are busy, until the service ends.
    pub(super) async fn keep_scaling(&self) {
        let (clock, mut busy) = (self.core().env.clock.clone(), Busy::default());
        loop {
            tokio::select! {
                () = self.core().stop.cancelled() => return,
                () = clock.sleep(SCALE_INTERVAL) => self.scale_pass(&mut busy).await,
            }
        }
    }

    /// Looks at what was asked of the shards of streams on demand since the last pass, and splits those that have been busy
    /// for some passes.
    pub async fn scale_pass(&self, busy: &mut Busy) {
        let rates = self.core().config.rates.unwrap_or_default();
        let mut now_busy = Busy::default();
        for stream in self.core().catalogue.all() {
            let info = stream.info();
            let on_demand = info.data.as_ref().is_some_and(|data| data.capacity == Capacity::OnDemand);
            if !on_demand || info.status != StreamStatus::Active {
                continue;
            }
            let mut hot = BTreeSet::new();
            for shard in info.open_shards() {
                let Some(cell) = stream.cell(shard.index) else { continue };
                let asked = is_busy(cell.meter.asked(), &rates, SCALE_INTERVAL);
                if now_busy.note(busy, shard.id, asked) {
                    hot.insert(shard.index);
                }
            }
            if !hot.is_empty() {
                self.split_hot(&stream, hot).await;
            }
        }
        *busy = now_busy;
    }

    async fn split_hot(&self, stream: &Arc<Stream>, hot: BTreeSet<u32>) {
        let name = stream.info().name.clone();
        let split = self.reshard(&name, move |info, _| {
            let room = (SHARDS_MAX as usize).saturating_sub(info.open_shards().len());
            let hot = info.open_shards().filter(|shard| hot.contains(&shard.index)).take(room);
            Ok((halve(hot), None))
        });
        match split.await {
            Ok(_) => tracing::info!(stream = name, "splitting shards that are busy"),
            Err(error) => tracing::warn!(stream = name, %error, "busy shards could not be split"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_more_than_sixty_per_cent_of_either() {
        let rates = ShardRates { in_bytes: 1000, in_records: 10, ..ShardRates::default() };
        let busy = |bytes, records| is_busy(Asked { bytes, records }, &rates, Duration::from_secs(10));
        assert!(!busy(6000, 60) && busy(6001, 0) && busy(0, 61));
    }

    #[test]
    fn a_shard_is_split_after_some_passes_in_a_row() {
        let mut busy = Busy::default();
        let shard = ShardId(1);
        let passes = [true, true, false, true, true, true, true].map(|asked| {
            let mut now = Busy::default();
            let split = now.note(&busy, shard, asked);
            busy = now;
            split
        });
        assert_eq!(passes, [false, false, false, false, false, true, true]);
    }
}
