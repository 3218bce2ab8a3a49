//! Random steps on the engine and on a model of it, with failing devices, full disks, killed processes and power cuts in
//! between. After each of those everything acknowledged must be there, and what was in doubt must be there whole or not.

use super::small;
use crate::env::sim::{SimHandles, sim_env};
use crate::error::StoreError;
use crate::local::{LocalOptions, LocalStore};
use crate::store::{LogStore, ShardWriter};
use crate::types::*;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use std::time::Duration;

const SLOTS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Claim(usize),
    /// Batches in flight together, each a list of body lengths.
    Append(usize, Vec<Vec<u16>>),
    /// Trims so many 256ths of what is there.
    Trim(usize, u8),
    Seal(usize),
    Delete(usize),
    Check(usize, u8),
    Advance(u32),
    Close,
    Kill,
    PowerCut(u64),
    /// After so many more writes, one fails.
    FailWrite(u64),
    FailSync(u64),
    /// Leaves so many bytes free on the disk, or any number.
    Room(Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..SLOTS;
    let batch = prop::collection::vec(prop_oneof![4 => 0..600_u16, 1 => 0..6000_u16], 0..5);
    let batches = prop::collection::vec(batch, 1..4);
    prop_oneof![
        4 => slot.clone().prop_map(Step::Create),
        3 => slot.clone().prop_map(Step::Claim),
        24 => (slot.clone(), batches).prop_map(|(slot, batches)| Step::Append(slot, batches)),
        6 => (slot.clone(), any::<u8>()).prop_map(|(slot, part)| Step::Trim(slot, part)),
        1 => slot.clone().prop_map(Step::Seal),
        2 => slot.clone().prop_map(Step::Delete),
        4 => (slot, any::<u8>()).prop_map(|(slot, at)| Step::Check(slot, at)),
        2 => (0..1000_u32).prop_map(Step::Advance),
        2 => Just(Step::Close),
        2 => Just(Step::Kill),
        2 => any::<u64>().prop_map(Step::PowerCut),
        2 => (0..6_u64).prop_map(Step::FailWrite),
        2 => (0..6_u64).prop_map(Step::FailSync),
        1 => prop_oneof![Just(None), (0..32_768_u64).prop_map(Some)].prop_map(Step::Room),
    ]
}

/// What is known of a shard.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: ShardId,
    epoch: u64,
    first: u64,
    sealed: bool,
    /// Arrival and body length of every record there ever was.
    records: Vec<(u64, u16)>,
}

impl Known {
    fn tail(&self) -> Tail {
        Tail {
            next: Seq(self.records.len() as u64),
            first: Seq(self.first),
            sealed: self.sealed,
            last_arrival: self.records.last().map(|(arrival, _)| Arrival(*arrival)),
        }
    }

    fn record(&self, seq: u64) -> SealedRecord {
        let (arrival, len) = self.records[seq as usize];
        let head = Bytes::from(format!("{} {seq} {arrival} {len}", self.id));
        let body = (0..len).map(|i| (u64::from(i) ^ seq ^ arrival ^ self.id.0 as u64) as u8).collect();
        SealedRecord { arrival: Arrival(arrival), head, body }
    }
}

struct World {
    machine: SimHandles,
    store: LocalStore,
    shards: [Option<Known>; SLOTS],
    writers: [Option<Box<dyn ShardWriter>>; SLOTS],
    /// A change of a slot whose outcome is unknown, as all that it may have come to.
    doubt: Option<(usize, Vec<Option<Known>>)>,
    arrival: u64,
}

fn options() -> LocalOptions {
    LocalOptions { reserve_bytes: 1 << 10, segment_age: Duration::from_secs(300), ..small() }
}

/// `Ok(true)`: done. `Ok(false)`: it did not happen. `Err`: nobody knows.
fn outcome(result: Result<(), StoreError>) -> Result<bool, ()> {
    match result {
        Ok(()) => Ok(true),
        Err(StoreError::Unavailable(_)) => Ok(false),
        Err(StoreError::Unknown(_)) => Err(()),
        Err(other) => panic!("{other:?}"),
    }
}

