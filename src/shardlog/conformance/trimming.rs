//! Trimming.

use super::*;

pub(super) async fn run(make: &impl AsyncFn() -> Arc<dyn LogStore>) {
    what_is_trimmed_is_gone(&*make().await).await;
    a_shard_trimmed_to_its_end_goes_on(&*make().await).await;
}

async fn what_is_trimmed_is_gone(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 20).await;
    let before = store.state(shard).await.unwrap().stored_bytes;
    let left = store.stored_from(shard, Seq(8)).await.unwrap();
    assert!(left > 0 && left < before);
    assert_eq!(store.stored_from(shard, Seq(0)).await.unwrap(), before);
    assert_eq!(store.stored_from(shard, Seq(20)).await.unwrap(), 0);
    assert_fails!(store.stored_from(shard, Seq(21)).await, StoreError::Unwritten { next: Seq(20) });
    store.trim(shard, Seq(8)).await.unwrap();
    let state = store.state(shard).await.unwrap();
    assert_eq!(state.stored_bytes, left);
    assert_eq!(store.stored_from(shard, Seq(0)).await.unwrap(), left, "of what is trimmed nothing counts");
    assert_eq!((state.tail.first, state.tail.next), (Seq(8), Seq(20)));
    assert!(state.stored_bytes < before);
    for gone in [0, 7] {
        let result = store.read(shard, Seq(gone), EVERYTHING, Parts::Heads).await;
        assert_fails!(result, StoreError::Trimmed { first: Seq(8) });
        assert_fails!(store.body(shard, Seq(gone), 0..0).await, StoreError::Trimmed { first: Seq(8) });
    }
    assert_records(&read_all(store, shard, 8).await, 8..20);
    assert_eq!(store.seek(shard, Arrival(0)).await.unwrap(), Seq(8));
    for earlier in [0, 8] {
        store.trim(shard, Seq(earlier)).await.unwrap();
        assert_eq!(store.state(shard).await.unwrap().tail.first, Seq(8));
    }
    assert_fails!(store.trim(shard, Seq(21)).await, StoreError::Unwritten { next: Seq(20) });
    append(&mut writer, 20, records(20..22)).await.unwrap();
    assert_records(&read_all(store, shard, 8).await, 8..22);
}

async fn a_shard_trimmed_to_its_end_goes_on(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 5).await;
    store.trim(shard, Seq(5)).await.unwrap();
    let state = store.state(shard).await.unwrap();
    assert_eq!((state.tail.first, state.tail.next, state.stored_bytes), (Seq(5), Seq(5), 0));
    assert_eq!(state.tail.last_arrival, Some(Arrival(4)), "arrivals go on from there");
    assert_eq!(read_all(store, shard, 5).await, []);
    assert_eq!(store.seek(shard, Arrival(0)).await.unwrap(), Seq(5));
    assert_fails!(append(&mut writer, 5, records(3..4)).await, StoreError::ArrivalBefore { .. });
    append(&mut writer, 5, records(5..6)).await.unwrap();
    assert_records(&read_all(store, shard, 5).await, 5..6);
}
