//! Appending: order, bounds, time, and the end of the service.

use crate::meddling::Fate;
use crate::world::{World, heads, new, put, read_all, record};
use shardlog::Epoch;
use std::time::Duration;
use streams::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};
use streams::{AppendError, Arrival, Parts, ReadLimit, Record, Seq, StreamsConfig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_are_dense_and_ordered() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let writers = (0..8_usize).map(|writer| {
        let shard = shard.clone();
        tokio::spawn(async move {
            let mut durables = Vec::new();
            for batch in 0..40_usize {
                // Some batches are large enough to be sealed on another thread.
                let body = vec![0; if (writer + batch).is_multiple_of(9) { 70 << 10 } else { batch }];
                let size = 1 + (writer + batch) % 3;
                let records =
                    (0..size).map(|i| record(&format!("{writer} {batch} {i} {size}"), body.clone()));
                let appended = shard.append(records.collect()).await.unwrap();
                durables.push(appended.durable);
            }
            for durable in durables {
                durable.await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let all = read_all(&shard).await;
    let mut next_batch = [0; 8];
    let mut rest = all.as_slice();
    let parse = |head: &[u8]| -> Vec<usize> {
        std::str::from_utf8(head).unwrap().split(' ').map(|number| number.parse().unwrap()).collect()
    };
    while let Some(first) = rest.first() {
        let [writer, batch, index, size] = parse(&first.head)[..] else { panic!("head") };
        assert_eq!((batch, index), (next_batch[writer], 0), "a writer's batches keep their order");
        next_batch[writer] += 1;
        let (whole, later) = rest.split_at(size);
        for (index, record) in whole.iter().enumerate() {
            assert_eq!(parse(&record.head), [writer, batch, index, size], "a batch stays in one piece");
        }
        rest = later;
    }
    assert_eq!(next_batch, [40; 8]);
    for (seq, record) in (0..).zip(&all) {
        assert_eq!(record.seq, Seq(seq));
    }
}

#[tokio::test]
async fn a_batch_has_its_place_before_it_is_durable() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    world.store.hold(true);
    let one = shard.append(vec![record("1", ""), record("2", "")]).await.unwrap();
    let two = shard.append(vec![record("3", "")]).await.unwrap();
    assert_eq!((one.first, two.first), (Seq(0), Seq(2)));
    let mut durable = one.durable;
    assert!(futures_util::poll!(&mut durable).is_pending());
    world.store.hold(false);
    two.durable.await.unwrap();
    durable.await.unwrap();
}

#[tokio::test]
async fn admission_blocks_at_its_bound_and_recovers() {
    let world = World::new();
    let config = StreamsConfig {
        admission_bytes_max: 100 << 10,
        shard_admission_bytes_max: 64 << 10,
        ..StreamsConfig::default()
    };
    let streams = world.open_with(config).await;
    for name in ["a", "b"] {
        streams.create(new(name)).await.unwrap();
    }
    let (a, b) = (streams.shard("a", 0).unwrap(), streams.shard("b", 0).unwrap());
    let batch = |kib: usize| vec![Record { head: "h".into(), body: vec![0; kib << 10].into() }];
    world.store.hold(true);
    let first = a.append(batch(40)).await.unwrap();
    // The shard's own bound.
    let second = a.append(batch(40));
    tokio::pin!(second);
    assert!(is_stuck(&mut second).await);
    // The bound over all shards.
    let other = b.append(batch(50)).await.unwrap();
    let third = b.append(batch(12));
    tokio::pin!(third);
    assert!(is_stuck(&mut third).await);

    world.store.hold(false);
    let (second, third) = (second.await.unwrap(), third.await.unwrap());
    for durable in [first.durable, other.durable, second.durable, third.durable] {
        durable.await.unwrap();
    }
    // More than all there is to admit: let in alone.
    a.append(batch(300)).await.unwrap().durable.await.unwrap();
    assert_eq!(read_all(&a).await.len(), 3);
}

async fn is_stuck(append: &mut (impl Future + Unpin)) -> bool {
    tokio::time::timeout(Duration::from_millis(50), append).await.is_err()
}

#[tokio::test]
async fn arrival_never_goes_back() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    let start = world.now().0;
    let arrival = async |shard: &streams::Shard| shard.append(vec![record("h", "")]).await.unwrap().arrival;
    assert_eq!(arrival(&shard).await, Arrival(start));
    world.sim.clock.set(start + 500);
    assert_eq!(arrival(&shard).await, Arrival(start + 500));
    world.sim.clock.set(start - 10_000);
    assert_eq!(arrival(&shard).await, Arrival(start + 500));
    // Nor after a restart, whose owner has only the store to learn it from.
    streams.shutdown().await;
    let shard = world.open().await.shard("cam", 0).unwrap();
    assert_eq!(arrival(&shard).await, Arrival(start + 500));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_admitted() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    assert!(matches!(shard.append(Vec::new()).await, Err(AppendError::Empty)));
    let head = |len: usize| vec![Record { head: vec![1; len].into(), body: "b".into() }];
    assert!(matches!(
        shard.append(head(HEAD_BYTES_MAX + 1)).await,
        Err(AppendError::TooLarge { what: "head", .. })
    ));
    shard.append(head(HEAD_BYTES_MAX)).await.unwrap().durable.await.unwrap();
    let body = |len: usize| vec![Record { head: "h".into(), body: vec![1; len].into() }];
    assert!(matches!(
        shard.append(body(BODY_BYTES_MAX + 1)).await,
        Err(AppendError::TooLarge { what: "body", .. })
    ));
    shard.append(body(BODY_BYTES_MAX)).await.unwrap().durable.await.unwrap();
    let two = [body(BODY_BYTES_MAX), body(BODY_BYTES_MAX)].concat();
    assert!(matches!(shard.append(two).await, Err(AppendError::TooLarge { .. })));
    let many = vec![record("h", ""); 1025];
    assert!(matches!(shard.append(many).await, Err(AppendError::TooLarge { .. })));
    assert_eq!(shard.state().await.unwrap().tail.next, Seq(2));
}

#[tokio::test]
async fn a_lost_writer_is_replaced_and_the_tail_is_looked_at() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    for (fate, lands) in [(Fate::Lost, false), (Fate::Written, true)] {
        let before = shard.state().await.unwrap();
        world.store.hold(true);
        world.store.next_append(fate);
        let doubtful = shard.append(vec![record("doubtful", "")]).await.unwrap();
        // Already on its way on the same writer, which is dead by now.
        let behind = shard.append(vec![record("behind", "")]).await;
        assert!(matches!(behind, Err(AppendError::Unavailable(_))));
        world.store.hold(false);
        assert!(matches!(doubtful.durable.await, Err(AppendError::Unknown(_))));
        put(&shard, "after").await;
        let state = shard.state().await.unwrap();
        assert_eq!(state.tail.next, before.tail.next.plus(1 + u64::from(lands)));
        assert!(state.epoch > before.epoch);
    }
    assert_eq!(heads(&shard).await, ["0", "after", "doubtful", "after"]);
}

#[tokio::test]
async fn a_refused_batch_may_be_tried_again() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    world.store.next_append(Fate::Refused);
    assert!(matches!(shard.append(vec![record("x", "")]).await, Err(AppendError::Unavailable(_))));
    put(&shard, "x").await;
    assert_eq!(heads(&shard).await, ["x"]);
}

#[tokio::test]
async fn a_full_disk_costs_no_claims() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    world.store.hold(true);
    world.store.next_append(Fate::NotWritten);
    let lost = shard.append(vec![record("lost", "")]).await.unwrap();
    // Numbered behind a batch that will turn out not to have happened.
    let behind = shard.append(vec![record("behind", "")]).await;
    assert!(matches!(behind, Err(AppendError::Unavailable(_))), "{behind:?}");
    world.store.hold(false);
    assert!(matches!(lost.durable.await, Err(AppendError::Unavailable(_))));
    for _ in 0..3 {
        world.store.next_append(Fate::NotWritten);
        let lost = shard.append(vec![record("lost", "")]).await.unwrap();
        assert!(matches!(lost.durable.await, Err(AppendError::Unavailable(_))));
    }
    put(&shard, "1").await;
    assert_eq!(heads(&shard).await, ["0", "1"]);
    assert_eq!(shard.state().await.unwrap().epoch, Epoch(1));
}

