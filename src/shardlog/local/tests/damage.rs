//! Damage to what was acknowledged is reported, with its place; it is never skipped and never taken for a torn end.

use super::*;

async fn read_error(bench: &Bench, seq: u64) -> String {
    match bench.store.read(bench.shard, Seq(seq), EVERYTHING, Parts::Whole).await {
        Err(StoreError::Corrupt { place, what }) => format!("{place}: {what}"),
        other => panic!("expected damage, got {other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_body_is_reported_to_its_reader_alone() {
    for segment_bytes in [4 << 10, 1 << 30] {
        let mut bench = Bench::new(LocalOptions {
            segment_bytes,
            ..LocalOptions { recent_bytes: 0, ..LocalOptions::default() }
        })
        .await;
        bench.append(20, 700).await;
        let (path, entry) = bench.place(5);
        flip(&*bench.file(&path), entry.body_offset() + 699);
        for reopened in [false, true] {
            if reopened {
                bench.kill().await;
            }
            let error = read_error(&bench, 5).await;
            assert!(error.contains(path.to_str().unwrap()), "{error}");
            assert!(error.contains(&format!("offset {}", entry.body_offset())), "{error}");
            assert!(error.contains(&bench.shard.to_string()) && error.contains("sequence 5"), "{error}");
            let whole = bench.store.body(bench.shard, Seq(5), 0..700).await;
            assert!(matches!(whole, Err(StoreError::Corrupt { .. })));
            // A read that comes upon it ends there; the next one meets it.
            let before = bench.store.read(bench.shard, Seq(3), EVERYTHING, Parts::Whole).await.unwrap();
            assert_eq!(before.len(), 2);
            let heads = bench.store.read(bench.shard, Seq(5), EVERYTHING, Parts::Heads).await.unwrap();
            assert_eq!(heads[0].head, record(5, 0).head);
            let after = bench.store.read(bench.shard, Seq(6), EVERYTHING, Parts::Whole).await.unwrap();
            assert_eq!(after[0].body, Some(record(6, 700).body));
            assert_eq!(bench.store.state(bench.shard).await.unwrap().tail.next, Seq(20));
        }
    }
}

#[tokio::test]
async fn a_damaged_header_or_head_in_the_newest_segment_stops_the_opening() {
    for offset in [0, 20, 60, frame::HEADER_LEN as u64 + 1] {
        let mut bench = Bench::new(LocalOptions { recent_bytes: 0, ..LocalOptions::default() }).await;
        bench.append(5, 700).await;
        let (path, entry) = bench.place(2);
        flip(&*bench.file(&path), entry.offset + offset);
        let env = bench.machine.kill();
        match bench.reopen(env).await {
            Err(StoreError::Corrupt { place, .. }) => {
                assert_eq!(place, format!("{} at offset {}", path.display(), entry.offset));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The last group's acknowledgement is known only to those who got it, unless the store was closed in good order.
#[tokio::test]
async fn after_a_clean_close_even_the_last_frame_is_known_to_be_acknowledged() {
    let mut bench = Bench::new(LocalOptions { recent_bytes: 0, ..LocalOptions::default() }).await;
    bench.append(5, 700).await;
    let (path, entry) = bench.place(4);
    bench.store.close().await;
    flip(&*bench.file(&path), entry.offset);
    let env = bench.machine.kill();
    assert!(matches!(bench.reopen(env).await, Err(StoreError::Corrupt { .. })));
}

#[tokio::test]
async fn a_damaged_statement_stops_the_opening() {
    let mut bench = Bench::new(small()).await;
    bench.append(20, 700).await;
    for offset in [0, 30, 50] {
        let path = bench.segments().pop().unwrap();
        flip(&*bench.file(&path), offset);
        let env = bench.machine.kill();
        match bench.reopen(env).await {
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(place.starts_with(path.to_str().unwrap()), "{place}");
            }
            other => panic!("{other:?}"),
        }
        flip(&*bench.file(&path), offset);
    }
    bench.kill().await;
    bench.assert_records(0..20).await;
}

#[tokio::test]
async fn a_damaged_block_is_made_up_for_by_a_scan_unless_a_frame_is_damaged_too() {
    let mut bench = Bench::new(small()).await;
    bench.append(20, 700).await;
    bench.kill().await; // with empty caches
    let located = bench.store.inner.context.shard(bench.shard).unwrap().index().locate(Seq(1), 1).unwrap();
    let index::Located::Block(block) = located else { panic!("the first segment is closed") };
    flip(&*bench.file(&block.segment.path), block.info.offset + 3);
    bench.assert_records(0..20).await;
    flip(&*bench.file(&block.segment.path), 203); // in the header of the first record, which follows the claim
    bench.kill().await;
    let error = read_error(&bench, 1).await;
    assert!(error.contains(block.segment.path.to_str().unwrap()), "{error}");
    let sought = bench.store.seek(bench.shard, record(1, 0).arrival).await;
    assert!(matches!(sought, Err(StoreError::Corrupt { .. })));
}

#[tokio::test]
async fn a_lost_footer_is_made_up_for_by_a_scan() {
    let mut bench = Bench::new(small()).await;
    bench.append(40, 700).await;
    let closed = bench.segments();
    for path in &closed[..closed.len() - 1] {
        let file = bench.file(path);
        flip(&*file, file.size().unwrap() - 10);
    }
    bench.kill().await;
    bench.assert_records(0..40).await;
    assert_eq!(bench.store.seek(bench.shard, Arrival(1017)).await.unwrap(), Seq(17));
    // Trimming and removing go on as ever.
    bench.store.trim(bench.shard, Seq(40)).await.unwrap();
    assert_eq!(bench.segments().len(), 1);
}

#[tokio::test]
async fn what_neither_footer_nor_scan_can_give_is_reported() {
    let mut bench = Bench::new(small()).await;
    bench.append(40, 700).await;
    let (path, entry) = bench.place(2);
    let file = bench.file(&path);
    flip(&*file, file.size().unwrap() - 10);
    flip(&*file, entry.offset + 10);
    bench.kill().await;
    let error = read_error(&bench, 2).await;
    assert!(error.contains("no segment has the record") && error.contains("sequence 2"), "{error}");
    for seq in [1, 3] {
        let found = bench.store.read(bench.shard, Seq(seq), EVERYTHING, Parts::Whole).await.unwrap();
        assert_eq!(found[0].body, Some(record(seq, 700).body));
    }
}

#[tokio::test]
async fn a_missing_segment_is_reported_to_its_readers() {
    let mut bench = Bench::new(small()).await;
    bench.append(40, 700).await;
    let (path, _) = bench.place(10);
    bench.machine.env().files.remove(&path).unwrap();
    bench.kill().await;
    assert!(read_error(&bench, 10).await.contains("no segment has the record"));
    let after = bench.store.read(bench.shard, Seq(30), EVERYTHING, Parts::Whole).await.unwrap();
    assert_eq!(after[0].seq, Seq(30));
    bench.store.trim(bench.shard, Seq(20)).await.unwrap();
    bench.assert_records(20..40).await;
}

/// Whatever part of the newest segment is left, opening gives a prefix of what was there, or says what is wrong.
#[tokio::test]
async fn a_segment_cut_at_any_byte_opens_or_is_reported() {
    let mut bench = Bench::new(LocalOptions { recent_bytes: 0, ..LocalOptions::default() }).await;
    bench.append(4, 60).await;
    let path = bench.segments().pop().unwrap();
    let bytes = bytes_of(&*bench.file(&path));
    let ends: Vec<u64> =
        (0..4).map(|seq| bench.place(seq).1).map(|entry| entry.offset + entry.frame_len()).collect();
    for len in 0..bytes.len() as u64 {
        let env = bench.machine.kill();
        let file = bench.file(&path);
        file.set_len(0).unwrap();
        file.write_all_at(&[&bytes[..len as usize]], 0).unwrap();
        match bench.reopen(env).await {
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(len < statement::SEGMENT_HEADER_LEN as u64, "cut to {len}: {place}");
            }
            Err(other) => panic!("cut to {len}: {other:?}"),
            Ok(()) => match bench.store.state(bench.shard).await {
                Ok(_) => bench.assert_records(0..ends.iter().filter(|end| **end <= len).count() as u64).await,
                Err(error) => assert!(matches!(error, StoreError::NotFound(_)) && len < ends[0], "{error:?}"),
            },
        }
    }
}

/// The same for closed segments, whose loss must never go unnoticed.
#[tokio::test]
async fn a_closed_segment_cut_at_any_byte_shows_its_records_or_their_loss() {
    let mut bench = Bench::new(LocalOptions {
        segment_bytes: 600,
        ..LocalOptions { recent_bytes: 0, ..LocalOptions::default() }
    })
    .await;
    bench.append(8, 60).await;
    let (path, _) = bench.place(0);
    let bytes = bytes_of(&*bench.file(&path));
    for len in (0..bytes.len()).step_by(3) {
        let env = bench.machine.kill();
        let file = bench.file(&path);
        file.set_len(0).unwrap();
        file.write_all_at(&[&bytes[..len]], 0).unwrap();
        bench.reopen(env).await.unwrap();
        for seq in 0..8 {
            match bench.store.read(bench.shard, Seq(seq), EVERYTHING, Parts::Whole).await {
                Ok(found) => assert_eq!(found[0].body, Some(record(seq, 60).body)),
                Err(StoreError::Corrupt { .. }) => {}
                Err(other) => panic!("cut to {len}: {other:?}"),
            }
        }
    }
}
