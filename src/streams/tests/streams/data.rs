//! What streams of data records have besides, and where streams are in their lives.

use crate::world::{World, data, new};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use streams::{
    Capacity, Consumer, CreateError, DataSettings, InvalidSetting, NewStream, StreamStatus, UpdateError,
    limits,
};

fn consumer(name: &str) -> Consumer {
    Consumer { name: name.to_owned(), id: 7, created_ms: 8, tags: BTreeMap::new(), policy: None }
}

#[tokio::test]
async fn settings_are_changed_durably() {
    let world = World::new();
    let streams = world.open().await;
    let first = DataSettings { record_bytes_max: 5 << 20, ..DataSettings::default() };
    let info = streams.create(NewStream { data: Some(first.clone()), ..data("orders", 2) }).await.unwrap();
    assert_eq!(info.data.as_deref(), Some(&first));
    assert_eq!(info.status, StreamStatus::Active);
    let told = streams.change_data("orders", |data| {
        data.capacity = Capacity::OnDemand;
        data.tags.insert("team".to_owned(), "sales".to_owned());
        data.consumers.push(consumer("reader"));
        Ok::<_, UpdateError>(data.consumers.len())
    });
    assert_eq!(told.await.unwrap(), 1);
    let info = streams.describe("orders").unwrap();
    let changed = info.data.as_deref().unwrap();
    assert_eq!((changed.capacity, changed.record_bytes_max), (Capacity::OnDemand, 5 << 20));
    assert_eq!(changed.consumer("reader"), Some(&consumer("reader")));
    streams.shutdown().await;
    assert_eq!(world.open().await.describe("orders").unwrap(), info);
}

#[tokio::test]
async fn refused_changes_leave_everything_as_it_was() {
    #[derive(Debug)]
    enum Error {
        Mine,
        Update(UpdateError),
    }
    impl From<UpdateError> for Error {
        fn from(error: UpdateError) -> Self {
            Self::Update(error)
        }
    }
    let world = World::new();
    let streams = world.open().await;
    streams.create(new("cam")).await.unwrap();
    let before = streams.create(data("orders", 1)).await.unwrap();
    let refused = streams.change_data("orders", |data| {
        data.record_bytes_max = 7;
        Err::<(), _>(Error::Mine)
    });
    assert!(matches!(refused.await, Err(Error::Mine)));
    type Change = fn(&mut DataSettings);
    let too_much: [Change; 6] = [
        |data| data.record_bytes_max = 0,
        |data| data.record_bytes_max = limits::RECORD_BYTES_MAX + 1,
        |data| data.policy = Some("x".repeat(limits::POLICY_BYTES_MAX + 1)),
        |data| data.consumers = vec![consumer("a"), consumer("a")],
        |data| data.tags = (0..=limits::ATTRIBUTES_MAX).map(|i| (i.to_string(), String::new())).collect(),
        |data| data.encryption = Some("x".repeat(limits::DATA_SETTINGS_BYTES_MAX)),
    ];
    for change in too_much {
        let refused = streams.change_data("orders", move |data| {
            change(data);
            Ok::<_, Error>(())
        });
        let refused = refused.await;
        assert!(
            matches!(refused, Err(Error::Update(UpdateError::Invalid(InvalidSetting::Data(_))))),
            "{refused:?}"
        );
    }
    assert_eq!(streams.describe("orders").unwrap(), before);
    for name in ["cam", "nobody"] {
        let refused = streams.change_data(name, |_| Ok::<_, UpdateError>(())).await;
        assert!(matches!(refused, Err(UpdateError::Invalid(_) | UpdateError::NotFound(_))), "{name}");
    }
    let video = NewStream { data: Some(DataSettings::default()), ..new("other") };
    assert!(matches!(streams.create(video).await, Err(CreateError::Invalid(InvalidSetting::Data(_)))));
}

#[tokio::test]
async fn a_stream_shows_where_it_is_in_its_life() {
    let world = World::new();
    let streams = world.open().await;
    world.meta.slow.store(true, Ordering::SeqCst);
    let create = streams.create(data("orders", 4));
    tokio::pin!(create);
    assert!(futures_util::poll!(&mut create).is_pending());
    let mut turns = 0;
    while streams.look("orders").is_err() {
        assert!(turns < 1000, "the stream is not being made");
        tokio::task::yield_now().await;
        turns += 1;
    }
    let making = streams.look("orders").unwrap();
    assert_eq!((making.status, making.shards.len()), (StreamStatus::Creating, 4));
    assert!(streams.describe("orders").is_err());
    assert_eq!(streams.list_all(None, None, 10).streams, [making]);
    assert_eq!(streams.list(None, None, 10).streams, []);
    let made = create.await.unwrap();
    assert_eq!((made.status, streams.look("orders").unwrap()), (StreamStatus::Active, made));

    world.meta.slow.store(false, Ordering::SeqCst);
    world.meta.writes_left.set(1);
    assert!(streams.delete("orders").await.is_err());
    assert_eq!(streams.look("orders").unwrap().status, StreamStatus::Deleting);
    assert!(streams.describe("orders").is_err());
    world.meta.writes_left.set(usize::MAX);
    streams.delete("orders").await.unwrap();
    assert!(streams.look("orders").is_err());
}
