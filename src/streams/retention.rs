//! Retention: a task that trims what is older than its stream keeps, or more, but nothing that is held; forgets data keys
//! that nothing needs any more; and wipes opened ones that nobody uses.

use crate::catalogue::Stream;
use crate::error::{CatalogueError, ReadError, ShardError};
use crate::evict::oldest_to_go;
use crate::hold::{Held, HeldRange};
use crate::limits::{RETENTION_INTERVAL, RETENTION_SLACK, SPACE_INTERVAL};
use crate::service::Streams;
use crate::shard::Shard;
use crate::types::StreamInfo;
use async_trait::async_trait;
use shardlog::{Arrival, Seq, Source};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Has the last word on where a shard is trimmed: whoever knows what the records mean also knows which of them are
/// needed to read the ones that stay.
#[async_trait]
pub trait TrimGuard: Send + Sync + 'static {
    /// Every record before `proposed` may go. Returns where to trim: `proposed`, or an earlier place (a later one
    /// counts as `proposed`). May append to the shard first what must not be lost, by [`Shard::append_upkeep`]. After an
    /// error the shard is left as it is until the next pass.
    async fn trim_point(&self, stream: &StreamInfo, shard: &Shard, proposed: Seq) -> Result<Seq, Source>;

    /// The first readable record that a held range covers, if there is one. Whoever does not know the producer's clock
    /// goes by arrival.
    async fn held_from(
        &self,
        stream: &StreamInfo,
        shard: &Shard,
        range: HeldRange,
    ) -> Result<Option<Seq>, Source> {
        let _ = stream;
        shard.arrived_in(range.from_ms, range.to_ms).await.map_err(|error| Arc::new(error) as Source)
    }
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
pub(crate) enum TrimError {
    #[error(transparent)]
    Shard(#[from] ReadError),
    #[error("the guard refused: {0}")]
    Guard(Source),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Streams {
    /// Starts the retention task: a pass every [`RETENTION_INTERVAL`] of the environment's clock, and every
    /// [`SPACE_INTERVAL`] a look at the disk and at streams that have grown, until [`shutdown`](Streams::shutdown). Call it
    /// once.
    pub fn spawn_retention(&self, guard: Arc<dyn TrimGuard>) {
        let core = self.core().clone();
        self.core().tasks.spawn(async move {
            let streams = Streams::from(core.clone());
            let clock = &core.env.clock;
            let mut due = clock.monotonic() + RETENTION_INTERVAL;
            loop {
                streams.space_pass(guard.as_ref()).await;
                tokio::select! {
                    () = core.stop.cancelled() => return,
                    () = clock.sleep(SPACE_INTERVAL) => {}
                    () = core.room.wanted.notified() => {}
                }
                if clock.monotonic() >= due {
                    streams.retention_pass(guard.as_ref(), Arrival(clock.now_ms())).await;
                    due = clock.monotonic() + RETENTION_INTERVAL;
                }
            }
        });
    }

    /// Trims, in every shard, what had expired at `now` or is more than its stream keeps. One stream's trouble does not
    /// keep it from the others.
    pub async fn retention_pass(&self, guard: &dyn TrimGuard, now: Arrival) -> RetentionReport {
        let mut report = RetentionReport::default();
        for stream in self.core().catalogue.all() {
            if self.core().is_closing() {
                return report;
            }
            self.trim_stream(&stream, guard, now, &mut report).await;
            stream.keys.close_old(self.core().env.clock.monotonic());
            if let Err(error) = self.forget_keys(&stream).await {
                report.fail(&stream, &error);
            }
            if let Err(error) = self.expire_shards(&stream, now).await {
                report.fail(&stream, &error);
            }
        }
        report
    }

    /// Looks at the disk, and makes room if there is none; and trims streams that were written to and may keep only so many
    /// bytes.
    pub async fn space_pass(&self, guard: &dyn TrimGuard) -> RetentionReport {
        let mut report = RetentionReport::default();
        for stream in self.core().catalogue.all() {
            let bounded = stream.info().retention_bytes.is_some();
            if bounded && stream.appended.swap(0, Ordering::Relaxed) > 0 {
                self.trim_stream(&stream, guard, Arrival(0), &mut report).await;
            }
        }
        self.make_room(guard, &mut report).await;
        report
    }

    async fn trim_stream(
        &self,
        stream: &Arc<Stream>,
        guard: &dyn TrimGuard,
        now: Arrival,
        report: &mut RetentionReport,
    ) {
        let shards = self.shards_of(stream);
        let _trimming = stream.trimming.lock().await;
        let cutoff = match cutoff(stream, &shards, now).await {
            Ok(cutoff) => cutoff,
            Err(error) => return report.fail(stream, &error),
        };
        for shard in &shards {
            report.add(stream, trim_shard(shard, guard, cutoff).await);
        }
    }

    /// Forgets the data keys that no readable record names. Key numbers never fall within a shard, so its oldest record
    /// tells.
    async fn forget_keys(&self, stream: &Arc<Stream>) -> Result<(), TrimError> {
        let generations = stream.keys.generations();
        let (Some(oldest), Some(newest)) = (generations.first(), generations.last()) else { return Ok(()) };
        if generations.len() <= 2 {
            return Ok(());
        }
        let mut needed = newest.number;
        for shard in self.shards_of(stream) {
            let first = shard.watch()?.borrow().first;
            needed = needed.min(shard.key_number(first).await?.unwrap_or(needed));
        }
        if oldest.number < needed {
            self.core().catalogue.forget_keys(stream, needed).await?;
        }
        Ok(())
    }

    /// The shards of a stream.
    pub(crate) fn shards_of(&self, stream: &Arc<Stream>) -> Vec<Shard> {
        let shard = |cell| Shard::new(self.core().clone(), stream.clone(), cell);
        stream.cells().into_iter().map(shard).collect()
    }

    /// What holds keep of a stream.
    pub async fn held(&self, name: &str, guard: &dyn TrimGuard) -> Result<Held, ShardError> {
        let stream = self.core().catalogue.get(name)?;
        let mut held = Held { oldest: None, bytes: 0 };
        for shard in self.shards_of(&stream) {
            if let Some((seq, hold)) = held_from(&shard, guard).await.map_err(ReadError::Unavailable)? {
                held.bytes += shard.stored_from(seq).await?;
                held.oldest.get_or_insert(hold);
            }
        }
        Ok(held)
    }
}

impl RetentionReport {
    pub(crate) fn add(&mut self, stream: &Stream, trimmed: Result<u64, TrimError>) {
        match trimmed {
            Ok(0) => {}
            Ok(records) => {
                self.shards += 1;
                self.records += records;
            }
            Err(error) => self.fail(stream, &error),
        }
    }

    fn fail(&mut self, stream: &Stream, error: &dyn std::error::Error) {
        // Whoever deletes a stream while the pass is at it has done more than trimming.
        if !stream.is_deleted() {
            self.failures += 1;
            tracing::warn!(stream = stream.row_key, %error, "retention could not be enforced; trying again at the next pass");
        }
    }
}

/// Records of the stream that arrived before this go: they have expired at `now`, or are more than it keeps.
async fn cutoff(stream: &Stream, shards: &[Shard], now: Arrival) -> Result<Arrival, TrimError> {
    let info = stream.info();
    let expired = Arrival(now.0.saturating_sub(u64::from(info.retention_hours) * 3_600_000));
    let Some(limit) = info.retention_bytes else { return Ok(expired) };
    let mut stored = 0;
    let mut all = Vec::with_capacity(shards.len());
    for shard in shards {
        let tail = *shard.watch()?.borrow();
        stored += shard.stored_from(tail.first).await?;
        all.push((shard, tail.next));
    }
    if stored <= limit {
        return Ok(expired);
    }
    let surplus = stored - (limit - limit / RETENTION_SLACK);
    Ok(oldest_to_go(&all, surplus).await?.max(expired))
}

/// Trims what of a shard arrived before `cutoff`, as far as no hold covers it; returns how many records went.
pub(crate) async fn trim_shard(
    shard: &Shard,
    guard: &dyn TrimGuard,
    cutoff: Arrival,
) -> Result<u64, TrimError> {
    let stream = shard.stream();
    let tail = *shard.watch()?.borrow();
    if tail.first == tail.next {
        return Ok(0);
    }
    let mut proposed = shard.seek(cutoff).await?;
    if proposed <= tail.first {
        return Ok(0);
    }
    if let Some((held, _)) = held_from(shard, guard).await.map_err(TrimError::Guard)? {
        proposed = proposed.min(held);
        if proposed <= tail.first {
            return Ok(0);
        }
    }
    let before = guard.trim_point(&stream, shard, proposed).await.map_err(TrimError::Guard)?.min(proposed);
    if before <= tail.first {
        return Ok(0);
    }
    shard.trim(before).await?;
    Ok(before.0 - tail.first.0)
}

/// The first record of a shard that is held, and by which hold.
pub(crate) async fn held_from(shard: &Shard, guard: &dyn TrimGuard) -> Result<Option<(Seq, String)>, Source> {
    let stream = shard.stream();
    let mut oldest: Option<(Seq, String)> = None;
    for hold in &stream.holds {
        let from = match hold.range {
            None => {
                let tail = shard.watch().map_err(|error| Arc::new(error) as Source)?;
                let first = tail.borrow().first;
                Some(first)
            }
            Some(range) => guard.held_from(&stream, shard, range).await?,
        };
        if let Some(from) = from.filter(|from| oldest.as_ref().is_none_or(|(oldest, _)| from < oldest)) {
            oldest = Some((from, hold.name.clone()));
        }
    }
    Ok(oldest)
}
