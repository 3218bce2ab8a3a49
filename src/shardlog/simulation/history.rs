//! Several clients at once on one shard, while devices fail and the machine stops: what they were answered must be what one
//! shard could have answered that does one thing after the other.

use super::answer::{Outcome, refusal, sealed};
use super::check::EVERYTHING;
use super::linear::{Answer, Event, OPERATIONS_MAX, Operation, is_linearizable};
use super::model::{Change, Record};
use crate::env::Threads;
use crate::env::sim::{SeededRandom, SimFiles, SimHandles, SimThreads};
use crate::error::StoreError;
use crate::local::{LocalOptions, LocalStore};
use crate::store::{LogStore, ShardWriter};
use crate::types::{Epoch, Parts, RetentionClass, Seq, ShardId, StoredRecord};
use futures_util::future::join_all;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

const CLIENTS: usize = 3;
/// How often the machine starts.
const LIVES: usize = 2;
/// Of one client in one life of the machine.
const OPERATIONS: usize = (OPERATIONS_MAX - 2) / (CLIENTS * LIVES);
/// So that an answer can be told from one of another attempt.
const LEN_MAX: u64 = 900;

/// What the clients share.
#[derive(Clone)]
struct Scene {
    store: LocalStore,
    files: SimFiles,
    shard: ShardId,
    dice: SeededRandom,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    /// Counts calls and answers.
    now: u64,
    epoch: u64,
    stamp: u64,
    events: Vec<Event>,
}

struct Owner {
    writer: Box<dyn ShardWriter>,
    epoch: u64,
    next: u64,
}

