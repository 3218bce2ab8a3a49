//! The log in memory: for tests of what stands on the seam. Appends are durable as soon as they are admitted, which is
//! as durable as this engine gets.

use crate::batch::check_arrivals;
use crate::env::Space;
use crate::error::StoreError;
use crate::store::{Durable, LogStore, ShardWriter};
use crate::types::{
    Arrival, Epoch, Limits, Parts, ReadLimit, RetentionClass, SealedRecord, Seq, ShardId, ShardState,
    StoredRecord, Tail,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// A [`LogStore`] that forgets everything with the process. Clones share the shards.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shards: Arc<Mutex<BTreeMap<ShardId, Shard>>>,
}

struct Shard {
    epoch: Epoch,
    tail: watch::Sender<Tail>,
    records: VecDeque<SealedRecord>,
    bytes: u64,
}

impl Shard {
    fn new() -> Self {
        Self {
            epoch: Epoch(0),
            tail: watch::Sender::new(Tail::default()),
            records: VecDeque::new(),
            bytes: 0,
        }
    }

    fn tail(&self) -> Tail {
        *self.tail.borrow()
    }

    fn state(&self) -> ShardState {
        ShardState { tail: self.tail(), epoch: self.epoch, stored_bytes: self.bytes }
    }

    /// Place of `seq` in `records`; for the next sequence, just past the end.
    fn position(&self, seq: Seq) -> Result<usize, StoreError> {
        let Tail { first, next, .. } = self.tail();
        if seq < first {
            return Err(StoreError::Trimmed { first });
        }
        if seq > next {
            return Err(StoreError::Unwritten { next });
        }
        Ok((seq.0 - first.0) as usize)
    }

    fn refuse_other_owner(&self, epoch: Epoch) -> Result<(), StoreError> {
        if self.epoch == epoch { Ok(()) } else { Err(StoreError::Fenced { by: self.epoch }) }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(
        &self,
        shard: ShardId,
        work: impl FnOnce(&mut Shard) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        work(shards.get_mut(&shard).ok_or(StoreError::NotFound(shard))?)
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn create(&self, shard: ShardId, _: RetentionClass) -> Result<(), StoreError> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if shards.contains_key(&shard) {
            return Err(StoreError::AlreadyExists(shard));
        }
        shards.insert(shard, Shard::new());
        Ok(())
    }

    async fn claim(
        &self,
        id: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError> {
        self.with(id, |shard| {
            if epoch <= shard.epoch {
                return Err(StoreError::Fenced { by: shard.epoch });
            }
            shard.epoch = epoch;
            let writer = Writer { store: self.clone(), shard: id, epoch };
            Ok((shard.state(), Box::new(writer) as Box<dyn ShardWriter>))
        })
    }

    async fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        Ok(self.shards.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect())
    }

    async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        self.with(shard, |shard| Ok(shard.state()))
    }

    fn watch(&self, shard: ShardId) -> Result<watch::Receiver<Tail>, StoreError> {
        self.with(shard, |shard| Ok(shard.tail.subscribe()))
    }

    async fn seek(&self, shard: ShardId, at: Arrival) -> Result<Seq, StoreError> {
        self.with(shard, |shard| {
            let older = shard.records.partition_point(|record| record.arrival < at);
            Ok(shard.tail().first.plus(older as u64))
        })
    }

    async fn read(
        &self,
        shard: ShardId,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.with(shard, |shard| {
            let mut bytes = 0_usize;
            let mut found = Vec::new();
            for record in shard.records.iter().skip(shard.position(from)?).take(limit.records.max(1)) {
                let body = (parts == Parts::Whole).then(|| record.body.clone());
                bytes = bytes.saturating_add(record.head.len() + body.as_ref().map_or(0, Bytes::len));
                if bytes > limit.bytes && !found.is_empty() {
                    break;
                }
                found.push(StoredRecord {
                    seq: from.plus(found.len() as u64),
                    arrival: record.arrival,
                    head: record.head.clone(),
                    body_len: record.body.len() as u64,
                    body,
                });
            }
            Ok(found)
        })
    }

    async fn stored_from(&self, shard: ShardId, from: Seq) -> Result<u64, StoreError> {
        self.with(shard, |shard| {
            let from = shard.position(from.max(shard.tail().first))?;
            let bytes = |record: &SealedRecord| (record.head.len() + record.body.len()) as u64;
            Ok(shard.records.range(from..).map(bytes).sum())
        })
    }

    async fn space(&self) -> Result<Space, StoreError> {
        Ok(Space { free: u64::MAX, total: u64::MAX })
    }

    async fn body(&self, shard: ShardId, seq: Seq, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.with(shard, |shard| {
            let position = shard.position(seq)?;
            let next = shard.tail().next;
            let body = &shard.records.get(position).ok_or(StoreError::Unwritten { next })?.body;
            let limit = body.len() as u64;
            if range.start > range.end || range.end > limit {
                return Err(StoreError::TooLarge { what: "end of a body range", size: range.end, limit });
            }
            Ok(body.slice(range.start as usize..range.end as usize))
        })
    }

    async fn trim(&self, shard: ShardId, before: Seq) -> Result<(), StoreError> {
        self.with(shard, |shard| {
            let Tail { first, next, .. } = shard.tail();
            if before > next {
                return Err(StoreError::Unwritten { next });
            }
            for record in shard.records.drain(..before.0.saturating_sub(first.0) as usize) {
                shard.bytes -= (record.head.len() + record.body.len()) as u64;
            }
            shard.tail.send_modify(|tail| tail.first = first.max(before));
            Ok(())
        })
    }

    async fn delete(&self, shard: ShardId) -> Result<(), StoreError> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.remove(&shard).map(drop).ok_or(StoreError::NotFound(shard))
    }

    fn limits(&self) -> Limits {
        Limits::default()
    }
}

struct Writer {
    store: MemoryStore,
    shard: ShardId,
    epoch: Epoch,
}

#[async_trait]
impl ShardWriter for Writer {
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError> {
        let bytes = Limits::default().check(&batch)?;
        self.store.with(self.shard, |shard| {
            shard.refuse_other_owner(self.epoch)?;
            let mut tail = shard.tail();
            if tail.sealed {
                return Err(StoreError::Sealed { next: tail.next });
            }
            if first != tail.next {
                return Err(StoreError::OutOfSequence { expected: tail.next, asked: first });
            }
            tail.last_arrival = check_arrivals(tail.last_arrival, &batch)?;
            tail.next = tail.next.plus(batch.len() as u64);
            shard.bytes += bytes as u64;
            shard.records.extend(batch);
            shard.tail.send_replace(tail);
            Ok(())
        })?;
        Ok(Box::pin(async { Ok(()) }))
    }

    fn use_reserve(&mut self, _: bool) {}

    async fn seal(&mut self) -> Result<(), StoreError> {
        self.store.with(self.shard, |shard| {
            shard.refuse_other_owner(self.epoch)?;
            shard.tail.send_modify(|tail| tail.sealed = true);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn conforms() {
        crate::conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn LogStore>).await;
    }
}
