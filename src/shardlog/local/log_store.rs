//! The seam's operations.

use super::context::{Reservation, unavailable};
use super::index::{Index, Sought};
use super::queue::{Action, Op};
use super::reader::Wanted;
use super::shard::Shard;
use super::writer::{RECORD_OVERHEAD, Writer, answered};
use super::{LocalStore, lane_of, reader, space};
use crate::env::Space;
use crate::error::StoreError;
use crate::store::{LogStore, ShardWriter};
use crate::types::{
    Arrival, Epoch, Limits, Parts, ReadLimit, RetentionClass, Seq, ShardId, ShardState, StoredRecord, Tail,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// Up to so many records that are in memory are read on the caller's own thread.
const READ_AT_ONCE_MAX: usize = 1024;

impl LocalStore {
    /// Has a change made durable.
    async fn change(&self, shard: Arc<Shard>, action: Action) -> Result<(), StoreError> {
        let permit = self.inner.context.reserve(RECORD_OVERHEAD).await?;
        let (reply, answer) = oneshot::channel();
        shard.lane.queue.push(Op { shard: shard.clone(), action, reply, permit })?;
        answered(answer, shard).await
    }

    /// Gives back the space that a trim or a deletion has freed.
    async fn reclaim(&self, shard: Arc<Shard>) {
        if space::is_due(&shard.lane) {
            let context = self.inner.context.clone();
            // The change is durable; should the runtime end before this is done, the next opening does it.
            _ = self.inner.context.env.blocking(move || space::reclaim(&context, &shard.lane)).await;
        }
    }
}

#[async_trait]
impl LogStore for LocalStore {
    async fn create(&self, id: ShardId, class: RetentionClass) -> Result<(), StoreError> {
        let context = &self.inner.context;
        let reservation = Reservation::take(context, id)?;
        let lane = self.lane(lane_of(id, class, context.options.lanes_per_class)).await?;
        let shard = Shard::new(id, lane.clone(), Index::unborn(id, lane));
        self.change(Arc::new(shard), Action::Create { _reservation: reservation }).await
    }

    async fn claim(
        &self,
        id: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError> {
        let shard = self.inner.context.shard(id)?;
        self.change(shard.clone(), Action::Claim(epoch)).await?;
        let state = shard.state()?;
        let writer = Writer::new(self.inner.context.clone(), shard, epoch);
        Ok((state, Box::new(writer)))
    }

    async fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        self.inner.context.refuse_closed()?;
        Ok(self.inner.context.all_shards().iter().map(|shard| shard.id).collect())
    }

    async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        let mut state = self.inner.context.shard(shard)?.state()?;
        // Should it fail, the bytes are an estimate, and the rest of the state is no worse for it.
        if let Ok(bytes) = self.stored_from(shard, state.tail.first).await {
            state.stored_bytes = bytes;
        }
        Ok(state)
    }

    fn watch(&self, shard: ShardId) -> Result<watch::Receiver<Tail>, StoreError> {
        self.inner.context.shard(shard)?.watch()
    }

    async fn seek(&self, shard: ShardId, at: Arrival) -> Result<Seq, StoreError> {
        let shard = self.inner.context.shard(shard)?;
        let sought = shard.index().seek(at)?;
        match sought {
            Sought::At(seq) => Ok(seq),
            Sought::Within(block) => {
                self.blocking(move |context| reader::seek(context, &shard, at, &block)).await
            }
        }
    }

    async fn read(
        &self,
        shard: ShardId,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let shard = self.inner.context.shard(shard)?;
        let context = &self.inner.context;
        if shard.index().is_in_memory(from) {
            match parts {
                Parts::Heads if limit.records <= READ_AT_ONCE_MAX => {
                    return reader::read(context, &shard, from, limit, Wanted::Heads);
                }
                Parts::Heads => {}
                Parts::Whole => {
                    let little = ReadLimit { records: limit.records.min(READ_AT_ONCE_MAX), ..limit };
                    let found = reader::read(context, &shard, from, little, Wanted::Recent)?;
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
            }
        }
        self.blocking(move |context| reader::read(context, &shard, from, limit, parts.into())).await
    }

    async fn stored_from(&self, shard: ShardId, from: Seq) -> Result<u64, StoreError> {
        let shard = self.inner.context.shard(shard)?;
        let (bytes, in_part) = shard.index().stored_from(from)?;
        let Some(block) = in_part else { return Ok(bytes) };
        self.blocking(move |context| Ok(bytes + reader::stored_from(context, &shard, &block, from)?)).await
    }

    async fn space(&self) -> Result<Space, StoreError> {
        self.blocking(|context| context.env.files.space(&context.dir).map_err(unavailable)).await
    }

    async fn body(&self, shard: ShardId, seq: Seq, range: Range<u64>) -> Result<Bytes, StoreError> {
        let shard = self.inner.context.shard(shard)?;
        if let Some(body) = reader::recent_body(&self.inner.context, &shard, seq, &range) {
            return Ok(body);
        }
        self.blocking(move |context| reader::body(context, &shard, seq, &range)).await
    }

    async fn trim(&self, shard: ShardId, before: Seq) -> Result<(), StoreError> {
        let shard = self.inner.context.shard(shard)?;
        self.change(shard.clone(), Action::Trim(before)).await?;
        self.reclaim(shard).await;
        Ok(())
    }

    async fn delete(&self, shard: ShardId) -> Result<(), StoreError> {
        let shard = self.inner.context.shard(shard)?;
        self.change(shard.clone(), Action::Delete).await?;
        self.reclaim(shard).await;
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::default()
    }
}