#[tokio::test]
async fn a_fenced_owner_claims_again() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    let (_, _other) = world.store.inner.claim(shard.info().id, Epoch(40)).await.unwrap();
    let fenced = shard.append(vec![record("x", "")]).await;
    assert!(matches!(fenced, Err(AppendError::Fenced { by: Epoch(40) })), "{fenced:?}");
    put(&shard, "1").await;
    assert_eq!(shard.state().await.unwrap().epoch, Epoch(41));
    assert_eq!(heads(&shard).await, ["0", "1"]);
}

#[tokio::test]
async fn a_sealed_shard_takes_no_more() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let (_, mut writer) = world.store.inner.claim(shard.info().id, Epoch(1)).await.unwrap();
    writer.seal().await.unwrap();
    for _ in 0..2 {
        assert!(matches!(
            shard.append(vec![record("x", "")]).await,
            Err(AppendError::Sealed { next: Seq(0) })
        ));
    }
}

#[tokio::test]
async fn an_idle_owner_ends_and_a_new_one_goes_on() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    put(&shard, "0").await;
    put(&shard, "1").await;
    let before = shard.state().await.unwrap().epoch;
    tokio::task::yield_now().await;
    world.sim.clock.advance(Duration::from_secs(3600));
    for _ in 0..20 {
        tokio::task::yield_now().await; // until the owner has noticed
    }
    put(&shard, "2").await;
    assert_eq!(shard.state().await.unwrap().epoch, Epoch(before.0 + 1));
    assert_eq!(heads(&shard).await, ["0", "1", "2"]);
}

