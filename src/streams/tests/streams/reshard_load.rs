//! Splitting and merging under load: no record is lost, and those of one key keep their order, from parent to child.

use crate::world::{World, data, read_all, record};
use shardlog::env::sim::{SeededRandom, sim_env};
use shardlog::local::{LocalOptions, LocalStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use streams::{KeyedRecord, Parts, ReadLimit, ReshardError, Seq, StreamInfo, Streams};
use tokio::sync::watch;

const KEYS: u64 = 24;
const WRITERS: u64 = 3;
/// Shards a stream grows to.
const OPEN_MAX: u32 = 12;

/// Numbers by key: those of one key are appended one after the other, from 1 on.
type Numbers = BTreeMap<u64, u64>;

/// Keys lie all over the key space.
fn hash_of(key: u64) -> u128 {
    u128::from(key) * (u128::MAX / u128::from(KEYS)) + 99
}

fn parse(head: &[u8]) -> (u64, u64) {
    let (key, number) = std::str::from_utf8(head).unwrap().split_once(' ').unwrap();
    (key.parse().unwrap(), number.parse().unwrap())
}

/// Appends under the keys of one writer, going on behind `last`, so many times or until it is refused. Returns what was
/// acknowledged.
async fn write(streams: Streams, writer: u64, mut last: Numbers, calls: u64) -> Vec<(u64, u64)> {
    let random = SeededRandom::new(writer);
    let mut acknowledged = Vec::new();
    for _ in 0..calls {
        let mut numbers = Vec::new();
        for _ in 0..1 + random.below(8) {
            let key = random.below(KEYS / WRITERS) * WRITERS + writer;
            let number = last.entry(key).or_default();
            *number += 1;
            numbers.push((key, *number));
        }
        let keyed = |&(key, number): &(u64, u64)| KeyedRecord {
            hash_key: hash_of(key),
            counts: 100,
            record: record(&format!("{key} {number}"), vec![7; 100]),
        };
        let keyed = numbers.iter().map(keyed).collect();
        let Ok(answers) = streams.append_by_hash("orders", keyed).await else { break };
        let failed = answers.iter().any(Result::is_err);
        let answered = numbers.into_iter().zip(answers);
        acknowledged.extend(answered.filter(|(_, answer)| answer.is_ok()).map(|(number, _)| number));
        if failed {
            break;
        }
    }
    acknowledged
}

/// One change of the shards, whichever.
async fn change(streams: &Streams, random: &SeededRandom) -> Result<(), ReshardError> {
    let info = streams.describe("orders")?;
    let open: Vec<_> = info.open_shards().copied().collect();
    let pick = random.below(open.len() as u64) as usize;
    let count = open.len() as u32;
    match random.below(4) {
        0 if count > 1 => {
            let pick = pick.min(open.len() - 2);
            streams.merge("orders", open[pick].index, open[pick + 1].index).await?;
        }
        1 => {
            let least = count.div_ceil(2);
            let target = least + random.below(u64::from(OPEN_MAX.min(2 * count) - least + 1)) as u32;
            streams.set_shard_count("orders", target).await?;
        }
        _ if count < OPEN_MAX => {
            let range = open[pick].hash_range;
            let part = (range.last - range.first) / 1000 * u128::from(1 + random.below(998));
            streams.split("orders", open[pick].index, range.first + part).await?;
        }
        _ => {}
    }
    streams.settled("orders").await?;
    Ok(())
}

/// Reads everything, parents before children; checks that each record is where its key belongs and in order, and that
/// nothing is missing. Returns the last number of each key.
async fn check(streams: &Streams, acknowledged: &BTreeSet<(u64, u64)>, note: &str) -> Numbers {
    let info = streams.describe("orders").unwrap();
    let mut last = Numbers::new();
    let mut found = BTreeSet::new();
    for shard in info.shards.iter() {
        for record in read_all(&streams.shard("orders", shard.index).unwrap()).await {
            let (key, number) = parse(&record.head);
            assert!(shard.hash_range.contains(hash_of(key)), "{note}: key {key} in shard {}", shard.index);
            let before = last.insert(key, number);
            assert!(
                before.is_none_or(|before| before < number),
                "{note}: key {key}: {number} after {before:?}"
            );
            found.insert((key, number));
        }
    }
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{note}: lost {lost:?}");
    last
}

/// One run of the service, ended by a power cut. Returns what was acknowledged and how often the shards were changed.
async fn run(
    world: &World,
    acknowledged: &BTreeSet<(u64, u64)>,
    seed: u64,
    cut: impl FnOnce(),
) -> (Vec<(u64, u64)>, u64) {
    let streams = world.open().await;
    streams.spawn_resharding();
    streams.settled("orders").await.unwrap();
    let last = check(&streams, acknowledged, &format!("seed {seed}")).await;
    let write = |writer| tokio::spawn(write(streams.clone(), writer, last.clone(), 10_000));
    let writers: Vec<_> = (0..WRITERS).map(write).collect();
    let random = SeededRandom::new(seed);
    let changes = random.below(6);
    for _ in 0..changes {
        // Much less than writers wait for children.
        world.sim.clock.advance(Duration::from_secs(1));
        change(&streams, &random).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    // One more, which the cut is to hit.
    let (doomed, dice) = (streams.clone(), random.clone());
    let doomed = tokio::spawn(async move { change(&doomed, &dice).await.is_ok() });
    for _ in 0..random.below(400) {
        tokio::task::yield_now().await;
    }
    cut();
    // Whoever waits for children that do not come is let go by this.
    streams.shutdown().await;
    let mut told = Vec::new();
    for writer in writers {
        told.extend(writer.await.unwrap());
    }
    doomed.abort();
    (told, changes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_time_loses_and_reorders_nothing() {
    for seed in 0..10 {
        let (env, mut sim) = sim_env(seed);
        let open = async |env| {
            let options = LocalOptions { segment_bytes: 64 << 10, ..LocalOptions::default() };
            Arc::new(LocalStore::open("/log", options, env).await.unwrap())
        };
        let mut world = World::on(open(env.clone()).await);
        world.env = env;
        world.sim = sim.clone();
        world.open().await.create(data("orders", 2)).await.unwrap();
        let mut acknowledged = BTreeSet::new();
        let mut changes = 0;
        for boot in 0..4_u64 {
            let mut env = None;
            let cut = || env = Some(sim.power_cut(seed * 10 + boot));
            let (told, changed) = run(&world, &acknowledged, seed * 10 + boot, cut).await;
            acknowledged.extend(told);
            changes += changed;
            let env = env.unwrap();
            world.replace_store(open(env.clone()).await);
            world.env = env;
            world.sim = sim.clone();
        }
        let streams = world.open().await;
        streams.spawn_resharding();
        streams.settled("orders").await.unwrap();
        check(&streams, &acknowledged, &format!("seed {seed}, at the end")).await;
        assert!(acknowledged.len() > 30, "seed {seed}: {} records, {changes} changes", acknowledged.len());
        streams.shutdown().await;
    }
}

/// Reads every shard up to its end and then what came of it, once the other parent is read too, as consumers do, until it
/// has found so much. Each key's numbers must come without a hole.
async fn read_lineage(streams: Streams, until: watch::Receiver<Option<Numbers>>) {
    let mut last = Numbers::new();
    let mut places: BTreeMap<u32, Seq> = BTreeMap::from([(0, Seq(0)), (1, Seq(0))]);
    let mut done: BTreeSet<u32> = BTreeSet::new();
    let ready = |info: &StreamInfo, done: &BTreeSet<u32>, child: u32| {
        let child = info.shards.by_index(child).unwrap();
        [child.parent, child.adjacent_parent].iter().flatten().all(|parent| done.contains(parent))
    };
    while until.borrow().as_ref() != Some(&last) {
        for (index, from) in places.clone() {
            let shard = streams.shard("orders", index).unwrap();
            let page =
                shard.read(from, ReadLimit { records: 50, bytes: 1 << 20 }, Parts::Heads).await.unwrap();
            let next = from.plus(page.len() as u64);
            for record in page {
                let (key, number) = parse(&record.head);
                let before = last.insert(key, number).unwrap_or(0);
                assert_eq!(before + 1, number, "key {key} in shard {index}");
            }
            places.insert(index, next);
            let info = streams.describe("orders").unwrap();
            let closed = info.shards.by_index(index).unwrap().closed;
            if closed.is_some_and(|closed| closed.next == next) {
                places.remove(&index);
                done.insert(index);
                let children = info.children(index).map(|child| child.index);
                let new = children.filter(|child| ready(&info, &done, *child));
                places.extend(new.map(|child| (child, Seq(0))));
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_from_parents_to_children_sees_every_key_in_order() {
    for seed in 0..6 {
        let world = World::new();
        let streams = world.open().await;
        streams.create(data("orders", 2)).await.unwrap();
        let (tell, until) = watch::channel(None);
        let reader = tokio::spawn(read_lineage(streams.clone(), until));
        let write = |writer| tokio::spawn(write(streams.clone(), writer, Numbers::new(), 400));
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        let random = SeededRandom::new(seed);
        for changes in 0..40 {
            if changes > 5 && writers.iter().all(tokio::task::JoinHandle::is_finished) {
                break;
            }
            // Much less than writers wait for children.
            world.sim.clock.advance(Duration::from_secs(1));
            change(&streams, &random).await.unwrap();
        }
        let mut last = Numbers::new();
        for writer in writers {
            last.extend(writer.await.unwrap());
        }
        assert!(last.len() as u64 == KEYS && !reader.is_finished(), "seed {seed}");
        tell.send_replace(Some(last));
        reader.await.unwrap();
        streams.shutdown().await;
    }
}
