//! Round trips, cuts, limits, and a head as it was written when the layout was fixed.

use super::*;
use crate::clock::ProducerClock;
use crate::reason::Reason;
use proptest::prelude::*;
use shardlog::Seq;

fn seq() -> impl Strategy<Value = Option<Seq>> {
    prop_oneof![Just(None), (0..u64::MAX).prop_map(|seq| Some(Seq(seq)))]
}

fn flags() -> impl Strategy<Value = Flags> {
    (0..64_u16).prop_map(|bits| Flags::from_bits(bits).unwrap())
}

fn reason() -> impl Strategy<Value = Reason> {
    (0..13_u8).prop_map(|reason| Reason::from_wire(reason).unwrap())
}

fn id() -> impl Strategy<Value = InitId> {
    any::<[u8; 16]>().prop_map(InitId)
}

prop_compose! {
    fn position()(
        session: u128,
        numbers: (u64, u64, u64, u64),
        seqs in (seq(), seq(), seq()),
    ) -> Position {
        Position {
            session,
            index: numbers.0,
            fragment_ordinal: numbers.1,
            discontinuity_ordinal: numbers.2,
            fragment_seq: seqs.0,
            directory_seq: seqs.1,
            init_seq: seqs.2,
            producer_us: numbers.3,
        }
    }
}

prop_compose! {
    fn entry()(
        seq: u64,
        times: (u64, u64, u64, u32, u32),
        flags in flags(),
        reason in reason(),
        init in id(),
    ) -> DirectoryEntry {
        let (producer_us, server_ms, bytes, duration_us, chunks) = times;
        DirectoryEntry { seq: Seq(seq), producer_us, server_ms, bytes, duration_us, chunks, flags, reason, init }
    }
}

prop_compose! {
    fn chunk()(
        flags in flags(),
        position in position(),
        clock in 1..6_u8,
        reason in reason(),
        timescale in 1..u32::MAX,
        times: (u64, u64, i64),
        init in id(),
        head_len: u32,
        tracks in prop::collection::vec(any::<(u32, u32, u64, u64)>(), 0..=TRACKS_MAX),
        tags in prop::collection::vec(("[a-zé]{0,20}", "[ -~é]{0,60}"), 0..6),
        directory in prop::collection::vec(entry(), 0..=DIRECTORY_FRAGMENTS as usize),
    ) -> ChunkHead {
        let track = |(track_id, samples, decode_time, duration)| TrackHead { track_id, samples, decode_time, duration };
        ChunkHead {
            flags,
            position,
            clock: ProducerClock::from_wire(clock).unwrap(),
            reason,
            timescale,
            decode_time: times.0,
            duration: times.1,
            presentation_offset: times.2,
            init,
            head_len,
            tracks: tracks.into_iter().map(track).collect(),
            tags: tags.into_iter().map(|(name, value)| Tag { name, value }).collect(),
            directory,
        }
    }
}

fn head() -> impl Strategy<Value = Head> {
    prop_oneof![
        chunk().prop_map(|head| Head::Chunk(Box::new(head))),
        (id(), seq()).prop_map(|(id, previous)| Head::Init(InitHead { id, previous })),
        (position(), reason()).prop_map(|(position, reason)| Head::End(EndHead { position, reason })),
    ]
}

proptest! {
    #[test]
    fn a_head_reads_back_as_it_was_written(head in head()) {
        let bytes = head.encode();
        prop_assert!(bytes.len() <= HEAD_BYTES_MAX);
        prop_assert_eq!(Head::decode(&bytes), Ok(head));
    }

    #[test]
    fn a_head_cut_anywhere_or_extended_is_refused(head in head(), cut: prop::sample::Index) {
        let bytes = head.encode();
        let cut = cut.index(bytes.len());
        prop_assert_eq!(Head::decode(&bytes[..cut]), Err(HeadError::Truncated));
        let mut longer = bytes.to_vec();
        longer.push(0);
        prop_assert_eq!(Head::decode(&longer), Err(HeadError::Trailing(1)));
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let _ = Head::decode(&bytes);
    }
}

