//! A shard as its users hold it.

use crate::catalogue::{ShardCell, Stream};
use crate::crypto::{Place, ToOpen, forged, open_records};
use crate::error::{AppendError, ReadError};
use crate::limits::{READ_BYTES_MAX, READ_RECORDS_MAX, RECORD_COST_BYTES};
use crate::map::ShardInfo;
use crate::owner::{Order, Request, lost_owner, owner_of};
use crate::pages::Pages;
use crate::service::Core;
use crate::traffic::Traffic;
use crate::types::{Appended, PlainRecord, Record, StreamInfo, Unbroken};
use bytes::Bytes;
use shardlog::{Arrival, Parts, ReadLimit, Seq, ShardState, StoreError, StoredRecord, Tail};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use vault::seal::{HEAD_OVERHEAD, body_sealed_len};
use vault::{DataKey, SealedHead};

/// The head of one record and nothing else.
const ONE_HEAD: ReadLimit = ReadLimit { records: 1, bytes: 0 };

/// One shard of a stream: append to it, read it, follow it. Cheap to clone. It goes on answering for what it was made
/// for: after the stream is deleted every call says so, also when a new stream has taken the name.
#[derive(Clone)]
pub struct Shard {
    core: Arc<Core>,
    stream: Arc<Stream>,
    cell: Arc<ShardCell>,
}

impl Shard {
    pub(crate) fn new(core: Arc<Core>, stream: Arc<Stream>, cell: Arc<ShardCell>) -> Self {
        Self { core, stream, cell }
    }

    fn place(&self) -> Place {
        Place { stream: self.stream.id, shard: self.cell.info.id.0 }
    }

    /// The shard as it stands; as it was made, if it has expired since.
    pub fn info(&self) -> ShardInfo {
        self.stream().shards.by_index(self.cell.info.index).copied().unwrap_or(self.cell.info)
    }

    /// The stream it belongs to, as it stands.
    pub fn stream(&self) -> Arc<StreamInfo> {
        self.stream.info()
    }

    /// Appends a batch: all of it in one piece or nothing. Waits while too many bytes of this shard or of all shards
    /// are on their way to the disk. Resolves when the batch has its place; [`Appended::durable`] resolves when it is on
    /// disk. Batches of one caller that awaits each `append` keep their order.
    ///
    /// Refused when the disk is full; where the stream lets its oldest records go, that is waited for.
    ///
    /// Dropping this future before it resolves leaves open whether the batch is appended.
    pub async fn append(&self, records: Vec<Record>) -> Result<Appended, AppendError> {
        self.room().await?;
        self.submit(records, false, None).await
    }

    /// Whether records of this stream are taken now, as far as the disk is concerned. Where the stream lets its oldest
    /// records go, that is waited for.
    pub async fn room(&self) -> Result<(), AppendError> {
        self.core.room.admit(self.stream.info().when_full, &self.core.env.clock).await
    }

    /// Appends a batch as [`append`](Shard::append) does, for which [`room`](Shard::room) was asked. `behind`: what the
    /// caller's last batch was answered with, if it must not be stored without that. A batch that is lost may be known to be
    /// so only after the next one was handed over; then the next one would take its place.
    pub async fn append_admitted(
        &self,
        records: Vec<Record>,
        behind: Option<Unbroken>,
    ) -> Result<Appended, AppendError> {
        self.submit(records, false, behind).await
    }

    /// Appends a small batch that is needed for older records to go, or to say what became of others: it may use the room
    /// that the store keeps in reserve. `behind` is as for [`append_admitted`](Shard::append_admitted).
    pub async fn append_upkeep(
        &self,
        records: Vec<Record>,
        behind: Option<Unbroken>,
    ) -> Result<Appended, AppendError> {
        self.submit(records, true, behind).await
    }

    async fn submit(
        &self,
        records: Vec<Record>,
        upkeep: bool,
        behind: Option<Unbroken>,
    ) -> Result<Appended, AppendError> {
        let bytes = self.check(&records)?;
        let cost = bytes.saturating_add(records.len().saturating_mul(RECORD_COST_BYTES));
        // The shard's own share first: who waits for that must not hold a part of everybody's.
        let own = self.admit(&self.cell.admission, cost, self.core.config.shard_admission_bytes_max).await?;
        let all = self.admit(&self.core.admission, cost, self.core.config.admission_bytes_max).await?;
        let owner = owner_of(&self.core, &self.stream, &self.cell).ok_or_else(|| self.refusal())?;
        let (reply, answer) = oneshot::channel();
        let request = Request { records, upkeep, behind, admitted: [own, all], reply };
        self.stream.appended.fetch_add(bytes as u64, Ordering::Relaxed);
        self.core.room.take(bytes as u64);
        // Nothing was appended yet if the owner is gone before it took the request.
        owner.send(Order::Append(request)).await.map_err(|_| self.refusal())?;
        drop(owner);
        answer.await.unwrap_or_else(|_| Err(lost_owner()))
    }

