//! The owner of a shard's tail: admits batches in sequence and hands them to the lane.

use super::context::{Context, Refusal, lock};
use super::queue::{Action, Op};
use super::shard::Shard;
use crate::batch::check_arrivals;
use crate::error::StoreError;
use crate::store::{Durable, ShardWriter};
use crate::types::{Arrival, Epoch, Limits, SealedRecord, Seq};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// What a record costs of the queue's budget besides its head and body.
pub(super) const RECORD_OVERHEAD: usize = 256;

/// What a writer and its lane agree upon.
pub(super) struct Owner {
    pub(super) epoch: Epoch,
    admission: Mutex<Admission>,
}

struct Admission {
    /// Grows when a batch did not happen: whatever was admitted after it must not happen either.
    generation: u64,
    /// The sequence that the next batch must begin with.
    next: Seq,
    last_arrival: Option<Arrival>,
}

impl Owner {
    fn admission(&self) -> MutexGuard<'_, Admission> {
        lock(&self.admission)
    }

    /// Whether a batch admitted in `generation` may still happen.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.admission().generation == generation
    }

    /// A batch of `generation` did not happen: the writer goes on from what is durable.
    pub(super) fn fall_back(&self, generation: u64, shard: &Shard) {
        let tail = shard.index().tail;
        let mut admission = self.admission();
        if admission.generation == generation {
            *admission =
                Admission { generation: generation + 1, next: tail.next, last_arrival: tail.last_arrival };
        }
    }
}

pub(super) struct Writer {
    context: Arc<Context>,
    shard: Arc<Shard>,
    owner: Arc<Owner>,
    /// May use the room that is kept in reserve.
    reserve: bool,
}

impl Writer {
    /// The writer for a claim that is durable.
    pub(super) fn new(context: Arc<Context>, shard: Arc<Shard>, epoch: Epoch) -> Self {
        let tail = shard.index().tail;
        let admission = Admission { generation: 0, next: tail.next, last_arrival: tail.last_arrival };
        let owner = Arc::new(Owner { epoch, admission: Mutex::new(admission) });
        Self { context, shard, owner, reserve: false }
    }

    fn refuse_fenced(&self) -> Result<(), StoreError> {
        self.context.refuse_closed()?;
        let index = self.shard.index();
        index.refuse_gone()?;
        if index.epoch == self.owner.epoch { Ok(()) } else { Err(StoreError::Fenced { by: index.epoch }) }
    }

    /// Whether a batch that begins with `first` may be admitted now.
    fn check(&self, admission: &Admission, first: Seq) -> Result<(), StoreError> {
        self.refuse_fenced()?;
        let tail = self.shard.index().tail;
        if tail.sealed {
            return Err(StoreError::Sealed { next: tail.next });
        }
        if first != admission.next {
            return Err(StoreError::OutOfSequence { expected: admission.next, asked: first });
        }
        Ok(())
    }
}

/// Waits for the lane's answer.
pub(super) async fn answered(
    reply: oneshot::Receiver<Result<(), StoreError>>,
    shard: Arc<Shard>,
) -> Result<(), StoreError> {
    // The lane answers everything it takes, so a missing answer means that its thread broke off in the middle.
    let ended = |_| Err(StoreError::Unknown(Arc::new(Refusal::LaneEnded(shard.lane.name))));
    reply.await.unwrap_or_else(ended)
}

#[async_trait]
impl ShardWriter for Writer {
    async fn append(&mut self, first: Seq, batch: Vec<SealedRecord>) -> Result<Durable, StoreError> {
        let bytes = Limits::default().check(&batch)?;
        self.check(&self.owner.admission(), first)?;
        let permit = self.context.reserve(bytes + RECORD_OVERHEAD * (batch.len() + 1)).await?;
        let (reply, answer) = oneshot::channel();
        let mut admission = self.owner.admission();
        // Again: much may have happened while we waited. From here to the push nobody else admits.
        self.check(&admission, first)?;
        let last_arrival = check_arrivals(admission.last_arrival, &batch)?;
        let next = first.plus(batch.len() as u64);
        let (owner, generation, reserve) = (self.owner.clone(), admission.generation, self.reserve);
        let action = Action::Append { owner, generation, first, batch, reserve };
        self.shard.lane.queue.push(Op { shard: self.shard.clone(), action, reply, permit })?;
        admission.next = next;
        admission.last_arrival = last_arrival;
        Ok(Box::pin(answered(answer, self.shard.clone())))
    }

    fn use_reserve(&mut self, allowed: bool) {
        self.reserve = allowed;
    }

    async fn seal(&mut self) -> Result<(), StoreError> {
        self.refuse_fenced()?;
        let permit = self.context.reserve(RECORD_OVERHEAD).await?;
        let (reply, answer) = oneshot::channel();
        {
            let admission = self.owner.admission();
            let action = Action::Seal { owner: self.owner.clone(), generation: admission.generation };
            self.shard.lane.queue.push(Op { shard: self.shard.clone(), action, reply, permit })?;
        }
        answered(answer, self.shard.clone()).await
    }
}
