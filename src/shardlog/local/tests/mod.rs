//! Tests of the engine as a whole, on simulated machines.

mod damage;
mod failing;
mod fixture;
mod gate;
mod opening;
mod reading;
mod recent;
mod reclaiming;
mod rot;

use super::*;
use crate::env::sim::{SimHandles, sim_env};
use crate::env::{File, OpenMode};
use crate::store::{LogStore, ShardWriter};
use crate::types::*;
use bytes::Bytes;
use std::ops::Range;
use std::time::Duration;

const EVERYTHING: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// Segments so small that every test rolls through several, and no memory of bodies: what is read is what is on disk.
fn small() -> LocalOptions {
    LocalOptions { segment_bytes: 4 << 10, table_bytes: 4 << 10, recent_bytes: 0, ..LocalOptions::default() }
}

/// A store on a machine of its own, and one shard with its writer.
struct Bench {
    machine: SimHandles,
    store: LocalStore,
    options: LocalOptions,
    shard: ShardId,
    writer: Box<dyn ShardWriter>,
    next: u64,
}

impl Bench {
    async fn new(options: LocalOptions) -> Self {
        let (env, machine) = sim_env(7);
        let store = LocalStore::open("/log", options.clone(), env).await.unwrap();
        let shard = ShardId::new(&machine.env());
        store.create(shard, RetentionClass(0)).await.unwrap();
        let (_, writer) = store.claim(shard, Epoch(1)).await.unwrap();
        Self { machine, store, options, shard, writer, next: 0 }
    }

    /// Appends records one by one, each durable before the next.
    async fn append(&mut self, count: u64, body_len: usize) {
        for _ in 0..count {
            self.try_append(body_len).await.unwrap();
        }
        self.lane_is_idle().await;
    }

    /// Returns when the lane has done, besides answering, all that the operations so far have led to.
    async fn lane_is_idle(&self) {
        self.store.trim(self.shard, Seq(0)).await.unwrap();
    }

    async fn try_append(&mut self, body_len: usize) -> Result<(), StoreError> {
        self.writer.append(Seq(self.next), vec![record(self.next, body_len)]).await?.await?;
        self.next += 1;
        Ok(())
    }

    /// Checks that the records `range` are there, whatever lengths their bodies have.
    async fn assert_records(&self, range: Range<u64>) {
        assert_eq!(self.store.state(self.shard).await.unwrap().tail.first, Seq(range.start));
        assert_eq!(self.store.state(self.shard).await.unwrap().tail.next, Seq(range.end));
        let mut seq = range.start;
        while seq < range.end {
            let found = self.store.read(self.shard, Seq(seq), EVERYTHING, Parts::Whole).await.unwrap();
            assert!(!found.is_empty());
            for found in found {
                let SealedRecord { arrival, head, body } = record(seq, found.body_len as usize);
                assert_eq!(
                    (found.seq, found.arrival, found.head, found.body),
                    (Seq(seq), arrival, head, Some(body))
                );
                seq += 1;
            }
        }
    }

    async fn reopen(&mut self, env: Env) -> Result<(), StoreError> {
        self.store = LocalStore::open("/log", self.options.clone(), env).await?;
        Ok(())
    }

    /// Ends the process without warning and starts it again.
    async fn kill(&mut self) {
        let env = self.machine.kill();
        self.reopen(env).await.unwrap();
    }

    async fn claim(&mut self, epoch: u64) {
        self.writer = self.store.claim(self.shard, Epoch(epoch)).await.unwrap().1;
    }

    /// Paths of the segments of the lane, oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let names = self.machine.env().files.list(Path::new("/log/00-00")).unwrap();
        names.into_iter().map(|name| Path::new("/log/00-00").join(name)).collect()
    }

    fn file(&self, path: &Path) -> Arc<dyn File> {
        self.machine.env().files.open(path, OpenMode::Write).unwrap()
    }

    /// Where the frame of a record lies.
    fn place(&self, seq: u64) -> (PathBuf, block::Entry) {
        let located =
            self.store.inner.context.shard(self.shard).unwrap().index().locate(Seq(seq), 1).unwrap();
        match located {
            index::Located::Open(segment, entries) => (segment.path.clone(), entries[0].clone()),
            index::Located::Block(block) => {
                let entries = reader::load(&self.store.inner.context, &block).unwrap();
                (block.segment.path.clone(), entries[(seq - block.info.first.0) as usize].clone())
            }
            index::Located::End => panic!("no such record"),
        }
    }
}

fn record(seq: u64, body_len: usize) -> SealedRecord {
    let body: Vec<u8> = (0..body_len).map(|i| (i as u64 * 31 + seq * 7 + 1) as u8).collect();
    SealedRecord {
        arrival: Arrival(1000 + seq),
        head: Bytes::from(format!("head {seq}")),
        body: Bytes::from(body),
    }
}

fn bytes_of(file: &dyn File) -> Vec<u8> {
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn flip(file: &dyn File, offset: u64) {
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[&[byte[0] ^ 0x40]], offset).unwrap();
    file.sync_data().unwrap();
}

#[tokio::test]
async fn conforms_with_large_segments() {
    crate::conformance::run(async || {
        let (env, _) = sim_env(1);
        Arc::new(LocalStore::open("/log", LocalOptions::default(), env).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}

#[tokio::test]
async fn conforms_with_small_segments_and_several_lanes() {
    crate::conformance::run(async || {
        let (env, _) = sim_env(1);
        let options = LocalOptions { lanes_per_class: 3, ..small() };
        Arc::new(LocalStore::open("/log", options, env).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}

#[tokio::test]
async fn conforms_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU64::new(0);
    crate::conformance::run(async || {
        let dir = dir.path().join(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string());
        Arc::new(LocalStore::open(dir, small(), Env::real()).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}
