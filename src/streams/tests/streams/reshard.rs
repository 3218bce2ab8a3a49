//! Splitting and merging shards, one step at a time.

use crate::world::{World, data, heads, new, put, record};
use shardlog::LogStore;
use std::time::Duration;
use streams::{
    AppendError, Capacity, KeyedRecord, Placed, ReadError, ReshardError, Seq, ShardError, ShardInfo,
    ShardRates, StreamStatus, Streams, StreamsConfig, TrimExactly, UpdateError,
};

const MIDDLE: u128 = 1 << 127;

fn keyed(hash_key: u128, head: &str) -> KeyedRecord {
    KeyedRecord { hash_key, counts: 4, record: record(head, "body") }
}

async fn put_by_hash(streams: &Streams, name: &str, hash_key: u128, head: &str) -> Placed {
    let answers = streams.append_by_hash(name, vec![keyed(hash_key, head)]).await.unwrap();
    answers.into_iter().next().unwrap().unwrap()
}

fn open(info: &streams::StreamInfo) -> Vec<u32> {
    info.open_shards().map(|shard| shard.index).collect()
}

#[tokio::test]
async fn a_split_closes_the_parent_and_goes_on_in_the_children() {
    let world = World::new();
    let streams = world.open().await;
    streams.create(data("orders", 1)).await.unwrap();
    assert_eq!(put_by_hash(&streams, "orders", 1, "low 0").await.shard, 0);
    assert_eq!(put_by_hash(&streams, "orders", MIDDLE, "high 0").await.seq, Seq(1));
    world.sim.clock.advance(Duration::from_secs(60));

    assert_eq!(streams.split("orders", 0, MIDDLE).await.unwrap().status, StreamStatus::Updating);
    let info = streams.settled("orders").await.unwrap();
    assert_eq!((info.status, open(&info)), (StreamStatus::Active, vec![1, 2]));
    let closed = info.shards[0].closed.unwrap();
    assert_eq!((closed.at_ms, closed.next), (world.now().0, Seq(2)));
    let children: Vec<ShardInfo> = info.children(0).copied().collect();
    assert_eq!(children.iter().map(|child| child.index).collect::<Vec<_>>(), [1, 2]);
    for child in children {
        assert_eq!((child.parent, child.adjacent_parent), (Some(0), None));
        assert_eq!(child.created_ms, closed.at_ms + 1000);
    }

    let parent = streams.shard("orders", 0).unwrap();
    assert_eq!(heads(&parent).await, ["low 0", "high 0"]);
    assert!(parent.state().await.unwrap().tail.sealed);
    assert!(matches!(parent.append(vec![record("x", "")]).await, Err(AppendError::Sealed { next: Seq(2) })));
    let low = put_by_hash(&streams, "orders", MIDDLE - 1, "low 1").await;
    let high = put_by_hash(&streams, "orders", MIDDLE, "high 1").await;
    assert_eq!([(low.shard, low.seq), (high.shard, high.seq)], [(1, Seq(0)), (2, Seq(0))]);

    streams.merge("orders", 1, 2).await.unwrap();
    let info = streams.settled("orders").await.unwrap();
    let child = info.shards[3];
    assert_eq!((open(&info), child.parent, child.adjacent_parent), (vec![3], Some(1), Some(2)));
    for parent in [1, 2] {
        assert_eq!(info.children(parent).map(|child| child.index).collect::<Vec<_>>(), [3]);
    }
    assert_eq!(put_by_hash(&streams, "orders", 7, "low 2").await.shard, 3);
    assert_eq!(streams.usage("orders").await.unwrap().records, 5);

    streams.shutdown().await;
    let again = world.open().await;
    assert_eq!(again.describe("orders").unwrap(), info);
    assert_eq!(put_by_hash(&again, "orders", 7, "low 3").await.seq, Seq(1));
}