    /// Closes the shard for good: appends before are durable, those after it are refused. Durable on return; doing it again
    /// is nothing.
    pub(crate) async fn seal(&self) -> Result<(), AppendError> {
        let owner = owner_of(&self.core, &self.stream, &self.cell).ok_or_else(|| self.refusal())?;
        let (reply, answer) = oneshot::channel();
        owner.send(Order::Seal(reply)).await.map_err(|_| self.refusal())?;
        drop(owner);
        answer.await.unwrap_or_else(|_| Err(lost_owner()))
    }

    /// Takes part of a byte budget; a batch larger than all of it takes all of it.
    async fn admit(
        &self,
        budget: &Arc<Semaphore>,
        cost: usize,
        budget_bytes: usize,
    ) -> Result<OwnedSemaphorePermit, AppendError> {
        let permits = u32::try_from(cost.min(budget_bytes)).unwrap_or(u32::MAX);
        budget.clone().acquire_many_owned(permits).await.map_err(|_| self.refusal())
    }

    /// Why nothing can be appended any more.
    fn refusal(&self) -> AppendError {
        if self.stream.is_deleted() { AppendError::Deleted } else { AppendError::ShuttingDown }
    }

    /// Checks a batch against the limits; returns its bytes when sealed.
    fn check(&self, records: &[Record]) -> Result<usize, AppendError> {
        let too_large = |what, size: usize, limit: usize| {
            Err(AppendError::TooLarge { what, size: size as u64, limit: limit as u64 })
        };
        let limits = &self.core.limits;
        if records.is_empty() {
            return Err(AppendError::Empty);
        }
        if records.len() > limits.batch_records_max {
            return too_large("records of a batch", records.len(), limits.batch_records_max);
        }
        let mut bytes = 0_usize;
        for record in records {
            if record.head.len() > limits.head_bytes_max {
                return too_large("head", record.head.len(), limits.head_bytes_max);
            }
            if record.body.len() > limits.body_bytes_max {
                return too_large("body", record.body.len(), limits.body_bytes_max);
            }
            let body = usize::try_from(body_sealed_len(record.body.len() as u64)).unwrap_or(usize::MAX);
            bytes = bytes.saturating_add(body).saturating_add(record.head.len() + HEAD_OVERHEAD);
        }
        if bytes > limits.batch_bytes_max {
            return too_large("bytes of a sealed batch", bytes, limits.batch_bytes_max);
        }
        Ok(bytes)
    }

    /// Takes one of the reads that the shard gives per second to those without a rate of their own; whether there was one.
    pub fn admit_read(&self) -> bool {
        let now = self.core.env.clock.monotonic();
        let rates = self.core.config.rates.as_ref();
        let admitted = rates.is_none_or(|rates| self.cell.meter.admit_read(rates, now));
        if !admitted {
            self.count(&Traffic { throttled_reads: 1, ..Traffic::default() });
        }
        admitted
    }

    /// Takes from what the shard gives per second what such a reader got, in bytes.
    pub fn was_read(&self, bytes: u64) {
        if let Some(rates) = &self.core.config.rates {
            self.cell.meter.was_read(rates, bytes, self.core.env.clock.monotonic());
        }
    }

    /// Counts what the shard took or gave, for those who look at it.
    pub fn count(&self, traffic: &Traffic) {
        self.core.count(&self.stream, &self.cell, traffic);
    }

    fn check_alive(&self) -> Result<(), ReadError> {
        if self.stream.is_deleted() { Err(ReadError::Deleted) } else { Ok(()) }
    }

    /// Follows the ends of the shard; only durable records count. Closes when the stream is deleted.
    pub fn watch(&self) -> Result<watch::Receiver<Tail>, ReadError> {
        self.check_alive()?;
        Ok(self.core.store.watch(self.cell.info.id)?)
    }

    /// What the shard looks like now.
    pub async fn state(&self) -> Result<ShardState, ReadError> {
        self.check_alive()?;
        Ok(self.core.store.state(self.cell.info.id).await?)
    }

    /// The first record that arrived at or after `at`; the next sequence when there is none.
    pub async fn seek(&self, at: Arrival) -> Result<Seq, ReadError> {
        self.check_alive()?;
        Ok(self.core.store.seek(self.cell.info.id, at).await?)
    }

    /// The first record that arrived within a range of milliseconds since the Unix epoch, if there is one.
    pub async fn arrived_in(&self, from_ms: u64, to_ms: u64) -> Result<Option<Seq>, ReadError> {
        let seq = self.seek(Arrival(from_ms)).await?;
        let found = self.core.store.read(self.cell.info.id, seq, ONE_HEAD, Parts::Heads).await?;
        Ok(found.first().filter(|record| record.arrival.0 < to_ms).map(|record| record.seq))
    }

