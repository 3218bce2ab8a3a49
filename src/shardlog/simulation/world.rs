//! The machine, the engine on it, and what is known of each shard.

use super::action::act;
use super::check::{check, looks_like};
use super::model::Shard;
use super::rot;
use crate::env::sim::{SeededRandom, SimHandles, SimThreads};
use crate::error::StoreError;
use crate::local::{LocalOptions, LocalStore};
use crate::store::{LogStore, ShardWriter};
use crate::types::{ShardId, Tail};
use futures_util::future::join_all;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Shards there are at a time.
const SLOTS: usize = 4;
const DIR: &str = "/log";

/// What everybody needs.
pub(super) struct Rig {
    pub(super) threads: SimThreads,
    pub(super) machine: SimHandles,
    pub(super) store: LocalStore,
    pub(super) dice: SeededRandom,
    options: LocalOptions,
    /// Newest arrival given out, and how many records.
    pub(super) arrival: Cell<u64>,
    pub(super) stamps: Cell<u64>,
    /// Something was to go wrong since the engine was opened: operations may fail that otherwise may not.
    pub(super) troubled: Cell<bool>,
}

impl Rig {
    pub(super) fn one_in(&self, count: u64) -> bool {
        self.dice.below(count) == 0
    }

    /// Whether the machine has stopped, so that nobody heard what was answered since.
    pub(super) fn has_stopped(&self) -> bool {
        self.machine.files.has_stopped()
    }

    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        self.machine.files.note(line);
    }
}

/// What is known of a shard, and who holds it.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) id: Option<ShardId>,
    /// As everybody sees it now.
    pub(super) shard: Option<Shard>,
    /// What else it may be once the engine is opened again: the outcome of the last changes is unknown.
    pub(super) may: Vec<Option<Shard>>,
    pub(super) writer: Option<Box<dyn ShardWriter>>,
    /// The owner before.
    pub(super) stale: Option<Box<dyn ShardWriter>>,
    pub(super) watch: Option<(watch::Receiver<Tail>, Tail)>,
}

pub(super) struct World {
    pub(super) rig: Rig,
    pub(super) slots: Vec<Slot>,
}

/// Segments, groups and caches so small that every boundary is met often.
fn options(dice: &SeededRandom) -> LocalOptions {
    LocalOptions {
        segment_bytes: 1 << (10 + dice.below(4)),
        segment_age: Duration::from_secs(300),
        table_bytes: 1 << (9 + dice.below(4)),
        lanes_per_class: 1 + dice.below(2) as u8,
        group_bytes: if dice.coin() { 1 } else { 1 << 20 },
        block_cache_bytes: (dice.below(3) as usize) << 11,
        recent_bytes: (dice.below(3) as usize) << 11,
        open_files_max: 1 + dice.below(3) as usize,
        reserve_bytes: dice.below(2) << 10,
        hole_bytes_min: 1 << (8 + dice.below(6)),
        scrub_bytes_per_second: 0, // which is async work of its own; here the steps do it
        ..LocalOptions::default()
    }
}

impl World {
    pub(super) async fn new(threads: SimThreads, seed: u64, traced: bool) -> Self {
        let machine = SimHandles::new(seed, Arc::new(threads.clone()));
        if traced {
            machine.files.keep_trace();
        }
        let dice = SeededRandom::new(seed ^ 0x0064_6963_6500);
        let options = options(&dice);
        let store = LocalStore::open(DIR, options.clone(), machine.env()).await.expect("a new log opens");
        let rig = Rig {
            threads,
            machine,
            store,
            dice,
            options,
            arrival: Cell::new(0),
            stamps: Cell::new(0),
            troubled: Cell::new(false),
        };
        Self { rig, slots: (0..SLOTS).map(|_| Slot::default()).collect() }
    }

    /// One random step, after which everything is compared.
    pub(super) async fn step(&mut self) {
        let dice = &self.rig.dice;
        match dice.below(40) {
            0 => self.close().await,
            1 => self.restart(false).await,
            2 => self.restart(true).await,
            3 => self.rig.machine.clock.advance(Duration::from_secs(dice.below(400))),
            4 => rot::step(self).await,
            5..=9 => self.trouble(),
            10 => {
                self.rig.machine.files.set_capacity(None);
            }
            _ => {
                let busy: Vec<bool> = self.slots.iter().map(|_| dice.coin()).collect();
                let slots = self.slots.iter_mut().zip(busy).filter(|(_, busy)| *busy);
                join_all(slots.map(|(slot, _)| act(&self.rig, slot))).await;
            }
        }
        let dead = self.rig.store.stats().lanes_dead > 0;
        if self.rig.has_stopped() || (dead && self.rig.one_in(3)) {
            self.restart(self.rig.dice.coin()).await;
        }
        // That may have been cut short too, by what the engine does on its own once it is open.
        while self.rig.has_stopped() {
            self.restart(self.rig.dice.coin()).await;
        }
        self.check().await;
    }

