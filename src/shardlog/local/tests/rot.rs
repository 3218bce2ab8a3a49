//! Bytes that turn over on the disk are found by verifying the log, with their place; nothing but what they belong to
//! suffers.

use super::*;
use crate::local::Damage;

/// Three shards whose records lie among each other in small segments, without caches.
async fn filled(segment_bytes: u64, rounds: u64, body_len: usize) -> (Bench, Vec<ShardId>) {
    let options = LocalOptions { segment_bytes, block_cache_bytes: 0, ..LocalOptions::default() };
    let mut bench = Bench::new(options).await;
    let mut shards = vec![bench.shard];
    let mut writers = Vec::new();
    for _ in 0..2 {
        let shard = ShardId::new(&bench.machine.env());
        bench.store.create(shard, RetentionClass(0)).await.unwrap();
        writers.push(bench.store.claim(shard, Epoch(1)).await.unwrap().1);
        shards.push(shard);
    }
    for seq in 0..rounds {
        bench.append(1, body_len).await;
        for writer in &mut writers {
            writer.append(Seq(seq), vec![record(seq, body_len)]).await.unwrap().await.unwrap();
        }
    }
    bench.lane_is_idle().await;
    (bench, shards)
}

async fn damage(bench: &Bench) -> Vec<Damage> {
    bench.store.verify().await.unwrap().damage
}

/// Reads every record by itself; returns those that are said to be damaged. The others are as they were written.
async fn unreadable(bench: &Bench, shards: &[ShardId]) -> Vec<(ShardId, u64)> {
    let mut damaged = Vec::new();
    for &shard in shards {
        for seq in 0..bench.next {
            let one = ReadLimit { records: 1, bytes: 0 };
            match bench.store.read(shard, Seq(seq), one, Parts::Whole).await {
                Ok(found) => {
                    let SealedRecord { arrival, head, body } = record(seq, found[0].body_len as usize);
                    let StoredRecord { seq: at, arrival: arrived, head: h, body: b, .. } = found[0].clone();
                    assert_eq!((at, arrived, h, b), (Seq(seq), arrival, head, Some(body)));
                }
                Err(StoreError::Corrupt { place, .. }) => {
                    let named =
                        place.contains(&shard.to_string()) && place.contains(&format!("sequence {seq}"));
                    assert!(named, "{place}");
                    damaged.push((shard, seq));
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    damaged
}

/// Turns a byte over and looks at everything, while the store is open and after it was opened again.
async fn assert_found(bench: &mut Bench, shards: &[ShardId], path: &Path, offset: u64) {
    assert!(bench.machine.files.rot(path, offset, 1 << (offset % 8)));
    for reopened in [false, true] {
        if reopened {
            bench.kill().await;
        }
        let found = damage(bench).await;
        assert!(!found.is_empty(), "byte {offset} of {} turned over unnoticed", path.display());
        assert!(found.iter().all(|damage| damage.segment == path), "{found:?}");
        let unreadable = unreadable(bench, shards).await;
        assert!(unreadable.len() <= 1, "byte {offset} took {unreadable:?} along");
        for (shard, seq) in unreadable {
            let named = |damage: &Damage| (damage.shard, damage.seq) == (Some(shard), Some(Seq(seq)));
            assert!(found.iter().any(named), "{shard} {seq}: {found:?}");
        }
    }
    assert!(bench.machine.files.rot(path, offset, 1 << (offset % 8)));
}

#[tokio::test]
async fn every_byte_of_a_closed_segment_is_verified() {
    let (mut bench, shards) = filled(700, 4, 21).await;
    let path = bench.segments().remove(1);
    let len = bench.file(&path).size().unwrap();
    assert_eq!(damage(&bench).await, []);
    for offset in 0..len {
        assert_found(&mut bench, &shards, &path, offset).await;
    }
    assert_eq!(damage(&bench).await, []);
    assert!((0..bench.next).any(|seq| bench.place(seq).0 == path), "the segment has records");
}

#[tokio::test]
async fn bytes_of_large_segments_are_verified() {
    let (mut bench, shards) = filled(1 << 20, 12, 60_001).await;
    let paths = bench.segments();
    for round in 0..12_u64 {
        let path = paths[round as usize % (paths.len() - 1)].clone();
        let len = bench.file(&path).size().unwrap();
        let offset = if round % 4 == 0 { len - 1 - round } else { bench.machine.random.below(len) };
        assert_found(&mut bench, &shards, &path, offset).await;
    }
}

/// Damage names the record it hits, wherever in the record's frame it lies.
#[tokio::test]
async fn damage_is_named_by_shard_and_sequence_in_closed_and_open_segments() {
    let (bench, _) = filled(4 << 10, 10, 301).await;
    for seq in [0, 9] {
        let (path, entry) = bench.place(seq);
        let places = [
            0,
            9,
            60,
            frame::HEADER_LEN as u64,
            entry.body_offset() - entry.offset + 300,
            entry.frame_len() - 1,
        ];
        for within in places {
            assert!(bench.machine.files.rot(&path, entry.offset + within, 1));
            let found = damage(&bench).await;
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].shard, found[0].seq), (Some(bench.shard), Some(Seq(seq))), "byte {within}");
            let named = found[0].to_string();
            assert!(
                named.contains(path.to_str().unwrap()) && named.contains(&format!("sequence {seq}")),
                "{named}"
            );
            assert!(bench.machine.files.rot(&path, entry.offset + within, 1));
        }
    }
}

/// Neither a torn end, nor holes, nor what is being taken away is damage.
#[tokio::test]
async fn what_nobody_can_read_is_not_damaged() {
    let (mut bench, shards) = filled(200 << 10, 10, 30_000).await;
    bench.store.delete(shards[1]).await.unwrap();
    assert_eq!(damage(&bench).await, []);
    bench.machine.files.fail_write_after(0);
    assert!(bench.try_append(30_000).await.is_err());
    assert_eq!(damage(&bench).await, []);
    bench.kill().await;
    assert_eq!(damage(&bench).await, []);
}

#[tokio::test]
async fn the_log_is_gone_through_without_a_reader_and_at_its_pace() {
    let (mut bench, _) = filled(600 << 10, 30, 30_000).await;
    bench.options.scrub_bytes_per_second = 100 << 10;
    bench.kill().await;
    let (path, entry) = bench.place(3);
    assert!(bench.machine.files.rot(&path, entry.body_offset(), 1));
    let mut seconds = 0;
    while bench.store.stats().scrub_passes == 0 {
        bench.machine.clock.advance(Duration::from_secs(1));
        for _ in 0..20 {
            // What blocks runs on other threads; a call that blocks as well lets them go on.
            bench.store.body(bench.shard, Seq(0), 0..1).await.unwrap();
            tokio::task::yield_now().await;
        }
        seconds += 1;
    }
    let stats = bench.store.stats();
    assert_eq!((stats.damaged, stats.scrub_passes), (1, 1));
    assert!(stats.scrub_bytes > 2_600_000, "{stats:?}");
    assert!(seconds > 600 + 20, "{seconds} s");
    // Found again, it counts once.
    assert_eq!(damage(&bench).await.len(), 1);
    assert_eq!(bench.store.stats().damaged, 1);
}
