//! A bounded sample of lives.

use super::{live, play};
use crate::env::{Clock, Random, SystemClock, SystemRandom};
use std::panic::catch_unwind;
use std::time::Duration;

/// For how long new seeds are tried.
const SAMPLE: Duration = Duration::from_secs(3);

fn must_live(seed: u64) {
    let lived = catch_unwind(|| {
        live(seed, false);
        play(seed);
    });
    assert!(
        lived.is_ok(),
        "see above; replay with KINETOSCOPE_SIM_SEED={seed} and add the seed to simulation/seeds.txt"
    );
}

/// Every seed that ever failed.
#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    let seeds = include_str!("seeds.txt").lines().filter_map(|line| line.split_whitespace().next());
    seeds.filter(|word| !word.starts_with('#')).for_each(|seed| must_live(seed.parse().unwrap()));
}

#[test]
fn new_seeds_live() {
    if let Ok(seed) = std::env::var("KINETOSCOPE_SIM_SEED") {
        return must_live(seed.parse().unwrap());
    }
    let mut random = [0; 8];
    SystemRandom.fill(&mut random);
    let clock = SystemClock::new();
    let mut seed = u64::from_le_bytes(random) >> 1;
    while clock.monotonic() < SAMPLE {
        must_live(seed);
        seed += 1;
    }
}

/// Otherwise a seed that fails could not be replayed.
#[test]
fn a_seed_lives_the_same_life_again() {
    for seed in 0..5 {
        let first = live(seed, true);
        let again = live(seed, true);
        let differs = first.trace.iter().zip(&again.trace).position(|(first, again)| first != again);
        assert!(first == again, "seed {seed} differs from line {differs:?} on");
    }
    assert_ne!(live(1, false).trace_sum, live(2, false).trace_sum);
}
