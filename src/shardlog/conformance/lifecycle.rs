//! Creating, listing and deleting shards.

use super::*;
use crate::types::Tail;

pub(super) async fn run(make: &impl AsyncFn() -> Arc<dyn LogStore>) {
    a_new_shard_is_empty(&*make().await).await;
    shards_are_listed_in_order(&*make().await).await;
    what_is_not_there_is_not_found(&*make().await).await;
    a_deleted_shard_is_gone_and_others_stay(&*make().await).await;
}

async fn a_new_shard_is_empty(store: &dyn LogStore) {
    let shard = new_shard();
    store.create(shard, RetentionClass(3)).await.unwrap();
    let state = store.state(shard).await.unwrap();
    assert_eq!((state.tail, state.epoch, state.stored_bytes), (Tail::default(), Epoch(0), 0));
    assert_eq!(read_all(store, shard, 0).await, []);
    assert_eq!(store.seek(shard, Arrival(0)).await.unwrap(), Seq(0));
    assert_fails!(store.create(shard, RetentionClass(3)).await, StoreError::AlreadyExists(id) if id == shard);
    assert_fails!(store.create(shard, RetentionClass(4)).await, StoreError::AlreadyExists(id) if id == shard);
}

async fn shards_are_listed_in_order(store: &dyn LogStore) {
    assert_eq!(store.shards().await.unwrap(), []);
    let mut ids: Vec<_> = (0..10).map(|_| new_shard()).collect();
    for (class, id) in (0..3).cycle().zip(&ids) {
        store.create(*id, RetentionClass(class)).await.unwrap();
    }
    ids.sort_unstable();
    assert_eq!(store.shards().await.unwrap(), ids);
}

async fn what_is_not_there_is_not_found(store: &dyn LogStore) {
    let shard = new_shard();
    assert_fails!(store.claim(shard, Epoch(1)).await, StoreError::NotFound(id) if id == shard);
    assert_fails!(store.state(shard).await, StoreError::NotFound(_));
    assert_fails!(store.watch(shard), StoreError::NotFound(_));
    assert_fails!(store.seek(shard, Arrival(0)).await, StoreError::NotFound(_));
    assert_fails!(store.read(shard, Seq(0), EVERYTHING, Parts::Heads).await, StoreError::NotFound(_));
    assert_fails!(store.body(shard, Seq(0), 0..0).await, StoreError::NotFound(_));
    assert_fails!(store.trim(shard, Seq(0)).await, StoreError::NotFound(_));
    assert_fails!(store.delete(shard).await, StoreError::NotFound(_));
}

async fn a_deleted_shard_is_gone_and_others_stay(store: &dyn LogStore) {
    let (shard, mut writer) = filled(store, 10).await;
    let (other, _) = filled(store, 10).await;
    store.delete(shard).await.unwrap();
    assert_eq!(store.shards().await.unwrap(), [other]);
    assert_fails!(append(&mut writer, 10, records(10..11)).await, StoreError::NotFound(_));
    assert_fails!(store.read(shard, Seq(0), EVERYTHING, Parts::Whole).await, StoreError::NotFound(_));
    assert_fails!(store.delete(shard).await, StoreError::NotFound(_));
    assert_records(&read_all(store, other, 0).await, 0..10);
}
