//! Subscriptions: a registered consumer gets a shard's records pushed, as soon as they are durable.
//!
//! One subscription per consumer and shard. A second one is refused while the first is younger than
//! [`TAKE_OVER_AFTER`](crate::limits::TAKE_OVER_AFTER); later it takes over, and the first one ends.

use crate::catalogue::{ShardCell, Stream};
use crate::data_head::counted_bytes;
use crate::error::{ReadError, ShardError};
use crate::limits::{
    SUBSCRIPTION_EVENT_BYTES, SUBSCRIPTION_EVENT_RECORDS, SUBSCRIPTION_HEARTBEAT, SUBSCRIPTION_LIFETIME,
    TAKE_OVER_AFTER,
};
use crate::map::ShardInfo;
use crate::service::{Core, Streams};
use crate::shard::Shard;
use crate::throttle::Bucket;
use crate::traffic::Traffic;
use crate::types::{PlainRecord, StreamInfo, StreamStatus};
use shardlog::{Parts, ReadLimit, Seq, Tail};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why there is no subscription.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscribeError {
    /// There is no such stream or shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The stream has no such consumer.
    #[error("the stream has no consumer {name}")]
    NoSuchConsumer {
        /// The name asked for.
        name: String,
    },
    /// The consumer has one to this shard that is a few seconds old.
    #[error("the consumer has subscribed to this shard only just now")]
    TooSoon,
}

/// Why a subscription ended before its time.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscriptionEnd {
    /// The consumer has subscribed again.
    #[error("another subscription has taken over")]
    TakenOver,
    /// The consumer was deregistered.
    #[error("the consumer was deregistered")]
    Deregistered,
    /// The shard cannot be read any more, or not now.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionEvent {
    /// The next records, if there are any.
    pub records: Vec<PlainRecord>,
    /// Where it goes on. At the end of a closed shard, one past its last record.
    pub next: Seq,
    /// How far that is behind, in milliseconds: 0 if there are no more records for now.
    pub behind_ms: u64,
    /// At the end of a closed shard, those that came of it: this was the last event.
    pub children: Vec<ShardInfo>,
}

/// The subscriptions to a shard, by the consumer's id.
#[derive(Default)]
pub(crate) struct Subscribers(Mutex<BTreeMap<u128, Held>>);

#[derive(Clone)]
struct Held {
    since: Duration,
    taken_over: CancellationToken,
}

impl Subscribers {
    fn held(&self) -> MutexGuard<'_, BTreeMap<u128, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, consumer: u128, now: Duration) -> Result<CancellationToken, SubscribeError> {
        let mut held = self.held();
        if let Some(before) = held.get(&consumer) {
            if now.saturating_sub(before.since) < TAKE_OVER_AFTER {
                return Err(SubscribeError::TooSoon);
            }
            before.taken_over.cancel();
        }
        let taken_over = CancellationToken::new();
        held.insert(consumer, Held { since: now, taken_over: taken_over.clone() });
        Ok(taken_over)
    }

    /// Ends one, unless another has taken over.
    fn leave(&self, consumer: u128, taken_over: &CancellationToken) {
        if !taken_over.is_cancelled() {
            self.held().remove(&consumer);
        }
    }
}

/// A subscription. It ends when it is dropped.
pub struct Subscription {
    core: Arc<Core>,
    stream: Arc<Stream>,
    cell: Arc<ShardCell>,
    shard: Shard,
    consumer: u128,
    taken_over: CancellationToken,
    follow: watch::Receiver<Arc<StreamInfo>>,
    tail: watch::Receiver<Tail>,
    next: Seq,
    /// What the consumer may still get at once.
    bucket: Bucket,
    ends_at: Duration,
    /// When there will be an event, with records or without.
    event_at: Duration,
    over: bool,
}

impl Streams {
    /// Subscribes a consumer to a shard, from a place on (or the oldest record there is), for
    /// [`SUBSCRIPTION_LIFETIME`](crate::limits::SUBSCRIPTION_LIFETIME).
    pub fn subscribe(
        &self,
        name: &str,
        consumer: &str,
        shard: u32,
        from: Seq,
    ) -> Result<Subscription, SubscribeError> {
        let core = self.core().clone();
        let stream = core.catalogue.get(name).map_err(ShardError::from)?;
        let follow = stream.follow();
        let id = follow.borrow().data.as_ref().and_then(|data| data.consumer(consumer)).map(|known| known.id);
        let id = id.ok_or_else(|| SubscribeError::NoSuchConsumer { name: consumer.to_owned() })?;
        let no_such_shard = || ShardError::NoSuchShard { name: name.to_owned(), index: shard };
        let cell = stream.cell(shard).ok_or_else(no_such_shard)?;
        let shard = Shard::new(core.clone(), stream.clone(), cell.clone());
        let tail = shard.watch().map_err(ShardError::from)?;
        let now = core.env.clock.monotonic();
        let taken_over = cell.subscribers.take(id, now)?;
        Ok(Subscription {
            core,
            stream,
            cell,
            shard,
            consumer: id,
            taken_over,
            follow,
            tail,
            next: from,
            bucket: Bucket::default(),
            ends_at: now + SUBSCRIPTION_LIFETIME,
            event_at: now,
            over: false,
        })
    }
}