    /// Something is to go wrong soon.
    fn trouble(&self) {
        let Rig { machine, dice, troubled, .. } = &self.rig;
        let files = &machine.files;
        troubled.set(true);
        match dice.below(7) {
            0 => files.fail_write_after(dice.below(6)),
            1 => files.fail_sync_after(dice.below(6)),
            2 => files.fail_read_after(dice.below(12)),
            3 => files.fail_change_after(dice.below(4)),
            4 => files.stop_after(dice.below(30)),
            5 => files.set_capacity(Some(files.used() + dice.below(24_000))),
            _ => files.write_short(),
        }
    }

    async fn close(&mut self) {
        self.rig.store.close().await;
        self.restart(false).await;
    }

    /// The process ends without warning, or the power goes, and the engine is opened again.
    pub(super) async fn restart(&mut self, power_cut: bool) {
        self.stop(power_cut);
        if self.rig.one_in(4) {
            self.trouble();
        }
        loop {
            match self.open().await {
                Ok(()) => break,
                Err(StoreError::Unavailable(error)) if self.rig.troubled.get() => {
                    self.rig.note(|| format!("did not open: {error}"));
                    self.rig.machine.files.set_capacity(None);
                    self.stop(self.rig.dice.coin());
                }
                Err(error) => panic!("the log does not open: {error:?}"),
            }
        }
        self.settle().await;
    }

    /// Ends the process; also takes away what was to go wrong, but for a disk that is full.
    pub(super) fn stop(&mut self, power_cut: bool) {
        let Rig { machine, dice, troubled, .. } = &mut self.rig;
        let seed = dice.next_u64();
        machine.files.note(|| format!("stop, power cut: {power_cut}"));
        _ = if power_cut { machine.power_cut(seed) } else { machine.kill() };
        troubled.set(machine.files.is_bounded());
        for slot in &mut self.slots {
            (slot.writer, slot.stale, slot.watch) = (None, None, None);
        }
    }

    pub(super) async fn open(&mut self) -> Result<(), StoreError> {
        self.rig.store = LocalStore::open(DIR, self.rig.options.clone(), self.rig.machine.env()).await?;
        Ok(())
    }

    /// Finds out what became of changes whose outcome was unknown. From here on it stays so.
    async fn settle(&mut self) {
        for slot in &mut self.slots {
            if slot.may.is_empty() {
                continue;
            }
            let mut candidates = std::mem::take(&mut slot.may);
            candidates.push(slot.shard.take());
            let id = slot.id.expect("what was changed has a name");
            let found = looks_like(&self.rig.store, id, &candidates).await;
            slot.shard = found.unwrap_or_else(|| panic!("{id} is none of {candidates:?}"));
        }
    }

    /// Compares everything that can be asked with what is known.
    pub(super) async fn check(&mut self) {
        let Rig { threads, machine, store, .. } = &self.rig;
        let faults = machine.files.suspend_faults();
        threads.set_calm(true);
        let mut ids: Vec<_> =
            self.slots.iter().filter(|slot| slot.shard.is_some()).filter_map(|slot| slot.id).collect();
        ids.sort_unstable();
        assert_eq!(store.shards().await.expect("the engine is open"), ids);
        for slot in &mut self.slots {
            check(&self.rig, slot).await;
        }
        if self.rig.one_in(8) {
            rot::verify(self).await;
        }
        self.rig.threads.set_calm(false);
        self.rig.machine.files.resume_faults(faults);
    }

    /// After everything: a power cut, then every shard goes, and with them all the space.
    pub(super) async fn end(mut self) {
        self.rig.machine.files.set_capacity(None);
        self.restart(true).await;
        self.rig.machine.files.set_capacity(None);
        self.stop(true);
        self.open().await.expect("nothing is to go wrong any more");
        self.check().await;
        for id in self.rig.store.shards().await.expect("the engine is open") {
            self.rig.store.delete(id).await.expect("a shard that is there can be deleted");
        }
        self.rig.store.close().await;
        self.stop(false);
        self.open().await.expect("nothing is to go wrong any more");
        let stats = self.rig.store.stats();
        // What is left are the segments that take appends.
        assert!(stats.segments <= 2 * stats.lanes, "{stats:?}");
        self.rig.store.close().await;
    }
}
