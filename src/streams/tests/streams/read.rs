//! Reading: parts, ranges, and stored bytes that are not what was written.

use crate::world::{World, new, put, read_all, record};
use shardlog::StoredRecord;
use std::sync::{Arc, Mutex};
use streams::{Parts, ReadError, ReadLimit, Record, Seq};

const ALL: ReadLimit = ReadLimit { records: 100, bytes: 64 << 20 };

#[tokio::test]
async fn heads_bodies_and_ranges() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    // Three sealed pieces, the last one short.
    let body: Vec<u8> = (0..600_000_u32).map(|i| (i % 251) as u8).collect();
    let batch = vec![record("large", body.clone()), record("empty", ""), record("", "small")];
    shard.append(batch).await.unwrap().durable.await.unwrap();

    let heads = shard.read(Seq(0), ALL, Parts::Heads).await.unwrap();
    assert_eq!(heads.iter().map(|r| r.body_len).collect::<Vec<_>>(), [600_000, 0, 5]);
    assert_eq!(heads.iter().map(|r| &r.head[..]).collect::<Vec<_>>(), [&b"large"[..], b"empty", b""]);
    assert!(heads.iter().all(|r| r.body.is_none() && r.arrival == world.now()));
    let whole = read_all(&shard).await;
    assert_eq!(whole[0].body.as_deref(), Some(&body[..]));
    assert_eq!(whole[1].body.as_deref(), Some(&b""[..]));

    let piece = 256 << 10;
    for range in
        [0..600_000, 0..1, 0..0, piece - 1..piece + 1, piece..2 * piece, 599_999..600_000, 600_000..600_000]
    {
        let expected = &body[range.start as usize..range.end as usize];
        assert_eq!(shard.body(Seq(0), range).await.unwrap(), expected);
    }
    assert_eq!(shard.body(Seq(1), 0..0).await.unwrap(), "");
    let beyond = shard.body(Seq(0), 0..600_001).await;
    assert!(matches!(beyond, Err(ReadError::OutOfRange { start: 0, end: 600_001, len: 600_000 })));
    #[expect(clippy::reversed_empty_ranges)]
    let reversed = shard.body(Seq(0), 5..4).await;
    assert!(matches!(reversed, Err(ReadError::OutOfRange { .. })));
}

#[tokio::test]
async fn the_edges_of_a_shard() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    assert_eq!(shard.read(Seq(0), ALL, Parts::Whole).await.unwrap(), []);
    assert!(matches!(shard.body(Seq(0), 0..1).await, Err(ReadError::Unwritten { next: Seq(0) })));
    for i in 0..4 {
        put(&shard, &i.to_string()).await;
    }
    shard.trim(Seq(2)).await.unwrap();
    assert!(matches!(shard.read(Seq(1), ALL, Parts::Heads).await, Err(ReadError::Trimmed { first: Seq(2) })));
    assert!(matches!(shard.body(Seq(1), 0..1).await, Err(ReadError::Trimmed { .. })));
    assert!(matches!(
        shard.read(Seq(5), ALL, Parts::Heads).await,
        Err(ReadError::Unwritten { next: Seq(4) })
    ));
    // At least one record, whatever the limits say.
    let least = ReadLimit { records: 0, bytes: 0 };
    assert_eq!(shard.read(Seq(2), least, Parts::Whole).await.unwrap().len(), 1);
    assert!(matches!(shard.trim(Seq(9)).await, Err(ReadError::Unwritten { .. })));
}

#[tokio::test]
async fn page_after_page_up_to_the_end_and_beyond() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let mut pages = shard.pages(Seq(0), ReadLimit { records: 3, bytes: 64 << 20 });
    assert_eq!(pages.next().await.unwrap(), []);
    for i in 0..7 {
        put(&shard, &i.to_string()).await;
    }
    let mut found = Vec::new();
    for len in [3, 3, 1, 0] {
        let page = pages.next().await.unwrap();
        assert_eq!(page.len(), len);
        found.extend(page);
    }
    assert_eq!(found, read_all(&shard).await);
    // What comes after the end was read is found as well.
    put(&shard, "7").await;
    assert_eq!(pages.position(), Seq(7));
    assert_eq!(pages.next().await.unwrap()[0].head, "7");

    let mut pages = shard.pages(Seq(0), ReadLimit { records: 2, bytes: 64 << 20 });
    pages.next().await.unwrap();
    shard.trim(Seq(6)).await.unwrap();
    // Pages may have been read already; behind them the place is gone, and stays where it was.
    let mut answer = pages.next().await;
    while answer.as_ref().is_ok_and(|page| !page.is_empty()) && pages.position() < Seq(6) {
        answer = pages.next().await;
    }
    let gone = pages.position();
    for _ in 0..2 {
        assert!(matches!(answer, Err(ReadError::Trimmed { first: Seq(6) })), "{answer:?}");
        answer = pages.next().await;
    }
    assert_eq!(pages.position(), gone);
}

