//! Appending: sequences, limits, order, watching.

use super::*;
use crate::types::Limits;

pub(super) async fn run(make: &impl AsyncFn() -> Arc<dyn LogStore>) {
    what_is_appended_is_read_back(&*make().await).await;
    a_batch_must_continue_the_shard(&*make().await).await;
    batches_can_be_in_flight_together(&*make().await).await;
    arrivals_never_go_back(&*make().await).await;
    limits_are_kept(&*make().await).await;
    a_sealed_shard_takes_nothing(&*make().await).await;
    watchers_see_what_is_durable(&*make().await).await;
    an_unawaited_append_still_happens(&*make().await).await;
}

async fn what_is_appended_is_read_back(store: &dyn LogStore) {
    let (shard, mut writer) = new_writer(store).await;
    append(&mut writer, 0, records(0..1)).await.unwrap();
    append(&mut writer, 1, records(1..60)).await.unwrap();
    append(&mut writer, 60, Vec::new()).await.unwrap();
    let empty = SealedRecord { arrival: Arrival(60), head: Bytes::new(), body: Bytes::new() };
    append(&mut writer, 60, vec![empty]).await.unwrap();
    let found = read_all(store, shard, 0).await;
    assert_records(&found[..60], 0..60);
    assert_eq!((found[60].head.len(), found[60].body.as_deref()), (0, Some(&b""[..])));
    let state = store.state(shard).await.unwrap();
    assert_eq!((state.tail.first, state.tail.next), (Seq(0), Seq(61)));
    assert_eq!(state.tail.last_arrival, Some(Arrival(60)));
    assert!(state.stored_bytes > 0);
}

async fn a_batch_must_continue_the_shard(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 3).await;
    for wrong in [0, 2, 4, u64::MAX] {
        let result = append(&mut writer, wrong, records(10..11)).await;
        assert_fails!(result, StoreError::OutOfSequence { expected: Seq(3), asked } if asked == Seq(wrong));
    }
    append(&mut writer, 3, records(3..4)).await.unwrap();
    assert_records(&read_all(store, shard, 0).await, 0..4);
}

async fn batches_can_be_in_flight_together(store: &dyn LogStore) {
    let (shard, mut writer) = new_writer(store).await;
    let mut in_flight = Vec::new();
    for batch in 0..20 {
        let durable = writer.append(Seq(batch * 3), records(batch * 3..batch * 3 + 3)).await.unwrap();
        in_flight.push(durable);
    }
    // The last being durable means that all are.
    in_flight.pop().unwrap().await.unwrap();
    assert_eq!(store.state(shard).await.unwrap().tail.next, Seq(60));
    for durable in in_flight {
        durable.await.unwrap();
    }
    assert_records(&read_all(store, shard, 0).await, 0..60);
}

async fn arrivals_never_go_back(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 5).await;
    let result = append(&mut writer, 5, records(3..4)).await;
    assert_fails!(result, StoreError::ArrivalBefore { last: Arrival(4), asked: Arrival(3) });
    let result = append(&mut writer, 5, vec![record(9), record(8)]).await;
    assert_fails!(result, StoreError::ArrivalBefore { last: Arrival(9), asked: Arrival(8) });
    append(&mut writer, 5, vec![record(4)]).await.unwrap();
    assert_eq!(store.state(shard).await.unwrap().tail.next, Seq(6));
}

async fn limits_are_kept(store: &dyn LogStore) {
    let Limits { head_bytes_max, body_bytes_max, batch_records_max, batch_bytes_max } = store.limits();
    let (shard, mut writer) = new_writer(store).await;
    let of = |head: usize, body: usize| SealedRecord {
        arrival: Arrival(0),
        head: Bytes::from(vec![1; head]),
        body: Bytes::from(vec![2; body]),
    };
    let half = batch_bytes_max / 2 + 1;
    for batch in [
        vec![of(head_bytes_max + 1, 0)],
        vec![of(0, body_bytes_max + 1)],
        vec![of(0, 0); batch_records_max + 1],
        vec![of(0, half); 2],
    ] {
        assert_fails!(append(&mut writer, 0, batch).await, StoreError::TooLarge { size, limit, .. } if size > limit);
    }
    append(&mut writer, 0, vec![of(head_bytes_max, 0); batch_records_max]).await.unwrap();
    let next = batch_records_max as u64;
    append(&mut writer, next, vec![of(0, body_bytes_max)]).await.unwrap();
    let found = store.read(shard, Seq(next), EVERYTHING, Parts::Whole).await.unwrap();
    assert_eq!(found[0].body.as_ref().unwrap(), &of(0, body_bytes_max).body);
}

async fn a_sealed_shard_takes_nothing(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 3).await;
    let last = writer.append(Seq(3), records(3..5)).await.unwrap();
    writer.seal().await.unwrap();
    last.await.unwrap(); // what was admitted before the seal is in
    assert!(store.state(shard).await.unwrap().tail.sealed);
    assert_fails!(append(&mut writer, 5, records(5..6)).await, StoreError::Sealed { next: Seq(5) });
    writer.seal().await.unwrap();
    let (state, mut writer) = store.claim(shard, Epoch(2)).await.unwrap();
    assert!(state.tail.sealed);
    assert_fails!(append(&mut writer, 5, records(5..6)).await, StoreError::Sealed { next: Seq(5) });
    assert_records(&read_all(store, shard, 0).await, 0..5);
}

async fn watchers_see_what_is_durable(store: &dyn LogStore) {
    let (shard, mut writer) = new_writer(store).await;
    let mut tail = store.watch(shard).unwrap();
    assert_eq!(tail.borrow_and_update().next, Seq(0));
    append(&mut writer, 0, records(0..4)).await.unwrap();
    tail.changed().await.unwrap();
    let seen = *tail.borrow_and_update();
    assert_eq!((seen.first, seen.next, seen.last_arrival), (Seq(0), Seq(4), Some(Arrival(3))));
    store.trim(shard, Seq(2)).await.unwrap();
    tail.changed().await.unwrap();
    assert_eq!(tail.borrow_and_update().first, Seq(2));
    writer.seal().await.unwrap();
    tail.changed().await.unwrap();
    assert!(tail.borrow_and_update().sealed);
    store.delete(shard).await.unwrap();
    assert!(tail.changed().await.is_err(), "the channel closes when the shard is deleted");
}

async fn an_unawaited_append_still_happens(store: &dyn LogStore) {
    let (shard, mut writer) = new_writer(store).await;
    let mut tail = store.watch(shard).unwrap();
    drop(writer.append(Seq(0), records(0..2)).await.unwrap());
    drop(writer);
    tail.wait_for(|tail| tail.next == Seq(2)).await.unwrap();
    assert_records(&read_all(store, shard, 0).await, 0..2);
}
