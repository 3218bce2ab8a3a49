//! Rates of shards, and streams that grow with what is written to them.

use crate::world::{World, data, record};
use std::collections::BTreeMap;
use std::time::Duration;
use streams::limits::{self, SCALE_INTERVAL};
use streams::{
    AppendError, Busy, Capacity, DataSettings, KeyedRecord, NewStream, Seq, ShardRates, StreamStatus,
    Streams, StreamsConfig, Traffic, counted_bytes,
};

const RATES: ShardRates =
    ShardRates { in_bytes: 1000, in_records: 10, out_bytes: 2000, out_reads: 5, consumer_bytes: 2000 };

async fn limited(world: &World) -> Streams {
    world.open_with(StreamsConfig { rates: Some(RATES), ..StreamsConfig::default() }).await
}

fn records(hash_keys: impl IntoIterator<Item = u128>) -> Vec<KeyedRecord> {
    let keyed = |(number, hash_key): (usize, u128)| KeyedRecord {
        hash_key,
        counts: 10,
        record: record(&number.to_string(), "x"),
    };
    hash_keys.into_iter().enumerate().map(keyed).collect()
}

#[tokio::test]
async fn records_that_come_too_fast_are_refused_one_by_one() {
    let world = World::new();
    let streams = limited(&world).await;
    streams.create(data("orders", 2)).await.unwrap();
    // Every third goes to the second shard, which has room for all of its.
    let keys = (0..18).map(|number| if number % 3 == 2 { u128::MAX } else { 0 });
    let answers = streams.append_by_hash("orders", records(keys)).await.unwrap();
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Err(AppendError::Throttled { shard: 0 }) => assert!(number > 14 && number % 3 != 2, "{number}"),
            Ok(placed) => assert_eq!(placed.shard, u32::from(number % 3 == 2)),
            Err(error) => panic!("{number}: {error}"),
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 2);
    let refused = streams.append_by_hash("orders", records([0])).await.unwrap();
    assert!(matches!(refused[0], Err(AppendError::Throttled { shard: 0 })));
    world.sim.clock.advance(Duration::from_millis(100));
    assert!(streams.append_by_hash("orders", records([0])).await.unwrap()[0].is_ok());
    assert_eq!(streams.usage("orders").await.unwrap().records, 17);
}

#[tokio::test]
async fn reads_are_limited_unless_nothing_is() {
    let world = World::new();
    let streams = limited(&world).await;
    streams.create(data("orders", 1)).await.unwrap();
    let shard = streams.shard("orders", 0).unwrap();
    assert_eq!((0..9).filter(|_| shard.admit_read()).count(), 5);
    streams.shutdown().await;
    let shard = world.open().await.shard("orders", 0).unwrap();
    assert_eq!((0..9).filter(|_| shard.admit_read()).count(), 9);
}

#[tokio::test]
async fn busy_shards_of_streams_on_demand_are_split() {
    let world = World::new();
    let streams = limited(&world).await;
    let on_demand = DataSettings { capacity: Capacity::OnDemand, ..DataSettings::default() };
    streams.create(NewStream { data: Some(on_demand), ..data("grows", 2) }).await.unwrap();
    streams.create(data("stays", 1)).await.unwrap();
    let mut busy = Busy::default();
    for pass in 0..3 {
        assert_eq!(streams.describe("grows").unwrap().status, StreamStatus::Active, "pass {pass}");
        // Seven a second, of which most are refused for the clock stands still.
        for name in ["grows", "stays"] {
            streams.append_by_hash(name, records([0; 70])).await.unwrap();
        }
        world.sim.clock.advance(SCALE_INTERVAL);
        streams.scale_pass(&mut busy).await;
    }
    let info = streams.settled("grows").await.unwrap();
    let open: Vec<_> = info.open_shards().map(|shard| (shard.index, shard.parent)).collect();
    assert_eq!(open, [(2, Some(0)), (3, Some(0)), (1, None)]);
    assert_eq!(streams.describe("stays").unwrap().shards.len(), 1);
}

#[tokio::test]
async fn what_shards_take_and_give_is_counted() {
    let world = World::new();
    let streams = limited(&world).await;
    streams.create(data("orders", 2)).await.unwrap();
    streams.create(data("idle", 2)).await.unwrap();
    streams.register_consumer("orders", "reader", BTreeMap::new(), 20).await.unwrap();
    // Ten pass, two come too fast.
    streams.append_by_hash("orders", records([0; 12])).await.unwrap();
    let shard = streams.shard("orders", 0).unwrap();
    assert_eq!((0..7).filter(|_| shard.admit_read()).count(), 5);
    shard.count(&Traffic { out_bytes: 30, out_records: 3, behind_ms: Some(700), ..Traffic::default() });
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(0)).unwrap();
    let event = subscription.next().await.unwrap().expect("an event");
    let pushed: u64 = event.records.iter().map(counted_bytes).sum();
    assert!(event.records.len() == 10 && pushed > 0);

    let expected = Traffic {
        in_bytes: 100,
        in_records: 10,
        out_bytes: 30 + pushed,
        out_records: 13,
        throttled_records: 2,
        throttled_reads: 2,
        behind_ms: Some(700),
    };
    assert_eq!(streams.recent_traffic("orders").unwrap().shards, [], "the step is not over");
    world.sim.clock.advance(limits::TRAFFIC_STEP);
    let recent = streams.recent_traffic("orders").unwrap();
    assert_eq!(recent.stream.last(), Some(&expected));
    assert_eq!(recent.shards, [(0, recent.stream.clone())], "the other shard keeps nothing");
    assert_eq!(streams.recent_traffic("idle").unwrap().stream, [Traffic::default(); limits::TRAFFIC_STEPS]);
    let of_streams = streams.traffic_of_streams(10);
    assert_eq!(of_streams, [("idle".to_owned(), Traffic::default()), ("orders".to_owned(), expected)]);
    assert_eq!(streams.traffic_of_streams(1).len(), 1);

    // What is gone stays in the sum of all, and minutes pass.
    world.sim.clock.advance(limits::TRAFFIC_STEP * 60);
    assert_eq!(streams.recent_traffic("orders").unwrap().shards, []);
    streams.delete("orders").await.unwrap();
    assert!(streams.recent_traffic("orders").is_err());
    assert_eq!(streams.traffic(), Traffic { behind_ms: None, ..expected });
}
