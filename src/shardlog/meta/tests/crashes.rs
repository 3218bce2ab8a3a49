//! Crashes and failures at every step: what was acknowledged stands, in the journal too.

use super::world::{Rows, Trouble, World, all};
use crate::meta::journal::Journal;
use crate::meta::table::Snapshot;
use crate::meta::{MetaError, MetaStore};
use std::sync::atomic::Ordering;
use std::task::Poll;

const SEEDS: u64 = 6;
const CHANGES: usize = 30;

/// Opens again, through a crash at each step of opening.
async fn reopen(world: &World) -> crate::meta::JournalledMeta {
    for step in 0.. {
        world.fate.set(Some(step), Trouble::Crash);
        match world.open().await {
            Ok(meta) => {
                world.fate.set(None, Trouble::Crash);
                // Whoever crashes after it has opened, opens again and finds the same.
                drop(meta);
                return world.open().await.unwrap();
            }
            Err(error) => assert!(world.fate.has_crashed(), "step {step}: {error}"),
        }
    }
    unreachable!("opening has an end")
}

#[tokio::test]
async fn a_crash_at_any_step_loses_nothing_that_was_acknowledged() {
    for seed in 0..SEEDS {
        let mut crashes = 0;
        for step in 0.. {
            let mut world = World::new(seed);
            let meta = world.open().await.unwrap();
            world.fate.set(Some(step), Trouble::Crash);
            let mut old = world.table.copy();
            let mut in_flight = None;
            for change in 0..CHANGES {
                if change == CHANGES / 3 {
                    old = world.table.copy();
                }
                let (key, to) = world.choose();
                let made = world.make(&meta, &key, to.as_ref()).await;
                if world.fate.has_crashed() && made.is_err() {
                    in_flight = Some((key, to));
                    break;
                }
                made.unwrap();
                world.note(&key, to);
                if world.fate.has_crashed() {
                    break; // what the change had to do besides broke off
                }
            }
            drop(meta);
            let happened = world.fate.has_crashed();
            check_all(&mut world, in_flight, old).await;
            if !happened {
                break;
            }
            crashes += 1;
        }
        assert!(crashes > 4 * CHANGES, "seed {seed}: only {crashes} steps");
    }
}

/// The table as it is, lost, or an old copy of it: each time the same rows stand.
async fn check_all(world: &mut World, in_flight: Option<(String, Option<crate::Versioned>)>, old: Snapshot) {
    let left = world.table.copy();
    let meta = reopen(world).await;
    let found = all(&meta).await;
    if let Some((key, to)) = in_flight
        && found != world.model
    {
        world.note(&key, to);
    }
    assert_eq!(found, world.model);
    for table in [Snapshot::default(), old, left] {
        world.table.put_back(table);
        let meta = reopen(world).await;
        assert_eq!(all(&meta).await, world.model);
        world.change(&meta, 8).await;
        assert_eq!(all(&meta).await, world.model);
        assert_eq!(world.table.copy().rows, world.model, "and the table has followed");
    }
    assert!(
        world.journal_len().await <= 4 + 2 + 5 + 9,
        "the journal stays short: {}",
        world.journal_len().await
    );
}

