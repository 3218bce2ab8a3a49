//! What is not taken, and what is said about it.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{BBB, CANONICAL, Made, footage, read, scan, scan_by, scan_cut, synthetic};
use media::MediaError;
use media::fmp4::{Init, Piece, ScanLimits, Scanner};
use std::sync::Arc;

/// The error that a whole input ends with, which must be the same however it is split.
fn refused(input: impl Into<Bytes>) -> MediaError {
    let input = input.into();
    let (pieces, end) = scan_by(&input, input.len().max(1));
    assert_eq!(scan_by(&input, 1), (pieces, end.clone()));
    end.unwrap_err()
}

fn code(input: impl Into<Bytes>) -> &'static str {
    refused(input).code()
}

/// A box.
fn a_box(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
}

/// A small fragmented file: its initialisation segment, its first chunk, and both.
fn small(made: &Made) -> (Arc<Init>, Bytes, Bytes) {
    let input = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=1 -f lavfi -i sine=duration=1 -c:v libx264 -c:a aac -b:a 16k";
    let whole = read(made.fragmented("small.mp4", input, CANONICAL));
    let (init, chunks) = scan(&whole);
    let chunk = chunks[0].bytes.clone();
    (init, chunk, whole)
}

/// A copy with `with` written `after` bytes behind the `nth` occurrence of `name`.
fn patched(input: &[u8], name: &[u8; 4], nth: usize, after: usize, with: &[u8]) -> Vec<u8> {
    let mut out = input.to_vec();
    let at = (0..input.len() - 4).filter(|&at| &input[at..at + 4] == name).nth(nth).unwrap() + 4 + after;
    out[at..at + with.len()].copy_from_slice(with);
    out
}

#[test]
fn progressive_files() {
    let made = Made::new();
    let hint = "-movflags +frag_keyframe+empty_moov+default_base_moof";
    let at_end = refused(read(footage(BBB)));
    assert_eq!((at_end.code(), at_end.hint()), ("NOT_FRAGMENTED", hint));

    let at_start = made.path("faststart.mp4");
    let command =
        format!("-i {} -c copy -movflags +faststart {}", footage(BBB).display(), at_start.display());
    common::ffmpeg(&command);
    let (pieces, end) = scan_by(&read(&at_start), 4096);
    assert!(pieces.is_empty());
    assert_eq!(end.unwrap_err().code(), "NOT_FRAGMENTED");

    // Fragments, but the first of them inside the moov.
    let mixed = made.path("mixed.mp4");
    common::ffmpeg(&format!(
        "-i {} -c copy -movflags +frag_keyframe {}",
        footage(BBB).display(),
        mixed.display()
    ));
    assert_eq!(code(read(&mixed)), "NOT_FRAGMENTED");
}

#[test]
fn encrypted_truncated_and_foreign_input() {
    let encrypted = refused(read(footage("encrypted_cbcs.mp4")));
    assert_eq!(encrypted.code(), "ENCRYPTED_MEDIA");
    assert!(encrypted.to_string().contains("cbcs"), "{encrypted}");
    let made = Made::new();
    let key = "-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8";
    let flags = format!("{CANONICAL} {key}");
    assert_eq!(
        code(read(made.fragmented("cenc.mp4", &synthetic(1, "-c:v libx264", "-an"), &flags))),
        "ENCRYPTED_MEDIA"
    );
    assert_eq!(code(read(footage("bad_init_truncated.mp4"))), "TRUNCATED_INIT");
    assert_eq!(code(Bytes::new()), "NO_MEDIA");
    assert_eq!(code(read(footage("bbb_640x360_25fps_aac_10s.flv"))), "NOT_MP4");
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0xff; 64],
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01",
        b"\x47\x40\x11\x10\0\x42\xf0\x25\0",
    ] {
        assert_eq!(code(Bytes::copy_from_slice(garbage)), "NOT_MP4", "{garbage:?}");
    }
    assert_eq!(code(&b"\0\0"[..]), "TRUNCATED_INIT");
}