/// Where a page ends cannot be foreseen when records differ in size; all are there in order nevertheless.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_records_of_all_sizes() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let sizes = [10, 5_000, 300, 40_000, 1, 1, 1, 1, 1, 1, 1, 1, 9_000, 9_000, 2, 60_000, 3, 3, 3, 8_000];
    let batch = |_| sizes.iter().map(|size| record("", vec![7; *size])).collect();
    for records in (0..5).map(batch) {
        shard.append(records).await.unwrap().durable.await.unwrap();
    }
    let mut pages = shard.pages(Seq(0), ReadLimit { records: 6, bytes: 16 << 10 });
    let mut found = Vec::new();
    while pages.position() < Seq(100) {
        found.extend(pages.next().await.unwrap());
    }
    assert_eq!(found, read_all(&shard).await);
}

/// Reads with every stored record falsified; expects the first one to be refused as forged.
async fn assert_forged(how: &str, falsify: impl Fn(&mut Vec<StoredRecord>) + Send + Sync + 'static) {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    let batch = (0..4).map(|i| Record { head: format!("h{i}").into(), body: format!("body {i}").into() });
    shard.append(batch.collect()).await.unwrap().durable.await.unwrap();
    assert_eq!(read_all(&shard).await.len(), 4);
    world.store.falsify(falsify);
    let result = shard.read(Seq(0), ALL, Parts::Whole).await;
    assert!(matches!(result, Err(ReadError::Forged { .. })), "{how}: {result:?}");
}

#[tokio::test]
async fn moved_cut_or_altered_records_do_not_open() {
    assert_forged("two records swapped", |records| {
        let (one, two) = (records[0].clone(), records[1].clone());
        records[0] = StoredRecord { seq: one.seq, ..two };
        records[1] = StoredRecord { seq: Seq(1), ..one };
    })
    .await;
    assert_forged("two bodies swapped", |records| {
        let body = records[0].body.take();
        records[0].body = records[1].body.take();
        records[1].body = body;
    })
    .await;
    assert_forged("two heads swapped", |records| {
        let head = records[0].head.clone();
        records[0].head = std::mem::replace(&mut records[1].head, head);
    })
    .await;
    assert_forged("a body cut", |records| {
        let body = records[0].body.take().unwrap();
        records[0].body = Some(body.slice(..body.len() - 1));
    })
    .await;
    assert_forged("a body's length denied", |records| records[0].body_len -= 1).await;
    assert_forged("a head cut", |records| records[0].head.truncate(20)).await;
    assert_forged("a bit flipped", |records| {
        let mut body = records[2].body.take().unwrap().to_vec();
        body[0] ^= 1;
        records[2].body = Some(body.into());
    })
    .await;
}

#[tokio::test]
async fn a_store_that_skips_records_is_found_out() {
    let world = World::new();
    let (_streams, shard) = world.with_cam().await;
    for i in 0..3 {
        put(&shard, &i.to_string()).await;
    }
    world.store.falsify(|records| drop(records.remove(1)));
    assert!(matches!(shard.read(Seq(0), ALL, Parts::Heads).await, Err(ReadError::Corrupt(_))));
}

#[tokio::test]
async fn a_record_does_not_open_in_another_shard_or_stream() {
    let world = World::new();
    let streams = world.open().await;
    streams.create(streams::NewStream { shards: 2, ..new("data") }).await.unwrap();
    streams.create(new("cam")).await.unwrap();
    let [own, sibling, stranger] =
        [("data", 0), ("data", 1), ("cam", 0)].map(|(name, index)| streams.shard(name, index).unwrap());
    for shard in [&own, &sibling, &stranger] {
        put(shard, "x").await;
    }
    let taken = Arc::new(Mutex::new(None));
    let take = taken.clone();
    // The first read is kept, every later one is answered with it.
    world.store.falsify(move |records| {
        let mut kept = take.lock().unwrap();
        match &*kept {
            Some(first) => records.clone_from(first),
            None => *kept = Some(records.clone()),
        }
    });
    assert_eq!(own.read(Seq(0), ALL, Parts::Whole).await.unwrap().len(), 1);
    assert_eq!(own.read(Seq(0), ALL, Parts::Whole).await.unwrap().len(), 1);
    for shard in [sibling, stranger] {
        assert!(matches!(shard.read(Seq(0), ALL, Parts::Whole).await, Err(ReadError::Forged { .. })));
        assert!(matches!(shard.body(Seq(0), 0..1).await, Err(ReadError::Forged { .. })));
    }
}
