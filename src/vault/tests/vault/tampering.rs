//! Whatever is done to a sealed record, it doesn't open.

use crate::support::{CONTEXT, body, data_key, flips, sealer};
use proptest::prelude::*;
use std::sync::LazyLock;
use vault::seal::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEAD_OVERHEAD, PIECE, TAG};
use vault::{BatchSealer, DataKey, OpenError, Part, RecordContext, Sealed, SealedHead, SystemEntropy};

const SEALED_PIECE: usize = PIECE + TAG;
const HEAD: OpenError = OpenError::NotAuthentic { part: Part::Head };

fn piece(index: u32) -> OpenError {
    OpenError::NotAuthentic { part: Part::Piece(index) }
}

fn open_head(key: &DataKey, context: &RecordContext, head: &[u8]) -> Result<(), OpenError> {
    key.open_head(context, &SealedHead::parse(head)?).map(drop)
}

fn open_body(key: &DataKey, context: &RecordContext, head: &[u8], body: &[u8]) -> Result<(), OpenError> {
    key.open_body(context, &SealedHead::parse(head)?, body).map(drop)
}

fn small() -> (DataKey, Sealed) {
    let key = data_key();
    let sealed = sealer(&key).seal(&CONTEXT, b"the head of it", b"and a body").unwrap();
    (key, sealed)
}

/// Of four pieces.
fn large() -> (DataKey, Sealed) {
    let key = data_key();
    let sealed = sealer(&key).seal(&CONTEXT, b"head", &body(3 * PIECE + 100)).unwrap();
    (key, sealed)
}

#[test]
fn every_flipped_bit_of_a_head() {
    let (key, sealed) = small();
    for (at, head) in flips(&sealed.head) {
        let opened = open_head(&key, &CONTEXT, &head);
        match at {
            0 => assert_eq!(opened, Err(OpenError::UnknownVersion(head[0]))),
            25 => assert!(matches!(opened, Err(OpenError::BodyTooLarge { .. } | HEAD))),
            _ => assert_eq!(opened, Err(HEAD), "byte {at}"),
        }
        // The prefix is as much the body's.
        match at {
            0..29 => assert!(open_body(&key, &CONTEXT, &head, &sealed.body).is_err(), "byte {at}"),
            _ => assert_eq!(open_body(&key, &CONTEXT, &head, &sealed.body), Ok(())),
        }
    }
}

#[test]
fn every_flipped_bit_of_a_body() {
    let (key, sealed) = small();
    let head = SealedHead::parse(&sealed.head).unwrap();
    for (at, body) in flips(&sealed.body) {
        assert_eq!(open_body(&key, &CONTEXT, &sealed.head, &body), Err(piece(0)), "byte {at}");
        let range = key.open_range(&CONTEXT, &head, &body, 2..3, body.len() as u64);
        assert_eq!(range, Err(piece(0)), "byte {at}");
    }
}

#[test]
fn a_flipped_bit_in_any_piece() {
    let (key, sealed) = large();
    for index in 0..4 {
        let mut body = sealed.body.to_vec();
        body[index * SEALED_PIECE + 50] ^= 1;
        assert_eq!(open_body(&key, &CONTEXT, &sealed.head, &body), Err(piece(index as u32)));
    }
}

#[test]
fn a_moved_record() {
    let (key, sealed) = small();
    let head = SealedHead::parse(&sealed.head).unwrap();
    let sealed_len = sealed.body.len() as u64;
    for elsewhere in [
        RecordContext { seq: 4, ..CONTEXT },
        RecordContext { seq: 2, ..CONTEXT },
        RecordContext { shard: 7, ..CONTEXT },
        RecordContext { stream: 7, ..CONTEXT },
        RecordContext { stream: CONTEXT.shard, shard: CONTEXT.stream, ..CONTEXT },
    ] {
        assert_eq!(open_head(&key, &elsewhere, &sealed.head), Err(HEAD));
        assert_eq!(open_body(&key, &elsewhere, &sealed.head, &sealed.body), Err(piece(0)));
        assert_eq!(key.open_range(&elsewhere, &head, &sealed.body, 0..1, sealed_len), Err(piece(0)));
    }
}