#[test]
fn codecs_and_tracks_that_are_not_taken() {
    let made = Made::new();
    for (name, video, audio) in [
        ("mpeg4", "-c:v mpeg4", "-an"),
        ("vp9", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "-an"),
        ("mp3", "-c:v libx264", "-c:a libmp3lame"),
        ("alac", "-c:v libx264", "-c:a alac"),
    ] {
        let path = made.fragmented(name, &synthetic(1, video, audio), CANONICAL);
        assert_eq!(code(read(path)), "UNSUPPORTED_CODEC", "{name}");
    }
    let av1 = made.fragmented("av1", &synthetic(1, "-c:v libaom-av1 -cpu-used 8", "-an"), CANONICAL);
    let early = refused(read(av1));
    assert_eq!(early.code(), "BAD_BOX");
    assert!(early.to_string().contains("+delay_moov"), "{early}");

    let (_, _, whole) = small(&made);
    // Handlers of neither pictures nor sound.
    let video = patched(&whole, b"hdlr", 0, 8, b"text");
    let none = patched(&video, b"hdlr", 1, 8, b"text");
    assert_eq!(code(none), "NO_TRACKS");
    let (pieces, end) = scan_by(&video.into(), 1000);
    end.unwrap();
    let Some(Piece::Init(init)) = pieces.first() else { panic!("no initialisation segment") };
    assert_eq!(init.codecs(), "mp4a.40.2");
}

#[test]
fn sizes_are_checked_before_anything_is_set_aside() {
    let made = Made::new();
    let (init, _, _) = small(&made);
    let after_init = |bytes: &[u8]| [&init.bytes[..], bytes].concat();
    let wide = |name: &[u8; 4], size: u64| [&1_u32.to_be_bytes()[..], name, &size.to_be_bytes()].concat();

    assert_eq!(code(after_init(&[&(3_u32 << 30).to_be_bytes()[..], b"mdat"].concat())), "BOX_TOO_LARGE");
    assert_eq!(code(after_init(&wide(b"mdat", 3 << 30))), "BOX_TOO_LARGE");
    assert_eq!(code(after_init(&wide(b"mdat", u64::MAX))), "BOX_TOO_LARGE");
    assert_eq!(code(after_init(&wide(b"free", u64::MAX))), "BOX_TOO_LARGE");
    assert_eq!(code(after_init(&wide(b"moof", 2 << 20))), "BOX_TOO_LARGE");
    assert_eq!(code(wide(b"moov", 1 << 40)), "BOX_TOO_LARGE");
    assert_eq!(code(wide(b"ftyp", 1 << 40)), "BOX_TOO_LARGE");
    for size in [0, 1, 8, 15] {
        assert_eq!(code(after_init(&wide(b"mdat", size))), "BAD_BOX", "64-bit size {size}");
    }
    for size in [0_u32, 2, 7] {
        assert_eq!(code(after_init(&[&size.to_be_bytes()[..], b"mdat"].concat())), "BAD_BOX", "size {size}");
    }
    assert_eq!(code(after_init(&[&[0, 0, 0, 9][..], b"\0\x01\x02\x03"].concat())), "NOT_MP4");
    let error = refused(after_init(&wide(b"mdat", 3 << 30)));
    assert_eq!(
        error.to_string(),
        "box mdat of 3221225472 bytes is larger than the 33554432 bytes taken here"
    );
    // Boxes of no interest may be large and empty, and cost nothing.
    let skipped =
        [&init.bytes[..], &a_box(b"free", &[0; 70_000]), &a_box(b"uuid", &[]), &a_box(b"emsg", &[1; 40])]
            .concat();
    assert_eq!(scan_by(&skipped.into(), 999).1, Ok(()));
}

#[test]
fn absurd_counts_and_nesting() {
    let made = Made::new();
    let (init, _, whole) = small(&made);
    // A run that claims four thousand million samples, with and without fields for each.
    assert_eq!(code(patched(&whole, b"trun", 0, 4, &u32::MAX.to_be_bytes())), "LIMIT_EXCEEDED");
    assert_eq!(code(patched(&whole, b"trun", 0, 0, &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])), "LIMIT_EXCEEDED");
    assert_eq!(code(patched(&whole, b"trun", 0, 4, &60_000_u32.to_be_bytes())), "BAD_BOX");
    // A table in the moov that claims more entries than it holds; only the first is looked at.
    let claims = patched(&whole, b"stsd", 0, 4, &u32::MAX.to_be_bytes());
    assert_eq!(scan_by(&claims.into(), 1000).1, Ok(()));

    // A box in a box in a box: a hundred thousand levels, in every place that is looked into.
    let mut nested = Vec::new();
    for level in 0..100_000_u32 {
        nested.extend_from_slice(&((100_000 - level) * 8).to_be_bytes());
        nested.extend_from_slice(b"meta");
    }
    let ftyp = a_box(b"ftyp", b"isom\0\0\0\0");
    for path in [&[b"moov"][..], &[b"moov", b"trak"], &[b"moov", b"udta"]] {
        let inner = path.iter().rev().fold(nested.clone(), |body, name| a_box(name, &body));
        let input: Bytes = [ftyp.clone(), inner].concat().into();
        let (pieces, end) = scan_by(&input, input.len());
        assert!(pieces.is_empty() && end.is_err());
    }
    let inside_moof: Bytes = [&init.bytes[..], &a_box(b"moof", &nested)].concat().into();
    assert_eq!(scan_by(&inside_moof, 9000).1.unwrap_err().code(), "BAD_BOX");

    // More tracks, fragments of tracks and media boxes than anyone needs.
    let trak = {
        let at = init.bytes.windows(4).position(|name| name == b"trak").unwrap() - 4;
        let length = u32::from_be_bytes(init.bytes[at..at + 4].try_into().unwrap()) as usize;
        init.bytes[at..at + length].to_vec()
    };
    assert_eq!(code([ftyp, a_box(b"moov", &trak.repeat(33))].concat()), "LIMIT_EXCEEDED");
    let mdats = a_box(b"mdat", &[0]).repeat(300);
    assert_eq!(code([&init.bytes[..], &mdats].concat()), "LIMIT_EXCEEDED");
    let empty = a_box(b"mdat", &[]).repeat(300);
    assert_eq!(code([&init.bytes[..], &empty].concat()), "LIMIT_EXCEEDED");
}