#[tokio::test]
async fn shutdown_waits_for_what_is_in_flight() {
    let world = World::new();
    let (streams, shard) = world.with_cam().await;
    world.store.hold(true);
    let appended = shard.append(vec![record("last", "")]).await.unwrap();
    drop(appended.durable); // nobody waits for it, and still it counts
    let shutdown = streams.shutdown();
    tokio::pin!(shutdown);
    assert!(is_stuck(&mut shutdown).await);
    assert!(matches!(shard.append(vec![record("late", "")]).await, Err(AppendError::ShuttingDown)));
    world.store.hold(false);
    shutdown.await;
    assert_eq!(heads(&shard).await, ["last"]);
}

#[tokio::test]
async fn followers_see_durable_records_arrive() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let mut tail = shard.watch().unwrap();
    let follower = tokio::spawn({
        let shard = shard.clone();
        async move {
            let mut seen = Vec::new();
            while seen.len() < 10 {
                tail.wait_for(|tail| tail.next.0 > seen.len() as u64).await.unwrap();
                let limit = ReadLimit { records: 2, bytes: 1 << 20 };
                seen.extend(shard.read(Seq(seen.len() as u64), limit, Parts::Heads).await.unwrap());
            }
            seen
        }
    });
    for i in 0..10 {
        put(&shard, &i.to_string()).await;
    }
    let seen = follower.await.unwrap();
    assert!((0..).zip(&seen).all(|(seq, record)| record.seq == Seq(seq) && record.body.is_none()));
}

/// Whoever numbers its records itself must not have one stored without those before it.
#[tokio::test]
async fn a_batch_is_not_taken_without_the_ones_it_comes_behind() {
    for fate in [Fate::NotWritten, Fate::Lost, Fate::Written] {
        let world = World::new();
        let (_streams, shard) = world.with_cam().await;
        let one = |head: &str| vec![record(head, "")];
        let first = shard.append_admitted(one("first"), None).await.unwrap();
        let behind = Some(first.unbroken);
        first.durable.await.unwrap();
        let second = shard.append_admitted(one("second"), behind).await.unwrap();
        second.durable.await.unwrap();

        world.store.next_append(fate);
        let lost = shard.append_admitted(one("lost"), behind).await.unwrap();
        assert!(lost.durable.await.is_err());
        let refused = shard.append_admitted(one("behind"), behind).await;
        assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{fate:?}: {refused:?}");
        let refused = shard.append_upkeep(one("end"), behind).await;
        assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{fate:?}: {refused:?}");
        // Somebody else's records do not come behind it.
        let other = shard.append_admitted(one("other"), None).await.unwrap();
        let behind = Some(other.unbroken);
        other.durable.await.unwrap();
        shard.append_admitted(one("next"), behind).await.unwrap().durable.await.unwrap();
        let heads = heads(&shard).await;
        assert_eq!(
            heads.iter().filter(|head| *head != "lost").collect::<Vec<_>>(),
            ["first", "second", "other", "next"]
        );
    }
}