#[test]
fn another_key_or_key_number() {
    let (_, sealed) = small();
    let key = data_key();
    assert_eq!(open_head(&key, &CONTEXT, &sealed.head), Err(HEAD));
    assert_eq!(open_body(&key, &CONTEXT, &sealed.head, &sealed.body), Err(piece(0)));

    let (key, sealed) = small();
    let mut renumbered = sealed.head.to_vec();
    renumbered[1..5].copy_from_slice(&2_u32.to_be_bytes());
    assert_eq!(SealedHead::parse(&renumbered).unwrap().key_number(), 2);
    assert_eq!(open_head(&key, &CONTEXT, &renumbered), Err(HEAD));
    assert_eq!(open_body(&key, &CONTEXT, &renumbered, &sealed.body), Err(piece(0)));
}

#[test]
fn a_body_or_head_of_another_record() {
    let key = data_key();
    let mut batch = sealer(&key);
    let elsewhere = RecordContext { seq: 4, ..CONTEXT };
    let one = batch.seal(&CONTEXT, b"head", b"same length 1").unwrap();
    let neighbour = batch.seal(&elsewhere, b"head", b"same length 2").unwrap();
    // The same place sealed again, as after a failed append: in the same batch, and in another.
    let again = batch.seal(&CONTEXT, b"head", b"same length 3").unwrap();
    let again_later = sealer(&key).seal(&CONTEXT, b"head", b"same length 4").unwrap();
    for other in [neighbour, again, again_later] {
        assert_eq!(open_body(&key, &CONTEXT, &one.head, &other.body), Err(piece(0)));
        let opened = open_body(&key, &CONTEXT, &other.head, &one.body);
        assert_eq!(opened, Err(piece(0)));
    }
}

#[test]
fn head_and_body_exchanged() {
    let key = data_key();
    let sealed = sealer(&key).seal(&CONTEXT, b"of one length", b"of one length").unwrap();
    let (prefix, head_part) = sealed.head.split_at(HEAD_OVERHEAD - TAG);
    let forged = [prefix, &sealed.body[..]].concat();
    assert_eq!(open_head(&key, &CONTEXT, &forged), Err(HEAD));
    assert_eq!(open_body(&key, &CONTEXT, &forged, head_part), Err(piece(0)));

    // Also when the first nonce is set so that the nonces would fit.
    let mut later = forged.clone();
    later[21..25].copy_from_slice(&1_u32.to_be_bytes());
    assert_eq!(open_head(&key, &CONTEXT, &later), Err(HEAD));
    let mut earlier = forged;
    earlier[21..25].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(open_body(&key, &CONTEXT, &earlier, head_part), Err(piece(0)));
}

#[test]
fn pieces_in_another_order() {
    let (key, sealed) = large();
    let pieces: Vec<_> = sealed.body.chunks(SEALED_PIECE).collect();
    for (order, first_wrong) in [([1, 0, 2, 3], 0), ([0, 2, 1, 3], 1), ([0, 0, 2, 3], 1), ([0, 1, 1, 3], 2)] {
        let body = order.map(|index| pieces[index]).concat();
        assert_eq!(open_body(&key, &CONTEXT, &sealed.head, &body), Err(piece(first_wrong)));
    }
    // A range that is handed another piece than the one it asked for.
    let head = SealedHead::parse(&sealed.head).unwrap();
    let sealed_len = sealed.body.len() as u64;
    let range = PIECE as u64..PIECE as u64 + 10;
    let opened = key.open_range(&CONTEXT, &head, pieces[2], range.clone(), sealed_len);
    assert_eq!(opened, Err(piece(1)));
    assert!(key.open_range(&CONTEXT, &head, pieces[1], range, sealed_len).is_ok());
}

#[test]
fn a_cut_tail() {
    let (key, sealed) = large();
    let len = sealed.body.len();
    for cut in [0, 1, TAG, SEALED_PIECE, 3 * SEALED_PIECE, 3 * SEALED_PIECE + TAG, len - TAG, len - 1] {
        let wrong_length = OpenError::BodyLength { expected: len as u64, found: cut as u64 };
        assert_eq!(open_body(&key, &CONTEXT, &sealed.head, &sealed.body[..cut]), Err(wrong_length));
    }
    let longer = [&sealed.body[..], &[0]].concat();
    assert!(matches!(open_body(&key, &CONTEXT, &sealed.head, &longer), Err(OpenError::BodyLength { .. })));

    // A head that is made to agree with the cut: no part opens any more, not even what was left whole.
    for plain_len in [0, 1, PIECE, 2 * PIECE, 3 * PIECE, 3 * PIECE + 99] {
        let mut head = sealed.head.to_vec();
        head[25..29].copy_from_slice(&(plain_len as u32).to_be_bytes());
        let cut = SealedHead::parse(&head).unwrap().body_sealed_len();
        let body = &sealed.body[..cut as usize];
        assert_eq!(open_head(&key, &CONTEXT, &head), Err(HEAD));
        assert_eq!(open_body(&key, &CONTEXT, &head, body), Err(piece(0)));
        if plain_len > 0 {
            let head = SealedHead::parse(&head).unwrap();
            let first = &body[..body.len().min(SEALED_PIECE)];
            assert_eq!(key.open_range(&CONTEXT, &head, first, 0..1, cut), Err(piece(0)));
        }
    }
}

