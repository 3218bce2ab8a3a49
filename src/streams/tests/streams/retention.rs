//! Retention under a stopped clock.

use crate::world::{World, heads, new, put};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use streams::{
    Arrival, NewStream, RetentionReport, Seq, Shard, Source, StreamInfo, StreamPatch, TrimExactly, TrimGuard,
};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn exactly_what_is_older_goes() {
    let world = World::new();
    let streams = world.open().await;
    for (name, hours) in [("day", 24), ("hour", 1)] {
        streams.create(NewStream { retention_hours: hours, ..new(name) }).await.unwrap();
    }
    let (day, hour) = (streams.shard("day", 0).unwrap(), streams.shard("hour", 0).unwrap());
    for i in 0..4 {
        put(&day, &i.to_string()).await;
        put(&hour, &i.to_string()).await;
        world.sim.clock.advance(HOUR / 2);
    }
    // Record 2 is now exactly an hour old, and stays.
    let report = streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(report, RetentionReport { shards: 1, records: 2, failures: 0 });
    assert_eq!(heads(&hour).await, ["2", "3"]);
    assert_eq!(heads(&day).await, ["0", "1", "2", "3"]);
    let later = Arrival(world.now().0 + 1);
    assert_eq!(streams.retention_pass(&TrimExactly, later).await.records, 1);
    assert_eq!(heads(&hour).await, ["3"]);

    let before = streams.usage("day").await.unwrap().stored_bytes;
    world.sim.clock.advance(24 * HOUR);
    assert_eq!(streams.retention_pass(&TrimExactly, world.now()).await.shards, 2);
    assert_eq!(heads(&day).await, Vec::<String>::new());
    assert!(streams.usage("day").await.unwrap().stored_bytes < before);
    assert_eq!(put(&hour, "4").await, Seq(4), "numbers go on");
}

#[tokio::test]
async fn a_shorter_retention_works_at_once_and_a_longer_one_brings_nothing_back() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "old").await;
    world.sim.clock.advance(2 * HOUR);
    put(&shard, "new").await;
    for (hours, kept) in [(24, vec!["old", "new"]), (1, vec!["new"]), (48, vec!["new"])] {
        let patch = StreamPatch { retention_hours: Some(hours), ..StreamPatch::default() };
        streams.update("cam", patch).await.unwrap();
        streams.retention_pass(&TrimExactly, world.now()).await;
        assert_eq!(heads(&shard).await, kept);
    }
}

/// Answers every proposal with the same place, or refuses.
struct Fixed(Option<Seq>);

#[async_trait]
impl TrimGuard for Fixed {
    async fn trim_point(&self, _: &StreamInfo, _: &Shard, _: Seq) -> Result<Seq, Source> {
        self.0.ok_or_else(|| Arc::new(std::io::Error::other("not now")) as Source)
    }
}

#[tokio::test]
async fn the_guard_may_hold_back_but_not_hurry() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    for i in 0..4 {
        put(&shard, &i.to_string()).await;
    }
    world.sim.clock.advance(25 * HOUR);
    put(&shard, "young").await;
    let refused = streams.retention_pass(&Fixed(None), world.now()).await;
    assert_eq!(refused, RetentionReport { shards: 0, records: 0, failures: 1 });
    assert_eq!(streams.retention_pass(&Fixed(Some(Seq(0))), world.now()).await, RetentionReport::default());
    assert_eq!(streams.retention_pass(&Fixed(Some(Seq(3))), world.now()).await.records, 3);
    assert_eq!(heads(&shard).await, ["3", "young"]);
    assert_eq!(streams.retention_pass(&Fixed(Some(Seq(99))), world.now()).await.records, 1);
    assert_eq!(heads(&shard).await, ["young"]);
}

/// Appends the oldest record again before it lets it go.
struct Restate;

#[async_trait]
impl TrimGuard for Restate {
    async fn trim_point(&self, _: &StreamInfo, shard: &Shard, proposed: Seq) -> Result<Seq, Source> {
        put(shard, "restated").await;
        Ok(proposed)
    }
}

#[tokio::test]
async fn the_guard_may_append_first() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.sim.clock.advance(25 * HOUR);
    assert_eq!(streams.retention_pass(&Restate, world.now()).await.records, 1);
    assert_eq!(heads(&shard).await, ["restated"]);
}

#[tokio::test]
async fn the_task_follows_the_clock_and_ends_at_shutdown() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    streams.spawn_retention(Arc::new(TrimExactly));
    let mut tail = shard.watch().unwrap();
    tokio::task::yield_now().await;
    world.sim.clock.advance(25 * HOUR);
    tail.wait_for(|tail| tail.first == Seq(1)).await.unwrap();
    streams.shutdown().await;
}
