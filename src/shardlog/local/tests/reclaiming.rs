//! Space comes back.

use super::*;

#[tokio::test]
async fn a_segment_goes_when_all_of_it_is_trimmed() {
    let mut bench = Bench::new(small()).await;
    let keeper = ShardId::new(&bench.machine.env());
    bench.store.create(keeper, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(keeper, Epoch(1)).await.unwrap();
    bench.append(10, 700).await;
    writer.append(Seq(0), vec![record(0, 10)]).await.unwrap().await.unwrap();
    bench.append(30, 700).await;
    let segments = bench.segments().len();
    assert_eq!(bench.store.stats().segments, segments as u64);

    bench.store.trim(bench.shard, Seq(20)).await.unwrap();
    assert!(bench.segments().len() < segments);
    bench.assert_records(20..40).await;
    // The segment with the other shard's record stays, though it lies among those that went.
    let kept = bench.store.read(keeper, Seq(0), EVERYTHING, Parts::Whole).await.unwrap();
    assert_eq!(kept[0].body, Some(record(0, 10).body));
    let stats = bench.store.stats();
    assert_eq!(stats.segments, bench.segments().len() as u64);
    let on_disk: u64 = bench.segments().iter().map(|path| bench.file(path).size().unwrap()).sum();
    assert_eq!(stats.bytes_on_disk, on_disk);
    bench.kill().await;
    assert_eq!(bench.store.stats().bytes_on_disk, on_disk);
    assert!(bench.segments().len() == stats.segments as usize);
}

#[tokio::test]
async fn an_open_segment_of_which_nothing_is_left_is_given_up() {
    let mut bench = Bench::new(LocalOptions::default()).await;
    bench.append(10, 100_000).await;
    assert!(bench.machine.files.used() > 1_000_000);
    bench.store.trim(bench.shard, Seq(9)).await.unwrap();
    assert!(bench.machine.files.used() > 1_000_000, "a record is left in it");
    bench.store.trim(bench.shard, Seq(10)).await.unwrap();
    assert!(bench.machine.files.used() < 10_000);
    bench.kill().await;
    bench.assert_records(10..10).await;
    bench.claim(2).await;
    bench.append(1, 10).await;
    bench.assert_records(10..11).await;
}

#[tokio::test]
async fn a_deleted_shard_leaves_holes_in_segments_of_others() {
    let mut bench = Bench::new(LocalOptions { segment_bytes: 200 << 10, ..LocalOptions::default() }).await;
    let doomed = ShardId::new(&bench.machine.env());
    bench.store.create(doomed, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(doomed, Epoch(1)).await.unwrap();
    for seq in 0..40 {
        writer.append(Seq(seq), vec![record(seq, 30_000)]).await.unwrap().await.unwrap();
        bench.append(1, 100).await;
    }
    let used = bench.machine.files.used();
    let counted = bench.store.stats().bytes_on_disk;
    let in_open = bench.store.inner.context.shard(doomed).unwrap().index().open_entries().1.len() as u64;
    assert!(in_open > 0);
    bench.store.delete(doomed).await.unwrap();
    assert!(bench.machine.files.used() < used / 2, "{} of {used}", bench.machine.files.used());
    assert!(bench.store.stats().bytes_on_disk < counted / 2);
    bench.assert_records(0..40).await;

    // What lies in the open segment follows when that one is closed.
    let left = bench.machine.files.used();
    bench.append(1, 200 << 10).await;
    bench.store.trim(bench.shard, Seq(1)).await.unwrap();
    assert!(bench.machine.files.used() < left + (220 << 10) - in_open * 24_000);
    bench.assert_records(1..41).await;

    // A segment with holes can still be scanned should its footer be lost.
    let path = bench.segments().remove(0);
    let file = bench.file(&path);
    flip(&*file, file.size().unwrap() - 10);
    bench.kill().await;
    bench.assert_records(1..41).await;
}

#[tokio::test]
async fn an_old_segment_is_closed_so_that_it_can_go() {
    let options = LocalOptions { segment_age: Duration::from_secs(60), ..LocalOptions::default() };
    let mut bench = Bench::new(options).await;
    bench.append(3, 100).await;
    bench.machine.clock.advance(Duration::from_secs(59));
    bench.append(1, 100).await;
    assert_eq!(bench.segments().len(), 1);
    bench.kill().await; // which does not make it younger
    bench.claim(2).await;
    bench.machine.clock.advance(Duration::from_secs(1));
    bench.append(1, 100).await;
    assert_eq!(bench.segments().len(), 2);
    bench.append(1, 100).await;
    bench.store.trim(bench.shard, Seq(5)).await.unwrap();
    assert_eq!(bench.segments().len(), 1);
    bench.assert_records(5..6).await;
}

#[tokio::test]
async fn what_a_crash_kept_from_being_removed_goes_at_the_next_opening() {
    let mut bench = Bench::new(small()).await;
    bench.append(40, 700).await;
    let segments = bench.segments().len();
    // The names come back: their removal was not synced.
    bench.store.trim(bench.shard, Seq(40)).await.unwrap();
    let removed = segments - bench.segments().len();
    assert!(removed > 5);
    let mut came_back = false;
    for seed in 0..5 {
        let env = bench.machine.power_cut(seed);
        came_back |= bench.segments().len() > 2;
        bench.reopen(env).await.unwrap();
        assert!(bench.segments().len() <= 2);
        bench.assert_records(40..40).await;
    }
    assert!(came_back);
}
