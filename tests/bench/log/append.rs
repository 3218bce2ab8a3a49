//! Appends through `streams`, which seals them with the vault, on to the disk: against the disk itself.

use super::figures::{median, percentile_ms};
use super::world::{Machine, World, batch, new_stream};
use crate::{allocations, disk, process};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shardlog::LocalOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use streams::{Record, Shard};
use tokio::sync::Semaphore;

/// Pairs of a round of ours and one of the disk's.
const ROUNDS: usize = 5;
/// Bytes of bodies in one round.
const ROUND_BYTES: usize = 96 << 20;
/// Bytes of bodies that all writers together have on their way.
const WINDOW_BYTES: usize = 64 << 20;
const LATENCY_SECONDS: f64 = 1.5;

struct Load {
    name: &'static str,
    body_bytes: usize,
    /// Records in one append.
    batch: usize,
}

const LOADS: [Load; 3] = [
    Load { name: "1 MiB", body_bytes: 1 << 20, batch: 1 },
    Load { name: "64 KiB", body_bytes: 64 << 10, batch: 1 },
    Load { name: "1 KiB", body_bytes: 1 << 10, batch: 256 },
];

/// What one round came to.
struct Round {
    mb_per_s: f64,
    /// Bytes of a write that was synced, on average.
    group_bytes: usize,
}

pub(crate) async fn run(folder: &Path) {
    println!("\nappends, sealed by the vault through `streams`, synced (1 KiB: 256 in a batch)");
    println!(
        "                                        × disk,       × a sync   ack at half load  CPU ms  allocations"
    );
    println!(
        "record   shards     MB/s   records/s  same groups   each record   p50     p99 ms   per MB   per record"
    );
    for load in &LOADS {
        for shards in [1, 16, 1000] {
            measure(folder, load, shards).await;
        }
    }
}

async fn measure(folder: &Path, load: &Load, count: usize) {
    let inside = tempfile::TempDir::new_in(folder).expect("a folder");
    let machine = Machine::new(inside.path());
    let world = machine.open("log", LocalOptions::default()).await;
    let name = format!("{count}");
    world.streams.create(new_stream(&name, count as u32)).await.expect("a stream");
    let shards: Vec<Shard> =
        (0..count as u32).map(|index| world.streams.shard(&name, index).expect("a shard")).collect();
    let records = batch(load.batch, load.body_bytes);
    push(&world, &shards, &records, ROUND_BYTES / 4).await; // every owner is there, the clocks are warm

    let (mut rates, mut ratios, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cpu_ms, mut allocated) = (0, 0);
    for _ in 0..ROUNDS {
        let before = (process::cpu_ms(std::process::id()), allocations());
        let round = push(&world, &shards, &records, ROUND_BYTES).await;
        cpu_ms += process::cpu_ms(std::process::id()) - before.0;
        allocated += allocations() - before.1;
        let (piece, body) = (round.group_bytes, load.body_bytes);
        rates.push(round.mb_per_s);
        ratios.push(round.mb_per_s / disk::write_and_sync(inside.path(), piece, ROUND_BYTES));
        loops.push(
            round.mb_per_s / disk::write_and_sync(inside.path(), body, (body * 100).min(ROUND_BYTES / 4)),
        );
    }
    let (rate, bytes) = (median(rates), (ROUNDS * ROUND_BYTES) as f64);
    let mut waits = wait_at(&shards, &records, rate * 1e6 / 2.0).await;
    println!(
        "{:<7}{count:>8}{rate:>9.0}{:>12.0}{:>13.2}{:>14.1}{:>8.1}{:>9.1}{:>9.2}{:>12.1}",
        load.name,
        rate * 1e6 / load.body_bytes as f64,
        median(ratios),
        median(loops),
        percentile_ms(&mut waits, 50),
        percentile_ms(&mut waits, 99),
        cpu_ms as f64 / (bytes / 1e6),
        allocated as f64 / (bytes / load.body_bytes as f64),
    );
    world.close().await;
}

/// Appends about `bytes` as fast as it goes, from all shards at once; all of it is durable on return.
async fn push(world: &World, shards: &[Shard], records: &[Record], bytes: usize) -> Round {
    let batch_bytes: usize = records.iter().map(|record| record.body.len()).sum();
    let appends = bytes.div_ceil(batch_bytes);
    let window = Arc::new(Semaphore::new((WINDOW_BYTES / batch_bytes).max(1)));
    let (taken, before, start) = (Arc::new(AtomicUsize::new(0)), world.store.stats(), Instant::now());
    let writers = shards.iter().map(|shard| {
        let (shard, records, taken, window) =
            (shard.clone(), records.to_vec(), taken.clone(), window.clone());
        tokio::spawn(async move {
            let mut on_the_way = FuturesUnordered::new();
            loop {
                let room = window.clone().acquire_owned();
                let room = tokio::select! {
                    room = room => room.expect("open"),
                    Some(()) = on_the_way.next() => continue,
                };
                if taken.fetch_add(1, Ordering::Relaxed) >= appends {
                    break;
                }
                let appended = shard.append(records.clone()).await.expect("append");
                on_the_way.push(async move {
                    appended.durable.await.expect("durable");
                    drop(room);
                });
            }
            while on_the_way.next().await.is_some() {}
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = world.store.stats();
    Round {
        mb_per_s: (appends * batch_bytes) as f64 / 1e6 / seconds,
        group_bytes: ((after.bytes_written - before.bytes_written) / (after.fsyncs - before.fsyncs).max(1))
            as usize,
    }
}

/// How long each append takes to be acknowledged when they come at an even pace, the shards in turn.
async fn wait_at(shards: &[Shard], records: &[Record], bytes_per_s: f64) -> Vec<Duration> {
    let batch_bytes: usize = records.iter().map(|record| record.body.len()).sum();
    let gap = batch_bytes as f64 / bytes_per_s;
    let (start, mut waits) = (Instant::now(), Vec::new());
    for (turn, shard) in (0..(LATENCY_SECONDS / gap) as usize).zip(shards.iter().cycle()) {
        let due = start + Duration::from_secs_f64(turn as f64 * gap);
        tokio::time::sleep_until(due.into()).await;
        let (shard, records) = (shard.clone(), records.to_vec());
        waits.push(tokio::spawn(async move {
            let appended = shard.append(records).await.expect("append");
            appended.durable.await.expect("durable");
            due.elapsed()
        }));
    }
    let mut measured = Vec::new();
    for wait in waits {
        measured.push(wait.await.expect("an append"));
    }
    measured
}
