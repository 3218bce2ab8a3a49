//! Many simulated lives of the record log, one seed each.

use crate::process::{self, Outcome, cargo};

/// Hands over to the simulation, built for speed.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let build =
        ["run", "--release", "--package", "shardlog", "--features", "testing", "--example", "simulate", "--"];
    let words = if words.is_empty() { &["1000"] } else { words };
    process::run(&mut cargo(&[&build, words].concat()))
}
