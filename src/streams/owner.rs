//! The owner of a shard: the one task that numbers, seals and appends its records.
//!
//! It starts at the first append and ends after a while of nothing to do. Batches go to the store one after the other
//! without waiting for durability; their waiters are told as the store reports. When one of them fails, its waiter hears
//! it, the others in flight are waited for, and the next request looks at the tail and goes on from there: with the same
//! writer if the batch did not happen (the disk is full, say; claiming writes too), else after claiming the shard again
//! with a larger epoch.

use crate::catalogue::{ShardCell, Stream};
use crate::crypto::{EnvEntropy, Place, Sealing};
use crate::error::AppendError;
use crate::limits::{CLAIM_TRIES, OWNER_BATCHES_IN_FLIGHT, OWNER_IDLE, OWNER_QUEUE_REQUESTS};
use crate::service::Core;
use crate::types::{Appended, Record, Unbroken};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use shardlog::{Arrival, Durable, Epoch, Seq, ShardWriter, StoreError, Tail};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// A batch that wants to be appended.
pub(crate) struct Request {
    pub(crate) records: Vec<Record>,
    /// It may use the room that the store keeps in reserve.
    pub(crate) upkeep: bool,
    /// What it must not be appended without.
    pub(crate) behind: Option<Unbroken>,
    /// Given back when the batch is durable or lost.
    pub(crate) admitted: [OwnedSemaphorePermit; 2],
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// What an owner is asked for.
pub(crate) enum Order {
    /// To append a batch.
    Append(Request),
    /// To take no more records, for good, once everything before is durable.
    Seal(oneshot::Sender<Result<(), AppendError>>),
}

/// Whether a shard has an owner.
pub(crate) enum OwnerSlot {
    /// No; the next append starts one.
    Idle,
    /// Yes.
    Running(mpsc::Sender<Order>),
    /// There will be none any more: deleted, or shutting down.
    Closed,
}

/// The way to the shard's owner, which is started when there is none.
pub(crate) fn owner_of(
    core: &Arc<Core>,
    stream: &Arc<Stream>,
    cell: &Arc<ShardCell>,
) -> Option<mpsc::Sender<Order>> {
    let mut slot = cell.owner.lock().unwrap_or_else(PoisonError::into_inner);
    match &*slot {
        OwnerSlot::Closed => return None,
        OwnerSlot::Running(requests) if !requests.is_closed() => return Some(requests.clone()),
        OwnerSlot::Running(_) | OwnerSlot::Idle => {}
    }
    if core.is_closing() || stream.is_deleted() {
        return None;
    }
    if matches!(&*slot, OwnerSlot::Running(_)) {
        // A closed channel is that of an owner that panicked: nobody knows what became of its batches.
        cell.lost.fetch_add(1, Ordering::Relaxed);
    }
    let (sender, receiver) = mpsc::channel(OWNER_QUEUE_REQUESTS);
    let writing = Writing { core: core.clone(), stream: stream.clone(), cell: cell.clone(), claimed: None };
    core.tasks.spawn(run(writing, receiver));
    *slot = OwnerSlot::Running(sender.clone());
    Some(sender)
}

/// What an answer of the store leaves of the writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grip {
    /// It goes on.
    Firm,
    /// It may go on, but not from where it thought.
    Loose,
    /// It is finished.
    Lost,
}

impl Grip {
    fn after<T>(result: &Result<T, StoreError>) -> Self {
        match result {
            Ok(_) => Self::Firm,
            Err(StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::OutOfSequence { .. }) => {
                Self::Loose
            }
            Err(_) => Self::Lost,
        }
    }
}

/// Batches in the store's hands.
type InFlight = FuturesUnordered<BoxFuture<'static, Grip>>;

