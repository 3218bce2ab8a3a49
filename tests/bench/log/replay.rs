//! Replay of what no cache has: read, verified and opened, against reading a file of the same size.

use super::figures::median;
use super::world::{Machine, batch, drop_cache, drop_caches};
use crate::process;
use shardlog::LocalOptions;
use std::io::Read;
use std::path::Path;
use std::time::Instant;
use streams::{ReadLimit, Seq, Shard};

const ROUNDS: u64 = 5;
/// Of all cameras together.
const ROUND_BYTES: usize = 128 << 20;
const PIECE_BYTES: usize = 4 << 20;

pub(crate) async fn run(folder: &Path) {
    println!("\nreplay from a cold cache (posix_fadvise DONTNEED), opened with the stream's keys");
    println!("records                           MB/s   × disk   CPU ms per MB");
    measure(folder, "1 MiB, of one camera", 1 << 20, 1).await;
    measure(folder, "125 kB, of one camera", 125_000, 1).await;
    measure(folder, "125 kB, of one among 16", 125_000, 16).await;
}

async fn measure(folder: &Path, name: &str, body_bytes: usize, cameras: usize) {
    let inside = tempfile::TempDir::new_in(folder).expect("a folder");
    let machine = Machine::new(inside.path());
    // Nothing of what is replayed may be in our own memory either.
    let world = machine.open("log", LocalOptions::default()).await;
    let shards = world.shards("camera", cameras).await;
    let per_round = (ROUND_BYTES / cameras / body_bytes) as u64;
    for _ in 0..ROUNDS * per_round {
        let appends = shards.iter().map(|shard| shard.append(batch(1, body_bytes)));
        for appended in futures_util::future::join_all(appends).await {
            appended.expect("append").durable.await.expect("durable");
        }
    }
    world.close().await;
    let world = machine.open("log", LocalOptions::default()).await;
    let shard = world.streams.shard("camera-0", 0).expect("a shard");
    let peer = inside.path().join("peer");
    std::fs::write(&peer, vec![5; ROUND_BYTES]).expect("write");
    std::fs::File::open(&peer).and_then(|file| file.sync_all()).expect("sync");

    let (mut rates, mut ratios, mut cpu_ms) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        drop_caches(&machine.folder.join("log"));
        let before = process::cpu_ms(std::process::id());
        let rate = replay(&shard, round * per_round, per_round).await;
        cpu_ms += process::cpu_ms(std::process::id()) - before;
        drop_cache(&peer);
        rates.push(rate);
        ratios.push(rate / read_file(&peer));
    }
    let bytes = (ROUNDS * per_round) as f64 * body_bytes as f64;
    println!(
        "{name:<28}{:>10.0}{:>9.2}{:>16.2}",
        median(rates),
        median(ratios),
        cpu_ms as f64 / (bytes / 1e6)
    );
    world.close().await;
}

/// MB/s of bodies.
async fn replay(shard: &Shard, from: u64, records: u64) -> f64 {
    let (start, mut bytes) = (Instant::now(), 0);
    let mut pages = shard.pages(Seq(from), ReadLimit { records: usize::MAX, bytes: PIECE_BYTES });
    while pages.position() < Seq(from + records) {
        let found = pages.next().await.expect("records");
        bytes +=
            found.iter().filter_map(|record| record.body.as_ref()).map(|body| body.len() as u64).sum::<u64>();
    }
    bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn read_file(path: &Path) -> f64 {
    let mut file = std::fs::File::open(path).expect("open");
    let (start, mut piece, mut bytes) = (Instant::now(), vec![0; PIECE_BYTES], 0);
    loop {
        match file.read(&mut piece).expect("read") {
            0 => return bytes as f64 / 1e6 / start.elapsed().as_secs_f64(),
            read => bytes += read,
        }
    }
}