impl Subscription {
    /// The shard.
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The next event: when there are records, and at least every
    /// [`SUBSCRIPTION_HEARTBEAT`](crate::limits::SUBSCRIPTION_HEARTBEAT), the first one at once. `None` when its time is over
    /// or the shard has come to its end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<SubscriptionEvent>, SubscriptionEnd> {
        loop {
            let now = self.core.env.clock.monotonic();
            if self.over || now >= self.ends_at {
                return Ok(None);
            }
            self.check()?;
            let pause = self.bucket.empty_for(now);
            if pause.is_zero()
                && let Some(event) = self.look().await?
            {
                self.event_at = now + SUBSCRIPTION_HEARTBEAT;
                self.over = !event.children.is_empty();
                return Ok(Some(event));
            }
            let until = if pause.is_zero() { self.event_at.saturating_sub(now) } else { pause };
            let sleep = self.core.env.clock.sleep(until.min(self.ends_at - now));
            tokio::select! {
                () = sleep => {}
                () = self.taken_over.cancelled() => {}
                () = self.core.stop.cancelled() => {}
                changed = self.tail.changed(), if pause.is_zero() => {
                    changed.map_err(|_| ReadError::Deleted)?;
                }
                changed = self.follow.changed() => changed.map_err(|_| ReadError::Deleted)?,
            }
        }
    }

    /// Whether it still holds.
    fn check(&mut self) -> Result<(), SubscriptionEnd> {
        if self.taken_over.is_cancelled() {
            return Err(SubscriptionEnd::TakenOver);
        }
        if self.core.is_closing() {
            return Err(ReadError::ShuttingDown.into());
        }
        let info = self.follow.borrow_and_update().clone();
        if info.status == StreamStatus::Deleting || self.stream.is_deleted() {
            return Err(ReadError::Deleted.into());
        }
        let mut consumers = info.data.iter().flat_map(|data| &data.consumers);
        if consumers.any(|known| known.id == self.consumer) {
            Ok(())
        } else {
            Err(SubscriptionEnd::Deregistered)
        }
    }

    /// What there is to be told now, if anything.
    async fn look(&mut self) -> Result<Option<SubscriptionEvent>, SubscriptionEnd> {
        let now = self.core.env.clock.monotonic();
        let tail = *self.tail.borrow_and_update();
        // What retention has taken is passed over.
        self.next = self.next.max(tail.first);
        let mut records = Vec::new();
        if self.next < tail.next {
            let limit = ReadLimit { records: SUBSCRIPTION_EVENT_RECORDS, bytes: SUBSCRIPTION_EVENT_BYTES };
            records = match self.shard.read(self.next, limit, Parts::Whole).await {
                Ok(records) => records,
                Err(ReadError::Trimmed { first }) => {
                    self.next = first;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
        }
        let next = self.next.plus(records.len() as u64);
        let info = self.stream.info();
        let closed = info.shards.by_index(self.cell.info.index).and_then(|shard| shard.closed);
        let at_end = closed.is_some_and(|closed| next >= closed.next);
        let children =
            if at_end { info.children(self.cell.info.index).copied().collect() } else { Vec::new() };
        if records.is_empty() {
            if children.is_empty() && now < self.event_at {
                return Ok(None);
            }
            self.shard.check_key()?;
        }
        let out_bytes = records.iter().map(counted_bytes).sum();
        if let Some(rates) = &self.core.config.rates {
            self.bucket.take(out_bytes, rates.consumer_bytes, now);
        }
        self.next = next;
        let reached = records.last().filter(|_| next < tail.next).map(|last| last.arrival);
        let behind_ms =
            reached.map_or(0, |arrival| self.core.env.clock.now_ms().saturating_sub(arrival.0).max(1));
        let out_records = records.len() as u64;
        self.shard.count(&Traffic {
            out_bytes,
            out_records,
            behind_ms: Some(behind_ms),
            ..Traffic::default()
        });
        Ok(Some(SubscriptionEvent { records, next, behind_ms, children }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cell.subscribers.leave(self.consumer, &self.taken_over);
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({:?} from {})", self.shard, self.next)
    }
}
