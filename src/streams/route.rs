//! Appending by hash key: to whichever shards own the keys, also while shards are split and merged.

use crate::catalogue::Stream;
use crate::error::{AppendError, StreamNotFound};
use crate::limits::RESHARD_WAIT;
use crate::service::{Core, Streams};
use crate::shard::Shard;
use crate::traffic::Traffic;
use crate::types::{Record, StreamInfo};
use futures_util::future::{BoxFuture, join_all};
use shardlog::{Arrival, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A record and the hash key that says into which shard it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRecord {
    /// Its hash key.
    pub hash_key: u128,
    /// What it counts for in the rate of its shard, in bytes.
    pub counts: u64,
    /// The record.
    pub record: Record,
}

/// Where a durable record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The index of its shard.
    pub shard: u32,
    /// Its place there.
    pub seq: Seq,
    /// When it reached us.
    pub arrival: Arrival,
}

/// Nobody took the place of a closed shard in time.
#[derive(Debug, thiserror::Error)]
#[error("shard {shard} is being split or merged, and that takes too long")]
struct NoChildren {
    shard: u32,
}

/// What became of one shard's share.
struct Outcome {
    /// Places of its records in the request.
    places: Vec<usize>,
    shard: u32,
    result: Result<(Seq, Arrival), AppendError>,
    /// Places of those that came too fast.
    throttled: Vec<usize>,
}

impl Streams {
    /// Appends records to the open shards that own their hash keys, one batch for each, and waits until they are durable.
    /// Records of one key keep their order, within the call and between calls of which one awaits the other, also while
    /// shards are split and merged: a share that meets a closed shard waits for its children, at most [`RESHARD_WAIT`].
    ///
    /// Answers for each record, in their order: a share may be refused while others are not, and the rest of a share when
    /// it comes [too fast](AppendError::Throttled). No share may be larger than one batch.
    pub async fn append_by_hash(
        &self,
        name: &str,
        records: Vec<KeyedRecord>,
    ) -> Result<Vec<Result<Placed, AppendError>>, StreamNotFound> {
        let stream = self.core().catalogue.get(name)?;
        Ok(append(self.core(), &stream, &records).await)
    }
}

async fn append(
    core: &Arc<Core>,
    stream: &Arc<Stream>,
    records: &[KeyedRecord],
) -> Vec<Result<Placed, AppendError>> {
    let mut answers: Vec<_> = records.iter().map(|_| Err(AppendError::Deleted)).collect();
    let mut follow = stream.follow();
    let mut waiting: Vec<usize> = (0..records.len()).collect();
    // Which closed shard was met, and until when its children are waited for.
    let mut met: Option<(u32, BoxFuture<'static, ()>)> = None;
    loop {
        let info = follow.borrow_and_update().clone();
        let shares = share(&info, records, &waiting);
        let appended =
            shares.into_iter().map(|(index, places)| append_share(core, stream, records, index, places));
        waiting.clear();
        let mut met_closed = None;
        for Outcome { places, shard, result, throttled } in join_all(appended).await {
            for place in throttled {
                answers[place] = Err(AppendError::Throttled { shard });
            }
            if let Err(AppendError::Sealed { .. }) = result {
                met_closed = Some(shard);
                waiting.extend(&places);
            }
            for (nth, place) in (0..).zip(places) {
                answers[place] =
                    result.clone().map(|(first, arrival)| Placed { shard, seq: first.plus(nth), arrival });
            }
        }
        let Some(shard) = met_closed else { return answers };
        waiting.sort_unstable();
        if met.as_ref().is_none_or(|(before, _)| *before != shard) {
            met = None;
        }
        let (_, give_up) = met.get_or_insert_with(|| (shard, core.env.clock.sleep(RESHARD_WAIT)));
        tokio::select! {
            biased;
            changed = follow.changed() => if changed.is_err() { return answers },
            () = core.stop.cancelled() => {
                waiting.iter().for_each(|&place| answers[place] = Err(AppendError::ShuttingDown));
                return answers;
            }
            () = give_up => {
                let late = AppendError::Unavailable(Arc::new(NoChildren { shard }));
                waiting.iter().for_each(|&place| answers[place] = Err(late.clone()));
                return answers;
            }
        }
    }
}

/// Groups records by the open shards that own their keys, in the order given.
fn share(info: &StreamInfo, records: &[KeyedRecord], places: &[usize]) -> BTreeMap<u32, Vec<usize>> {
    let mut shares: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &place in places {
        // Open shards own every key: that was checked when the row was read or written.
        if let Some(shard) = info.open_shard_of(records[place].hash_key) {
            shares.entry(shard.index).or_default().push(place);
        }
    }
    shares
}

async fn append_share(
    core: &Arc<Core>,
    stream: &Arc<Stream>,
    records: &[KeyedRecord],
    shard: u32,
    mut places: Vec<usize>,
) -> Outcome {
    let Some(cell) = stream.cell(shard) else {
        // Closed and expired since we looked.
        let result = Err(AppendError::Sealed { next: Seq(0) });
        return Outcome { places, shard, result, throttled: Vec::new() };
    };
    let counts = places.iter().map(|&place| records[place].counts);
    let now = core.env.clock.monotonic();
    let admitted = cell.meter.admit(core.config.rates.as_ref(), counts, now);
    let throttled = places.split_off(admitted);
    let mut traffic = Traffic { throttled_records: throttled.len() as u64, ..Traffic::default() };
    if places.is_empty() {
        core.count(stream, &cell, &traffic);
        let result = Err(AppendError::Throttled { shard });
        return Outcome { places, shard, result, throttled };
    }
    // Bodies are shared, not copied; a batch that meets a closed shard is needed again.
    let batch = places.iter().map(|&place| records[place].record.clone()).collect();
    let result = append_durably(Shard::new(core.clone(), stream.clone(), cell.clone()), batch).await;
    if result.is_ok() {
        traffic.in_records = places.len() as u64;
        traffic.in_bytes = places.iter().map(|&place| records[place].counts).sum();
    }
    core.count(stream, &cell, &traffic);
    Outcome { places, shard, result, throttled }
}

async fn append_durably(shard: Shard, batch: Vec<Record>) -> Result<(Seq, Arrival), AppendError> {
    let appended = shard.append(batch).await?;
    appended.durable.await?;
    Ok((appended.first, appended.arrival))
}