#[test]
fn fragments_that_do_not_fit() {
    let made = Made::new();
    let (init, chunk, whole) = small(&made);
    // A track that nobody announced; a second sample entry; samples past the media data; encryption boxes.
    assert_eq!(code(patched(&whole, b"tfhd", 0, 4, &9_u32.to_be_bytes())), "BAD_CHUNK");
    assert_eq!(code(patched(&whole, b"trun", 0, 8, &i32::MAX.to_be_bytes())), "BAD_CHUNK");
    assert_eq!(code(patched(&whole, b"trun", 0, 8, &i32::MIN.to_be_bytes())), "BAD_CHUNK");
    assert_eq!(code(patched(&whole, b"tfdt", 0, 4, &u64::MAX.to_be_bytes())), "LIMIT_EXCEEDED");
    // An announced size of a sample beyond any chunk.
    assert_eq!(code(patched(&whole, b"trun", 0, 16, &u32::MAX.to_be_bytes())), "BOX_TOO_LARGE");

    // Without an initialisation segment, and with someone else's.
    assert_eq!(code(chunk.clone()), "NO_INIT");
    let other = read(made.fragmented("other.mp4", &synthetic(1, "-c:v libx264", "-an"), CANONICAL));
    let (other, _) = scan(&other);
    let scanner = Scanner::resume(ScanLimits::default(), other);
    let (pieces, end) = scan_cut(scanner, &chunk, std::iter::empty());
    assert!(pieces.is_empty());
    assert_eq!(end.unwrap_err().code(), "BAD_CHUNK");

    // What came whole before the fault stands, and the fault is said again and again.
    let mut scanner = Scanner::new(ScanLimits::default());
    scanner.push([&init.bytes[..], &chunk, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"].concat().into());
    assert!(matches!(scanner.next(), Ok(Some(Piece::Init(_)))));
    assert!(matches!(scanner.next(), Ok(Some(Piece::Chunk(_)))));
    let error = scanner.next().unwrap_err();
    assert_eq!(error.code(), "NOT_MP4");
    scanner.push(whole);
    assert_eq!(scanner.next(), Err(error.clone()));
    assert_eq!(scanner.finish(), Err(error));
}

#[test]
fn every_refusal_has_a_name_a_text_and_a_hint() {
    let name = media::BoxName(*b"ab\0\xff");
    assert_eq!((name.to_string(), format!("{name:?}")), ("ab??".to_owned(), "'ab??'".to_owned()));
    let all = [
        MediaError::NotMp4("x"),
        MediaError::NotFragmented("x"),
        MediaError::Encrypted { track_id: 1, scheme: name },
        MediaError::NoMedia,
        MediaError::TruncatedInit,
        MediaError::TruncatedChunk,
        MediaError::NoInit,
        MediaError::BoxTooLarge { name, size: 1, limit: 1 },
        MediaError::BadBox { name, reason: "x".to_owned() },
        MediaError::NoTracks,
        MediaError::UnsupportedCodec { track_id: 1, entry: name },
        MediaError::BadChunk("x".to_owned()),
        MediaError::Absurd { what: "x", value: 2, limit: 1 },
    ];
    let mut codes: Vec<&str> = all.iter().map(MediaError::code).collect();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    for error in all {
        assert!(error.code().chars().all(|c| c.is_ascii_uppercase() || c == '_' || c == '4'));
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    }
}
