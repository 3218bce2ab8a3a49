//! A month of a hundred cameras, as far as its metadata goes: bodies are small, heads and records as many as 100 GB of
//! footage have. Seek by time, list a day, open after a kill.

use super::figures::{mib, percentile_ms};
use super::world::{Machine, World, batch, drop_caches};
use shardlog::LocalOptions;
use std::path::Path;
use std::time::{Duration, Instant};
use streams::{Arrival, Parts, ReadLimit, Seq, Shard};

const CAMERAS: usize = 100;
const DAYS: u64 = 30;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// Any time will do.
const START_MS: u64 = 1_790_000_000_000;
/// 100 GB in chunks of 125 kB (250 ms at 4 Mbit/s) …
const RECORDS: usize = 800_000;
/// … in files of 256 MiB.
const SEGMENTS: usize = 400;
const BATCH: usize = 20;
const SEEKS: u64 = 5000;
const OPEN_SEGMENT_MIB: usize = 200;

pub(crate) async fn run(folder: &Path) {
    let machine = Machine::new(&folder.join("archive"));
    // What a footer says of a record, with the head that `batch` gives it and its sealing.
    let table_bytes = RECORDS / SEGMENTS * 170;
    let options =
        LocalOptions { table_bytes, segment_age: Duration::from_secs(1 << 40), ..LocalOptions::default() };
    let world = machine.open("log", options.clone()).await;
    let shards = world.shards("camera", CAMERAS).await;
    fill(&machine, &shards).await;
    println!(
        "\n{CAMERAS} cameras over {DAYS} days: {RECORDS} records in {} segments",
        world.store.stats().segments
    );
    seek(&shards).await;
    list(&machine, &shards[7]).await;
    // What a start after a kill cannot leave to footers: the segment that was being written.
    for _ in 0..OPEN_SEGMENT_MIB {
        shards[0].append(batch(1, 1 << 20)).await.expect("append").durable.await.expect("durable");
    }
    drop(shards);
    open_after_kill(&machine, world, options).await;
}

/// The cameras in turn, evenly over all days.
async fn fill(machine: &Machine, shards: &[Shard]) {
    let turns = RECORDS / CAMERAS / BATCH;
    let records = batch(BATCH, 16);
    for turn in 0..turns as u64 {
        machine.clock.set(START_MS + DAYS * DAY_MS * turn / turns as u64);
        let appends = shards.iter().map(|shard| async {
            shard.append(records.clone()).await.expect("append").durable.await.expect("durable");
        });
        futures_util::future::join_all(appends).await;
    }
}

async fn seek(shards: &[Shard]) {
    let mut waits = Vec::new();
    for round in 0..2 {
        waits.clear();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64; // the same places in both rounds: the first warms the cache
        for _ in 0..SEEKS {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let shard = &shards[(state >> 33) as usize % CAMERAS];
            let at = Arrival(START_MS + (state >> 20) % (DAYS * DAY_MS));
            let start = Instant::now();
            shard.seek(at).await.expect("seek");
            waits.push(start.elapsed());
        }
        if round == 1 {
            println!(
                "seek to any instant of any camera, warm: p50 {:.3}, p99 {:.3} ms",
                percentile_ms(&mut waits, 50),
                percentile_ms(&mut waits, 99)
            );
        }
    }
}

/// A day in the middle.
async fn list(machine: &Machine, shard: &Shard) {
    let day = START_MS + 11 * DAY_MS;
    let from = shard.seek(Arrival(day)).await.expect("seek");
    let to = shard.seek(Arrival(day + DAY_MS)).await.expect("seek");
    let (calls, bytes) = machine.reads.so_far();
    let (start, mut next, mut heads) = (Instant::now(), from, 0);
    while next < to {
        let limit = ReadLimit { records: (to.0 - next.0).min(1000) as usize, bytes: 1 << 20 };
        let found = shard.read(next, limit, Parts::Heads).await.expect("heads");
        heads += found.iter().map(|record| record.head.len() as u64).sum::<u64>();
        next = Seq(next.0 + found.len() as u64);
    }
    let after = machine.reads.so_far();
    println!(
        "list a day of one camera: {} records, {:.1} KiB of heads; {} reads, {:.1} KiB, {:.1} ms",
        to.0 - from.0,
        heads as f64 / 1024.0,
        after.0 - calls,
        (after.1 - bytes) as f64 / 1024.0,
        start.elapsed().as_secs_f64() * 1e3
    );
}

/// Opens the files as a kill at this moment would leave them.
async fn open_after_kill(machine: &Machine, world: World, options: LocalOptions) {
    let (log, killed) = (machine.folder.join("log"), machine.folder.join("killed"));
    copy_open_segments(&log, &killed);
    world.close().await;
    for (name, cold) in [("cold", true), ("warm", false)] {
        if cold {
            drop_caches(&killed);
        }
        let (calls, bytes) = machine.reads.so_far();
        let start = Instant::now();
        let world = machine.open("killed", options.clone()).await;
        let seconds = start.elapsed().as_secs_f64();
        let after = machine.reads.so_far();
        println!(
            "open after a kill, metadata of 100 GB and an open segment of {OPEN_SEGMENT_MIB} MiB, {name}: {seconds:.2} s; {} reads, {:.1} MiB",
            after.0 - calls,
            mib(after.1 - bytes)
        );
        // The next one finds the same: nothing is written in between but the cut end.
        std::mem::forget(world.streams);
        world.store.close().await;
    }
}

/// Closed segments do not change, so links to them do; the newest of a lane is copied.
fn copy_open_segments(from: &Path, to: &Path) {
    for lane in std::fs::read_dir(from).expect("the log").flatten().filter(|entry| entry.path().is_dir()) {
        let target = to.join(lane.file_name());
        std::fs::create_dir_all(&target).expect("a folder");
        let mut segments: Vec<_> = std::fs::read_dir(lane.path()).expect("a lane").flatten().collect();
        segments.sort_by_key(std::fs::DirEntry::file_name);
        let newest = segments.pop().expect("a segment");
        for segment in segments {
            std::fs::hard_link(segment.path(), target.join(segment.file_name())).expect("a link");
        }
        let copy = target.join(newest.file_name());
        std::fs::copy(newest.path(), &copy).expect("a copy");
        std::fs::File::open(&copy).and_then(|file| file.sync_all()).expect("sync");
    }
}
