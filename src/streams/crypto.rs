//! Sealing batches and opening records, off the async runtime when they are large.

use crate::error::{AppendError, CatalogueError, ReadError};
use crate::limits::INLINE_CRYPTO_BYTES;
use crate::types::{PlainRecord, Record};
use bytes::Bytes;
use shardlog::env::Random;
use shardlog::{Arrival, SealedRecord, Seq, StoredRecord};
use std::ops::Range;
use std::sync::Arc;
use vault::seal::{HEAD_OVERHEAD, body_sealed_len, sealed_range};
use vault::{BatchSealer, DataKey, OpenError, RecordContext, SealError, SealedHead};

/// The work on a blocking thread did not end: it panicked, or the runtime is going down.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl From<Interrupted> for CatalogueError {
    fn from(_: Interrupted) -> Self {
        Self::ShuttingDown
    }
}

impl From<Interrupted> for ReadError {
    fn from(_: Interrupted) -> Self {
        Self::ShuttingDown
    }
}

impl From<Interrupted> for AppendError {
    fn from(_: Interrupted) -> Self {
        Self::ShuttingDown
    }
}

/// Runs work that takes long, or waits for the disk, where it may.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Interrupted> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Interrupted)
}

/// The environment's randomness as the vault wants it.
#[derive(Clone)]
pub(crate) struct EnvEntropy(pub(crate) Arc<dyn Random>);

impl vault::Entropy for EnvEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }
}

/// The shard that records are bound to.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: u128,
    pub(crate) shard: u128,
}

impl Place {
    fn context(self, seq: Seq) -> RecordContext {
        RecordContext { stream: self.stream, shard: self.shard, seq: seq.0 }
    }
}

/// Seals batches of one shard.
pub(crate) struct Sealing {
    pub(crate) key: DataKey,
    pub(crate) key_number: u32,
    pub(crate) entropy: EnvEntropy,
    pub(crate) place: Place,
}

impl Sealing {
    /// Seals a batch for the places `first`, `first + 1` …
    pub(crate) async fn seal(
        self,
        first: Seq,
        arrival: Arrival,
        records: Vec<Record>,
    ) -> Result<Vec<SealedRecord>, AppendError> {
        let bytes: usize = records.iter().map(|record| record.head.len() + record.body.len()).sum();
        let sealed = if bytes > INLINE_CRYPTO_BYTES {
            off_runtime(move || self.seal_here(first, arrival, &records)).await?
        } else {
            self.seal_here(first, arrival, &records)
        };
        // Heads and bodies were checked at admission, and no batch has enough records to run out of nonces.
        sealed.map_err(|error| AppendError::Unavailable(Arc::new(error)))
    }

    fn seal_here(
        &self,
        first: Seq,
        arrival: Arrival,
        records: &[Record],
    ) -> Result<Vec<SealedRecord>, SealError> {
        let mut sealer = BatchSealer::new(&self.key, self.key_number, &self.entropy);
        let heads = records.iter().map(|record| record.head.len() + HEAD_OVERHEAD).sum();
        let bodies: u64 = records.iter().map(|record| body_sealed_len(record.body.len() as u64)).sum();
        sealer.reserve(heads, bodies as usize); // bounded by what a batch may be
        let seal = |(index, record): (u64, &Record)| {
            let parts = sealer.seal(&self.place.context(first.plus(index)), &record.head, &record.body)?;
            Ok(SealedRecord { arrival, head: parts.head, body: parts.body })
        };
        (0..).zip(records).map(seal).collect()
    }
}

/// A stored record and the data key that its head names.
pub(crate) struct ToOpen {
    pub(crate) record: StoredRecord,
    pub(crate) key: DataKey,
}

impl ToOpen {
    /// Takes the sealed head apart; its claims about the body must fit what the store says.
    fn head(&self) -> Result<SealedHead<'_>, OpenError> {
        let head = SealedHead::parse(&self.record.head)?;
        let (expected, found) = (head.body_sealed_len(), self.record.body_len);
        if expected == found { Ok(head) } else { Err(OpenError::BodyLength { expected, found }) }
    }

    fn open(&self, place: Place) -> Result<PlainRecord, ReadError> {
        let record = &self.record;
        let context = place.context(record.seq);
        let head = self.head().map_err(forged(record.seq))?;
        let body = record.body.as_ref().map(|sealed| self.key.open_body(&context, &head, sealed)).transpose();
        Ok(PlainRecord {
            seq: record.seq,
            arrival: record.arrival,
            head: self.key.open_head(&context, &head).map_err(forged(record.seq))?,
            body_len: head.body_len(),
            body: body.map_err(forged(record.seq))?,
        })
    }

    /// The sealed bytes that cover a range of the body, and the body's length in the clear.
    pub(crate) fn covering(&self, range: &Range<u64>) -> Result<Range<u64>, ReadError> {
        let seq = self.record.seq;
        self.head().and_then(|head| sealed_range(range.clone(), head.body_sealed_len())).map_err(|error| {
            match error {
                OpenError::Range { start, end, len } => ReadError::OutOfRange { start, end, len },
                other => forged(seq)(other),
            }
        })
    }

    /// Opens the covering bytes of a range of the body.
    pub(crate) async fn open_range(
        self,
        place: Place,
        sealed: Bytes,
        range: Range<u64>,
    ) -> Result<Bytes, ReadError> {
        let seq = self.record.seq;
        let large = sealed.len() > INLINE_CRYPTO_BYTES;
        let open = move || {
            let head = self.head()?;
            self.key.open_range(&place.context(seq), &head, &sealed, range, self.record.body_len)
        };
        let opened = if large { off_runtime(open).await? } else { open() };
        opened.map_err(forged(seq))
    }
}

/// Opens records, as far as they were read.
pub(crate) async fn open_records(place: Place, records: Vec<ToOpen>) -> Result<Vec<PlainRecord>, ReadError> {
    let size = |one: &ToOpen| one.record.head.len() + one.record.body.as_ref().map_or(0, Bytes::len);
    let large = records.iter().map(size).sum::<usize>() > INLINE_CRYPTO_BYTES;
    let open = move || records.iter().map(|one| one.open(place)).collect();
    if large { off_runtime(open).await? } else { open() }
}

/// What it means that a record does not open.
pub(crate) fn forged(seq: Seq) -> impl Fn(OpenError) -> ReadError {
    move |cause| ReadError::Forged { seq, cause }
}
