//! Benchmarks print ratios side by side in one run; none of them judges.

use crate::process::{self, Outcome, cargo};
use crate::setup::{self, Purpose};

/// Builds the release binaries and hands over to the benchmark program in tests/bench.
pub(crate) fn run(words: &[&str]) -> Outcome {
    setup::install(Purpose::Bench)?;
    if words.first() == Some(&"streams") {
        crate::peers::install(words.get(1).copied())?;
    }
    build_release()?;
    let args = [&["run", "--release", "--package", "bench", "--"], words].concat();
    process::run(&mut cargo(&args))
}

/// The server and the worker as they ship.
pub(crate) fn build_release() -> Outcome {
    process::run(&mut cargo(&["build", "--release", "--package", "server"]))?;
    let worker = ["build", "--release", "--package", "media", "--features", "gst", "--bin", "media-worker"];
    process::run(&mut cargo(&worker))
}
