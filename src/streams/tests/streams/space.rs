//! Bytes that a stream may keep, holds, and a disk that is full.

use crate::world::{World, heads, new, put, record};
use async_trait::async_trait;
use shardlog::local::{LocalOptions, LocalStore};
use std::sync::Arc;
use std::time::Duration;
use streams::limits::HOLDS_MAX;
use streams::{
    AppendError, Arrival, DeleteError, DiskMarks, HeldRange, Hold, HoldClock, InvalidSetting, NewStream, Seq,
    Shard, Source, StreamInfo, StreamPatch, Streams, StreamsConfig, TrimExactly, TrimGuard, UpdateError,
    WhenFull,
};

const HOUR: Duration = Duration::from_secs(3600);
const MIB: u64 = 1 << 20;

/// Appends a record of about so many bytes.
async fn put_bytes(shard: &Shard, head: &str, bytes: usize) -> Result<Seq, AppendError> {
    let appended = shard.append(vec![record(head, vec![7; bytes])]).await?;
    appended.durable.await?;
    Ok(appended.first)
}

fn hold(name: &str, range: Option<(u64, u64)>) -> Hold {
    let range = range.map(|(from_ms, to_ms)| HeldRange { from_ms, to_ms, clock: HoldClock::Server });
    Hold { name: name.to_owned(), range, reason: "a test".to_owned(), placed_ms: 0 }
}

#[tokio::test]
async fn the_oldest_goes_until_no_more_is_stored_than_may_be() {
    let world = World::new();
    let streams = world.open().await;
    streams.create(NewStream { retention_bytes: Some(2 * MIB), ..new("cam") }).await.unwrap();
    streams.create(new("other")).await.unwrap();
    let (shard, other) = (streams.shard("cam", 0).unwrap(), streams.shard("other", 0).unwrap());
    for i in 0..30 {
        put_bytes(&shard, &i.to_string(), 100_000).await.unwrap();
        put_bytes(&other, &i.to_string(), 100_000).await.unwrap();
        world.sim.clock.advance(Duration::from_secs(1));
    }
    let report = streams.space_pass(&TrimExactly).await;
    assert_eq!((report.shards, report.failures), (1, 0));
    let stored = streams.usage("cam").await.unwrap().stored_bytes;
    assert!(stored <= 2 * MIB && stored > 3 * MIB / 2, "{stored}");
    let kept = heads(&shard).await;
    assert_eq!(kept.last().unwrap(), "29");
    assert_eq!(heads(&other).await.len(), 30);
    // Nothing was written since: nothing is looked at again; and a pass over everything finds nothing either.
    assert_eq!(streams.space_pass(&TrimExactly).await, Default::default());
    assert_eq!(streams.retention_pass(&TrimExactly, world.now()).await, Default::default());
    // A smaller bound works from the next pass on, age works beside it, and no bound at all brings nothing back.
    let patch = StreamPatch { retention_bytes: Some(Some(MIB)), ..StreamPatch::default() };
    streams.update("cam", patch).await.unwrap();
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert!(streams.usage("cam").await.unwrap().stored_bytes <= MIB);
    let patch = StreamPatch { retention_bytes: Some(None), ..StreamPatch::default() };
    assert_eq!(streams.update("cam", patch).await.unwrap().retention_bytes, None);
    world.sim.clock.advance(25 * HOUR);
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(heads(&shard).await, Vec::<String>::new());
    let small = NewStream { retention_bytes: Some(1), ..new("small") };
    assert!(streams.create(small).await.unwrap_err().to_string().contains("bytes"));
}

