//! Devices that fail and disks that fill up.

use super::*;

#[tokio::test]
async fn a_failed_sync_ends_the_lane_until_it_is_opened_again() {
    let mut bench = Bench::new(LocalOptions::default()).await;
    let other = ShardId::new(&bench.machine.env());
    bench.store.create(other, RetentionClass(9)).await.unwrap();
    let (_, mut other) = bench.store.claim(other, Epoch(1)).await.unwrap();
    bench.append(3, 100).await;

    bench.machine.files.fail_sync_after(0);
    assert!(matches!(bench.try_append(100).await, Err(StoreError::Unknown(_))));
    assert!(matches!(bench.try_append(100).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(bench.store.trim(bench.shard, Seq(1)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(bench.store.claim(bench.shard, Epoch(2)).await, Err(StoreError::Unavailable(_))));
    assert_eq!((bench.store.stats().lanes, bench.store.stats().lanes_dead), (2, 1));
    bench.assert_records(0..3).await; // reading goes on, and shows only what is durable
    other.append(Seq(0), vec![record(0, 1)]).await.unwrap().await.unwrap();

    let env = bench.machine.power_cut(1);
    bench.reopen(env).await.unwrap();
    let next = bench.store.state(bench.shard).await.unwrap().tail.next.0;
    assert!(next == 3 || next == 4);
    bench.claim(2).await;
    bench.next = next;
    bench.append(2, 100).await;
    bench.assert_records(0..next + 2).await;
}

#[tokio::test]
async fn a_failed_write_ends_the_lane() {
    let mut bench = Bench::new(LocalOptions::default()).await;
    bench.machine.files.fail_write_after(0);
    let batch: Vec<_> = (0..10).map(|seq| record(seq, 1000)).collect();
    let durable = bench.writer.append(Seq(0), batch).await.unwrap();
    assert!(matches!(durable.await, Err(StoreError::Unknown(_))));
    bench.kill().await;
    let next = bench.store.state(bench.shard).await.unwrap().tail.next.0;
    assert!(next == 0 || next == 10, "a batch is there whole or not at all");
}

/// The kernel may show what a failed sync did not write. What recovery finds there must be on disk once it is shown.
#[tokio::test]
async fn what_recovery_shows_is_on_disk_even_after_a_failed_sync() {
    for seed in 0..20 {
        let mut bench = Bench::new(LocalOptions::default()).await;
        bench.append(1, 100).await;
        bench.machine.files.fail_sync_after(0);
        assert!(bench.try_append(5000).await.is_err());
        bench.kill().await;
        bench.assert_records(0..2).await;
        let env = bench.machine.power_cut(seed);
        bench.reopen(env).await.unwrap();
        bench.assert_records(0..2).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_records_and_still_trims() {
    let options = LocalOptions { reserve_bytes: 64 << 10, ..small() };
    let mut bench = Bench::new(options).await;
    bench.machine.files.set_capacity(Some(512 << 10));
    let full = loop {
        if let Err(error) = bench.try_append(10_000).await {
            break error;
        }
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    assert!(full.to_string().contains("in reserve"), "{full}");
    let written = bench.next;
    assert!(written > 30);
    bench.assert_records(0..written).await;

    // What is needed to make room is taken none the less.
    bench.writer.use_reserve(true);
    bench.append(1, 1000).await;
    bench.writer.use_reserve(false);
    assert!(matches!(bench.try_append(1000).await, Err(StoreError::Full(_))));
    let written = written + 1;

    let used = bench.machine.files.used();
    bench.store.trim(bench.shard, Seq(written / 2)).await.unwrap();
    assert!(bench.machine.files.used() < used * 2 / 3);
    bench.append(5, 10_000).await; // the same writer goes on where it was
    bench.assert_records(written / 2..written + 5).await;
}

/// Somebody else fills the disk between our looking and our writing.
#[tokio::test]
async fn a_write_that_finds_the_disk_full_did_not_happen() {
    let mut bench = Bench::new(LocalOptions { reserve_bytes: 0, ..LocalOptions::default() }).await;
    bench.append(2, 100).await;
    bench.machine.files.set_capacity(Some(bench.machine.files.used() + 20_000));
    // The first batch alone would fit.
    let mut in_flight = Vec::new();
    for n in 0..4 {
        match bench.writer.append(Seq(2 + n), vec![record(2 + n, 9000)]).await {
            Ok(durable) => in_flight.push(durable),
            Err(StoreError::OutOfSequence { .. }) => break, // an earlier one has failed already
            Err(other) => panic!("{other:?}"),
        }
    }
    let mut done = 0;
    for durable in in_flight {
        match durable.await {
            Ok(()) => done += 1,
            Err(StoreError::Full(_) | StoreError::Unavailable(_) | StoreError::OutOfSequence { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(done < 4);
    assert_eq!(bench.store.stats().lanes_dead, 0);
    bench.next = 2 + done;
    bench.assert_records(0..bench.next).await;
    bench.machine.files.set_capacity(None);
    bench.append(3, 9000).await;
    let next = bench.next;
    bench.kill().await;
    bench.assert_records(0..next).await;
}

/// A torn end is cut off the file: were it left, a shorter or equally long append in its place could bring what lay behind
/// it back to life.
#[tokio::test]
async fn what_was_torn_does_not_come_back() {
    let mut bench = Bench::new(LocalOptions::default()).await;
    bench.append(1, 100).await;
    let (path, first) = bench.place(0);
    // Three frames of one size that were never acknowledged, the first of them torn.
    let mut frames =
        group::Frames::new(LaneName::parse(Path::new("00-00")).unwrap(), 1, first.offset + first.frame_len());
    for seq in 1..4 {
        let SealedRecord { arrival, head, body } = record(seq, 100);
        let header = frame::Header {
            arrival: arrival.0,
            head_len: head.len() as u32,
            body_len: body.len() as u32,
            head_crc: crc32c::crc32c(&head),
            body_crc: crc32c::crc32c(&body),
            ..frame::Header::change(frame::Kind::Record, bench.shard, seq, 1)
        };
        frames.push(header, &head, body);
    }
    let env = bench.machine.kill();
    let end = first.offset + first.frame_len();
    bench.file(&path).write_all_at(&frames.slices(), end).unwrap();
    flip(&*bench.file(&path), end + 40);
    bench.reopen(env).await.unwrap();
    bench.assert_records(0..1).await;
    bench.claim(2).await;
    // The claim is a frame of 80 bytes, a record of this length makes up the rest of the torn one.
    let rest = first.frame_len() as usize - 2 * frame::HEADER_LEN - record(1, 0).head.len();
    bench.append(1, rest).await;
    bench.kill().await;
    bench.assert_records(0..2).await;
}

/// A name that is only in memory when the process dies is made durable before anything under it counts.
#[tokio::test]
async fn a_segment_s_name_is_durable_before_its_records_are() {
    for failing in 0..8 {
        for seed in 0..4 {
            let mut bench = Bench::new(small()).await;
            bench.append(4, 700).await;
            bench.machine.files.fail_sync_after(failing);
            while bench.try_append(700).await.is_ok() {}
            bench.kill().await;
            bench.claim(2).await;
            bench.next = bench.store.state(bench.shard).await.unwrap().tail.next.0;
            bench.append(1, 10).await;
            let env = bench.machine.power_cut(seed);
            bench.reopen(env).await.unwrap();
            bench.assert_records(0..bench.next).await;
        }
    }
}

#[tokio::test]
async fn a_roll_for_which_the_disk_has_no_room_is_made_up_for() {
    let mut outgrown = 0;
    for blocks in 0..6 {
        let mut bench = Bench::new(LocalOptions { reserve_bytes: 0, ..small() }).await;
        bench.append(5, 700).await;
        bench.machine.files.set_capacity(Some(bench.machine.files.used() + blocks * 4096));
        // Until there is no room for a record, or the segment has outgrown its size because it could not be rolled.
        while bench.try_append(300).await.is_ok() {
            bench.lane_is_idle().await;
            if bench.file(bench.segments().last().unwrap()).size().unwrap() > 4 << 10 {
                outgrown += 1;
                break;
            }
        }
        bench.machine.files.set_capacity(None);
        let first = bench.next - 1;
        bench.store.trim(bench.shard, Seq(first)).await.unwrap(); // now the footer is shorter than it would have been
        bench.append(20, 300).await;
        assert_eq!(bench.store.stats().lanes_dead, 0);
        let next = bench.next;
        bench.kill().await;
        bench.assert_records(first..next).await;
        let closed = bench.segments();
        for path in &closed[..closed.len() - 1] {
            let bytes = bytes_of(&*bench.file(path));
            assert!(bytes[bytes.len() - footer::TRAILER_LEN..].starts_with(b"KEND"), "{}", path.display());
        }
    }
    assert!(outgrown > 0);
}
