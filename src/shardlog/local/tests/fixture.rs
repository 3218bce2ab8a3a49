//! A log as the first release wrote it, kept as files beside this one. It must open for ever; and as long as the layouts
//! are what they are, the same steps must write the same bytes.

use super::*;

const FILES: [(&str, &[u8]); 3] = [
    ("0000000000000001.seg", include_bytes!("fixture_v1/0000000000000001.seg")),
    ("0000000000000002.seg", include_bytes!("fixture_v1/0000000000000002.seg")),
    ("0000000000000003.seg", include_bytes!("fixture_v1/0000000000000003.seg")),
];

/// Every kind of frame, two segments that are closed and one that is not.
async fn write() -> (Bench, ShardId) {
    let options = LocalOptions { segment_bytes: 1200, ..LocalOptions::default() };
    let mut bench = Bench::new(options).await;
    let sealed = ShardId::new(&bench.machine.env());
    bench.store.create(sealed, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = bench.store.claim(sealed, Epoch(5)).await.unwrap();
    let batch = vec![record(0, 13), record(1, 0), record(2, 40)];
    writer.append(Seq(0), batch).await.unwrap().await.unwrap();
    bench.append(6, 100).await;
    bench.store.trim(bench.shard, Seq(1)).await.unwrap();
    writer.seal().await.unwrap();
    let deleted = ShardId::new(&bench.machine.env());
    bench.store.create(deleted, RetentionClass(0)).await.unwrap();
    bench.store.delete(deleted).await.unwrap();
    bench.append(4, 100).await;
    bench.store.close().await;
    (bench, sealed)
}

#[tokio::test]
async fn the_same_steps_write_the_same_bytes() {
    let (bench, _) = write().await;
    let names: Vec<_> = bench.segments().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, FILES.map(|(name, _)| std::ffi::OsString::from(name)));
    for (path, (name, expected)) in bench.segments().iter().zip(FILES) {
        assert!(bytes_of(&*bench.file(path)) == expected, "{name} is written differently");
    }
}

#[tokio::test]
async fn the_first_release_s_log_opens() {
    let (mut bench, sealed) = write().await;
    let env = bench.machine.kill();
    for (name, bytes) in FILES {
        let file = bench.file(&Path::new("/log/00-00").join(name));
        file.set_len(0).unwrap();
        file.write_all_at(&[bytes], 0).unwrap();
    }
    bench.reopen(env).await.unwrap();
    bench.assert_records(1..10).await;
    assert_eq!(bench.store.shards().await.unwrap(), [sealed, bench.shard]);
    let state = bench.store.state(sealed).await.unwrap();
    let tail = Tail { next: Seq(3), first: Seq(0), sealed: true, last_arrival: Some(Arrival(1002)) };
    assert_eq!((state.tail, state.epoch), (tail, Epoch(5)));
    bench.claim(2).await;
    bench.append(1, 1).await;
}