async fn run(mut writing: Writing, mut orders: mpsc::Receiver<Order>) {
    let mut in_flight = InFlight::new();
    loop {
        let idle = writing.core.env.clock.sleep(OWNER_IDLE);
        tokio::select! {
            Some(grip) = in_flight.next() => writing.loosen(grip),
            order = orders.recv(), if in_flight.len() < OWNER_BATCHES_IN_FLIGHT => match order {
                Some(Order::Append(request)) => serve(&mut writing, &mut in_flight, request).await,
                Some(Order::Seal(reply)) => {
                    writing.decide(&mut in_flight).await;
                    let _ = reply.send(writing.seal().await);
                }
                None => break,
            },
            () = idle, if in_flight.is_empty() => {
                if writing.retire(&orders) {
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
    if !writing.is_firm() {
        // What is still in flight must be decided before the tail is looked at.
        writing.decide(in_flight).await;
    }
    if request.behind.is_some_and(|behind| behind != writing.unbroken()) {
        let _ = request.reply.send(Err(AppendError::Unavailable(Arc::new(EarlierLost))));
        return;
    }
    let mut worst = Grip::Firm;
    let result = {
        let append = writing.append(request.records, request.upkeep);
        tokio::pin!(append);
        loop {
            tokio::select! {
                result = &mut append => break result,
                Some(grip) = in_flight.next() => worst = worst.max(grip),
            }
        }
    };
    writing.loosen(worst);
    let (first, arrival, durable) = match result {
        Ok(admitted) => admitted,
        Err(error) => {
            let _ = request.reply.send(Err(error));
            return;
        }
    };
    let (tell, told) = oneshot::channel();
    let (admitted, core) = (request.admitted, writing.core.clone());
    in_flight.push(Box::pin(async move {
        let result = durable.await;
        if matches!(result, Err(StoreError::Full(_))) {
            core.room.refused_by_store();
        }
        drop(admitted);
        let grip = Grip::after(&result);
        let _ = tell.send(result.map_err(AppendError::from));
        grip
    }));
    // The owner always answers, unless the runtime is torn down around it.
    let durable = Box::pin(async move { told.await.unwrap_or_else(|_| Err(lost_owner())) });
    let unbroken = writing.unbroken();
    let _ = request.reply.send(Ok(Appended { first, arrival, unbroken, durable }));
}

/// A batch must not be appended without an earlier one that was lost.
#[derive(Debug, thiserror::Error)]
#[error("what came before it was not stored")]
struct EarlierLost;

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
    cell: Arc<ShardCell>,
    /// `None` before the first claim and after a writer was lost.
    claimed: Option<Claimed>,
}

struct Claimed {
    writer: Box<dyn ShardWriter>,
    epoch: Epoch,
    next: Seq,
    last_arrival: Arrival,
    /// Whether the two above can be relied upon.
    firm: bool,
}

impl Claimed {
    fn new(writer: Box<dyn ShardWriter>, epoch: Epoch, tail: &Tail) -> Self {
        let last_arrival = tail.last_arrival.unwrap_or_default();
        Self { writer, epoch, next: tail.next, last_arrival, firm: true }
    }
}

impl Writing {
    fn is_firm(&self) -> bool {
        self.claimed.as_ref().is_some_and(|claimed| claimed.firm)
    }

    fn unbroken(&self) -> Unbroken {
        Unbroken(self.cell.lost.load(Ordering::Relaxed))
    }

    fn loosen(&mut self, grip: Grip) {
        if grip != Grip::Firm {
            self.cell.lost.fetch_add(1, Ordering::Relaxed);
        }
        match (grip, &mut self.claimed) {
            (Grip::Loose, Some(claimed)) => claimed.firm = false,
            (Grip::Lost, _) => self.claimed = None,
            (Grip::Firm, _) | (Grip::Loose, None) => {}
        }
    }

    /// Waits for all that is in flight.
    async fn decide(&mut self, in_flight: &mut InFlight) {
        while let Some(grip) = in_flight.next().await {
            self.loosen(grip);
        }
    }

    /// Ends the owner unless somebody is about to ask it for something.
    fn retire(&self, orders: &mpsc::Receiver<Order>) -> bool {
        let mut slot = self.cell.owner.lock().unwrap_or_else(PoisonError::into_inner);
        // Senders are cloned under this lock only, so with just the slot's own left nobody can be sending.
        let unused = orders.is_empty() && orders.sender_strong_count() == 1;
        if unused && matches!(&*slot, OwnerSlot::Running(_)) {
            *slot = OwnerSlot::Idle;
        }
        unused
    }

    /// Numbers, seals and hands over a batch.
    async fn append(
        &mut self,
        records: Vec<Record>,
        upkeep: bool,
    ) -> Result<(Seq, Arrival, Durable), AppendError> {
        if self.stream.is_deleted() {
            return Err(AppendError::Deleted);
        }
        let (key_number, key) = self.core.catalogue.current_key(&self.stream).await?;
        let mut claimed = match self.claimed.take() {
            Some(claimed) if claimed.firm => claimed,
            loose => self.look(loose).await?,
        };
        let place = Place { stream: self.stream.id, shard: self.cell.info.id.0 };
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
        claimed.writer.use_reserve(upkeep);
        let durable = match claimed.writer.append(first, sealed).await {
            Ok(durable) => durable,
            Err(error) => {
                // Behind a batch that did not happen, which was not known yet when this one was numbered. A writer that
                // refuses for any other reason is dropped, and the next batch claims anew.
                claimed.firm = false;
                self.claimed = matches!(error, StoreError::OutOfSequence { .. }).then_some(claimed);
                return Err(error.into());
            }
        };
        claimed.next = first.plus(count);
        claimed.last_arrival = arrival;
        self.claimed = Some(claimed);
        Ok((first, arrival, durable))
    }

    /// Seals the shard for good, unless that was done before. Nothing may be in flight.
    async fn seal(&mut self) -> Result<(), AppendError> {
        let claimed = match self.claimed.take() {
            Some(claimed) if claimed.firm => Ok(claimed),
            loose => self.look(loose).await,
        };
        let mut claimed = match claimed {
            Ok(claimed) => claimed,
            Err(AppendError::Sealed { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        // A full disk should not keep records from going where there is room.
        claimed.writer.use_reserve(true);
        Ok(claimed.writer.seal().await?)
    }

    /// Looks at the tail, and claims the shard unless the writer at hand is still its owner.
    async fn look(&mut self, writer: Option<Claimed>) -> Result<Claimed, AppendError> {
        let (store, shard) = (&self.core.store, self.cell.info.id);
        let state = store.state(shard).await.map_err(not_appended)?;
        if state.tail.sealed {
            return Err(AppendError::Sealed { next: state.tail.next });
        }
        if let Some(own) = writer.filter(|own| own.epoch == state.epoch) {
            return Ok(Claimed::new(own.writer, own.epoch, &state.tail));
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
        Ok(Claimed::new(writer, epoch, &state.tail))
    }
}

/// What a failed claim means for the batch that was waiting for it: whatever became of the claim, the batch is not in.
fn not_appended(error: StoreError) -> AppendError {
    match AppendError::from(error) {
        AppendError::Unknown(source) => AppendError::Unavailable(source),
        other => other,
    }
}
