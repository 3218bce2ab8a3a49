//! What every engine must do, as tests that take the engine as a parameter.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod appending;
mod lifecycle;
mod owning;
mod reading;
mod trimming;

use crate::env::sim::sim_env;
use crate::error::StoreError;
use crate::store::{LogStore, ShardWriter};
use crate::types::{
    Arrival, Epoch, Parts, ReadLimit, RetentionClass, SealedRecord, Seq, ShardId, StoredRecord,
};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs the whole suite. `make` gives a fresh, empty store each time.
///
/// # Panics
/// When the engine does not do what it should.
pub async fn run(make: impl AsyncFn() -> Arc<dyn LogStore>) {
    appending::run(&make).await;
    lifecycle::run(&make).await;
    owning::run(&make).await;
    reading::run(&make).await;
    trimming::run(&make).await;
}

const EVERYTHING: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// An id no other call of the process gives.
fn new_shard() -> ShardId {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    ShardId::new(&sim_env(CALLS.fetch_add(1, Ordering::Relaxed)).0)
}

/// A record whose contents follow from `n`, which is also when it arrives.
fn record(n: u64) -> SealedRecord {
    let head = Bytes::from(format!("head of {n}"));
    let body = Bytes::from(format!("body of {n} ").repeat((n % 40) as usize));
    SealedRecord { arrival: Arrival(n), head, body }
}

fn records(range: std::ops::Range<u64>) -> Vec<SealedRecord> {
    range.map(record).collect()
}

async fn new_writer(store: &dyn LogStore) -> (ShardId, Box<dyn ShardWriter>) {
    let shard = new_shard();
    store.create(shard, RetentionClass(1)).await.unwrap();
    let (state, writer) = store.claim(shard, Epoch(1)).await.unwrap();
    assert_eq!(state.tail.next, Seq(0));
    (shard, writer)
}

/// A shard that has the records `0..count`, each arriving at its own sequence.
async fn filled(store: &dyn LogStore, count: u64) -> (ShardId, Box<dyn ShardWriter>) {
    let (shard, mut writer) = new_writer(store).await;
    append(&mut writer, 0, records(0..count)).await.unwrap();
    (shard, writer)
}

/// Appends and waits until it is durable.
async fn append(
    writer: &mut Box<dyn ShardWriter>,
    first: u64,
    batch: Vec<SealedRecord>,
) -> Result<(), StoreError> {
    writer.append(Seq(first), batch).await?.await
}

async fn read_all(store: &dyn LogStore, shard: ShardId, from: u64) -> Vec<StoredRecord> {
    let mut all: Vec<StoredRecord> = Vec::new();
    loop {
        let found = store.read(shard, Seq(from + all.len() as u64), EVERYTHING, Parts::Whole).await.unwrap();
        if found.is_empty() {
            return all;
        }
        all.extend(found);
    }
}

/// Checks that what was read is the records `range` as [`record`] makes them.
fn assert_records(found: &[StoredRecord], range: std::ops::Range<u64>) {
    let expected: Vec<_> = range
        .map(|n| {
            let SealedRecord { arrival, head, body } = record(n);
            StoredRecord { seq: Seq(n), arrival, head, body_len: body.len() as u64, body: Some(body) }
        })
        .collect();
    assert_eq!(found, expected);
}

/// Checks that an operation failed in a given way.
macro_rules! assert_fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            Err(other) => panic!("expected {}, got {other:?}", stringify!($pattern)),
            Ok(_) => panic!("expected {}, got success", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_fails;
