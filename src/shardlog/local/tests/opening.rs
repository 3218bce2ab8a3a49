//! Opening, closing, and what lies in the directory.

use super::*;

#[tokio::test]
async fn the_newest_statement_tells_everything_without_the_older_segments() {
    let mut bench = Bench::new(small()).await;
    let sealed = ShardId::new(&bench.machine.env());
    bench.store.create(sealed, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(sealed, Epoch(4)).await.unwrap();
    writer.append(Seq(0), vec![record(0, 3000), record(1, 3000)]).await.unwrap().await.unwrap();
    writer.seal().await.unwrap();
    bench.store.trim(sealed, Seq(2)).await.unwrap();
    let deleted = ShardId::new(&bench.machine.env());
    bench.store.create(deleted, RetentionClass(0)).await.unwrap();
    bench.store.delete(deleted).await.unwrap();
    bench.append(60, 700).await;
    assert!(bench.segments().len() > 8);
    bench.store.trim(bench.shard, Seq(59)).await.unwrap();
    assert!(bench.segments().len() <= 2);
    let before = (bench.store.state(sealed).await.unwrap(), bench.store.state(bench.shard).await.unwrap());

    bench.kill().await;
    let after = (bench.store.state(sealed).await.unwrap(), bench.store.state(bench.shard).await.unwrap());
    assert_eq!(after, before);
    assert!(after.0.tail.sealed);
    assert_eq!((after.0.epoch, after.0.tail.first), (Epoch(4), Seq(2)));
    assert_eq!(after.0.tail.last_arrival, Some(record(1, 0).arrival));
    assert!(matches!(bench.store.state(deleted).await, Err(StoreError::NotFound(_))));
    bench.assert_records(59..60).await;
    assert!(matches!(bench.store.claim(sealed, Epoch(4)).await, Err(StoreError::Fenced { by: Epoch(4) })));
}

/// However much the closed segments hold, a start reads the ends of their files: the trailer and the directory, neither
/// bodies nor heads.
#[tokio::test]
async fn closed_segments_are_opened_by_their_footers_alone() {
    let mut bench = Bench::new(LocalOptions { segment_bytes: 200 << 10, ..small() }).await;
    bench.append(100, 20_000).await;
    let env = bench.machine.kill();
    let open = bench.segments().pop().unwrap();
    let total: u64 = bench.segments().iter().map(|path| bench.file(path).size().unwrap()).sum();
    bench.machine.files.record_reads();
    bench.reopen(env).await.unwrap();
    let (of_open, of_closed): (Vec<_>, Vec<_>) =
        bench.machine.files.recorded_reads().into_iter().partition(|(path, _)| *path == open);
    let read: u64 = of_closed.iter().map(|(_, range)| range.end - range.start).sum();
    let closed = bench.segments().len() as u64 - 1;
    assert!(closed > 5 && total > 1_500_000 && !of_open.is_empty());
    assert_eq!(of_closed.len() as u64, closed * 2, "a trailer and a directory each: {of_closed:?}");
    assert_eq!(read, closed * (48 + 72), "one block each");
    bench.assert_records(0..100).await;
}

#[tokio::test]
async fn files_that_are_not_ours_are_left_alone() {
    let mut bench = Bench::new(small()).await;
    bench.append(5, 700).await;
    let env = bench.machine.kill();
    let others =
        ["/log/notes.txt", "/log/00-00/0000000000000001.seg.bak", "/log/00-00/1.seg", "/log/00-00/x.tmp"];
    for path in others {
        let file = env.files.open(Path::new(path), OpenMode::CreateNew).unwrap();
        file.write_all_at(&[b"not ours"], 0).unwrap();
    }
    env.files.create_dir_all(Path::new("/log/lost+found")).unwrap();
    bench.reopen(env.clone()).await.unwrap();
    bench.assert_records(0..5).await;
    for path in others {
        assert_eq!(bytes_of(&*env.files.open(Path::new(path), OpenMode::Read).unwrap()), b"not ours");
    }
}

/// A segment under the name of one of ours: restored into the wrong directory, or from another life of the log.
#[tokio::test]
async fn segments_that_do_not_belong_are_left_alone() {
    let filled = async |body_len| {
        let mut bench = Bench::new(small()).await;
        bench.append(40, body_len).await;
        bench
    };
    let (mut bench, other) = (filled(700).await, filled(300).await);
    let env = bench.machine.kill();
    let foreign = bytes_of(&*other.file(&other.segments()[1]));
    let put = |path: &Path| {
        _ = env.files.remove(path);
        env.files.open(path, OpenMode::CreateNew).unwrap().write_all_at(&[&foreign], 0).unwrap();
    };
    // One more of another lane, all of whose records seem to be trimmed.
    env.files.create_dir_all(Path::new("/log/05-00")).unwrap();
    let elsewhere =
        [Path::new("/log/05-00/0000000000000002.seg"), Path::new("/log/05-00/0000000000000003.seg")];
    put(elsewhere[0]);
    let newest = statement::encode(LaneName::parse(Path::new("05-00")).unwrap(), 3, 0, &[]);
    env.files.open(elsewhere[1], OpenMode::CreateNew).unwrap().write_all_at(&[&newest], 0).unwrap();
    // One in the place of ours; the next one now contradicts it.
    let before = bench.segments();
    put(&before[1]);
    bench.reopen(env.clone()).await.unwrap();
    assert_eq!(bench.segments(), before);
    assert_eq!(bytes_of(&*bench.file(elsewhere[0])), foreign);
    let after = bench.store.read(bench.shard, Seq(39), EVERYTHING, Parts::Whole).await.unwrap();
    assert_eq!(after[0].body, Some(record(39, 700).body));
}

#[tokio::test]
async fn what_a_crash_left_unfinished_is_removed() {
    let mut bench = Bench::new(small()).await;
    bench.append(1, 10).await;
    let env = bench.machine.kill();
    let unfinished = Path::new("/log/00-00/0000000000000002.seg.tmp");
    env.files.open(unfinished, OpenMode::CreateNew).unwrap();
    bench.reopen(env.clone()).await.unwrap();
    assert_eq!(bench.segments().len(), 1);
}

#[tokio::test]
async fn a_directory_is_open_once() {
    let mut bench = Bench::new(small()).await;
    bench.append(1, 10).await;
    let again = LocalStore::open("/log", small(), bench.machine.env()).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))));
    bench.store.close().await;
    LocalStore::open("/log", small(), bench.machine.env()).await.unwrap();
}

