//! Round trips, every truncation, and sizes beyond the limits.

use super::*;
use proptest::prelude::*;

fn joined(parts: &[Bytes]) -> Bytes {
    parts.concat().into()
}

/// Takes the prefix off and checks that it tells the length.
fn body(message: &Bytes, max: usize) -> Bytes {
    let prefix = message[..PREFIX_BYTES].try_into().unwrap();
    assert_eq!(message_len(prefix, max), Ok(message.len() - PREFIX_BYTES));
    message.slice(PREFIX_BYTES..)
}

fn request(wanted: Wanted) -> Request {
    let image = ImageSpec { format: ImageFormat::Png, width: Some(SIDE_MAX), height: None };
    let work =
        Work { init: Bytes::from_static(b"init"), chunks: Bytes::from_static(b"chunks"), wanted, image };
    Request { id: u64::MAX, timeout_ms: 10_000, work }
}

fn responses() -> Vec<Response> {
    let image = Bytes::from_static(b"image");
    let frame = Frame { index: 3, pts: -7, key: true, damaged: true, width: 1, height: SIDE_MAX, image };
    let missing = Missing { index: 4, reason: MissingReason::NoPicture, detail: "é".into() };
    vec![
        Response::Hello("worker".into()),
        Response::Frame { id: 1, frame },
        Response::Missing { id: 2, missing },
        Response::Done { id: 3, items: 9, cpu_ms: 12, decoder: "avdec_h264".into() },
        Response::Error { id: 4, code: ErrorCode::Timeout, detail: String::new() },
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        prop::collection::vec(any::<i64>(), 1..50).prop_map(|mut times| {
            times.sort_unstable();
            Wanted::At(times)
        }),
        any::<i64>().prop_map(Wanted::NearestKey),
        Just(Wanted::EveryKey),
    ]
}

proptest! {
    #[test]
    fn requests_round_trip(
        id: u64, timeout_ms: u32, wanted in wanted(), jpeg in prop::option::of(1u8..=100),
        width in prop::option::of(1..=SIDE_MAX), height in prop::option::of(1..=SIDE_MAX),
        init in prop::collection::vec(any::<u8>(), 0..40), chunks in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let format = jpeg.map_or(ImageFormat::Png, |quality| ImageFormat::Jpeg { quality });
        let work = Work { init: init.into(), chunks: chunks.into(), wanted, image: ImageSpec { format, width, height } };
        let request = Request { id, timeout_ms, work };
        let message = body(&joined(&request.encode().unwrap()), REQUEST_BYTES_MAX);
        prop_assert_eq!(Request::decode(message), Ok(request));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..8) {
        for message in [bytes.clone(), [vec![VERSION, kind], bytes].concat()] {
            let _ = Request::decode(message.clone().into());
            let _ = Response::decode(message.into());
        }
    }
}

#[test]
fn responses_round_trip() {
    for response in responses() {
        let message = body(&joined(&response.encode()), RESPONSE_BYTES_MAX);
        assert_eq!(Response::decode(message), Ok(response));
    }
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    for wanted in [Wanted::At(vec![1, 2]), Wanted::NearestKey(5), Wanted::EveryKey] {
        let message = body(&joined(&request(wanted).encode().unwrap()), REQUEST_BYTES_MAX);
        for len in 0..message.len() {
            let error = Request::decode(message.slice(..len)).unwrap_err();
            assert!(matches!(error, ProtocolError::Truncated { .. }), "cut at {len}: {error}");
        }
        let longer = [&message[..], b"x"].concat();
        assert_eq!(Request::decode(longer.into()), Err(ProtocolError::Trailing { bytes: 1 }));
    }
}

#[test]
fn a_response_cut_inside_its_fixed_fields_is_refused() {
    for (response, fixed) in responses().into_iter().zip([2, 32, 15, 22, 11]) {
        let message = body(&joined(&response.encode()), RESPONSE_BYTES_MAX);
        for len in 0..fixed {
            assert!(Response::decode(message.slice(..len)).is_err(), "{response:?} cut at {len}");
        }
    }
}

#[test]
fn lengths_are_refused_before_anything_is_allocated() {
    let too_large = |len: usize, max: usize| message_len((len as u32).to_le_bytes(), max);
    assert!(matches!(
        too_large(REQUEST_BYTES_MAX + 1, REQUEST_BYTES_MAX),
        Err(ProtocolError::TooLarge { .. })
    ));
    assert!(matches!(too_large(u32::MAX as usize, RESPONSE_BYTES_MAX), Err(ProtocolError::TooLarge { .. })));
    assert!(matches!(too_large(1, RESPONSE_BYTES_MAX), Err(ProtocolError::Truncated { .. })));

    // A count of wanted times far beyond the bytes that follow.
    let mut message =
        body(&joined(&request(Wanted::At(vec![1])).encode().unwrap()), REQUEST_BYTES_MAX).to_vec();
    let count_at = 2 + 8 + 4 + 2 + 8 + 1;
    message[count_at..count_at + 4].copy_from_slice(&(WANTED_MAX as u32).to_le_bytes());
    assert_eq!(Request::decode(message.clone().into()), Err(ProtocolError::Truncated { field: "pts" }));
    message[count_at..count_at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Request::decode(message.into()), Err(ProtocolError::TooLarge { field: "wanted", .. })));
}

#[test]
fn work_beyond_the_limits_is_not_sent() {
    type Change = fn(&mut Work);
    let base = request(Wanted::EveryKey);
    let refused = |change: Change| {
        let mut request = base.clone();
        change(&mut request.work);
        request.encode().unwrap_err()
    };
    let cases: [(Change, &str); 8] = [
        (|work| work.init = vec![0; INIT_BYTES_MAX + 1].into(), "init"),
        (|work| work.chunks = vec![0; CHUNKS_BYTES_MAX + 1].into(), "chunks"),
        (|work| work.image.width = Some(0), "width"),
        (|work| work.image.height = Some(SIDE_MAX + 1), "height"),
        (|work| work.image.format = ImageFormat::Jpeg { quality: 0 }, "quality"),
        (|work| work.wanted = Wanted::At(Vec::new()), "count"),
        (|work| work.wanted = Wanted::At(vec![0; WANTED_MAX + 1]), "wanted"),
        (|work| work.wanted = Wanted::At(vec![5, 4]), "decrease"),
    ];
    for (change, word) in cases {
        let error = refused(change).to_string();
        assert!(error.contains(word), "{error} does not name {word}");
    }
}

#[test]
fn another_version_or_kind_is_refused() {
    let message = joined(&request(Wanted::EveryKey).encode().unwrap());
    for (at, field) in [(PREFIX_BYTES, "version"), (PREFIX_BYTES + 1, "kind")] {
        let mut changed = message.to_vec();
        changed[at] = 99;
        let error = Request::decode(Bytes::from(changed).slice(PREFIX_BYTES..)).unwrap_err();
        assert_eq!(error, ProtocolError::Invalid { field, value: 99 });
    }
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let response = Response::Hello("é".repeat(TEXT_BYTES_MAX));
    let message = body(&joined(&response.encode()), RESPONSE_BYTES_MAX);
    assert_eq!(Response::decode(message), Ok(Response::Hello("é".repeat(TEXT_BYTES_MAX / 2))));
}