impl World {
    async fn new(seed: u64) -> Self {
        let (env, machine) = sim_env(seed);
        let store = LocalStore::open("/log", options(), env).await.unwrap();
        Self {
            machine,
            store,
            shards: Default::default(),
            writers: Default::default(),
            doubt: None,
            arrival: 0,
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Create(slot) if self.shards[slot].is_none() => {
                let id = ShardId::new(&self.machine.env());
                let known = Known { id, epoch: 0, first: 0, sealed: false, records: Vec::new() };
                let result = self.store.create(id, RetentionClass((slot % 2) as u8)).await;
                self.changed(slot, Some(known), result);
            }
            Step::Claim(slot) => {
                let Some(mut known) = self.shards[slot].clone() else { return };
                known.epoch += 1;
                let result = self.store.claim(known.id, Epoch(known.epoch)).await;
                let result = result.map(|(_, writer)| self.writers[slot] = Some(writer));
                self.changed(slot, Some(known), result);
            }
            Step::Append(slot, batches) => self.append(slot, batches).await,
            Step::Trim(slot, part) => {
                let Some(mut known) = self.shards[slot].clone() else { return };
                known.first += (known.records.len() as u64 - known.first) * u64::from(part) / 255;
                let result = self.store.trim(known.id, Seq(known.first)).await;
                self.changed(slot, Some(known), result);
            }
            Step::Seal(slot) => {
                let (Some(known), Some(writer)) = (&self.shards[slot], &mut self.writers[slot]) else {
                    return;
                };
                let known = Known { sealed: true, ..known.clone() };
                let result = writer.seal().await;
                self.changed(slot, Some(known), result);
            }
            Step::Delete(slot) => {
                let Some(known) = &self.shards[slot] else { return };
                let result = self.store.delete(known.id).await;
                self.changed(slot, None, result);
            }
            Step::Check(slot, at) => self.check(slot, at).await,
            Step::Advance(seconds) => self.machine.clock.advance(Duration::from_secs(u64::from(seconds))),
            Step::Close => {
                self.store.close().await;
                self.restart(None).await;
            }
            Step::Kill => self.restart(None).await,
            Step::PowerCut(seed) => self.restart(Some(seed)).await,
            Step::FailWrite(after) => self.machine.files.fail_write_after(after),
            Step::FailSync(after) => self.machine.files.fail_sync_after(after),
            Step::Room(bytes) => {
                let used = self.machine.files.used();
                self.machine.files.set_capacity(bytes.map(|bytes| used + bytes));
            }
            Step::Create(_) => {}
        }
        if self.doubt.is_some() || self.store.stats().lanes_dead > 0 {
            let seed = self.machine.random.next_u64();
            self.restart((!seed.is_multiple_of(3)).then_some(seed)).await;
        }
    }

    fn changed(&mut self, slot: usize, after: Option<Known>, result: Result<(), StoreError>) {
        match outcome(result) {
            Ok(true) => self.shards[slot] = after,
            Ok(false) => {}
            Err(()) => self.doubt = Some((slot, vec![self.shards[slot].clone(), after])),
        }
        if self.shards[slot].is_none() {
            self.writers[slot] = None;
        }
    }

