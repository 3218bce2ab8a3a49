//! Data keys: replaced daily, forgotten when nothing needs them, refused when their key-encryption key is disabled.

use crate::world::{World, heads, put, record};
use shardlog::{MetaStore, Parts, ReadLimit};
use std::time::Duration;
use streams::limits::{DATA_KEY_LIFETIME, KEY_CHANGE_SHOWN, KEY_CHANGES_PER_DAY, OPENED_KEY_LIFETIME};
use streams::{
    AppendError, CatalogueError, ChosenKey, DataKeyError, InvalidSetting, ReadError, Seq, Shard, StreamPatch,
    StreamStatus, TrimExactly, UpdateError,
};
use vault::KeyUseError;

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

/// A key of the user's own.
fn own_key(world: &World) -> ChosenKey {
    ChosenKey {
        id: world.vault.create_key("own").unwrap(),
        called: "alias/own".to_owned(),
        bound_to: "own".to_owned(),
    }
}

async fn refused_append(shard: &Shard) -> KeyUseError {
    match shard.append(vec![record("x", "")]).await {
        Err(AppendError::Key(DataKeyError::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn refused_read(shard: &Shard, from: Seq) -> KeyUseError {
    match shard.read(from, ReadLimit { records: 1, bytes: 1 }, Parts::Heads).await {
        Err(ReadError::Key(DataKeyError::Refused(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_changed_key_seals_what_is_appended_from_then_on() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    let own = own_key(&world);
    let info = streams.set_key("cam", Some(own.clone())).await.unwrap();
    assert_eq!(info.key, own.id.to_string());
    put(&shard, "1").await;
    // The same again changes nothing.
    streams.set_key("cam", Some(own.clone())).await.unwrap();
    put(&shard, "2").await;
    assert_eq!(key_numbers(&world, &shard).await, [1, 2, 2]);
    assert_eq!(heads(&shard).await, ["0", "1", "2"]);
    streams.shutdown().await;

    let streams = world.open().await;
    assert_eq!(streams.describe("cam").unwrap().key, own.id.to_string());
    let shard = streams.shard("cam", 0).unwrap();
    assert_eq!(heads(&shard).await, ["0", "1", "2"]);
    // Data keys that are due later are wrapped by it as well.
    world.sim.clock.advance(DATA_KEY_LIFETIME);
    put(&shard, "3").await;
    streams.set_key("cam", None).await.unwrap();
    put(&shard, "4").await;
    assert_eq!(key_numbers(&world, &shard).await, [1, 2, 2, 3, 4]);
    world.vault.destroy(&own.id).unwrap();
    world.sim.clock.advance(OPENED_KEY_LIFETIME);
    for seq in [1, 2, 3] {
        assert_eq!(refused_read(&shard, Seq(seq)).await, KeyUseError::Destroyed(own.id));
    }
    for (seq, head) in [(0, "0"), (4, "4")] {
        let read = shard.read(Seq(seq), ReadLimit { records: 1, bytes: 1 }, Parts::Heads).await.unwrap();
        assert_eq!(read[0].head, head);
    }
}

#[tokio::test]
async fn a_disabled_key_takes_only_its_own_records() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let (old, new) = (own_key(&world), own_key(&world));
    streams.set_key("cam", Some(old.clone())).await.unwrap();
    put(&shard, "0").await;
    streams.set_key("cam", Some(new.clone())).await.unwrap();
    put(&shard, "1").await;

    world.vault.disable(&old.id).unwrap();
    world.sim.clock.advance(OPENED_KEY_LIFETIME);
    assert_eq!(refused_read(&shard, Seq(0)).await, KeyUseError::Disabled(old.id));
    put(&shard, "2").await;
    assert_eq!(
        shard.read(Seq(1), ReadLimit { records: 9, bytes: 999 }, Parts::Heads).await.unwrap().len(),
        2
    );
    assert!(shard.check_key().is_ok());

    world.vault.enable(&old.id).unwrap();
    world.vault.disable(&new.id).unwrap();
    world.sim.clock.advance(OPENED_KEY_LIFETIME);
    assert_eq!(refused_append(&shard).await, KeyUseError::Disabled(new.id));
    assert_eq!(refused_read(&shard, Seq(1)).await, KeyUseError::Disabled(new.id));
    assert!(matches!(shard.check_key(), Err(ReadError::Key(_))));
    // Not even a reopened catalogue knows better, and it opens.
    streams.shutdown().await;
    let streams = world.open().await;
    let shard = streams.shard("cam", 0).unwrap();
    assert_eq!(refused_append(&shard).await, KeyUseError::Disabled(new.id));
    world.vault.enable(&new.id).unwrap();
    put(&shard, "3").await;
    assert_eq!(heads(&shard).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_not_taken() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let before = streams.describe("cam").unwrap();
    let own = own_key(&world);
    world.vault.disable(&own.id).unwrap();
    let refused = streams.set_key("cam", Some(own.clone())).await;
    let disabled = DataKeyError::Refused(KeyUseError::Disabled(own.id));
    assert!(
        matches!(&refused, Err(UpdateError::Catalogue(CatalogueError::Key(why))) if *why == disabled),
        "{refused:?}"
    );
    assert_eq!(streams.describe("cam").unwrap(), before);
    put(&shard, "0").await;
    assert_eq!(key_numbers(&world, &shard).await, [1]);
    assert!(matches!(streams.set_key("none", None).await, Err(UpdateError::NotFound(_))));
}

#[tokio::test]
async fn keys_change_so_often_and_none_is_forgotten_that_was_in_use_today() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let own = own_key(&world);
    let rows = async || world.meta.list("stream/").await.unwrap()[0].1.value.len();
    // Going back to the default key counts for itself.
    for there in 0..2 * KEY_CHANGES_PER_DAY {
        streams.set_key("cam", (there % 2 == 0).then(|| own.clone())).await.unwrap();
    }
    let refused = streams.set_key("cam", Some(own.clone())).await;
    assert!(matches!(refused, Err(UpdateError::Invalid(InvalidSetting::KeyChanges { .. }))), "{refused:?}");
    streams.set_key("cam", None).await.expect("it has that key");
    // An append that began before the last changes could still be on its way to the disk.
    let full = rows().await;
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(rows().await, full);
    put(&shard, "0").await;
    world.sim.clock.advance(DATA_KEY_LIFETIME);
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert!(rows().await < full / 4, "{} of {full} bytes", rows().await);
    assert!(streams.set_key("cam", Some(own)).await.is_ok());
    put(&shard, "1").await;
}

#[tokio::test]
async fn a_change_of_the_key_shows_for_a_moment() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let own = own_key(&world);
    let status = || streams.look("cam").unwrap().status;
    assert_eq!(streams.set_key("cam", Some(own.clone())).await.unwrap().status, StreamStatus::Updating);
    put(&shard, "0").await;
    // Whatever else changes.
    streams.update("cam", StreamPatch { retention_hours: Some(7), ..StreamPatch::default() }).await.unwrap();
    assert_eq!(status(), StreamStatus::Updating);
    world.sim.clock.advance(KEY_CHANGE_SHOWN);
    assert_eq!(streams.settled("cam").await.unwrap().status, StreamStatus::Active);
    streams.set_key("cam", Some(own)).await.unwrap();
    assert_eq!(status(), StreamStatus::Active, "nothing changed");
    // A stop ends it, and so does a failure.
    streams.set_key("cam", None).await.unwrap();
    streams.shutdown().await;
    let streams = world.open().await;
    assert_eq!(streams.look("cam").unwrap().status, StreamStatus::Active);
    world.meta.writes_left.set(0);
    assert!(streams.set_key("cam", Some(own_key(&world))).await.is_err());
    assert_eq!(streams.look("cam").unwrap().status, StreamStatus::Active);
}

#[tokio::test]
async fn data_keys_are_bound_to_what_their_users_say() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let own = own_key(&world);
    put(&shard, "0").await; // bound to the stream alone, as all were before there was more
    let numbers = async || key_numbers(&world, &shard).await;
    streams.set_key("cam", Some(own.clone())).await.unwrap();
    put(&shard, "1").await;
    let renamed = ChosenKey { bound_to: "renamed".to_owned(), ..own.clone() };
    streams.set_key("cam", Some(renamed)).await.unwrap();
    put(&shard, "2").await;
    assert_eq!(numbers().await, [1, 2, 3], "another binding needs another data key");
    world.sim.clock.advance(DATA_KEY_LIFETIME);
    put(&shard, "3").await;
    streams.set_key("cam", Some(own)).await.unwrap();
    put(&shard, "4").await;
    assert_eq!(numbers().await, [1, 2, 3, 4, 5]);
    streams.shutdown().await;
    let shard = world.open().await.shard("cam", 0).unwrap();
    assert_eq!(heads(&shard).await, ["0", "1", "2", "3", "4"]);
}
