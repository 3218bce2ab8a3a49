//! Everything the seam can be asked about a shard, compared with the model.

use super::answer::{assert_is, numbered, refusal};
use super::model::{Refusal, Shard};
use super::world::{Rig, Slot};
use crate::error::StoreError;
use crate::local::LocalStore;
use crate::store::LogStore;
use crate::types::{Arrival, Epoch, Parts, ReadLimit, Seq, ShardId, Tail};

pub(super) const EVERYTHING: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// Which of the candidates a shard is.
pub(super) async fn looks_like(
    store: &LocalStore,
    id: ShardId,
    candidates: &[Option<Shard>],
) -> Option<Option<Shard>> {
    let state = store.state(id).await;
    let same = |candidate: &&Option<Shard>| match (&state, candidate) {
        (Err(StoreError::NotFound(_)), None) => true,
        (Ok(state), Some(shard)) => state.tail == shard.tail() && state.epoch == Epoch(shard.epoch),
        _ => false,
    };
    candidates.iter().find(same).cloned()
}

/// # Panics
/// When something is not as it should be.
pub(super) async fn check(rig: &Rig, slot: &mut Slot) {
    let (store, Some(id)) = (&rig.store, slot.id) else { return };
    let Some(shard) = &slot.shard else {
        let state = store.state(id).await.map(drop);
        assert_eq!(state.map_err(|error| refusal(&error)), Err(Refusal::NotFound));
        return;
    };
    let tail = shard.tail();
    let state = store.state(id).await.expect("the shard is there");
    assert_eq!((state.tail, state.epoch), (tail, Epoch(shard.epoch)), "shard {id}");
    assert_eq!(state.stored_bytes > 0, tail.first < tail.next, "{state:?}");
    watch(store, id, slot, tail);
    let Some(shard) = &slot.shard else { return };
    read(rig, id, shard).await;
    seek(rig, id, shard).await;
}

/// What is watched is the newest state, and never went back.
fn watch(store: &LocalStore, id: ShardId, slot: &mut Slot, tail: Tail) {
    let (watch, before) =
        slot.watch.get_or_insert_with(|| (store.watch(id).expect("the shard is there"), Tail::default()));
    let now = *watch.borrow_and_update();
    assert_eq!(now, tail);
    assert!(now.next >= before.next && now.first >= before.first && now.sealed >= before.sealed);
    *before = now;
}

async fn read(rig: &Rig, id: ShardId, shard: &Shard) {
    let Tail { first, next, .. } = shard.tail();
    let (store, dice) = (&rig.store, &rig.dice);
    // All of it, then some of it.
    let somewhere = first.0 + dice.below(next.0 - first.0 + 1);
    let little = ReadLimit { records: 1 + dice.below(8) as usize, bytes: dice.below(4000) as usize };
    for (from, limit, parts) in [(first.0, EVERYTHING, Parts::Whole), (somewhere, little, Parts::Heads)] {
        let found = store.read(id, Seq(from), limit, parts).await.expect("what was acknowledged can be read");
        let all = (next.0 - from) as usize;
        let expected = if limit == EVERYTHING { all..=all } else { all.min(1)..=all.min(limit.records) };
        assert!(expected.contains(&found.len()), "{} records from {from} on", found.len());
        for ((seq, record), found) in numbered(shard, from).zip(&found) {
            assert_is(found, id, seq, record);
            assert_eq!(found.body.is_some(), parts == Parts::Whole);
        }
    }
    if somewhere < next.0 {
        let len = u64::from(shard.records[somewhere as usize].len);
        let start = dice.below(len + 1);
        let range = start..start + dice.below(len - start + 1);
        let expected = super::answer::sealed(id, somewhere, shard.records[somewhere as usize]).body;
        let found = store.body(id, Seq(somewhere), range.clone()).await.expect("so can a part of it");
        assert_eq!(found, expected.slice(range.start as usize..range.end as usize));
    }
    let refused = async |seq| {
        let result = store.read(id, Seq(seq), EVERYTHING, Parts::Heads).await;
        result.map(drop).map_err(|error| refusal(&error))
    };
    assert_eq!(refused(next.0 + 1).await, Err(Refusal::Unwritten));
    if first.0 > 0 {
        assert_eq!(refused(dice.below(first.0)).await, Err(Refusal::Trimmed));
    }
}

async fn seek(rig: &Rig, id: ShardId, shard: &Shard) {
    for at in [0, rig.dice.below(rig.arrival.get() + 2), u64::MAX] {
        let found = rig.store.seek(id, Arrival(at)).await.expect("a shard that is there can be sought in");
        assert_eq!(found, Seq(shard.seek(at)), "sought {at}");
    }
}
