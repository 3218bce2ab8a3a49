//! What reads touch, and what they find across many blocks.

use super::*;

/// Bodies of 20 kB between the heads: a read of heads that touched them would show.
#[tokio::test]
async fn heads_are_read_without_touching_bodies() {
    let mut bench = Bench::new(LocalOptions { segment_bytes: 100 << 10, ..LocalOptions::default() }).await;
    bench.append(50, 20_000).await;
    bench.kill().await; // with empty caches
    let bodies: Vec<_> = (0..50).map(|seq| bench.place(seq)).collect();
    bench.kill().await;
    bench.machine.files.record_reads();
    let mut seq = 0;
    while seq < 50 {
        let found = bench.store.read(bench.shard, Seq(seq), EVERYTHING, Parts::Heads).await.unwrap();
        seq += found.len() as u64;
    }
    let reads = bench.machine.files.recorded_reads();
    assert!(reads.len() > 5, "closed segments were read");
    for (path, range) in reads {
        for (_, entry) in bodies.iter().filter(|(body_path, _)| *body_path == path) {
            let body = entry.body_offset()..entry.body_offset() + 20_000;
            assert!(
                range.end <= body.start || body.end <= range.start,
                "{range:?} touches a body at {body:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_part_of_a_body_reads_that_part_only() {
    let mut bench = Bench::new(small()).await;
    bench.append(1, 1_000_000).await;
    bench.machine.files.record_reads();
    let part = bench.store.body(bench.shard, Seq(0), 500_000..500_100).await.unwrap();
    assert_eq!(part, record(0, 1_000_000).body.slice(500_000..500_100));
    let read: u64 =
        bench.machine.files.recorded_reads().iter().map(|(_, range)| range.end - range.start).sum();
    assert_eq!(read, 100);
}

#[tokio::test]
async fn a_shard_with_many_blocks_in_a_segment_is_read_and_searched() {
    let mut bench = Bench::new(LocalOptions { table_bytes: 1 << 20, ..LocalOptions::default() }).await;
    let count = 3000;
    let head = |seq: u64| Bytes::from(vec![seq as u8; 900]);
    for first in (0..count).step_by(500) {
        let batch = (first..first + 500)
            .map(|seq| SealedRecord { arrival: Arrival(seq / 3 * 10), head: head(seq), body: Bytes::new() })
            .collect();
        bench.writer.append(Seq(first), batch).await.unwrap().await.unwrap();
    }
    assert!(bench.segments().len() > 1);
    for reopened in [false, true] {
        if reopened {
            bench.kill().await;
        }
        let mut seq = 0;
        while seq < count {
            let limit = ReadLimit { records: 700, bytes: usize::MAX };
            for found in bench.store.read(bench.shard, Seq(seq), limit, Parts::Heads).await.unwrap() {
                assert_eq!((found.seq, &found.head), (Seq(seq), &head(seq)));
                seq += 1;
            }
        }
        for at in [0, 1, 10, 11, 777, 2330, 2331, 9989, 9990, 9991] {
            let expected = (0..count).find(|seq| seq / 3 * 10 >= at).unwrap_or(count);
            assert_eq!(bench.store.seek(bench.shard, Arrival(at)).await.unwrap(), Seq(expected), "at {at}");
        }
    }
}

#[tokio::test]
async fn readers_and_a_trimmer_at_once_never_see_damage() {
    let mut bench = Bench::new(small()).await;
    bench.append(200, 700).await;
    let store = bench.store.clone();
    let shard = bench.shard;
    let trimmer = tokio::spawn(async move {
        for before in 0..=200 {
            store.trim(shard, Seq(before)).await.unwrap();
        }
    });
    let mut seq = 0;
    while seq < 200 {
        match bench.store.read(shard, Seq(seq), ReadLimit { records: 3, bytes: 10_000 }, Parts::Whole).await {
            Ok(found) => seq += found.len() as u64,
            Err(StoreError::Trimmed { first }) => seq = first.0,
            Err(other) => panic!("{other:?}"),
        }
    }
    trimmer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_at_a_watched_tail_while_asking_for_the_state_does_not_lock_up() {
    let mut bench = Bench::new(small()).await;
    let tail = bench.store.watch(bench.shard).unwrap();
    let store = bench.store.clone();
    let shard = bench.shard;
    let looker = tokio::task::spawn_blocking(move || {
        for _ in 0..2000 {
            let shown = tail.borrow();
            let shard = store.inner.context.shard(shard).unwrap();
            assert!(shard.state().unwrap().tail.next >= shown.next);
        }
    });
    while !looker.is_finished() {
        bench.append(1, 1).await;
    }
    looker.await.unwrap();
}