#[test]
fn a_range_of_a_cut_body() {
    let (key, sealed) = large();
    let head = SealedHead::parse(&sealed.head).unwrap();
    let (expected, found) = (sealed.body.len() as u64, 2 * SEALED_PIECE as u64);
    let first = &sealed.body[..SEALED_PIECE];
    // Although the range lies within what is left.
    let opened = key.open_range(&CONTEXT, &head, first, 0..10, found);
    assert_eq!(opened, Err(OpenError::BodyLength { expected, found }));
    // The store states the right length, and hands over less, or more.
    for sealed_bytes in [&first[1..], &sealed.body[..SEALED_PIECE + 1], &[]] {
        let opened = key.open_range(&CONTEXT, &head, sealed_bytes, 0..10, expected);
        let found = sealed_bytes.len() as u64;
        assert_eq!(opened, Err(OpenError::BodyLength { expected: SEALED_PIECE as u64, found }));
    }
}

#[test]
fn a_cut_head() {
    let (key, sealed) = small();
    for len in 0..sealed.head.len() {
        let error = open_head(&key, &CONTEXT, &sealed.head[..len]).unwrap_err();
        let min = HEAD_OVERHEAD;
        if len < min {
            let max = HEAD_BYTES_MAX + HEAD_OVERHEAD;
            assert_eq!(error, OpenError::HeadLength { min, max, found: len });
        } else {
            assert_eq!(error, HEAD);
        }
    }
    let mut too_long = sealed.head.to_vec();
    too_long.resize(HEAD_BYTES_MAX + HEAD_OVERHEAD, 0);
    assert_eq!(open_head(&key, &CONTEXT, &too_long), Err(HEAD));
    too_long.push(0);
    assert!(matches!(open_head(&key, &CONTEXT, &too_long), Err(OpenError::HeadLength { .. })));
}

#[test]
fn unknown_versions_and_absurd_lengths() {
    let (_, sealed) = small();
    for version in (0..=255).filter(|version| *version != 1) {
        let mut head = sealed.head.to_vec();
        head[0] = version;
        assert_eq!(SealedHead::parse(&head).err(), Some(OpenError::UnknownVersion(version)));
    }
    for len in [BODY_BYTES_MAX as u32 + 1, u32::MAX] {
        let mut head = sealed.head.to_vec();
        head[25..29].copy_from_slice(&len.to_be_bytes());
        let too_large = OpenError::BodyTooLarge { max: BODY_BYTES_MAX, found: len.into() };
        assert_eq!(SealedHead::parse(&head).err(), Some(too_large));
    }
}

#[test]
fn equal_records_look_different() {
    let key = data_key();
    let mut batch = sealer(&key);
    let sealed: Vec<_> = (0..3)
        .map(|_| batch.seal(&CONTEXT, &[0; 64], &[0; 64]).unwrap())
        .chain([BatchSealer::new(&key, 1, &SystemEntropy).seal(&CONTEXT, &[0; 64], &[0; 64]).unwrap()])
        .flat_map(|sealed| [sealed.head.slice(HEAD_OVERHEAD - TAG..), sealed.body])
        .collect();
    for (index, one) in sealed.iter().enumerate() {
        assert!(sealed.iter().skip(index + 1).all(|other| other != one));
    }
}

static KEY: LazyLock<DataKey> = LazyLock::new(data_key);

proptest! {
    #[test]
    fn random_bytes(
        mut head in prop::collection::vec(any::<u8>(), 1..200),
        body in prop::collection::vec(any::<u8>(), 0..200),
        small_len: bool,
    ) {
        head[0] = 1;
        if small_len && head.len() >= 29 {
            head[25..28].fill(0);
        }
        let key = &*KEY;
        prop_assert!(open_head(key, &CONTEXT, &head).is_err());
        prop_assert!(open_body(key, &CONTEXT, &head, &body).is_err());
    }
}