/// The largest head there can be.
fn largest() -> ChunkHead {
    let init = InitId([7; 16]);
    let entry = DirectoryEntry {
        seq: Seq(1),
        producer_us: 2,
        server_ms: 3,
        bytes: 4,
        duration_us: 5,
        chunks: 6,
        flags: Flags::STARTS_FRAGMENT,
        reason: Reason::NoData,
        init,
    };
    ChunkHead {
        flags: Flags::STARTS_FRAGMENT.with(Flags::INDEPENDENT, true),
        position: Position {
            session: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            index: 1,
            fragment_ordinal: 2,
            discontinuity_ordinal: 3,
            fragment_seq: None,
            directory_seq: Some(Seq(4)),
            init_seq: Some(Seq(5)),
            producer_us: 1_700_000_000_000_000,
        },
        clock: ProducerClock::Prft,
        reason: Reason::CameraDisconnected,
        timescale: 90_000,
        decode_time: 180_000,
        duration: 90_000,
        presentation_offset: 6_000,
        init,
        head_len: 500,
        tracks: vec![
            TrackHead { track_id: 1, samples: 30, decode_time: 180_000, duration: 90_000 };
            TRACKS_MAX
        ],
        tags: vec![Tag { name: "n".repeat(255), value: "v".repeat(TAGS_BYTES_MAX - 258) }],
        directory: vec![entry; DIRECTORY_FRAGMENTS as usize],
    }
}

#[test]
fn the_largest_head_fits_what_streams_takes() {
    let bytes = largest().encode();
    assert!(bytes.len() <= HEAD_BYTES_MAX, "{}", bytes.len());
    const { assert!(HEAD_BYTES_MAX <= streams::limits::HEAD_BYTES_MAX) };
}

#[test]
fn heads_of_version_1_stay_readable() {
    let init = Head::Init(InitHead { id: InitId([0xab; 16]), previous: None });
    assert_eq!(hex(&init.encode()), format!("01020000{}ffffffffffffffff", "ab".repeat(16)));
    let mut chunk = largest();
    chunk.tracks.truncate(1);
    chunk.tags = vec![Tag { name: "site".to_owned(), value: "yard".to_owned() }];
    chunk.directory.truncate(1);
    let bytes = Head::Chunk(Box::new(chunk.clone())).encode();
    assert_eq!(hex(&bytes), include_str!("chunk_v1.hex").trim());
    assert_eq!(Head::decode(&bytes), Ok(Head::Chunk(Box::new(chunk))));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn unknown_versions_kinds_and_flags_are_named() {
    assert_eq!(Head::decode(&[2, 1, 0, 0]), Err(HeadError::Version(2)));
    assert_eq!(Head::decode(&[1, 9, 0, 0]), Err(HeadError::Field { field: "kind", value: 9 }));
    assert_eq!(Head::decode(&[1, 1, 0, 1]), Err(HeadError::Field { field: "flags", value: 256 }));
    assert_eq!(Head::decode(&[]), Err(HeadError::Truncated));
}

#[test]
fn presentation_times_are_dated_from_the_chunk() {
    let head = largest();
    let start = i64::try_from(head.position.producer_us).unwrap();
    assert_eq!(head.producer_us_of(186_000), start);
    assert_eq!(head.producer_us_of(186_000 + 3_000), start + 33_333);
    assert_eq!(head.producer_us_of(186_000 - 90_000), start - 1_000_000);
    assert_eq!(head.end_us(), head.position.producer_us + 1_000_000);
}

#[test]
fn an_init_id_is_written_in_hexadecimal() {
    let id = InitId::of(b"ftyp and moov");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string().len(), 32);
    for wrong in ["", "00", "../../etc/passwd", &"A".repeat(32), &"g".repeat(32), &"+".repeat(32)] {
        assert_eq!(wrong.parse::<InitId>(), Err(NotAnInitId), "{wrong}");
    }
}