#[tokio::test]
async fn what_is_held_stays_and_what_came_after_with_it() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let start = world.now().0;
    for i in 0..6 {
        put(&shard, &i.to_string()).await;
        world.sim.clock.advance(HOUR);
    }
    let hour = 3_600_000;
    streams.place_hold("cam", hold("b", Some((start + 3 * hour - 5, start + 3 * hour + 5)))).await.unwrap();
    streams.place_hold("cam", hold("a", Some((start + 2 * hour, start + 2 * hour + 1)))).await.unwrap();
    // One that covers nothing yet holds nothing up.
    streams.place_hold("cam", hold("later", Some((start + 999 * hour, start + 1000 * hour)))).await.unwrap();
    world.sim.clock.advance(48 * HOUR);
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(heads(&shard).await, ["2", "3", "4", "5"]);
    let held = streams.held("cam", &TrimExactly).await.unwrap();
    assert_eq!(
        (held.oldest.as_deref(), held.bytes),
        (Some("a"), streams.usage("cam").await.unwrap().stored_bytes)
    );

    let refused = streams.delete("cam").await.unwrap_err();
    assert!(matches!(&refused, DeleteError::Held { hold, holds: 3 } if hold == "a"), "{refused}");
    // Holds are on disk, and another service reads them.
    let names = |info: &StreamInfo| info.holds.iter().map(|hold| hold.name.clone()).collect::<Vec<_>>();
    streams.shutdown().await;
    let streams = world.open().await;
    let shard = streams.shard("cam", 0).unwrap();
    assert_eq!(names(&streams.describe("cam").unwrap()), ["a", "b", "later"]);

    streams.release_hold("cam", "a").await.unwrap();
    assert!(matches!(streams.release_hold("cam", "a").await, Err(UpdateError::NoSuchHold { .. })));
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(heads(&shard).await, ["3", "4", "5"]);
    // Placed again, one takes the place of that of its name.
    streams.place_hold("cam", hold("b", None)).await.unwrap();
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(heads(&shard).await, ["3", "4", "5"]);
    for name in ["b", "later"] {
        streams.release_hold("cam", name).await.unwrap();
    }
    streams.retention_pass(&TrimExactly, world.now()).await;
    assert_eq!(heads(&shard).await, Vec::<String>::new());
    streams.delete("cam").await.unwrap();
}

#[tokio::test]
async fn holds_are_bounded() {
    let world = World::new();
    let (streams, _) = world.with_cam().await;
    for i in 0..HOLDS_MAX {
        streams.place_hold("cam", hold(&i.to_string(), None)).await.unwrap();
    }
    let refused = |result: Result<_, UpdateError>| {
        assert!(matches!(result.map(drop), Err(UpdateError::Invalid(InvalidSetting::Hold(_)))));
    };
    refused(streams.place_hold("cam", hold("one more", None)).await);
    refused(streams.place_hold("cam", hold("one-more", None)).await);
    streams.place_hold("cam", Hold { reason: "another".into(), ..hold("7", None) }).await.unwrap();
    assert!(matches!(streams.place_hold("none", hold("a", None)).await, Err(UpdateError::NotFound(_))));
}

/// Places a hold while it is asked where to trim, and looks whether that is waited for.
struct Meanwhile(Streams);

#[async_trait]
impl TrimGuard for Meanwhile {
    async fn trim_point(&self, stream: &StreamInfo, _: &Shard, proposed: Seq) -> Result<Seq, Source> {
        let (streams, name) = (self.0.clone(), stream.name.clone());
        let placing =
            tokio::spawn(async move { streams.place_hold(&name, hold("now", None)).await.map(drop) });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!placing.is_finished(), "a hold was placed while what it covers is about to be trimmed");
        Ok(proposed)
    }
}

#[tokio::test]
async fn a_hold_that_stands_came_before_the_trim_or_after_it() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.sim.clock.advance(25 * HOUR);
    put(&shard, "1").await;
    streams.retention_pass(&Meanwhile(streams.clone()), world.now()).await;
    assert_eq!(heads(&shard).await, ["1"]);
    tokio::task::yield_now().await;
    while streams.describe("cam").unwrap().holds.is_empty() {
        tokio::task::yield_now().await;
    }
}

