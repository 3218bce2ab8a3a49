//! Consumers and their subscriptions.

use crate::world::{World, data, put, record};
use std::collections::BTreeMap;
use std::time::Duration;
use streams::{
    ConsumerError, Seq, ShardRates, Streams, StreamsConfig, SubscribeError, Subscription, SubscriptionEnd,
    SubscriptionEvent, limits,
};

async fn with_consumer(world: &World) -> Streams {
    let streams = world.open().await;
    streams.create(data("orders", 1)).await.unwrap();
    streams.register_consumer("orders", "reader", BTreeMap::new(), 20).await.unwrap();
    streams
}

async fn next(subscription: &mut Subscription) -> SubscriptionEvent {
    subscription.next().await.unwrap().expect("an event")
}

/// Nothing to be told, however often it is asked.
async fn is_quiet(subscription: &mut Subscription) {
    let event = subscription.next();
    tokio::pin!(event);
    for _ in 0..50 {
        assert!(futures_util::poll!(&mut event).is_pending());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn consumers_are_registered_once_and_bounded() {
    let world = World::new();
    let streams = with_consumer(&world).await;
    let register = |name: &'static str, max| streams.register_consumer("orders", name, BTreeMap::new(), max);
    assert!(matches!(register("reader", 20).await, Err(ConsumerError::AlreadyExists { .. })));
    assert!(matches!(register("other", 1).await, Err(ConsumerError::TooMany { max: 1 })));
    let other = register("other", 2).await.unwrap();
    streams.shutdown().await;
    let streams = world.open().await;
    let info = streams.describe("orders").unwrap();
    assert_eq!(info.data.as_ref().unwrap().consumer("other"), Some(&other));
    assert_eq!(streams.deregister_consumer("orders", "other").await.unwrap(), other);
    let again = streams.deregister_consumer("orders", "other").await;
    assert!(matches!(again, Err(ConsumerError::NoSuchConsumer { .. })));
    let again = streams.register_consumer("orders", "other", BTreeMap::new(), 20).await.unwrap();
    assert_ne!(again.id, other.id);
}

#[tokio::test]
async fn records_are_pushed_when_they_are_durable() {
    let world = World::new();
    let streams = with_consumer(&world).await;
    let shard = streams.shard("orders", 0).unwrap();
    put(&shard, "0").await;
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(0)).unwrap();
    let event = next(&mut subscription).await;
    assert_eq!((event.records.len(), event.next, event.behind_ms), (1, Seq(1), 0));
    is_quiet(&mut subscription).await;

    let (event, appended) =
        tokio::join!(next(&mut subscription), shard.append(vec![record("1", "x"), record("2", "y")]));
    appended.unwrap().durable.await.unwrap();
    assert_eq!(event.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [Seq(1), Seq(2)]);

    // An empty event now and then; and then its time is over.
    let (mut events, mut minutes) = (0, 0);
    loop {
        is_quiet(&mut subscription).await;
        world.sim.clock.advance(limits::SUBSCRIPTION_HEARTBEAT);
        minutes += 1;
        assert!(minutes < 1000, "it never ends");
        let Some(event) = subscription.next().await.unwrap() else { break };
        assert_eq!((event.records.len(), event.next), (0, Seq(3)));
        events += 1;
    }
    let expected = limits::SUBSCRIPTION_LIFETIME.as_secs() / limits::SUBSCRIPTION_HEARTBEAT.as_secs();
    assert_eq!(events, expected - 1);
}

#[tokio::test]
async fn a_closed_shard_ends_with_its_children() {
    let world = World::new();
    let streams = with_consumer(&world).await;
    put(&streams.shard("orders", 0).unwrap(), "0").await;
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(1)).unwrap();
    assert_eq!(next(&mut subscription).await.records, []);
    streams.split("orders", 0, 1 << 127).await.unwrap();
    let event = next(&mut subscription).await;
    assert_eq!(event.children.iter().map(|child| child.index).collect::<Vec<_>>(), [1, 2]);
    assert!(subscription.next().await.unwrap().is_none());
    // Records and children come together.
    drop(subscription);
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(0)).unwrap();
    let event = next(&mut subscription).await;
    assert_eq!((event.records.len(), event.children.len(), event.next), (1, 2, Seq(1)));
}

#[tokio::test]
async fn one_subscription_takes_over_from_another() {
    let world = World::new();
    let streams = with_consumer(&world).await;
    let subscribe = || streams.subscribe("orders", "reader", 0, Seq(0));
    let mut first = subscribe().unwrap();
    next(&mut first).await;
    assert!(matches!(subscribe(), Err(SubscribeError::TooSoon)));
    world.sim.clock.advance(limits::TAKE_OVER_AFTER);
    let mut second = subscribe().unwrap();
    assert!(matches!(first.next().await, Err(SubscriptionEnd::TakenOver)));
    drop(first);
    // The place is the second one's, until it leaves.
    assert!(matches!(subscribe(), Err(SubscribeError::TooSoon)));
    next(&mut second).await;
    drop(second);
    let mut third = subscribe().unwrap();
    next(&mut third).await;

    streams.deregister_consumer("orders", "reader").await.unwrap();
    assert!(matches!(third.next().await, Err(SubscriptionEnd::Deregistered)));
    assert!(matches!(subscribe(), Err(SubscribeError::NoSuchConsumer { .. })));
    assert!(matches!(
        streams.subscribe("orders", "reader", 9, Seq(0)),
        Err(SubscribeError::NoSuchConsumer { .. })
    ));
}

#[tokio::test]
async fn a_consumer_gets_so_much_per_second() {
    let world = World::new();
    let rates = ShardRates { consumer_bytes: 1000, ..ShardRates::default() };
    let streams = world.open_with(StreamsConfig { rates: Some(rates), ..StreamsConfig::default() }).await;
    streams.create(data("orders", 1)).await.unwrap();
    streams.register_consumer("orders", "reader", BTreeMap::new(), 20).await.unwrap();
    let shard = streams.shard("orders", 0).unwrap();
    shard.append(vec![record("a", vec![7; 2999])]).await.unwrap().durable.await.unwrap();
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(0)).unwrap();
    assert_eq!(next(&mut subscription).await.records.len(), 1);
    put(&shard, "b").await;
    is_quiet(&mut subscription).await;
    world.sim.clock.advance(Duration::from_secs(2));
    assert_eq!(next(&mut subscription).await.records.len(), 1);
}

#[tokio::test]
async fn a_stream_that_is_deleted_ends_its_subscriptions() {
    let world = World::new();
    let streams = with_consumer(&world).await;
    let mut subscription = streams.subscribe("orders", "reader", 0, Seq(0)).unwrap();
    next(&mut subscription).await;
    streams.delete("orders").await.unwrap();
    assert!(matches!(subscription.next().await, Err(SubscriptionEnd::Read(_))));
}