#[tokio::test]
async fn what_cannot_be_split_or_merged_is_refused() {
    let world = World::new();
    let limited = StreamsConfig { rates: Some(ShardRates::default()), ..StreamsConfig::default() };
    let streams = world.open_with(limited).await;
    streams.create(new("cam")).await.unwrap();
    streams.create(data("orders", 4)).await.unwrap();
    assert!(matches!(streams.split("nobody", 0, MIDDLE).await, Err(ReshardError::NotFound(_))));
    assert!(matches!(streams.split("cam", 0, MIDDLE).await, Err(ReshardError::Invalid(_))));
    assert!(matches!(
        streams.merge("orders", 0, 2).await,
        Err(ReshardError::NotAdjacent { first: 0, second: 2 })
    ));
    for target in [9, 1] {
        let refused = streams.set_shard_count("orders", target).await;
        assert!(matches!(refused, Err(ReshardError::TooFar { open: 4, .. })), "{refused:?}");
    }
    assert!(matches!(streams.set_shard_count("orders", 0).await, Err(ReshardError::Invalid(_))));
    assert_eq!(streams.set_shard_count("orders", 4).await.unwrap().status, StreamStatus::Active);

    // The plan is written, and it goes no further for now.
    world.meta.writes_left.set(1);
    streams.merge("orders", 0, 1).await.unwrap();
    let busy = streams.merge("orders", 2, 3).await;
    assert!(matches!(busy, Err(ReshardError::NotActive(StreamStatus::Updating))), "{busy:?}");
    world.meta.writes_left.set(usize::MAX);
    let settled = streams.settled("orders");
    tokio::pin!(settled);
    while futures_util::poll!(&mut settled).is_pending() {
        world.sim.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(matches!(streams.split("orders", 1, 7).await, Err(ReshardError::Closed { index: 1 })));

    for count in 0..10 {
        streams.set_shard_count("orders", 3 + (count + 1) % 2).await.unwrap();
        streams.settled("orders").await.unwrap();
    }
    assert!(matches!(streams.set_shard_count("orders", 4).await, Err(ReshardError::TooOften { max: 10 })));
    world.sim.clock.advance(Duration::from_secs(24 * 3600));
    streams.set_shard_count("orders", 4).await.unwrap();
    assert_eq!(streams.settled("orders").await.unwrap().open_shards().len(), 4);

    let on_demand = streams.change_data("orders", |data| {
        data.capacity = Capacity::OnDemand;
        Ok::<_, UpdateError>(())
    });
    on_demand.await.unwrap();
    assert!(matches!(streams.set_shard_count("orders", 5).await, Err(ReshardError::OnDemand)));
}

/// Leaves a change from two shards to three cut off after so many writes of the row, or so many changes of the store.
async fn cut_off(writes: usize, changes: usize) -> (World, Streams) {
    let world = World::new();
    let streams = world.open().await;
    streams.create(data("orders", 2)).await.unwrap();
    put_by_hash(&streams, "orders", 1, "before").await;
    world.meta.writes_left.set(writes);
    world.store.changes_left.set(changes);
    let planned = streams.set_shard_count("orders", 3).await;
    assert_eq!(planned.is_ok(), writes > 0);
    // It goes as far as it can; then it waits for a clock that stands still.
    let mut follow = streams.follow("orders").unwrap();
    for turn in 0.. {
        let refused = world.meta.writes_left.refused() + world.store.changes_left.refused();
        if refused > 0 || follow.borrow_and_update().status == StreamStatus::Active {
            break;
        }
        assert!(turn < 1_000_000, "neither done nor refused");
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    (world, streams)
}

#[tokio::test]
async fn a_step_cut_off_anywhere_is_completed_at_the_next_opening() {
    let cuts = [(1, usize::MAX), (2, usize::MAX), (3, usize::MAX)];
    // Four children and two seals, then one child and two seals.
    let cuts = cuts.into_iter().chain((0..9).map(|changes| (usize::MAX, changes)));
    for (writes, changes) in cuts {
        let note = format!("cut at {writes}, {changes}");
        let (world, old) = cut_off(writes, changes).await;
        world.meta.writes_left.set(usize::MAX);
        world.store.changes_left.set(usize::MAX);
        let status = if writes == 3 { StreamStatus::Active } else { StreamStatus::Updating };
        assert_eq!(old.describe("orders").unwrap().status, status, "{note}");
        let again = world.open().await;
        assert_eq!(again.describe("orders").unwrap().status, status, "{note}");
        assert!(again.strays().is_empty(), "{note}");
        again.spawn_resharding();
        let info = again.settled("orders").await.unwrap();
        assert_eq!((info.open_shards().len(), info.shards.len()), (3, 7), "{note}");
        assert_eq!(world.store.shards().await.unwrap().len(), 7, "{note}");
        let after = put_by_hash(&again, "orders", 1, "after").await;
        assert_eq!(Some(after.shard), info.open_shard_of(1).map(|shard| shard.index));
        assert_eq!(heads(&again.shard("orders", 0).unwrap()).await, ["before"]);
    }
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again_and_appends_wait_for_it() {
    let (world, streams) = cut_off(1, usize::MAX).await;
    let append = streams.append_by_hash("orders", vec![keyed(1, "waits")]);
    tokio::pin!(append);
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut append).is_pending());
        tokio::task::yield_now().await;
    }
    world.meta.writes_left.set(usize::MAX);
    world.sim.clock.advance(Duration::from_secs(1));
    let placed = append.await.unwrap().remove(0).unwrap();
    assert_eq!(streams.settled("orders").await.unwrap().open_shards().len(), 3);
    assert!(placed.shard >= 2);

    // Not for ever.
    let (world, streams) = cut_off(1, usize::MAX).await;
    let append = streams.append_by_hash("orders", vec![keyed(1, "waits")]);
    tokio::pin!(append);
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut append).is_pending());
        tokio::task::yield_now().await;
    }
    world.sim.clock.advance(streams::limits::RESHARD_WAIT);
    assert!(matches!(append.await.unwrap().remove(0), Err(AppendError::Unavailable(_))));
}