/// A log on a small disk, and streams that leave 2 MiB of it free.
async fn on_a_small_disk(world: &mut World, mib: u64) -> Streams {
    let options = LocalOptions { reserve_bytes: MIB, segment_bytes: MIB, ..LocalOptions::default() };
    let store = LocalStore::open("/log", options, world.env.clone()).await.unwrap();
    world.sim.files.set_capacity(Some(mib * MIB));
    world.replace_store(Arc::new(store));
    let marks = DiskMarks { full_below: 2 * MIB, reserve: MIB };
    world.open_with(StreamsConfig { marks, ..StreamsConfig::default() }).await
}

/// Fills a stream until it is refused; how many records it took.
async fn fill(streams: &Streams, shard: &Shard) -> u64 {
    let mut next = 0;
    loop {
        streams.space_pass(&TrimExactly).await;
        match put_bytes(shard, &next.to_string(), 100_000).await {
            Ok(_) => next += 1,
            Err(AppendError::Full(_)) => return next,
            Err(error) => panic!("{error:?}"),
        }
        assert!(next < 1000, "a disk without end");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_until_there_is_room_again() {
    let mut world = World::new();
    let streams = on_a_small_disk(&mut world, 16).await;
    streams.create(new("cam")).await.unwrap();
    let shard = streams.shard("cam", 0).unwrap();
    let taken = fill(&streams, &shard).await;
    assert!(taken > 100, "{taken}");
    let disk = streams.disk();
    assert!(disk.full && disk.refused == 1 && disk.free.unwrap() > MIB, "{disk:?}");
    assert_eq!(heads(&shard).await.len() as u64, taken);
    // Everything but media goes on.
    streams.place_hold("cam", hold("a", None)).await.unwrap();
    streams.release_hold("cam", "a").await.unwrap();
    streams.create(new("cam2")).await.unwrap();
    shard.append_upkeep(vec![record("small", "")], None).await.unwrap().durable.await.unwrap();
    shard.trim(Seq(taken / 2)).await.unwrap();
    streams.space_pass(&TrimExactly).await;
    assert!(!streams.disk().full, "{:?}", streams.disk());
    assert_eq!(put(&shard, "again").await, Seq(taken + 1));
    streams.delete("cam").await.unwrap();
}

#[tokio::test]
async fn the_oldest_of_those_that_allow_it_makes_room() {
    let mut world = World::new();
    let streams = on_a_small_disk(&mut world, 16).await;
    for (name, when_full) in [
        ("kept", WhenFull::Refuse),
        ("a", WhenFull::DropOldest),
        ("b", WhenFull::DropOldest),
        ("held", WhenFull::DropOldest),
    ] {
        streams.create(NewStream { when_full, ..new(name) }).await.unwrap();
    }
    let shard = |name: &str| streams.shard(name, 0).unwrap();
    for i in 0..20 {
        for name in ["kept", "held", "a"] {
            put_bytes(&shard(name), &i.to_string(), 100_000).await.unwrap();
        }
        world.sim.clock.advance(Duration::from_secs(1));
    }
    streams.place_hold("held", hold("case", None)).await.unwrap();
    // Ten times what the disk holds goes through one of them, and none of it is refused.
    for i in 0..300 {
        put_bytes(&shard("b"), &i.to_string(), 100_000).await.unwrap_or_else(|error| panic!("{i}: {error}"));
        world.sim.clock.advance(Duration::from_secs(1));
        if i % 2 == 0 {
            let report = streams.space_pass(&TrimExactly).await;
            assert_eq!(report.failures, 0);
        }
    }
    assert_eq!(heads(&shard("kept")).await.len(), 20);
    assert_eq!(heads(&shard("held")).await.len(), 20);
    assert_eq!(heads(&shard("a")).await, Vec::<String>::new(), "the oldest of those that may go went first");
    let left = heads(&shard("b")).await;
    assert_eq!(left.last().unwrap(), "299");
    assert!(left.len() > 50, "no more went than had to: {} are left", left.len());
    let disk = streams.disk();
    assert!(disk.evicted_records > 150 && disk.refused == 0, "{disk:?}");
    assert_eq!(streams.retention_pass(&TrimExactly, Arrival(0)).await.failures, 0);
}
