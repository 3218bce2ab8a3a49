//! Data keys: replaced daily, forgotten when nothing needs them, refused when their key-encryption key is disabled.

use crate::world::{World, heads, put, record};
use shardlog::{MetaStore, Parts, ReadLimit};
use std::time::Duration;
use streams::limits::{DATA_KEY_LIFETIME, OPENED_KEY_LIFETIME};
use streams::{AppendError, DataKeyError, ReadError, Seq, Shard, TrimExactly};

const HOUR: Duration = Duration::from_secs(3600);

/// The data keys that a shard's records name.
async fn key_numbers(world: &World, shard: &Shard) -> Vec<u32> {
    let first = shard.state().await.unwrap().tail.first;
    let limit = ReadLimit { records: 1000, bytes: 1 << 20 };
    let stored = world.store.inner.read(shard.info().id, first, limit, Parts::Heads).await.unwrap();
    stored.iter().map(|record| vault::SealedHead::parse(&record.head).unwrap().key_number()).collect()
}

#[tokio::test]
async fn a_data_key_lives_a_day() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.sim.clock.advance(DATA_KEY_LIFETIME - Duration::from_millis(1));
    put(&shard, "1").await;
    world.sim.clock.advance(Duration::from_millis(1));
    put(&shard, "2").await;
    assert_eq!(key_numbers(&world, &shard).await, [1, 1, 2]);
    assert_eq!(heads(&shard).await, ["0", "1", "2"]);
    streams.shutdown().await;
    let shard = world.open().await.shard("cam", 0).unwrap();
    put(&shard, "3").await;
    assert_eq!(key_numbers(&world, &shard).await, [1, 1, 2, 2]);
    assert_eq!(heads(&shard).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_full_catalogue_does_not_stop_the_camera() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.sim.clock.advance(DATA_KEY_LIFETIME);
    world.meta.writes_left.set(0);
    put(&shard, "1").await;
    world.meta.writes_left.set(usize::MAX);
    put(&shard, "2").await; // too early to try again
    world.sim.clock.advance(Duration::from_secs(60));
    put(&shard, "3").await;
    assert_eq!(key_numbers(&world, &shard).await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_disabled_key_stops_writers_and_readers_within_minutes() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    let key = streams.describe("cam").unwrap().key.parse().unwrap();
    world.vault.disable(&key).unwrap();
    world.sim.clock.advance(OPENED_KEY_LIFETIME);
    let refused = shard.append(vec![record("x", "")]).await;
    assert!(matches!(refused, Err(AppendError::Key(DataKeyError::Refused(_)))), "{refused:?}");
    let limit = ReadLimit { records: 1, bytes: 1 };
    let refused = shard.read(Seq(0), limit, Parts::Heads).await;
    assert!(matches!(refused, Err(ReadError::Key(DataKeyError::Refused(_)))), "{refused:?}");
    // Also when a new data key would be due.
    world.sim.clock.advance(DATA_KEY_LIFETIME);
    assert!(matches!(shard.append(vec![record("x", "")]).await, Err(AppendError::Key(_))));
    world.vault.enable(&key).unwrap();
    put(&shard, "1").await;
    assert_eq!(heads(&shard).await, ["0", "1"]);
}

#[tokio::test]
async fn data_keys_go_when_their_records_are_trimmed() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let mut sizes = Vec::new();
    for day in 0..12 {
        put(&shard, &day.to_string()).await;
        streams.retention_pass(&TrimExactly, world.now()).await;
        // What is kept is readable, under its own key.
        let kept = heads(&shard).await;
        assert_eq!(kept.last(), Some(&day.to_string()));
        let rows = world.meta.list("stream/").await.unwrap();
        sizes.push(rows[0].1.value.len());
        world.sim.clock.advance(24 * HOUR);
    }
    let numbers = key_numbers(&world, &shard).await;
    assert_eq!(numbers, [11, 12]);
    let growth = sizes[1] - sizes[0];
    assert!(sizes[11] < sizes[0] + 3 * growth, "rows keep growing: {sizes:?}");
}

#[tokio::test]
async fn streams_share_a_default_key_that_is_made_once() {
    let world = World::new();
    let (streams, _) = world.with_cam().await;
    streams.create(crate::world::new("other")).await.unwrap();
    assert_eq!(streams.describe("cam").unwrap().key, streams.describe("other").unwrap().key);
    drop(world.open().await);
    assert_eq!(world.vault.keys().len(), 1);
}
