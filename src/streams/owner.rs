//! The owner of a shard: the one task that numbers, seals and appends its records.
//!
//! It starts at the first append and ends after a while of nothing to do. Batches go to the store one after the other
//! without waiting for durability; their waiters are told as the store reports. When the store says that this writer is
//! finished (fenced, unavailable, outcome unknown), the waiters hear it, the batches in flight are waited for, and the
//! next request claims the shard again with a larger epoch and goes on from the tail it finds.

use crate::catalogue::{ShardCell, Stream};
use crate::crypto::{EnvEntropy, Place, Sealing};
use crate::error::AppendError;
use crate::limits::{CLAIM_TRIES, OWNER_BATCHES_IN_FLIGHT, OWNER_IDLE, OWNER_QUEUE_REQUESTS};
use crate::service::Core;
use crate::types::{Appended, Record};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use shardlog::{Arrival, Durable, Epoch, Seq, ShardWriter, StoreError};
use std::sync::{Arc, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// A batch that wants to be appended.
pub(crate) struct Request {
    pub(crate) records: Vec<Record>,
    /// Given back when the batch is durable or lost.
    pub(crate) admitted: [OwnedSemaphorePermit; 2],
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// Whether a shard has an owner.
pub(crate) enum OwnerSlot {
    /// No; the next append starts one.
    Idle,
    /// Yes.
    Running(mpsc::Sender<Request>),
    /// There will be none any more: deleted, or shutting down.
    Closed,
}

/// The way to the shard's owner, which is started when there is none.
pub(crate) fn owner_of(
    core: &Arc<Core>,
    stream: &Arc<Stream>,
    index: usize,
) -> Option<mpsc::Sender<Request>> {
    let cell = stream.shards.get(index)?;
    let mut slot = cell.owner.lock().unwrap_or_else(PoisonError::into_inner);
    match &*slot {
        OwnerSlot::Closed => return None,
        // A closed channel is that of an owner that panicked.
        OwnerSlot::Running(requests) if !requests.is_closed() => return Some(requests.clone()),
        OwnerSlot::Running(_) | OwnerSlot::Idle => {}
    }
    if core.is_closing() || stream.is_deleted() {
        return None;
    }
    let (sender, receiver) = mpsc::channel(OWNER_QUEUE_REQUESTS);
    let writing = Writing { core: core.clone(), stream: stream.clone(), index, claimed: None };
    core.tasks.spawn(run(writing, receiver));
    *slot = OwnerSlot::Running(sender.clone());
    Some(sender)
}

/// Batches in the store's hands. Each resolves to whether the writer survived it.
type InFlight = FuturesUnordered<BoxFuture<'static, bool>>;

async fn run(mut writing: Writing, mut requests: mpsc::Receiver<Request>) {
    let mut in_flight = InFlight::new();
    loop {
        let idle = writing.core.env.clock.sleep(OWNER_IDLE);
        tokio::select! {
            Some(survived) = in_flight.next() => writing.keep_claim_if(survived),
            request = requests.recv(), if in_flight.len() < OWNER_BATCHES_IN_FLIGHT => {
                let Some(request) = request else { break };
                serve(&mut writing, &mut in_flight, request).await;
            }
            () = idle, if in_flight.is_empty() => {
                if writing.retire(&requests) {
                    return;
                }
            }
        }
    }
    while in_flight.next().await.is_some() {}
}

/// Appends one batch, meanwhile answering for those in flight.
async fn serve(writing: &mut Writing, in_flight: &mut InFlight, request: Request) {
    if request.reply.is_closed() {
        return; // whoever asked has gone, and nothing has happened yet
    }
    if writing.claimed.is_none() {
        // What the lost writer still has in flight must be decided before the tail is looked at.
        while in_flight.next().await.is_some() {}
    }
    let mut all_survived = true;
    let result = {
        let append = writing.append(request.records);
        tokio::pin!(append);
        loop {
            tokio::select! {
                result = &mut append => break result,
                Some(survived) = in_flight.next() => all_survived &= survived,
            }
        }
    };
    writing.keep_claim_if(all_survived);
    let (first, arrival, durable) = match result {
        Ok(admitted) => admitted,
        Err(error) => {
            let _ = request.reply.send(Err(error));
            return;
        }
    };
    let (tell, told) = oneshot::channel();
    let admitted = request.admitted;
    in_flight.push(Box::pin(async move {
        let result = durable.await;
        drop(admitted);
        let survived = result.is_ok();
        let _ = tell.send(result.map_err(AppendError::from));
        survived
    }));
    // The owner always answers, unless the runtime is torn down around it.
    let durable = Box::pin(async move { told.await.unwrap_or_else(|_| Err(lost_owner())) });
    let _ = request.reply.send(Ok(Appended { first, arrival, durable }));
}

/// The owner ended without an answer: the batch may be in the store.
pub(crate) fn lost_owner() -> AppendError {
    AppendError::Unknown(Arc::new(std::io::Error::other(
        "the shard's owner ended before the batch was durable",
    )))
}

/// The writing end of a shard.
struct Writing {
    core: Arc<Core>,
    stream: Arc<Stream>,
    index: usize,
    /// `None` before the first claim and after a writer was lost.
    claimed: Option<Claimed>,
}

struct Claimed {
    writer: Box<dyn ShardWriter>,
    next: Seq,
    last_arrival: Arrival,
}

impl Writing {
    fn cell(&self) -> &ShardCell {
        &self.stream.shards[self.index]
    }

    fn keep_claim_if(&mut self, survived: bool) {
        if !survived {
            self.claimed = None;
        }
    }

    /// Ends the owner unless somebody is about to ask it for something.
    fn retire(&self, requests: &mpsc::Receiver<Request>) -> bool {
        let mut slot = self.cell().owner.lock().unwrap_or_else(PoisonError::into_inner);
        // Senders are cloned under this lock only, so with just the slot's own left nobody can be sending.
        let unused = requests.is_empty() && requests.sender_strong_count() == 1;
        if unused && matches!(&*slot, OwnerSlot::Running(_)) {
            *slot = OwnerSlot::Idle;
        }
        unused
    }

    /// Numbers, seals and hands over a batch.
    async fn append(&mut self, records: Vec<Record>) -> Result<(Seq, Arrival, Durable), AppendError> {
        if self.stream.is_deleted() {
            return Err(AppendError::Deleted);
        }
        let (key_number, key) = self.core.catalogue.current_key(&self.stream).await?;
        let mut claimed = match self.claimed.take() {
            Some(claimed) => claimed,
            None => self.claim().await?,
        };
        let place = Place { stream: self.stream.id, shard: self.cell().info.id.0 };
        let count = records.len() as u64;
        let first = claimed.next;
        let arrival = claimed.last_arrival.max(Arrival(self.core.env.clock.now_ms()));
        let entropy = EnvEntropy(self.core.env.random.clone());
        let sealing = Sealing { key, key_number, entropy, place };
        let sealed = match sealing.seal(first, arrival, records).await {
            Ok(sealed) => sealed,
            Err(error) => {
                self.claimed = Some(claimed); // nothing reached the writer
                return Err(error);
            }
        };
        // On an error the writer is dropped here, and the next batch claims anew.
        let durable = claimed.writer.append(first, sealed).await?;
        claimed.next = first.plus(count);
        claimed.last_arrival = arrival;
        self.claimed = Some(claimed);
        Ok((first, arrival, durable))
    }

    async fn claim(&mut self) -> Result<Claimed, AppendError> {
        let (store, shard) = (&self.core.store, self.cell().info.id);
        let state = store.state(shard).await.map_err(not_appended)?;
        if state.tail.sealed {
            return Err(AppendError::Sealed { next: state.tail.next });
        }
        let mut epoch = Epoch(state.epoch.0.saturating_add(1));
        let mut tries = 1;
        let (state, writer) = loop {
            match store.claim(shard, epoch).await {
                Ok(claimed) => break claimed,
                Err(StoreError::Fenced { by }) if tries < CLAIM_TRIES => {
                    epoch = Epoch(by.0.saturating_add(1));
                    tries += 1;
                }
                Err(error) => return Err(not_appended(error)),
            }
        };
        tracing::debug!(%shard, epoch = epoch.0, next = state.tail.next.0, "shard claimed");
        Ok(Claimed {
            writer,
            next: state.tail.next,
            last_arrival: state.tail.last_arrival.unwrap_or_default(),
        })
    }
}

/// What a failed claim means for the batch that was waiting for it: whatever became of the claim, the batch is not in.
fn not_appended(error: StoreError) -> AppendError {
    match AppendError::from(error) {
        AppendError::Unknown(source) => AppendError::Unavailable(source),
        other => other,
    }
}
