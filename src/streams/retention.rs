//! Retention: a task that trims what is older than its stream keeps, forgets data keys that nothing needs any more, and
//! wipes opened ones that nobody uses.

use crate::catalogue::Stream;
use crate::error::{CatalogueError, ReadError};
use crate::limits::RETENTION_INTERVAL;
use crate::service::{Core, Streams};
use crate::shard::Shard;
use crate::types::StreamInfo;
use async_trait::async_trait;
use shardlog::{Arrival, Seq, Source};
use std::sync::Arc;

/// Has the last word on where a shard is trimmed: whoever knows what the records mean also knows which of them are
/// needed to read the ones that stay.
#[async_trait]
pub trait TrimGuard: Send + Sync + 'static {
    /// Every record before `proposed` has expired. Returns where to trim: `proposed`, or an earlier place (a later one
    /// counts as `proposed`). May append to the shard first what must not be lost. After an error the shard is left as
    /// it is until the next pass.
    async fn trim_point(&self, stream: &StreamInfo, shard: &Shard, proposed: Seq) -> Result<Seq, Source>;
}

/// A guard for records that stand for themselves: trims exactly what has expired.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrimExactly;

#[async_trait]
impl TrimGuard for TrimExactly {
    async fn trim_point(&self, _: &StreamInfo, _: &Shard, proposed: Seq) -> Result<Seq, Source> {
        Ok(proposed)
    }
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Shards that were trimmed.
    pub shards: u64,
    /// Records that were trimmed.
    pub records: u64,
    /// Shards and streams that could not be dealt with; the log says why.
    pub failures: u64,
}

#[derive(Debug, thiserror::Error)]
enum TrimError {
    #[error(transparent)]
    Shard(#[from] ReadError),
    #[error("the guard refused: {0}")]
    Guard(Source),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Streams {
    /// Starts the retention task: a pass every [`RETENTION_INTERVAL`] of the environment's clock, until
    /// [`shutdown`](Streams::shutdown). Call it once.
    pub fn spawn_retention(&self, guard: Arc<dyn TrimGuard>) {
        let core = self.core().clone();
        self.core().tasks.spawn(async move {
            let streams = Streams::from(core.clone());
            loop {
                tokio::select! {
                    () = core.stop.cancelled() => return,
                    () = core.env.clock.sleep(RETENTION_INTERVAL) => {}
                }
                streams.retention_pass(guard.as_ref(), Arrival(core.env.clock.now_ms())).await;
            }
        });
    }

    /// Trims, in every shard, what had expired at `now`. One shard's trouble does not keep it from the others.
    pub async fn retention_pass(&self, guard: &dyn TrimGuard, now: Arrival) -> RetentionReport {
        let mut report = RetentionReport::default();
        for stream in self.core().catalogue.all() {
            for index in 0..stream.shards.len() {
                if self.core().is_closing() {
                    return report;
                }
                let Some(shard) = Shard::new(self.core().clone(), stream.clone(), index) else { continue };
                match trim_shard(&shard, guard, now).await {
                    Ok(0) => {}
                    Ok(records) => {
                        report.shards += 1;
                        report.records += records;
                    }
                    Err(error) => report.fail(&stream, &error),
                }
            }
            stream.keys.close_old(self.core().env.clock.monotonic());
            if let Err(error) = forget_keys(self.core(), &stream).await {
                report.fail(&stream, &error);
            }
        }
        report
    }
}

impl RetentionReport {
    fn fail(&mut self, stream: &Stream, error: &TrimError) {
        // Whoever deletes a stream while the pass is at it has done more than trimming.
        if !stream.is_deleted() {
            self.failures += 1;
            tracing::warn!(stream = stream.row_key, %error, "retention could not be enforced; trying again at the next pass");
        }
    }
}

/// Trims one shard; returns how many records went.
async fn trim_shard(shard: &Shard, guard: &dyn TrimGuard, now: Arrival) -> Result<u64, TrimError> {
    let stream = shard.stream();
    let tail = *shard.watch()?.borrow();
    let kept_ms = u64::from(stream.retention_hours) * 3_600_000;
    let cutoff = Arrival(now.0.saturating_sub(kept_ms));
    if tail.first == tail.next {
        return Ok(0);
    }
    let proposed = shard.seek(cutoff).await?;
    if proposed <= tail.first {
        return Ok(0);
    }
    let before = guard.trim_point(&stream, shard, proposed).await.map_err(TrimError::Guard)?.min(proposed);
    if before <= tail.first {
        return Ok(0);
    }
    shard.trim(before).await?;
    Ok(before.0 - tail.first.0)
}

/// Forgets the data keys that no readable record names. Key numbers never fall within a shard, so its oldest record
/// tells.
async fn forget_keys(core: &Arc<Core>, stream: &Arc<Stream>) -> Result<(), TrimError> {
    let generations = stream.keys.generations();
    let (Some(oldest), Some(newest)) = (generations.first(), generations.last()) else { return Ok(()) };
    if generations.len() <= 2 {
        return Ok(());
    }
    let mut needed = newest.number;
    for index in 0..stream.shards.len() {
        let Some(shard) = Shard::new(core.clone(), stream.clone(), index) else { continue };
        let first = shard.watch()?.borrow().first;
        needed = needed.min(shard.key_number(first).await?.unwrap_or(needed));
    }
    if oldest.number < needed {
        core.catalogue.forget_keys(stream, needed).await?;
    }
    Ok(())
}
