//! Lives many simulated lives of the log: `simulate COUNT [FIRST]`, or replays one and prints all it did: `simulate --seed N`.
//!
//! Ends with 1 when a seed failed; each that did is printed.
#![allow(clippy::print_stdout)] // a command-line program speaks on stdout

use shardlog::env::{Clock, Random, SystemClock, SystemRandom};
use shardlog::simulation::{live, play};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Duration;

/// How often to say how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().ok();
    match words.as_slice() {
        ["--seed", seed] => number(seed).map(replay),
        [count] => number(count).map(|count| run(count, random_seed())),
        [count, first] => number(count).zip(number(first)).map(|(count, first)| run(count, first)),
        _ => None,
    }
    .unwrap_or_else(|| {
        eprintln!("usage: simulate COUNT [FIRST SEED] | simulate --seed SEED");
        ExitCode::from(2)
    })
}

fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes) >> 16
}

fn replay(seed: u64) -> ExitCode {
    let lived = catch_unwind(|| {
        play(seed);
        live(seed, true)
    });
    match lived {
        Ok(life) => {
            life.trace.iter().for_each(|line| println!("{line}"));
            println!("seed {seed} lived; trace {:016x}", life.trace_sum);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE, // the panic and the trace up to it have been printed
    }
}

fn run(count: u64, first: u64) -> ExitCode {
    let clock = SystemClock::new();
    let mut failed = Vec::new();
    let mut reported = Duration::ZERO;
    println!("{count} seeds from {first} on");
    for seed in first..first.saturating_add(count) {
        let lived = catch_unwind(|| {
            live(seed, false);
            play(seed);
        });
        if lived.is_err() {
            println!("seed {seed} failed; replay it with `simulate --seed {seed}`");
            failed.push(seed);
        }
        let now = clock.monotonic();
        if now - reported >= REPORT_EVERY {
            println!("{} seeds in {} s, {} failed", seed - first + 1, now.as_secs(), failed.len());
            reported = now;
        }
    }
    println!("{count} seeds from {first} on in {} s, failed: {failed:?}", clock.monotonic().as_secs());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
