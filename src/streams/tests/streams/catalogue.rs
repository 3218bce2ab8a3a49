//! Creating, finding, changing and deleting streams.

use crate::world::{World, heads, new, put, record};
use shardlog::{LogStore, MetaStore};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use streams::{
    AppendError, CreateError, DeleteError, HashRange, InvalidSetting, NewStream, ReadError, SealedSettings,
    ShardError, StreamKind, StreamPatch, UpdateError,
};

#[tokio::test]
async fn a_stream_is_described_as_it_was_made() {
    let world = World::new();
    let streams = world.open().await;
    let attributes = BTreeMap::from([("place".to_owned(), "gate".to_owned())]);
    let made =
        NewStream { shards: 2, kind: StreamKind::Data, attributes: attributes.clone(), ..new("orders") };
    let info = streams.create(made).await.unwrap();
    assert_eq!(streams.describe("orders").unwrap(), info);
    assert_eq!((info.name.as_str(), info.kind, info.retention_hours), ("orders", StreamKind::Data, 24));
    assert_eq!((info.created_ms, &info.attributes), (world.now().0, &attributes));
    let ranges: Vec<_> = info.shards.iter().map(|shard| shard.hash_range).collect();
    let half = 1 << 127;
    assert_eq!(ranges, [HashRange { first: 0, last: half - 1 }, HashRange { first: half, last: u128::MAX }]);
    assert_eq!(
        [0, half - 1, half, u128::MAX].map(|key| info.open_shard_of(key).unwrap().index),
        [0, 0, 1, 1]
    );
    assert!(matches!(streams.shard("orders", 2), Err(ShardError::NoSuchShard { index: 2, .. })));
    assert!(matches!(streams.shard("other", 0), Err(ShardError::NotFound(_))));
}

#[tokio::test]
async fn bad_settings_are_refused_and_leave_nothing() {
    let world = World::new();
    let streams = world.open().await;
    for name in ["", ".", "..", "a b", "a/b", "ä", &"x".repeat(257)] {
        let error = streams.create(new(name)).await.unwrap_err();
        assert!(matches!(error, CreateError::Invalid(InvalidSetting::Name)), "{name}: {error}");
    }
    for bad in [NewStream { shards: 0, ..new("a") }, NewStream { retention_hours: 0, ..new("a") }] {
        assert!(matches!(streams.create(bad).await, Err(CreateError::Invalid(_))));
    }
    streams.create(new("a")).await.unwrap();
    let patch = StreamPatch { retention_hours: Some(0), ..StreamPatch::default() };
    assert!(matches!(streams.update("a", patch).await, Err(UpdateError::Invalid(_))));
    assert_eq!(streams.list(None, None, 10).streams.len(), 1);
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = World::new();
    let streams = world.open().await;
    let both = tokio::join!(streams.create(new("cam")), streams.create(new("cam")));
    let results = [both.0, both.1];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().any(|result| matches!(result, Err(CreateError::AlreadyExists { .. }))));
    assert_eq!(world.store.shards().await.unwrap().len(), 1);
}

#[tokio::test]
async fn lists_come_in_pages_and_by_kind() {
    let world = World::new();
    let streams = world.open().await;
    for name in ["d", "b", "a", "c"] {
        let kind = if name == "b" { StreamKind::Data } else { StreamKind::Video };
        streams.create(NewStream { kind, ..new(name) }).await.unwrap();
    }
    let names = |page: &streams::StreamPage| page.streams.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let first = streams.list(None, None, 3);
    assert_eq!((names(&first), first.next.as_deref()), (vec!["a".into(), "b".into(), "c".into()], Some("c")));
    let second = streams.list(None, first.next.as_deref(), 3);
    assert_eq!((names(&second), second.next), (vec!["d".to_owned()], None));
    let videos = streams.list(Some(StreamKind::Video), Some("a"), 2);
    assert_eq!((names(&videos), videos.next), (vec!["c".to_owned(), "d".to_owned()], None));
}

