//! Opening again: after a shutdown, and after a stop in the middle of a change.

use crate::world::{World, heads, new, put};
use shardlog::{Epoch, LogStore, MetaStore};
use streams::{CreateError, NewStream, OpenError, Streams, StreamsConfig};

#[tokio::test]
async fn everything_survives_reopening() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    put(&shard, "1").await;
    let info = streams.describe("cam").unwrap();
    streams.shutdown().await;

    let streams = world.open().await;
    assert_eq!(streams.describe("cam").unwrap(), info);
    let shard = streams.shard("cam", 0).unwrap();
    assert_eq!(shard.state().await.unwrap().epoch, Epoch(1), "reading alone claims nothing");
    assert_eq!(heads(&shard).await, ["0", "1"]);
    assert_eq!(put(&shard, "2").await.0, 2);
    assert_eq!(shard.state().await.unwrap().epoch, Epoch(2));
    assert_eq!(heads(&shard).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_create_that_fails_leaves_nothing() {
    let world = World::new();
    let streams = world.open().await;
    world.store.changes_left.set(2);
    let four = || NewStream { shards: 4, ..new("data") };
    assert!(matches!(streams.create(four()).await, Err(CreateError::Catalogue(_))));
    // Neither could it be undone. Yet the name is free.
    world.store.changes_left.set(usize::MAX);
    assert_eq!(world.meta.list("").await.unwrap().len(), 1);
    streams.create(four()).await.unwrap();
    streams.shutdown().await;
    let streams = world.open().await;
    assert_eq!(world.meta.list("").await.unwrap().len(), 1);
    assert_eq!(world.store.shards().await.unwrap().len(), 4);
    assert_eq!(streams.describe("data").unwrap().shards.len(), 4);
}

#[tokio::test]
async fn a_create_cut_off_at_any_write_is_undone() {
    for writes in 0..2 {
        let world = World::new();
        let streams = world.open().await;
        world.meta.writes_left.set(writes);
        assert!(streams.create(NewStream { shards: 2, ..new("data") }).await.is_err());
        world.meta.writes_left.set(usize::MAX);
        let again = world.open().await;
        assert_eq!(again.list(None, None, 10).streams, []);
        assert_eq!(world.meta.list("").await.unwrap(), []);
        assert_eq!(world.store.shards().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_delete_that_could_not_begin_leaves_the_stream() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    world.meta.writes_left.set(0);
    assert!(streams.delete("cam").await.is_err());
    put(&shard, "still here").await;
    assert!(streams.describe("cam").is_ok());
}

/// Leaves a stream half deleted: its data keys are gone, the rest is not.
async fn half_deleted() -> (World, Streams) {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.meta.writes_left.set(1);
    assert!(streams.delete("cam").await.is_err());
    world.meta.writes_left.set(usize::MAX);
    assert!(streams.describe("cam").is_err());
    assert!(matches!(streams.create(new("cam")).await, Err(CreateError::AlreadyExists { .. })));
    assert!(shard.state().await.is_err());
    (world, streams)
}

#[tokio::test]
async fn a_half_done_delete_is_completed_by_another() {
    let (world, streams) = half_deleted().await;
    streams.delete("cam").await.unwrap();
    assert_eq!(world.meta.list("").await.unwrap(), []);
    streams.create(new("cam")).await.unwrap();
}

#[tokio::test]
async fn a_half_done_delete_is_completed_at_opening() {
    let (world, _) = half_deleted().await;
    let streams = world.open().await;
    assert_eq!(streams.list(None, None, 10).streams, []);
    assert_eq!(world.meta.list("").await.unwrap(), []);
    assert_eq!(world.store.shards().await.unwrap(), []);
}

#[tokio::test]
async fn damaged_or_foreign_rows_stop_the_opening() {
    let world = World::new();
    let (streams, _) = world.with_cam().await;
    streams.create(new("other")).await.unwrap();
    streams.shutdown().await;
    let rows = world.meta.list("stream/").await.unwrap();
    let open = async || {
        let config = StreamsConfig::default();
        let (store, meta, vault) = (world.store.clone(), world.meta.clone(), world.vault.clone());
        Streams::open(store, meta, vault, world.env.clone(), config).await
    };
    // One row's value under another row's key.
    let (key, row) = &rows[0];
    let version = world.meta.put(key, Some(row.version), rows[1].1.value.clone()).await.unwrap();
    assert!(matches!(open().await, Err(OpenError::Catalogue(_))));
    let version = world.meta.put(key, Some(version), row.value.slice(..10)).await.unwrap();
    assert!(matches!(open().await, Err(OpenError::Catalogue(_))));
    world.meta.put(key, Some(version), row.value.clone()).await.unwrap();
    assert!(open().await.is_ok());
}