impl Scene {
    fn notes<T>(&self, work: impl FnOnce(&mut Notes) -> T) -> T {
        work(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tick(&self) -> u64 {
        self.notes(|notes| {
            notes.now += 1;
            notes.now
        })
    }

    /// Notes an operation; what nobody heard because the machine had stopped is as good as unknown.
    fn note(&self, called: u64, operation: Operation, answer: Option<Answer>) {
        let answered = self.tick();
        let is_change = matches!(operation, Operation::Change(_));
        let answer = match answer {
            Some(Answer::Done) if self.files.has_stopped() => Answer::Unknown,
            Some(answer) if is_change || !self.files.has_stopped() => answer,
            _ => return, // it did not happen, or changed nothing
        };
        self.notes(|notes| notes.events.push(Event { called, answered, operation, answer }));
    }

    fn note_change(&self, called: u64, change: Change, result: &Result<(), StoreError>) -> Outcome {
        let outcome = Outcome::of(result);
        let answer = match outcome {
            Outcome::Done => Some(Answer::Done),
            Outcome::Refused(why) => Some(Answer::Refused(why)),
            Outcome::Unknown => Some(Answer::Unknown),
            Outcome::No => None,
        };
        self.note(called, Operation::Change(change), answer);
        outcome
    }

    async fn claim(&self) -> Option<Owner> {
        let epoch = self.notes(|notes| {
            notes.epoch += 1;
            notes.epoch
        });
        let called = self.tick();
        let claimed = self.store.claim(self.shard, Epoch(epoch)).await;
        let (result, owner) = match claimed {
            Ok((state, writer)) => (Ok(()), Some(Owner { writer, epoch, next: state.tail.next.0 })),
            Err(error) => (Err(error), None),
        };
        self.note_change(called, Change::Claim(epoch), &result);
        owner
    }

    /// Appends; gives the writer back while it is of use.
    async fn append(&self, mut owner: Owner) -> Option<Owner> {
        let (epoch, first) = (owner.epoch, owner.next);
        let records = (0..1 + self.dice.below(3)).map(|_| {
            let stamp = self.notes(|notes| {
                notes.stamp += 1;
                notes.stamp
            });
            Record { arrival: 0, len: self.dice.below(LEN_MAX) as u32, stamp }
        });
        let records: Vec<Record> = records.collect();
        owner.next += records.len() as u64;
        let batch = (first..).zip(&records).map(|(seq, record)| sealed(self.shard, seq, *record)).collect();
        let called = self.tick();
        let result = match owner.writer.append(Seq(first), batch).await {
            Ok(durable) => durable.await,
            Err(error) => Err(error),
        };
        let outcome = self.note_change(called, Change::Append { epoch, first, records }, &result);
        (outcome == Outcome::Done).then_some(owner)
    }

    async fn read(&self) {
        let from = self.dice.below(4);
        let called = self.tick();
        let answer = match self.store.read(self.shard, Seq(from), EVERYTHING, Parts::Whole).await {
            Ok(found) => Some(Answer::Records(found.iter().map(record_of).collect())),
            Err(StoreError::Unavailable(_) | StoreError::Full(_)) => None,
            Err(error) => Some(Answer::Refused(refusal(&error))),
        };
        self.note(called, Operation::Read(from), answer);
    }

    async fn state(&self) {
        let called = self.tick();
        let answer = match self.store.state(self.shard).await {
            Ok(state) => Some(Answer::Tail(state.tail, state.epoch.0)),
            Err(error) => Some(Answer::Refused(refusal(&error))),
        };
        self.note(called, Operation::State, answer);
    }

    async fn client(self) {
        let mut owner = None;
        for _ in 0..OPERATIONS {
            match (self.dice.below(8), owner.take()) {
                (0..=4, Some(own)) => owner = self.append(own).await,
                (0..=1, None) => owner = self.claim().await,
                (7, own) => {
                    self.state().await;
                    owner = own;
                }
                (_, own) => {
                    self.read().await;
                    owner = own;
                }
            }
        }
    }
}

/// The record of the model from which a stored one was made.
fn record_of(found: &StoredRecord) -> Record {
    let head = String::from_utf8_lossy(&found.head);
    let stamp = head.split(' ').next_back().and_then(|word| word.parse().ok());
    Record {
        arrival: found.arrival.0,
        len: found.body_len as u32,
        stamp: stamp.expect("a head ends with a stamp"),
    }
}

/// Plays the history of a seed.
///
/// # Panics
/// When no order of the operations explains what was answered.
pub(super) fn play(seed: u64) {
    let threads = SimThreads::new(seed);
    let events = threads.run(|| {
        let mut machine = SimHandles::new(seed, Arc::new(threads.clone()));
        let dice = SeededRandom::new(seed ^ 0x6869_7374);
        let options = LocalOptions {
            segment_bytes: 1 << (9 + dice.below(4)),
            scrub_bytes_per_second: 0,
            reserve_bytes: 0,
            ..LocalOptions::default()
        };
        let notes: Arc<Mutex<Notes>> = Arc::default();
        let shard = ShardId::new(&machine.env());
        for life in 0..LIVES {
            let opened = LocalStore::open("/log", options.clone(), machine.env());
            let store = threads.block_on(opened).expect("nothing is to go wrong yet");
            let (files, notes) = (machine.files.clone(), notes.clone());
            let scene = Scene { store, files, shard, dice: dice.clone(), notes };
            if life == 0 {
                let called = scene.tick();
                let created = threads.block_on(scene.store.create(shard, RetentionClass(0)));
                scene.note_change(called, Change::Create, &created);
            }
            disturb(&scene);
            run_clients(&threads, &scene);
            drop(scene);
            let seed = dice.next_u64();
            _ = if dice.coin() { machine.power_cut(seed) } else { machine.kill() };
            machine.files.set_capacity(None);
        }
        std::mem::take(&mut notes.lock().unwrap_or_else(PoisonError::into_inner).events)
    });
    if !is_linearizable(&events) {
        let lines: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
        panic!("no order explains\n{}", lines.join("\n"));
    }
}

/// Something goes wrong while the clients are at it.
fn disturb(scene: &Scene) {
    let Scene { files, dice, .. } = scene;
    match dice.below(5) {
        0 => files.fail_write_after(dice.below(10)),
        1 => files.fail_sync_after(dice.below(12)),
        2 => files.stop_after(dice.below(60)),
        3 => files.set_capacity(Some(files.used() + dice.below(8000))),
        _ => files.write_short(),
    }
}

fn run_clients(threads: &SimThreads, scene: &Scene) {
    let clients = (0..CLIENTS).map(|client| {
        let (ended, end) = oneshot::channel::<()>();
        let (threads, scene) = (threads.clone(), scene.clone());
        let own = threads.clone();
        let work = move || {
            own.block_on(scene.client());
            drop(ended);
        };
        threads.spawn(format!("client {client}"), Box::new(work)).expect("a simulated thread starts");
        end
    });
    let clients: Vec<_> = clients.collect();
    threads.block_on(join_all(clients)); // each ends with an error, which is the end of the client
}