#[tokio::test]
async fn settings_change_and_survive_reopening() {
    let world = World::new();
    let streams = world.open().await;
    let before = streams.create(new("cam")).await.unwrap();
    let attributes = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let sealed = SealedSettings::default().with("source", "rtsp://camera/1".to_owned());
    let patch = StreamPatch {
        retention_hours: Some(48),
        attributes: Some(attributes.clone()),
        sealed_settings: Some(sealed.clone()),
        ..StreamPatch::default()
    };
    let after = streams.update("cam", patch).await.unwrap();
    assert_eq!((after.retention_hours, &after.attributes), (48, &attributes));
    assert_eq!(after.sealed_settings, sealed);
    assert_eq!((after.id, &after.shards), (before.id, &before.shards));
    streams.update("cam", StreamPatch::default()).await.unwrap();
    streams.shutdown().await;
    assert_eq!(world.open().await.describe("cam").unwrap(), after);
    let missing = world.open().await.update("other", StreamPatch::default()).await;
    assert!(matches!(missing, Err(UpdateError::NotFound(_))));
}

#[tokio::test]
async fn a_change_goes_on_from_what_somebody_else_wrote() {
    let world = World::new();
    let (one, two) = (world.open().await, world.open().await);
    one.create(new("cam")).await.unwrap();
    drop(two);
    let two = world.open().await;
    let patch = |hours| StreamPatch { retention_hours: Some(hours), ..StreamPatch::default() };
    one.update("cam", patch(2)).await.unwrap();
    let attributes = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let merged = two
        .update("cam", StreamPatch { attributes: Some(attributes.clone()), ..StreamPatch::default() })
        .await
        .unwrap();
    assert_eq!((merged.retention_hours, &merged.attributes), (2, &attributes));
}

#[tokio::test]
async fn nothing_of_a_stream_lies_in_the_clear() {
    let world = World::new();
    let streams = world.open().await;
    let attributes = BTreeMap::from([("secret-key".to_owned(), "secret-value".to_owned())]);
    let sealed_settings = SealedSettings::default().with("source", "secret-address".to_owned());
    streams.create(NewStream { attributes, sealed_settings, ..new("secret-name") }).await.unwrap();
    for (key, row) in world.meta.list("").await.unwrap() {
        let everything = [key.as_bytes(), &row.value].concat();
        assert!(!everything.windows(6).any(|window| window == b"secret"));
    }
}

#[tokio::test]
async fn a_deleted_stream_is_gone_and_its_name_is_free() {
    let world = World::new();
    let (streams, old) = world.with_cam().await;
    put(&old, "first life").await;
    let mut tail = old.watch().unwrap();
    streams.delete("cam").await.unwrap();
    assert!(streams.describe("cam").is_err());
    assert!(matches!(streams.delete("cam").await, Err(DeleteError::NotFound(_))));
    assert_eq!(world.meta.list("").await.unwrap(), []);
    assert_eq!(world.store.shards().await.unwrap(), []);
    assert!(tail.wait_for(|_| false).await.is_err(), "followers are let go");

    let before = old.info().id;
    streams.create(new("cam")).await.unwrap();
    let shard = streams.shard("cam", 0).unwrap();
    assert_ne!(shard.info().id, before);
    put(&shard, "second life").await;
    assert_eq!(heads(&shard).await, ["second life"]);
    assert!(matches!(old.append(vec![record("h", "b")]).await, Err(AppendError::Deleted)));
    assert!(matches!(old.state().await, Err(ReadError::Deleted)));
}

#[tokio::test]
async fn a_create_goes_on_when_its_caller_goes_away() {
    let world = World::new();
    let streams = world.open().await;
    world.meta.slow.store(true, Ordering::SeqCst);
    {
        let create = streams.create(new("cam"));
        tokio::pin!(create);
        assert!(futures_util::poll!(&mut create).is_pending());
    }
    streams.shutdown().await;
    assert!(streams.describe("cam").is_ok());
    assert!(matches!(streams.create(new("late")).await, Err(CreateError::Catalogue(_))));
}

#[tokio::test]
async fn usage_counts_all_shards() {
    let world = World::new();
    let streams = world.open().await;
    streams.create(NewStream { shards: 3, ..new("data") }).await.unwrap();
    assert_eq!(streams.usage("data").await.unwrap().records, 0);
    for index in 0..3 {
        put(&streams.shard("data", index).unwrap(), "x").await;
    }
    let usage = streams.usage("data").await.unwrap();
    assert_eq!(usage.records, 3);
    assert!(usage.stored_bytes > 3 * "body of x".len() as u64);
}
