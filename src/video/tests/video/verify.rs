//! The check of a stream's records, on streams that somebody has meddled with.

use crate::camera::{Camera, joined};
use crate::world::{Service, World};
use std::time::Duration;
use streams::{Parts, PlainRecord, ReadLimit, Record, Seq};

async fn records(service: &Service, name: &str) -> Vec<PlainRecord> {
    let shard = service.streams.shard(name, 0).unwrap();
    let mut records = Vec::new();
    while Seq(records.len() as u64) < shard.state().await.unwrap().tail.next {
        let limit = ReadLimit { records: 1000, bytes: 1 << 20 };
        records.extend(shard.read(Seq(records.len() as u64), limit, Parts::Whole).await.unwrap());
    }
    records
}

/// What the check says of a stream of these records.
async fn faults(service: &Service, name: &str, records: &[PlainRecord]) -> Vec<String> {
    service.create(name, 24).await;
    let shard = service.streams.shard(name, 0).unwrap();
    for record in records {
        // Directories say when fragments arrived.
        service.sim.clock.set(record.arrival.0);
        let record = Record { head: record.head.clone(), body: record.body.clone().unwrap() };
        shard.append(vec![record]).await.unwrap().durable.await.unwrap();
    }
    service.video.verify(name).await.unwrap().faults
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let service = World::new().with_cam().await;
    service.upload(&Camera::new().upload(0, 40)).await;
    service.sim.clock.advance(Duration::from_secs(60));
    service.upload(&Camera::other().upload(0, 40)).await;
    let verified = service.video.verify("cam").await.unwrap();
    assert_eq!((verified.records, verified.fragments, verified.faults.len()), (84, 80, 0));
    let good = records(&service, "cam").await;
    assert_eq!(faults(&service, "copy", &good).await, Vec::<String>::new());

    // 0 init, 1 to 40 chunks, 41 end, 42 init, 43 to 82 chunks, 83 end. A directory stands in 33 and in 67.
    let without = |index: usize| [&good[..index], &good[index + 1..]].concat();
    let cases = [
        ("chunk", without(20), "its session has a hole before it"),
        ("directory", without(33), "its fragment or discontinuity is not counted on"),
        ("init", without(42), "it does not name the newest init segment"),
        ("doubled", [&good[..10], &good[9..]].concat(), "its session has a hole before it"),
        (
            "swapped",
            [&good[..10], &[good[11].clone(), good[10].clone()], &good[12..]].concat(),
            "its producer time goes back",
        ),
    ];
    for (name, records, fault) in cases {
        let found = faults(&service, name, &records).await;
        assert!(found.iter().any(|found| found.contains(fault)), "{name}: {found:?}");
    }
    let mut renamed = good.clone();
    renamed[0].body = Some(joined(&[Camera::other().init()]));
    let found = faults(&service, "renamed", &renamed).await;
    assert_eq!(found, ["record 0: the init segment is not what its name says"]);
    let mut missing = good.clone();
    missing[0].head = good[42].head.clone();
    let found = faults(&service, "missing", &missing).await;
    assert!(found.last().unwrap().ends_with("is needed and not there"), "{found:?}");
    let mut garbled = good;
    garbled[5].head = bytes::Bytes::from_static(b"\x07what is this");
    service.create("garbled", 24).await;
    let shard = service.streams.shard("garbled", 0).unwrap();
    for record in garbled {
        let record = Record { head: record.head, body: record.body.unwrap() };
        shard.append(vec![record]).await.unwrap();
    }
    crate::world::settle().await;
    let error = service.video.verify("garbled").await.unwrap_err();
    assert_eq!(error.code(), "DAMAGED");
    assert!(error.to_string().contains("version 7"), "{error}");
}
