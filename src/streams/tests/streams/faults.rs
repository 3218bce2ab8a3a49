//! Random faults: whatever fails, what was acknowledged is there, and what was refused is not.

use crate::meddling::Fate;
use crate::world::{World, read_all, record};
use shardlog::env::Random;
use std::collections::BTreeSet;
use streams::AppendError;

struct Dice(shardlog::env::sim::SeededRandom);

impl Dice {
    fn below(&self, bound: u8) -> u8 {
        let mut byte = [0];
        self.0.fill(&mut byte);
        byte[0] % bound
    }
}

/// What became of every batch, by its number.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<usize>,
    refused: BTreeSet<usize>,
}

async fn run(seed: u64) {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let dice = Dice(shardlog::env::sim::SeededRandom::new(seed));
    let mut told = Told::default();
    let mut waiting = Vec::new();
    for number in 0..60 {
        match dice.below(13) {
            0 => world.store.next_append(Fate::Refused),
            1 => world.store.next_append(Fate::Lost),
            2 => world.store.next_append(Fate::Written),
            3 => world.store.hold(true),
            4 | 5 => world.store.hold(false),
            6 => world.store.next_append(Fate::NotWritten),
            7 => world.sim.clock.advance(std::time::Duration::from_secs(3600)),
            _ => {}
        }
        let size = usize::from(1 + dice.below(3));
        let batch = (0..size).map(|i| record(&format!("{number} {i} {size}"), vec![0; number])).collect();
        // Behind a lost writer, an append waits for those in flight to be decided, which a held store does not do.
        let append = shard.append(batch);
        tokio::pin!(append);
        let appended = loop {
            tokio::select! {
                biased;
                appended = &mut append => break appended,
                () = settle() => world.store.hold(false),
            }
        };
        match appended {
            Ok(appended) => waiting.push((number, size, appended)),
            Err(AppendError::Unavailable(_)) => {
                told.refused.insert(number);
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    world.store.hold(false);
    for (number, size, appended) in waiting {
        match appended.durable.await {
            Ok(()) => {
                told.acknowledged.insert(number);
                let limit = streams::ReadLimit { records: size, bytes: 1 << 20 };
                let found = shard.read(appended.first, limit, streams::Parts::Whole).await.unwrap();
                assert_eq!(found[0].head, format!("{number} 0 {size}"), "seed {seed}");
            }
            Err(AppendError::Unknown(_)) => {}
            Err(AppendError::Unavailable(_)) => {
                told.refused.insert(number);
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    streams.shutdown().await;
    check(seed, &told, &read_all(&shard).await);
}

/// Gives every other task its turn several times.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn check(seed: u64, told: &Told, all: &[streams::PlainRecord]) {
    let parse = |record: &streams::PlainRecord| -> Vec<usize> {
        let head = std::str::from_utf8(&record.head).unwrap();
        head.split(' ').map(|number| number.parse().unwrap()).collect()
    };
    let mut found = BTreeSet::new();
    let mut rest = all;
    while let Some(first) = rest.first() {
        let [number, 0, size] = parse(first)[..] else { panic!("seed {seed}: a batch is not in one piece") };
        for (index, record) in rest[..size].iter().enumerate() {
            assert_eq!(parse(record), [number, index, size], "seed {seed}");
        }
        assert!(found.last().is_none_or(|last| *last < number), "seed {seed}: order, or a batch twice");
        found.insert(number);
        rest = &rest[size..];
    }
    assert!(told.acknowledged.is_subset(&found), "seed {seed}: lost {:?}", &told.acknowledged - &found);
    assert!(told.refused.is_disjoint(&found), "seed {seed}: refused, and yet there");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_and_what_was_refused_is_not() {
    for seed in 0..60 {
        run(seed).await;
    }
}
