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
    assert_eq!(stats.bytes_on_disk, allocated(&bench));
    bench.kill().await;
    assert_eq!(bench.store.stats().bytes_on_disk, allocated(&bench));
    assert!(bench.segments().len() == stats.segments as usize);
}

/// What the file system has given the closed segments, and what was written of the open one.
fn allocated(bench: &Bench) -> u64 {
    let mut files: Vec<_> = bench.segments().iter().map(|path| bench.file(path)).collect();
    let open = files.pop().unwrap().size().unwrap();
    files.iter().map(|file| file.allocated().unwrap()).sum::<u64>() + open
}

/// Two shards whose records lie among each other in one closed segment, of which one is trimmed.
#[tokio::test]
async fn what_is_trimmed_from_among_others_leaves_holes() {
    let options = LocalOptions { segment_bytes: 1 << 20, hole_bytes_min: 8 << 10, ..LocalOptions::default() };
    let mut bench = Bench::new(options).await;
    let other = ShardId::new(&bench.machine.env());
    bench.store.create(other, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(other, Epoch(1)).await.unwrap();
    let frame = |len: u64| (frame::HEADER_LEN as u64 + 6 + len).next_multiple_of(8);
    for seq in 0..35 {
        bench.append(1, 30_000).await;
        writer.append(Seq(seq), vec![record(seq, 300)]).await.unwrap().await.unwrap();
    }
    assert_eq!(bench.segments().len(), 2);
    let (used, counted) = (bench.machine.files.used(), bench.store.stats().bytes_on_disk);
    for (before, holes) in [(1, 0), (20, 20), (30, 30)] {
        bench.store.trim(bench.shard, Seq(before)).await.unwrap();
        // The change itself takes a little.
        let freed = (used + 4096).saturating_sub(bench.machine.files.used());
        assert!((holes * 24_000..=holes * 30_000 + 4096).contains(&freed), "{freed} bytes for {holes} holes");
        assert!(freed.abs_diff(counted - bench.store.stats().bytes_on_disk.min(counted)) <= 8192);
        let stored = bench.store.state(bench.shard).await.unwrap().stored_bytes;
        let short = (before..10).count() as u64; // "head 9" is a byte shorter than "head 10"
        assert!(
            stored.abs_diff((35 - before) * frame(30_000)) <= 8 * short,
            "{stored} bytes from {before} on"
        );
        bench.assert_records(before..35).await;
        assert_eq!(bench.store.verify().await.unwrap().damage, []);
    }
    bench.kill().await;
    assert_eq!(bench.store.stats().bytes_on_disk, allocated(&bench));
    assert_eq!(bench.store.verify().await.unwrap().damage, []);
    let kept = bench.store.read(other, Seq(0), EVERYTHING, Parts::Whole).await.unwrap();
    assert_eq!(kept.len(), 35);
    bench.assert_records(30..35).await;
    // What lies beside a hole is still verified, and named.
    let (path, entry) = bench.place(30);
    for within in [0, frame::HEADER_LEN as u64 + 1, entry.frame_len() / 2] {
        assert!(bench.machine.files.rot(&path, entry.offset + within, 1));
        let damage = bench.store.verify().await.unwrap().damage;
        let named: Vec<_> = damage.iter().map(|damage| (damage.shard, damage.seq)).collect();
        assert_eq!(named, [(Some(bench.shard), Some(Seq(30)))], "byte {within}");
        assert!(bench.machine.files.rot(&path, entry.offset + within, 1));
    }
    // Should the footer be lost, all that can be read is found by a scan, and nothing more is punched.
    let file = bench.file(&path);
    flip(&*file, file.size().unwrap() - 10);
    bench.kill().await;
    bench.assert_records(30..35).await;
    let used = bench.machine.files.used();
    bench.store.delete(other).await.unwrap();
    assert_eq!(bench.machine.files.used(), used);
    bench.assert_records(30..35).await;
}

/// A crash between the trim and its holes.
#[tokio::test]
async fn holes_that_a_crash_kept_from_being_made_are_made_at_the_next_opening() {
    let options = LocalOptions { segment_bytes: 1 << 20, ..LocalOptions::default() };
    let mut bench = Bench::new(options).await;
    bench.append(36, 30_000).await;
    let used = bench.machine.files.used();
    bench.machine.files.fail_change_after(0);
    bench.store.trim(bench.shard, Seq(20)).await.unwrap();
    assert_eq!(bench.machine.files.used(), used);
    bench.kill().await;
    assert!(bench.machine.files.used() + 590_000 < used);
    assert_eq!(bench.store.verify().await.unwrap().damage, []);
    bench.assert_records(20..36).await;
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
    let mut bench = Bench::new(LocalOptions {
        segment_bytes: 200 << 10,
        hole_bytes_min: 8 << 10,
        ..LocalOptions::default()
    })
    .await;
    let doomed = ShardId::new(&bench.machine.env());
    bench.store.create(doomed, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(doomed, Epoch(1)).await.unwrap();
    for seq in 0..40 {
        writer.append(Seq(seq), vec![record(seq, 30_000)]).await.unwrap().await.unwrap();
        bench.append(1, 100).await;
    }
    let used = bench.machine.files.used();
    let counted = bench.store.stats().bytes_on_disk;
    bench.store.delete(doomed).await.unwrap();
    // Also of the segment that was open: it was closed for it.
    assert!(bench.machine.files.used() < used / 3, "{} of {used}", bench.machine.files.used());
    assert!(bench.store.stats().bytes_on_disk < counted / 3);
    bench.assert_records(0..40).await;

    bench.append(1, 200 << 10).await;
    bench.store.trim(bench.shard, Seq(1)).await.unwrap();
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
