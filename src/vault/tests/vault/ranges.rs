//! Sealed records come back whole and in every range.

use crate::support::{CONTEXT, body, data_key, sealer};
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::LazyLock;
use vault::seal::{
    BODY_BYTES_MAX, HEAD_BYTES_MAX, HEAD_OVERHEAD, PIECE, TAG, body_plain_len, body_sealed_len, sealed_range,
};
use vault::{DataKey, OpenError, SealError, Sealed, SealedHead};

/// A body and what became of it.
type Record = (Vec<u8>, Sealed);

/// Bodies with lengths around every border, and the key they were sealed with.
static RECORDS: LazyLock<(DataKey, Vec<Record>)> = LazyLock::new(|| {
    let key = data_key();
    let mut sealer = sealer(&key);
    let lens =
        [0, 1, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 1, 3 * PIECE + 17];
    let records = lens.map(|len| (body(len), sealer.seal(&CONTEXT, b"head", &body(len)).unwrap()));
    (key, records.into())
});

fn open_range(key: &DataKey, sealed: &Sealed, start: u64, end: u64) -> Result<Bytes, OpenError> {
    let sealed_len = sealed.body.len() as u64;
    let covering = sealed_range(start..end, sealed_len)?;
    let fetched = &sealed.body[covering.start as usize..covering.end as usize];
    key.open_range(&CONTEXT, &SealedHead::parse(&sealed.head).unwrap(), fetched, start..end, sealed_len)
}

#[test]
fn whole_records_come_back() {
    let (key, records) = &*RECORDS;
    for (plain, sealed) in records {
        let head = SealedHead::parse(&sealed.head).unwrap();
        assert_eq!(head.key_number(), 1);
        assert_eq!(head.body_len(), plain.len() as u64);
        assert_eq!(head.body_sealed_len(), sealed.body.len() as u64);
        assert_eq!(sealed.head.len(), 4 + HEAD_OVERHEAD);
        assert_eq!(key.open_head(&CONTEXT, &head).unwrap(), &b"head"[..]);
        assert!(key.open_body(&CONTEXT, &head, &sealed.body).unwrap() == plain[..]);
    }
}

#[test]
fn every_shape_of_range_comes_back() {
    let (key, records) = &*RECORDS;
    for (plain, sealed) in records {
        let len = plain.len();
        let borders = (0..=len / PIECE).flat_map(|piece| {
            let at = piece * PIECE;
            [at.saturating_sub(1), at, at + 1, at + PIECE / 2]
        });
        let points: Vec<_> = borders.chain([len.saturating_sub(1), len]).filter(|at| *at <= len).collect();
        for &start in &points {
            for &end in points.iter().filter(|end| **end >= start) {
                let opened = open_range(key, sealed, start as u64, end as u64).unwrap();
                assert!(opened == plain[start..end], "{start}..{end} of {len}");
            }
        }
    }
}

#[test]
fn a_range_takes_no_more_pieces_than_it_touches() {
    let piece = (PIECE + TAG) as u64;
    let plain = PIECE as u64;
    let sealed_len = body_sealed_len(3 * plain + 5);
    let cases = [
        (0..1, 0..piece),
        (0..plain, 0..piece),
        (plain - 1..plain + 1, 0..2 * piece),
        (plain..plain + 1, piece..2 * piece),
        (2 * plain..3 * plain + 5, 2 * piece..sealed_len),
        (3 * plain + 4..3 * plain + 5, 3 * piece..sealed_len),
        (plain..plain, 0..0),
    ];
    for (range, expected) in cases {
        assert_eq!(sealed_range(range.clone(), sealed_len), Ok(expected), "{range:?}");
    }
}

