//! Random lives of the local engine, each following from its seed, held against a model.
//!
//! A life is some dozens of steps on a simulated machine: writers append, trim, seal, delete and claim each other's shards
//! while others read; devices fail, disks fill up, bits turn over; the process is killed and the power cut, in the middle of
//! anything. After each step everything that the seam can be asked is compared with the [model](model). What was
//! acknowledged must be there; what was refused must not; what nobody knows must be there whole or not at all, and once
//! it was seen either way it must stay so.
//!
//! A seed also gives a history: several clients on one shard at once, with faults, whose answers must be those that a
//! shard could have given which does one thing after the other ([linear](linear)).
//!
//! A seed that failed is written to `seeds.txt`, which the tests run first. `KINETOSCOPE_SIM_SEED=N` replays one. How soon the
//! simulation notices an engine that is broken on purpose stands in `mutations.md`.

#![expect(clippy::expect_used, clippy::panic, reason = "a simulation fails by panicking")]

mod action;
mod answer;
mod check;
mod history;
mod linear;
mod model;
mod rot;
mod world;

#[cfg(test)]
mod tests;

use crate::env::sim::{SimFiles, SimThreads};
use world::World;

/// Steps of one life.
const STEPS: u32 = 40;

/// What a life left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// A checksum of every operation on files and every answer.
    pub trace_sum: u64,
    /// The same in words, if they were asked for.
    pub trace: Vec<String>,
}

/// Lives the life of a seed.
///
/// # Panics
/// When the engine does not do what it should.
pub fn live(seed: u64, traced: bool) -> Life {
    let threads = SimThreads::new(seed ^ 0x7475_726e);
    threads.run(|| {
        threads.block_on(async {
            let mut world = World::new(threads.clone(), seed, traced).await;
            let files = world.rig.machine.files.clone();
            let _said = SayWhenPanicking(files.clone());
            for _ in 0..STEPS {
                world.step().await;
            }
            world.end().await;
            let (trace_sum, trace) = files.trace();
            Life { trace_sum, trace }
        })
    })
}

/// Plays the history of a seed: several clients on one shard at once, with faults, whose answers must be linearizable.
///
/// # Panics
/// When they are not.
pub fn play(seed: u64) {
    history::play(seed);
}

/// Prints the trace when a life fails, if its words were kept.
struct SayWhenPanicking(SimFiles);

impl Drop for SayWhenPanicking {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.trace().1.iter().for_each(|line| eprintln!("{line}"));
        }
    }
}
