//! What a long load leaves behind in memory: as many records as four shards take in an hour, put as fast as they go, while
//! readers read the stream from its beginning.

use super::load::{self, SHARDS};
use super::unlimited;
use crate::process;
use tests::harness::server::Server;

/// What a shard of the service takes in an hour at its limit.
const RECORDS_PER_SHARD: u64 = 3_600 * 1_000;
const WRITERS: usize = 8;
const READERS: usize = 2;

pub(crate) async fn run() {
    let goal = SHARDS as u64 * RECORDS_PER_SHARD;
    let server = Server::start_with(unlimited()).await;
    if let Err(why) = load::make_stream(server.url()).await {
        println!("{why}");
        return;
    }
    println!(
        "{goal} records of 1 KiB, an hour of {SHARDS} shards, from {WRITERS} writers beside {READERS} readers\n"
    );
    println!("{:>12} {:>9} {:>13} {:>12}", "records put", "rec/s", "read, rec/s", "memory MiB");
    let (pids, mut records) = ([server.pid()], 0.0);
    while records < goal as f64 {
        let (put, got) =
            tokio::join!(load::put(server.url(), &pids, WRITERS), load::get(server.url(), &pids, READERS));
        if put.failed + got.failed > 0 {
            println!("{} calls failed: {:?}", put.failed + got.failed, put.reason.or(got.reason));
            return;
        }
        records += put.records_per_s * load::LASTING.as_secs_f64();
        let memory = process::memory_kib(server.pid()) / 1024;
        println!("{records:>12.0} {:>9.0} {:>13.0} {memory:>12}", put.records_per_s, got.records_per_s);
    }
    println!("\npeak {} MiB", process::peak_memory_mib(server.pid()));
}
