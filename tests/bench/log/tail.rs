//! Readers that follow cameras: what comes off the disk for them, and how soon they see a chunk.

use super::figures::{mib, percentile_ms};
use super::world::{Machine, batch};
use shardlog::LocalOptions;
use std::path::Path;
use std::time::{Duration, Instant};
use streams::{Parts, ReadLimit, Seq, Shard};

const CAMERAS: usize = 16;
const READERS_PER_CAMERA: usize = 4;
const CHUNKS: usize = 40;
const CHUNK_BYTES: usize = 125_000; // 250 ms at 4 Mbit/s
/// Four times as fast as they would come.
const PACE: Duration = Duration::from_micros(62_500);

pub(crate) async fn run(folder: &Path) {
    let machine = Machine::new(&folder.join("tail"));
    let world = machine.open("log", LocalOptions::default()).await;
    let shards = world.shards("camera", CAMERAS).await;
    let (_, read_before) = machine.reads.so_far();
    let readers: Vec<_> = shards
        .iter()
        .flat_map(|shard| (0..READERS_PER_CAMERA).map(|_| tokio::spawn(follow(shard.clone()))))
        .collect();
    let writers: Vec<_> = shards.iter().map(|shard| tokio::spawn(record(shard.clone()))).collect();
    for writer in writers {
        writer.await.expect("a camera");
    }
    let (mut bytes, mut waits) = (0, Vec::new());
    for reader in readers {
        let (read, waited) = reader.await.expect("a reader");
        bytes += read;
        waits.extend(waited);
    }
    let from_disk = machine.reads.so_far().1 - read_before;
    println!("\n{CAMERAS} cameras, {READERS_PER_CAMERA} readers each, at their tail");
    println!(
        "delivered {:.0} MiB, read from the log's files {:.1} MiB; fetched and opened in p50 {:.2}, p99 {:.2} ms",
        mib(bytes),
        mib(from_disk),
        percentile_ms(&mut waits, 50),
        percentile_ms(&mut waits, 99),
    );
    world.close().await;
}

async fn record(shard: Shard) {
    let chunk = batch(1, CHUNK_BYTES);
    let start = Instant::now();
    for turn in 0..CHUNKS as u32 {
        tokio::time::sleep_until((start + PACE * turn).into()).await;
        shard.append(chunk.clone()).await.expect("append").durable.await.expect("durable");
    }
}

/// Reads every chunk as soon as it is there. Returns the bytes, and how long each took to fetch.
async fn follow(shard: Shard) -> (u64, Vec<Duration>) {
    let mut tail = shard.watch().expect("a shard");
    let (mut next, mut bytes, mut waits) = (Seq(0), 0, Vec::new());
    while next < Seq(CHUNKS as u64) {
        tail.wait_for(|tail| tail.next > next).await.expect("a shard");
        let start = Instant::now();
        let records = shard.read(next, ReadLimit { records: 8, bytes: 1 << 20 }, Parts::Whole).await;
        let records = records.expect("records");
        waits.push(start.elapsed());
        next = next.plus(records.len() as u64);
        bytes += records.iter().map(|record| record.body_len).sum::<u64>();
    }
    (bytes, waits)
}