    async fn append(&mut self, slot: usize, batches: Vec<Vec<u16>>) {
        let (Some(known), Some(writer)) = (self.shards[slot].clone(), &mut self.writers[slot]) else {
            return;
        };
        let mut after = known.clone();
        let mut in_flight = Vec::new();
        for batch in batches {
            let first = after.records.len() as u64;
            for len in batch {
                self.arrival += u64::from(len) % 3;
                after.records.push((self.arrival, len));
            }
            let records = (first..after.records.len() as u64).map(|seq| after.record(seq)).collect();
            match writer.append(Seq(first), records).await {
                Ok(durable) => in_flight.push((durable, after.records.len())),
                Err(StoreError::Sealed { .. }) if known.sealed => return,
                // An earlier batch of this step was refused in the meantime.
                Err(StoreError::OutOfSequence { .. }) if !in_flight.is_empty() => break,
                Err(StoreError::Unavailable(_)) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        let prefix = |count| Some(Known { records: after.records[..count].to_vec(), ..known.clone() });
        let mut failed = false;
        let mut doubt = vec![];
        for (durable, count) in in_flight {
            match durable.await {
                Ok(()) => {
                    assert!(!failed && doubt.is_empty(), "a batch is durable before one admitted earlier");
                    self.shards[slot] = prefix(count);
                }
                Err(StoreError::Unknown(_)) => {
                    assert!(!failed);
                    doubt.push(prefix(count));
                }
                Err(StoreError::Unavailable(_)) => failed = true,
                Err(StoreError::OutOfSequence { .. }) if failed => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        if !doubt.is_empty() {
            doubt.insert(0, self.shards[slot].clone());
            self.doubt = Some((slot, doubt));
        }
    }

    async fn restart(&mut self, power_cut: Option<u64>) {
        let env = match power_cut {
            Some(seed) => self.machine.power_cut(seed),
            None => self.machine.kill(),
        };
        self.writers = Default::default();
        self.store = LocalStore::open("/log", options(), env).await.unwrap();
        if let Some((slot, candidates)) = self.doubt.take() {
            let mut found = None;
            for candidate in candidates.iter().rev() {
                if found.is_none() && self.looks_like(candidate.as_ref(), &candidates).await {
                    found = Some(candidate.clone());
                }
            }
            self.shards[slot] = found.unwrap_or_else(|| panic!("none of {candidates:?}"));
        }
        let mut ids: Vec<_> = self.shards.iter().flatten().map(|known| known.id).collect();
        ids.sort_unstable();
        assert_eq!(self.store.shards().await.unwrap(), ids);
        for slot in 0..SLOTS {
            self.check(slot, slot as u8 * 80).await;
        }
    }

    async fn looks_like(&self, candidate: Option<&Known>, all: &[Option<Known>]) -> bool {
        let Some(id) = all.iter().flatten().map(|known| known.id).next() else { return true };
        match (self.store.state(id).await, candidate) {
            (Err(_), None) => true,
            (Ok(state), Some(known)) => state.tail == known.tail() && state.epoch == Epoch(known.epoch),
            _ => false,
        }
    }

    async fn check(&self, slot: usize, at: u8) {
        let Some(known) = &self.shards[slot] else { return };
        let state = self.store.state(known.id).await.unwrap();
        assert_eq!((state.tail, state.epoch), (known.tail(), Epoch(known.epoch)));
        assert_eq!(*self.store.watch(known.id).unwrap().borrow(), known.tail());

        let end = known.records.len() as u64;
        let mut next = known.first + (end - known.first) * u64::from(at) / 256;
        if known.first > 0 {
            let trimmed = self.store.read(known.id, Seq(known.first - 1), LIMIT, Parts::Heads).await;
            assert!(matches!(trimmed, Err(StoreError::Trimmed { .. })));
        }
        let parts = if at.is_multiple_of(2) { Parts::Whole } else { Parts::Heads };
        while next < end {
            let found = self.store.read(known.id, Seq(next), LIMIT, parts).await.unwrap();
            assert!(!found.is_empty());
            for found in found {
                let SealedRecord { arrival, head, body } = known.record(next);
                assert_eq!((found.seq, found.arrival, found.head), (Seq(next), arrival, head));
                assert_eq!(found.body_len, body.len() as u64);
                assert_eq!(found.body, (parts == Parts::Whole).then(|| body.clone()));
                let range = body.len() as u64 / 3..body.len() as u64 / 2;
                let expected = body.slice(range.start as usize..range.end as usize);
                assert_eq!(self.store.body(known.id, Seq(next), range).await.unwrap(), expected);
                next += 1;
            }
        }
        let arrival = self.arrival * u64::from(at) / 256;
        let older = known.records.partition_point(|record| record.0 < arrival) as u64;
        let sought = self.store.seek(known.id, Arrival(arrival)).await.unwrap();
        assert_eq!(sought, Seq(older.max(known.first)));
    }
}

const LIMIT: ReadLimit = ReadLimit { records: 7, bytes: 3000 };

fn play(seed: u64, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed).await;
        for slot in 0..2 {
            world.step(Step::Create(slot)).await;
            world.step(Step::Claim(slot)).await;
        }
        for step in steps {
            world.step(step).await;
        }
        world.machine.files.set_capacity(None);
        world.restart(Some(seed)).await;
    });
}

fn config() -> ProptestConfig {
    // Failures are kept in `model.regressions` beside this file, and tried first from then on.
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: 150,
        failure_persistence: Some(Box::new(persistence)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_acknowledged_is_lost(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        play(seed, steps);
    }
}