    /// Bytes that the records from `from` on take on disk, framing included.
    pub async fn stored_from(&self, from: Seq) -> Result<u64, ReadError> {
        self.check_alive()?;
        Ok(self.core.store.stored_from(self.cell.info.id, from).await?)
    }

    /// Bytes that all records take on disk; 0 if that cannot be known.
    pub(crate) async fn stored(&self) -> u64 {
        self.stored_from(Seq(0)).await.unwrap_or(0)
    }

    /// Records from `from` on, in order and without holes; at least one, however large, if there is one. Empty only
    /// when `from` is the next sequence. `limit` counts sealed bytes and is cut to [`READ_RECORDS_MAX`] and
    /// [`READ_BYTES_MAX`].
    pub async fn read(
        &self,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<PlainRecord>, ReadError> {
        let stored = self.read_sealed(from, limit, parts).await?;
        self.open(stored).await
    }

    /// Whole records from `from` on, for whoever goes on reading. `limit` is as for [`read`](Shard::read), for each page.
    pub fn pages(&self, from: Seq, limit: ReadLimit) -> Pages {
        Pages::new(self.clone(), from, limit)
    }

    pub(crate) async fn read_sealed(
        &self,
        from: Seq,
        limit: ReadLimit,
        parts: Parts,
    ) -> Result<Vec<StoredRecord>, ReadError> {
        self.check_alive()?;
        let limit = ReadLimit {
            records: limit.records.clamp(1, READ_RECORDS_MAX),
            bytes: limit.bytes.min(READ_BYTES_MAX),
        };
        let stored = self.core.store.read(self.cell.info.id, from, limit, parts).await?;
        for (index, record) in (0..).zip(&stored) {
            if record.seq != from.plus(index) {
                return Err(self.skipped(from.plus(index), record.seq));
            }
        }
        Ok(stored)
    }

    pub(crate) async fn open(&self, stored: Vec<StoredRecord>) -> Result<Vec<PlainRecord>, ReadError> {
        let records: Result<_, _> = stored.into_iter().map(|record| self.to_open(record)).collect();
        open_records(self.place(), records?).await
    }

    /// Whether a record is there to be read, as far as is known without asking.
    pub(crate) fn has_record(&self, seq: Seq) -> bool {
        self.core.store.watch(self.cell.info.id).is_ok_and(|tail| seq < tail.borrow().next)
    }

    /// A store must not pass over records: that is how loss shows.
    fn skipped(&self, expected: Seq, found: Seq) -> ReadError {
        ReadError::Corrupt(StoreError::Corrupt {
            place: format!("shard {} sequence {expected}", self.cell.info.id),
            what: format!("the store went on with sequence {found}"),
        })
    }

    /// A byte range of one body. Reads and opens the 256 KiB pieces that cover the range, no more.
    pub async fn body(&self, seq: Seq, range: Range<u64>) -> Result<Bytes, ReadError> {
        self.check_alive()?;
        let (store, shard) = (&self.core.store, self.cell.info.id);
        let mut found = store.read(shard, seq, ONE_HEAD, Parts::Heads).await?;
        let Some(record) = found.pop() else { return Err(ReadError::Unwritten { next: seq }) };
        let one = self.to_open(record)?;
        let covering = one.covering(&range)?;
        if covering.is_empty() {
            return Ok(Bytes::new());
        }
        let sealed = store.body(shard, seq, covering).await?;
        one.open_range(self.place(), sealed, range).await
    }

    /// Forgets every record before `before`; durable on return. Trimming backwards does nothing.
    pub async fn trim(&self, before: Seq) -> Result<(), ReadError> {
        self.check_alive()?;
        Ok(self.core.store.trim(self.cell.info.id, before).await?)
    }

    /// Number of the data key under which a record is sealed.
    pub(crate) async fn key_number(&self, seq: Seq) -> Result<Option<u32>, ReadError> {
        let found = self.core.store.read(self.cell.info.id, seq, ONE_HEAD, Parts::Heads).await?;
        found.first().map(key_number_of).transpose()
    }

    /// Whether the newest data key may be used: for readers who have come to the end, and would not know otherwise.
    pub fn check_key(&self) -> Result<(), ReadError> {
        let number = self.stream.keys.newest().ok_or(ReadError::Deleted)?;
        self.data_key(number).map(drop)
    }

    /// Finds the data key that a stored record names.
    fn to_open(&self, record: StoredRecord) -> Result<ToOpen, ReadError> {
        let key = self.data_key(key_number_of(&record)?)?;
        Ok(ToOpen { record, key })
    }

    fn data_key(&self, number: u32) -> Result<DataKey, ReadError> {
        let now = self.core.env.clock.monotonic();
        Ok(self.stream.keys.open(&self.core.vault, &self.stream.row_key, number, now)?)
    }
}

fn key_number_of(record: &StoredRecord) -> Result<u32, ReadError> {
    Ok(SealedHead::parse(&record.head).map_err(forged(record.seq))?.key_number())
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shard({})", self.cell.info.id)
    }
}