#[tokio::test]
async fn closing_writes_what_waits_and_ends_everything() {
    let mut bench = Bench::new(small()).await;
    let mut tail = bench.store.watch(bench.shard).unwrap();
    let mut in_flight = Vec::new();
    for seq in 0..50 {
        in_flight.push(bench.writer.append(Seq(seq), vec![record(seq, 700)]).await.unwrap());
    }
    bench.store.close().await;
    for durable in in_flight {
        durable.await.unwrap();
    }
    while tail.changed().await.is_ok() {}
    assert_eq!(tail.borrow().next, Seq(50));
    let refused = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Unavailable(_))));
    refused(bench.writer.append(Seq(50), vec![record(50, 1)]).await.map(drop));
    refused(bench.store.state(bench.shard).await.map(drop));
    refused(bench.store.shards().await.map(drop));
    refused(bench.store.watch(bench.shard).map(drop));
    refused(bench.store.create(ShardId(1), RetentionClass(0)).await);
    refused(bench.store.create(ShardId(1), RetentionClass(7)).await);
    bench.store.close().await;
    let env = bench.machine.env();
    bench.reopen(env).await.unwrap();
    bench.assert_records(0..50).await;
}

#[tokio::test]
async fn a_store_that_is_dropped_writes_what_waits() {
    let mut bench = Bench::new(small()).await;
    let durable = bench.writer.append(Seq(0), vec![record(0, 700)]).await.unwrap();
    let Bench { store, machine, .. } = bench;
    drop(store);
    durable.await.unwrap();
    drop(machine);
}

#[tokio::test]
async fn shards_stay_in_their_lanes_when_the_number_of_lanes_changes() {
    let mut bench = Bench::new(small()).await;
    bench.append(3, 10).await;
    bench.options.lanes_per_class = 7;
    bench.kill().await;
    bench.claim(2).await;
    bench.append(3, 10).await;
    for _ in 0..20 {
        let shard = ShardId::new(&bench.machine.env());
        bench.store.create(shard, RetentionClass(0)).await.unwrap();
    }
    assert!(bench.store.stats().lanes > 3);
    bench.options.lanes_per_class = 1;
    bench.kill().await;
    bench.assert_records(0..6).await;
    assert_eq!(bench.store.shards().await.unwrap().len(), 21);
}

/// Ids are never used twice. Should it happen nevertheless, the records of the first are not those of the second.
#[tokio::test]
async fn a_shard_made_again_under_its_old_id_begins_empty() {
    let mut bench = Bench::new(small()).await;
    let keeper = ShardId::new(&bench.machine.env());
    bench.store.create(keeper, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(keeper, Epoch(1)).await.unwrap();
    for seq in 0..30 {
        bench.append(1, 700).await;
        writer.append(Seq(seq), vec![record(seq, 1)]).await.unwrap().await.unwrap();
    }
    bench.store.delete(bench.shard).await.unwrap();
    bench.store.create(bench.shard, RetentionClass(0)).await.unwrap();
    bench.next = 0;
    bench.claim(1).await;
    bench.append(20, 300).await;
    bench.kill().await;
    bench.assert_records(0..20).await;
    let heads = bench.store.read(bench.shard, Seq(0), EVERYTHING, Parts::Heads).await.unwrap();
    assert!(heads.iter().all(|record| record.body_len == 300));
}

#[tokio::test]
async fn two_creations_of_one_shard_make_one() {
    let bench = Bench::new(small()).await;
    let id = ShardId::new(&bench.machine.env());
    let attempts = (0..8).map(|class| bench.store.create(id, RetentionClass(class)));
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(bench.store.shards().await.unwrap().len(), 2);
}
