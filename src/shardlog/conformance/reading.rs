//! Reading: limits, parts, ranges, seeking.

use super::*;

pub(super) async fn run(make: &impl AsyncFn() -> Arc<dyn LogStore>) {
    reads_keep_their_limits(&*make().await).await;
    heads_come_without_bodies(&*make().await).await;
    reads_beyond_the_end_are_refused(&*make().await).await;
    ranges_of_bodies(&*make().await).await;
    seeking_finds_the_first_arrival(&*make().await).await;
}

async fn reads_keep_their_limits(store: &dyn LogStore) {
    let (shard, _writer) = filled(store, 100).await;
    let read = async |from, records, bytes, parts| {
        store.read(shard, Seq(from), ReadLimit { records, bytes }, parts).await.unwrap()
    };
    assert_records(&read(10, 5, usize::MAX, Parts::Whole).await, 10..15);
    assert_records(&read(98, 5, usize::MAX, Parts::Whole).await, 98..100);
    // However small the limit, there is one record.
    assert_records(&read(39, 0, 0, Parts::Whole).await, 39..40);
    let two = record(50).head.len() + record(50).body.len() + record(51).head.len() + record(51).body.len();
    assert_records(&read(50, 100, two, Parts::Whole).await, 50..52);
    assert_records(&read(50, 100, two - 1, Parts::Whole).await, 50..51);
    let heads = record(50).head.len() * 3;
    assert_eq!(read(50, 100, heads, Parts::Heads).await.len(), 3);
}

async fn heads_come_without_bodies(store: &dyn LogStore) {
    let (shard, _writer) = filled(store, 50).await;
    let found = store.read(shard, Seq(20), EVERYTHING, Parts::Heads).await.unwrap();
    assert_eq!(found.len(), 30);
    for (n, found) in (20..).zip(found) {
        let SealedRecord { arrival, head, body } = record(n);
        let expected = StoredRecord { seq: Seq(n), arrival, head, body_len: body.len() as u64, body: None };
        assert_eq!(found, expected);
    }
}

async fn reads_beyond_the_end_are_refused(store: &dyn LogStore) {
    let (shard, _writer) = filled(store, 3).await;
    assert_eq!(store.read(shard, Seq(3), EVERYTHING, Parts::Whole).await.unwrap(), []);
    for beyond in [4, u64::MAX] {
        let result = store.read(shard, Seq(beyond), EVERYTHING, Parts::Whole).await;
        assert_fails!(result, StoreError::Unwritten { next: Seq(3) });
    }
    assert_fails!(store.body(shard, Seq(3), 0..0).await, StoreError::Unwritten { next: Seq(3) });
}

async fn ranges_of_bodies(store: &dyn LogStore) {
    let (shard, _writer) = filled(store, 40).await;
    let body = record(39).body;
    let len = body.len() as u64;
    for range in [0..len, 0..0, len..len, 0..1, len - 1..len, 17..93] {
        let expected = body.slice(range.start as usize..range.end as usize);
        assert_eq!(store.body(shard, Seq(39), range).await.unwrap(), expected);
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    for range in [0..len + 1, len + 1..len + 1, 5..u64::MAX, 5..4] {
        assert_fails!(store.body(shard, Seq(39), range).await, StoreError::TooLarge { .. });
    }
    assert_eq!(store.body(shard, Seq(0), 0..0).await.unwrap(), Bytes::new());
}

async fn seeking_finds_the_first_arrival(store: &dyn LogStore) {
    let (shard, mut writer) = new_writer(store).await;
    let arrivals = [10, 10, 20, 20, 20, 30, 50];
    for (seq, arrival) in (0..).zip(arrivals) {
        let record = SealedRecord { arrival: Arrival(arrival), ..record(seq) };
        append(&mut writer, seq, vec![record]).await.unwrap();
    }
    store.trim(shard, Seq(1)).await.unwrap();
    for (at, seq) in
        [(0, 1), (10, 1), (11, 2), (20, 2), (21, 5), (30, 5), (31, 6), (50, 6), (51, 7), (u64::MAX, 7)]
    {
        assert_eq!(store.seek(shard, Arrival(at)).await.unwrap(), Seq(seq), "at {at}");
    }
}
