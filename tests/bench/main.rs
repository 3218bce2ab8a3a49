//! `cargo xtask bench NAME`: figures side by side in one run, as ratios. Nothing here judges: machines differ.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // a program that measures real time and prints

mod disk;
mod ingest;
mod log;
mod process;
mod rtsp;
mod streams;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of this process so far.
fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ingest"] => ingest::run().await,
        ["log"] => log::run(None).await,
        ["log", part @ ("append" | "tail" | "replay" | "archive" | "idle")] => log::run(Some(part)).await,
        ["rtsp"] => rtsp::run(None).await,
        ["rtsp", cameras, mbits] => match (cameras.parse(), mbits.parse()) {
            (Ok(cameras), Ok(mbits)) => rtsp::run(Some((cameras, mbits))).await,
            _ => usage("rtsp takes a number of cameras and a bit rate in Mbit/s"),
        },
        ["streams"] => streams::run(None).await,
        ["streams", "memory"] => streams::memory().await,
        ["streams", who] => streams::run(Some(who)).await,
        ["bare-put-records"] => streams::serve_bare().await,
        [] => println!(
            "ingest   durable encrypted ingest over HTTP, beside a bare HTTP sink and the disk's own limit\n\
             log      the record log: appends, reads, many streams, beside the machine's own limits\n\
             rtsp     what a camera over RTSP costs, pushed and pulled, beside nginx-rtmp and ffmpeg as recorders\n\
             streams  data records in and out, beside emulators from npm, PyPI and crates.io, and a bare handler;\n         \
             streams NAME only those whose name begins so, streams memory what an hour's load leaves behind"
        ),
        other => usage(&format!("no benchmark {}; without a name they are listed", other.join(" "))),
    }
}

fn usage(what: &str) {
    eprintln!("{what}");
    std::process::exit(2);
}