#[tokio::test]
async fn a_plan_that_cannot_be_written_changes_nothing() {
    let (world, streams) = cut_off(0, usize::MAX).await;
    let info = streams.describe("orders").unwrap();
    assert_eq!((info.status, info.shards.len()), (StreamStatus::Active, 2));
    assert_eq!(world.store.shards().await.unwrap().len(), 2);
    assert_eq!(put_by_hash(&streams, "orders", 1, "after").await.seq, Seq(1));
}

#[tokio::test]
async fn a_stream_is_deleted_in_the_middle_of_a_step() {
    for changes in 0..9 {
        let (world, streams) = cut_off(usize::MAX, changes).await;
        world.store.changes_left.set(usize::MAX);
        streams.delete("orders").await.unwrap();
        world.sim.clock.advance(Duration::from_secs(60));
        streams.shutdown().await;
        assert_eq!(world.store.shards().await.unwrap(), [], "cut at {changes}");
    }
}

#[tokio::test]
async fn closed_shards_expire() {
    let world = World::new();
    let streams = world.open().await;
    streams.create(data("orders", 1)).await.unwrap();
    put_by_hash(&streams, "orders", 1, "0").await;
    streams.split("orders", 0, MIDDLE).await.unwrap();
    streams.settled("orders").await.unwrap();
    let parent = streams.shard("orders", 0).unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    world.sim.clock.advance(hours(23));
    put(&streams.shard("orders", 1).unwrap(), "1").await;
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(streams.describe("orders").unwrap().shards.len(), 3);

    // The row forgets it; the rest is done by a later pass.
    world.sim.clock.advance(hours(1) + Duration::from_secs(1));
    world.store.changes_left.set(0);
    assert_eq!(streams.retention_pass(&TrimExactly, world.now()).await.failures, 1);
    let info = streams.describe("orders").unwrap();
    assert_eq!(info.shards.iter().map(|shard| shard.index).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(streams.shard("orders", 0), Err(ShardError::NoSuchShard { .. })));
    assert_eq!(world.store.shards().await.unwrap().len(), 3);
    streams.shutdown().await;
    world.store.changes_left.set(usize::MAX);
    let streams = world.open().await;
    assert!(streams.strays().is_empty());
    assert_eq!(streams.retention_pass(&TrimExactly, world.now()).await.failures, 0);
    assert_eq!(world.store.shards().await.unwrap().len(), 2);
    assert!(matches!(parent.state().await, Err(ReadError::Deleted)));

    // Children know of a parent that is not there any more; indexes go on.
    streams.split("orders", 2, MIDDLE + 5).await.unwrap();
    let info = streams.settled("orders").await.unwrap();
    assert_eq!((open(&info), info.shards[0].parent), (vec![1, 3, 4], Some(0)));
}
