//! A journal with damaged records: the table makes up for it; without the table, what can be read is kept.

use super::world::{Damaged, Rows, World, all};
use crate::JOURNAL_SHARD;
use crate::meta::journal::Journal;
use crate::meta::table::Snapshot;
use crate::types::Seq;

/// A world with some changes after a statement, and the sequences of its journal.
async fn world(seed: u64) -> (World, std::ops::Range<u64>) {
    let mut world = World::new(seed);
    let meta = world.open().await.unwrap();
    world.change(&meta, 24).await;
    let tail = world.log.inner.state(JOURNAL_SHARD).await.unwrap().tail;
    (world, tail.first.0..tail.next.0)
}

#[tokio::test]
async fn a_table_that_has_everything_gives_the_journal_what_it_lost() {
    for what in [Damaged::Body, Damaged::All] {
        for offset in 0.. {
            let (mut world, journal) = world(offset % 3).await;
            let Some(seq) = journal.clone().nth(offset as usize) else { break };
            world.log.damage(Seq(seq), what);
            let meta = world.open().await.unwrap();
            assert_eq!(all(&meta).await, world.model, "{what:?} of record {seq}");
            world.change(&meta, 6).await;
            world.table.put_back(Snapshot::default());
            assert_eq!(all(&world.open().await.unwrap()).await, world.model, "{what:?} of record {seq}");
        }
    }
}

#[tokio::test]
async fn without_the_table_all_but_the_damaged_record_is_kept() {
    for what in [Damaged::Body, Damaged::All] {
        for offset in 0.. {
            let (world, journal) = world(offset % 3).await;
            let Some(seq) = journal.clone().nth(offset as usize) else { break };
            world.log.damage(Seq(seq), what);
            world.table.put_back(Snapshot::default());
            let read = Journal::read(&*world.log).await.unwrap().unwrap();
            let found = all(&world.open().await.unwrap()).await;
            let wrong: Rows =
                found.iter().filter(|(key, row)| world.model.get(*key) != Some(row)).map(clone).collect();
            let lost = world.model.keys().filter(|key| !found.contains_key(*key)).count();
            assert!(wrong.len() + lost <= 1, "{what:?} of record {seq}: {wrong:?} and {lost} lost");
            if wrong.len() + lost == 1 && what == Damaged::Body {
                assert_eq!(read.damage.rows.len(), 1, "and it is known which: {:?}", read.damage);
            }
            if what == Damaged::All {
                assert_eq!(read.damage.unreadable, [Seq(seq)]);
            }
            assert_eq!(all(&world.open().await.unwrap()).await, found, "what was found stays");
        }
    }
}

fn clone((key, row): (&String, &crate::Versioned)) -> (String, crate::Versioned) {
    (key.clone(), row.clone())
}

#[tokio::test]
async fn an_old_copy_and_a_damaged_journal_are_joined() {
    let mut world = World::new(5);
    let meta = world.open().await.unwrap();
    world.change(&meta, 3).await;
    let old = world.table.copy();
    let next = world.log.inner.state(JOURNAL_SHARD).await.unwrap().tail.next;
    world.change(&meta, 1).await;
    world.log.damage(next, Damaged::All);
    world.table.put_back(old.clone());
    let found = all(&world.open().await.unwrap()).await;
    assert_eq!(found, old.rows, "nothing of the old copy is dropped");
}