#[test]
fn ranges_outside_of_the_body_are_refused() {
    let (key, records) = &*RECORDS;
    for (plain, sealed) in records {
        let len = plain.len() as u64;
        for (start, end) in
            [(0, len + 1), (len, len + 1), (len + 1, len + 1), (1, 0), (u64::MAX, u64::MAX), (0, u64::MAX)]
        {
            let refused = OpenError::Range { start, end, len };
            assert_eq!(open_range(key, sealed, start, end), Err(refused));
        }
    }
}

#[test]
fn impossible_lengths_are_refused() {
    let piece = (PIECE + TAG) as u64;
    let tag = TAG as u64;
    for len in [0, 1, tag - 1, piece + 1, piece + tag, u64::MAX, body_sealed_len(BODY_BYTES_MAX as u64) + 1] {
        assert_eq!(body_plain_len(len), Err(OpenError::ImpossibleLength(len)), "{len}");
    }
}

#[test]
fn the_largest_record_and_nothing_larger() {
    let key = data_key();
    let mut sealer = sealer(&key);
    let (head, body) = (vec![1; HEAD_BYTES_MAX], vec![2; BODY_BYTES_MAX]);
    let sealed = sealer.seal(&CONTEXT, &head, &body).unwrap();
    assert_eq!(sealed.head.len(), 4 << 10);
    assert_eq!(sealed.body.len(), (64 << 20) + 256 * TAG);
    let opened = key.open_body(&CONTEXT, &SealedHead::parse(&sealed.head).unwrap(), &sealed.body).unwrap();
    assert!(opened == body);

    let error = sealer.seal(&CONTEXT, &vec![1; HEAD_BYTES_MAX + 1], b"").unwrap_err();
    assert_eq!(error, SealError::HeadTooLarge { max: HEAD_BYTES_MAX, found: HEAD_BYTES_MAX + 1 });
    let error = sealer.seal(&CONTEXT, b"", &vec![2; BODY_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(error, SealError::BodyTooLarge { max: BODY_BYTES_MAX, found: BODY_BYTES_MAX + 1 });
}

proptest! {
    #[test]
    fn any_range_of_any_record(record in 0..10_usize, start: prop::sample::Index, len: prop::sample::Index) {
        let (key, records) = &*RECORDS;
        let (plain, sealed) = &records[record];
        let start = start.index(plain.len() + 1);
        let end = start + len.index(plain.len() - start + 1);
        let opened = open_range(key, sealed, start as u64, end as u64).unwrap();
        prop_assert!(opened == plain[start..end]);
    }

    #[test]
    fn any_small_record(
        records in prop::collection::vec(
            (any::<(u128, u128, u64)>(), prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..3000)),
            1..8,
        ),
        number: u32,
    ) {
        let (key, _) = &*RECORDS;
        let mut sealer = vault::BatchSealer::new(key, number, &vault::SystemEntropy);
        let contexts = records.iter().map(|((stream, shard, seq), ..)| vault::RecordContext { stream: *stream, shard: *shard, seq: *seq });
        let sealed: Vec<_> = contexts.zip(&records)
            .map(|(context, (_, head, body))| (context, sealer.seal(&context, head, body).unwrap()))
            .collect();
        for ((context, sealed), (_, plain_head, plain_body)) in sealed.iter().zip(&records) {
            let head = SealedHead::parse(&sealed.head).unwrap();
            prop_assert_eq!(head.key_number(), number);
            prop_assert_eq!(&key.open_head(context, &head).unwrap(), plain_head);
            prop_assert_eq!(&key.open_body(context, &head, &sealed.body).unwrap(), plain_body);
        }
    }

    #[test]
    fn lengths_convert_back_and_forth(plain in 0..=BODY_BYTES_MAX as u64) {
        prop_assert_eq!(body_plain_len(body_sealed_len(plain)), Ok(plain));
    }

    #[test]
    fn a_sealed_length_is_possible_or_refused(sealed in 0..(70_u64 << 20)) {
        if let Ok(plain) = body_plain_len(sealed) {
            prop_assert_eq!(body_sealed_len(plain), sealed);
        }
    }
}
