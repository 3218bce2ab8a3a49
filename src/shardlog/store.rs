//! The seam's traits. Keep them this small: every engine implements them all.

use crate::env::Space;
use crate::error::StoreError;
use crate::types::{
    Arrival, Epoch, Limits, Parts, ReadLimit, RetentionClass, SealedRecord, Seq, ShardId, ShardState,
    StoredRecord, Tail,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::ops::Range;
use tokio::sync::watch;

/// Resolves once an admitted batch is durable. Dropping it does not undo the append.
pub type Durable = BoxFuture<'static, Result<(), StoreError>>;

/// A store of shards. Reads see durable records only.
#[async_trait]
pub trait LogStore: Send + Sync + 'static {
    /// Makes an empty shard; durable on return.
    async fn create(&self, shard: ShardId, class: RetentionClass) -> Result<(), StoreError>;

    /// Becomes the shard's owner. `epoch` must be larger than that of every earlier claim, else [`StoreError::Fenced`];
    /// earlier writers are fenced durably before this returns.
    async fn claim(
        &self,
        shard: ShardId,
        epoch: Epoch,
    ) -> Result<(ShardState, Box<dyn ShardWriter>), StoreError>;

    /// Every shard there is, in id order.
    async fn shards(&self) -> Result<Vec<ShardId>, StoreError>;

    /// The shard's state now.
    async fn state(&self, shard: ShardId) -> Result<ShardState, StoreError>;

    /// Follows the shard's ends. The channel closes when the shard is deleted or the store shuts down. Copy the value out
    /// of a borrow at once: a borrow that is held holds up the shard's appends.
    fn watch(&self, shard: ShardId) -> Result<watch::Receiver<Tail>, StoreError>;

    /// The first record that arrived at or after `at`; the next sequence when there is none.
    async fn seek(&self, shard: ShardId, at: Arrival) -> Result<Seq, StoreError>;

    /// Records from `from` on, in order and without holes. Empty only when `from` is the next sequence.
    async fn read(
        &self,
        shard: ShardId,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// Bytes that the records from `from` on take on disk, framing included; 0 for the next sequence. Of what is trimmed
    /// nothing counts.
    async fn stored_from(&self, shard: ShardId, from: Seq) -> Result<u64, StoreError>;

    /// Room on the device. An engine without bounds has more than anybody could fill.
    async fn space(&self) -> Result<Space, StoreError>;

    /// A byte range of one sealed body. The range must lie within the body, else [`StoreError::TooLarge`].
    ///
    /// The whole body is verified. A part of it need not be: its checksum would cover more than is read. Whoever asks for
    /// parts must be able to authenticate them, as the pieces of a sealed body can be.
    async fn body(&self, shard: ShardId, seq: Seq, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Forgets every record before `before` (at most the next sequence); durable on return. Trimming backwards does nothing.
    async fn trim(&self, shard: ShardId, before: Seq) -> Result<(), StoreError>;

    /// Forgets the shard and all its records; durable on return.
    async fn delete(&self, shard: ShardId) -> Result<(), StoreError>;

    /// What this engine can take.
    fn limits(&self) -> Limits;
}

/// The one owner of a shard's tail.
#[async_trait]
pub trait ShardWriter: Send {
    /// Admits a batch, all of it or nothing, as records `first`, `first + 1` …; waits while the store's queue is full.
    /// The second await, on the returned [`Durable`], resolves when the batch is on disk. Batches become durable in the
    /// order they were admitted. `first` must be the next sequence, counting batches admitted and not yet durable.
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError>;

    /// Whether what is appended from now on may use the room that the store keeps in reserve: for records without which
    /// no room can be made, or which nothing works without. At first it may not. Small records only: trims need that room.
    fn use_reserve(&mut self, allowed: bool);

    /// Closes the shard for good once everything admitted is durable.
    async fn seal(&mut self) -> Result<(), StoreError>;
}