#[tokio::test]
async fn a_failure_at_any_step_is_told_as_what_it_is() {
    for trouble in [Trouble::Refusal, Trouble::Doubt] {
        for seed in 0..SEEDS {
            for step in 0.. {
                let mut world = World::new(seed);
                let meta = world.open().await.unwrap();
                world.fate.set(Some(step), trouble);
                for _ in 0..CHANGES {
                    let (key, to) = world.choose();
                    match world.make(&meta, &key, to.as_ref()).await {
                        Ok(()) => world.note(&key, to),
                        Err(MetaError::Unknown(_)) => {
                            let found = meta.get(&key).await.unwrap();
                            assert!(found == to || found.as_ref() == world.model.get(&key), "{found:?}");
                            world.note(&key, found);
                        }
                        Err(MetaError::Unavailable(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                    assert_eq!(all(&meta).await, world.model, "{trouble:?} at step {step} of seed {seed}");
                }
                let ahead = world.fate.is_ahead();
                let journal = Journal::read(&*world.log).await.unwrap().unwrap();
                assert_eq!(journal.rows, world.model, "{trouble:?} at step {step} of seed {seed}");
                if ahead {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_is_made_whole_or_not_at_all() {
    let (mut broken_off, mut polls) = (0, 0);
    for seed in 0..SEEDS {
        for given_up_at in 0.. {
            let mut world = World::new(seed);
            let meta = world.open().await.unwrap();
            world.change(&meta, seed as usize).await;
            let (key, to) = world.choose();
            let done = {
                let mut change = Box::pin(world.make(&meta, &key, to.as_ref()));
                polls = 0;
                loop {
                    match futures_util::poll!(&mut change) {
                        Poll::Ready(made) => break made.is_ok(),
                        Poll::Pending if polls == given_up_at => break false,
                        Poll::Pending => polls += 1,
                    }
                    tokio::task::yield_now().await;
                }
            };
            let found = meta.get(&key).await.unwrap();
            assert!(
                found == to || !done && found.as_ref() == world.model.get(&key),
                "{given_up_at}: {found:?}"
            );
            world.note(&key, found);
            assert_eq!(all(&meta).await, world.model, "given up at {given_up_at}");
            world.change(&meta, 3).await;
            drop(meta);
            world.table.put_back(Snapshot::default());
            assert_eq!(all(&world.open().await.unwrap()).await, world.model, "given up at {given_up_at}");
            if done {
                break;
            }
            broken_off += 1;
        }
    }
    assert!(broken_off > 4 * SEEDS, "{broken_off} changes were broken off, the last at poll {polls}");
}

#[tokio::test]
async fn old_changes_leave_the_journal_after_a_while() {
    let mut world = World::new(2);
    let meta = crate::meta::JournalledMeta::on(
        world.table.clone(),
        world.log.clone(),
        world.env.clone(),
        None,
        Default::default(),
    );
    let meta = meta.await.unwrap();
    world.change(&meta, 50).await;
    let before = world.journal_len().await;
    assert!(before > 50, "{before}");
    world.machine.clock.advance(std::time::Duration::from_secs(25 * 3600));
    world.change(&meta, 1).await;
    let stated = world.journal_len().await;
    assert_eq!(stated, 2 + world.model.len() as u64, "the statement alone");
    world.change(&meta, 1).await;
    assert_eq!(world.journal_len().await, stated + 1, "and that is enough for a day");
}

#[tokio::test]
async fn a_table_of_another_log_is_refused() {
    let (mut one, two) = (World::new(1), World::new(2));
    let meta = one.open().await.unwrap();
    one.change(&meta, 5).await;
    two.open().await.unwrap();
    two.table.put_back(one.table.copy());
    let error = two.open().await.err().unwrap();
    assert!(matches!(&error, MetaError::Damaged { what } if what.contains("another journal")), "{error}");
    assert_eq!(two.table.copy(), one.table.copy(), "and left as it is");
}

#[tokio::test]
async fn a_lost_journal_is_begun_again_from_the_table() {
    let mut world = World::new(3);
    let meta = world.open().await.unwrap();
    world.change(&meta, 20).await;
    let kept: Rows = world.model.clone();
    let table = world.table.copy();
    world.log = World::new(3).log;
    let meta = world.open().await.unwrap();
    assert_eq!(all(&meta).await, kept);
    assert_ne!(world.table.copy().position.unwrap().journal, table.position.unwrap().journal);
    world.table.put_back(Snapshot::default());
    assert_eq!(all(&world.open().await.unwrap()).await, kept);
}

#[tokio::test]
async fn while_the_table_cannot_be_written_everything_goes_on() {
    let mut world = World::new(4);
    let meta = world.open().await.unwrap();
    world.change(&meta, 5).await;
    let before = world.table.copy();
    world.table.full.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        world.change(&meta, 1).await;
        assert_eq!(all(&meta).await, world.model);
    }
    assert_eq!(world.table.copy(), before);
    drop(meta);
    let meta = world.open().await.unwrap();
    assert_eq!(all(&meta).await, world.model, "also after a restart");
    world.change(&meta, 3).await;
    world.table.full.store(false, Ordering::Relaxed);
    assert_eq!(all(&meta).await, world.model);
    assert_eq!(world.table.copy().rows, world.model, "and then the table follows");
}
