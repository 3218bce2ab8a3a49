//! Readers at the tail read from memory, and see there what they would see on disk.

use super::*;

/// Room for some of the newest bodies, across several segments.
fn remembering() -> LocalOptions {
    LocalOptions { recent_bytes: 64 << 10, ..small() }
}

/// Reads from the files since `record_reads`.
fn reads(bench: &Bench) -> Vec<(PathBuf, Range<u64>)> {
    bench.machine.files.recorded_reads()
}

#[tokio::test]
async fn who_follows_a_shard_does_not_touch_the_disk() {
    let mut bench = Bench::new(remembering()).await;
    bench.machine.files.record_reads();
    let mut seen = 0;
    for turn in 0..200_u64 {
        bench.append(1 + turn % 3, (turn as usize * 97) % 2000).await;
        // Two and three records behind the tail too: across the segments' ends.
        for from in seen.max(3) - 3..bench.next {
            let found = bench.store.read(bench.shard, Seq(from), EVERYTHING, Parts::Whole).await.unwrap();
            assert_eq!(found.len() as u64, bench.next - from);
            for found in found {
                let expected = record(found.seq.0, found.body_len as usize);
                assert_eq!((found.head, found.body), (expected.head, Some(expected.body.clone())));
                let part = found.body_len / 3..found.body_len;
                let body = bench.store.body(bench.shard, found.seq, part.clone()).await.unwrap();
                assert_eq!(body, expected.body.slice(part.start as usize..));
            }
        }
        seen = bench.next;
    }
    assert!(bench.segments().len() > 3, "the tail went through several segments");
    assert_eq!(reads(&bench), []);
    let stats = bench.store.stats();
    assert_eq!(stats.recent_misses, 0);
    assert!(stats.recent_hits > 400 && stats.recent_bytes <= 64 << 10, "{stats:?}");
}

#[tokio::test]
async fn what_is_trimmed_or_deleted_is_gone_though_it_was_remembered() {
    let mut bench = Bench::new(remembering()).await;
    bench.append(10, 500).await;
    bench.store.trim(bench.shard, Seq(4)).await.unwrap();
    let trimmed = StoreError::Trimmed { first: Seq(4) }.to_string();
    let read = bench.store.read(bench.shard, Seq(3), EVERYTHING, Parts::Whole).await.unwrap_err();
    let body = bench.store.body(bench.shard, Seq(3), 0..500).await.unwrap_err();
    assert_eq!((read.to_string(), body.to_string()), (trimmed.clone(), trimmed));
    bench.assert_records(4..10).await;
    bench.store.delete(bench.shard).await.unwrap();
    let read = bench.store.read(bench.shard, Seq(4), EVERYTHING, Parts::Whole).await.unwrap_err();
    let body = bench.store.body(bench.shard, Seq(4), 0..500).await.unwrap_err();
    assert!(
        matches!((&read, &body), (StoreError::NotFound(_), StoreError::NotFound(_))),
        "{read:?} {body:?}"
    );
}

/// What a failed sync leaves in question must not be found in memory either.
#[tokio::test]
async fn what_is_not_durable_is_not_remembered() {
    let mut bench = Bench::new(remembering()).await;
    bench.append(3, 500).await;
    let before = bench.store.stats().recent_bytes;
    bench.machine.files.fail_sync_after(0);
    assert!(matches!(bench.try_append(500).await, Err(StoreError::Unknown(_))));
    assert_eq!(bench.store.stats().recent_bytes, before);
    assert_eq!(bench.store.read(bench.shard, Seq(3), EVERYTHING, Parts::Whole).await.unwrap(), []);
    bench.assert_records(0..3).await;
}

#[tokio::test]
async fn ranges_beyond_a_remembered_body_are_refused_as_ever() {
    let mut bench = Bench::new(remembering()).await;
    bench.append(1, 100).await;
    for range in [0..101, 101..101] {
        let error = bench.store.body(bench.shard, Seq(0), range).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
    }
    assert_eq!(bench.store.body(bench.shard, Seq(0), 100..100).await.unwrap(), Bytes::new());
}
