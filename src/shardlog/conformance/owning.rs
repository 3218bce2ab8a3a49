//! Claims and fencing.

use super::*;

pub(super) async fn run(make: &impl AsyncFn() -> Arc<dyn LogStore>) {
    a_claim_needs_a_larger_epoch(&*make().await).await;
    a_newer_owner_fences_the_older(&*make().await).await;
    a_claim_shows_what_was_admitted_before(&*make().await).await;
}

async fn a_claim_needs_a_larger_epoch(store: &dyn LogStore) {
    let (shard, _) = new_writer(store).await;
    assert_eq!(store.claim(shard, Epoch(7)).await.unwrap().0.epoch, Epoch(7));
    for epoch in [0, 1, 6, 7] {
        assert_fails!(store.claim(shard, Epoch(epoch)).await, StoreError::Fenced { by: Epoch(7) });
    }
    assert_eq!(store.state(shard).await.unwrap().epoch, Epoch(7));
}

async fn a_newer_owner_fences_the_older(store: &dyn LogStore) {
    let (shard, mut old) = filled(store, 2).await;
    let (state, mut new) = store.claim(shard, Epoch(2)).await.unwrap();
    assert_eq!(state.tail.next, Seq(2));
    assert_fails!(append(&mut old, 2, records(2..3)).await, StoreError::Fenced { by: Epoch(2) });
    append(&mut new, 2, records(2..4)).await.unwrap();
    for first in [2, 4] {
        let result = append(&mut old, first, records(4..5)).await;
        assert_fails!(result, StoreError::Fenced { .. } | StoreError::OutOfSequence { .. });
    }
    assert_fails!(old.seal().await, StoreError::Fenced { by: Epoch(2) });
    assert_records(&read_all(store, shard, 0).await, 0..4);
}

/// What the older owner had admitted is either in before the claim, and visible to it, or fenced.
async fn a_claim_shows_what_was_admitted_before(store: &dyn LogStore) {
    let (shard, mut old) = new_writer(store).await;
    let mut in_flight = Vec::new();
    for n in 0..30 {
        in_flight.push(old.append(Seq(n), records(n..n + 1)).await.unwrap());
    }
    let (state, _new) = store.claim(shard, Epoch(2)).await.unwrap();
    for (n, durable) in (0..).zip(in_flight) {
        match durable.await {
            Ok(()) => assert!(Seq(n) < state.tail.next),
            Err(StoreError::Fenced { .. }) => assert!(Seq(n) >= state.tail.next),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(store.state(shard).await.unwrap().tail, state.tail);
}
