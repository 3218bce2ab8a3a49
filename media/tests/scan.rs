//! What ffmpeg and GStreamer write is taken in, and is the same media afterwards.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{
    BBB, CANONICAL, HEVC, Made, decoded, footage, join, read, run, scan, scan_by, scan_cut, synthetic,
};
use media::fmp4::{Chunk, ChunkInfo, Codec, Init, Piece, ScanLimits, Scanner, TrackKind};
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use std::sync::Arc;

/// Scans a file and checks what must hold for any: the stored form reads back the same, times go on without a
/// break, and the media decodes as before.
fn check(path: &Path, map: &str) -> (Arc<Init>, Vec<Chunk>) {
    let (init, chunks) = scan(&read(path));
    let stored = Init::parse(&init.bytes).unwrap();
    assert_eq!((&stored.bytes, &stored.tracks), (&init.bytes, &init.tracks));
    let mut ends: Vec<(u32, u64)> = Vec::new();
    for chunk in &chunks {
        assert_eq!(
            Chunk {
                prft: chunk.prft,
                written: chunk.written,
                ..Chunk::parse(&init, chunk.bytes.clone()).unwrap()
            },
            *chunk
        );
        let head = &chunk.bytes[..chunk.info.head_len as usize];
        let from_head = ChunkInfo::parse(&init, head, chunk.info.len).unwrap();
        assert_eq!(from_head.lead(&init).samples.len(), chunk.info.lead(&init).samples.len());
        for track in &chunk.info.tracks {
            if let Some(end) = ends.iter_mut().find(|(id, _)| *id == track.track_id) {
                // With a fragment per frame ffmpeg guesses durations and misses by up to a packet of sound.
                let tolerance = u64::from(init.track(track.track_id).unwrap().timescale) / 40;
                assert!(
                    end.1.abs_diff(track.decode_time) <= tolerance,
                    "{}: track {} jumps",
                    path.display(),
                    end.0
                );
                end.1 = track.decode_time + track.duration;
            } else {
                ends.push((track.track_id, track.decode_time + track.duration));
            }
        }
    }
    let made = Made::new();
    let joined = made.write("joined.mp4", &join(&init, &chunks));
    assert_eq!(decoded(path, map), decoded(&joined, map), "{} decodes differently", path.display());
    // Scanning what is canonical changes nothing.
    let (again_init, again) = scan(&read(&joined));
    assert_eq!(again_init.bytes, init.bytes);
    assert_eq!(join(&again_init, &again), join(&init, &chunks));
    (init, chunks)
}

#[test]
fn ffmpeg_fragments_of_every_layout_are_the_same_media_afterwards() {
    let made = Made::new();
    let layouts = [
        ("gop", CANONICAL),
        ("stream_offsets", "-movflags +frag_keyframe+empty_moov"),
        ("no_offsets", "-movflags +frag_keyframe+empty_moov+omit_tfhd_offset"),
        ("cmaf", "-movflags +frag_keyframe+cmaf"),
        ("dash", "-movflags +frag_keyframe+dash"),
        ("delay_moov", "-movflags +frag_keyframe+delay_moov+default_base_moof"),
        ("each_frame", "-movflags +frag_every_frame+empty_moov+default_base_moof"),
        ("each_frame_stream_offsets", "-movflags +frag_every_frame+empty_moov"),
        ("timed", "-movflags +empty_moov+default_base_moof -frag_duration 200000"),
        ("separate_moof", "-movflags +frag_keyframe+empty_moov+separate_moof"),
        ("negative_offsets", "-movflags +frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets"),
        ("prft", "-movflags +frag_keyframe+empty_moov+default_base_moof -write_prft wallclock"),
    ];
    for (name, flags) in layouts {
        for source in [BBB, HEVC] {
            let input = format!("-t 4 -i {} -c copy", footage(source).display());
            let path = made.fragmented(&format!("{name}_{source}"), &input, flags);
            let (init, chunks) = check(&path, "va");
            assert_eq!(init.tracks.len(), 2, "{name}");
            let samples = |index: usize| {
                let id = init.tracks[index].id;
                chunks
                    .iter()
                    .filter_map(|chunk| chunk.info.track(id))
                    .map(|track| track.samples.len())
                    .sum::<usize>()
            };
            let expected = if source == BBB { (98, 174) } else { (27, 45) };
            assert_eq!((samples(0), samples(1)), expected, "{name}");
        }
    }
}

#[test]
fn the_canonical_form_keeps_its_bytes() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    let path = made.fragmented("gop.mp4", &input, CANONICAL);
    let (init, chunks) = check(&path, "va");
    let original = read(&path);
    let joined = join(&init, &chunks);
    assert!(original.starts_with(&joined), "only the index at the end may be missing");
}

#[test]
fn gstreamer_fragments_are_the_same_media_afterwards() {
    let made = Made::new();
    let path = made.path("gst.mp4");
    let pipeline = format!(
        "videotestsrc num-buffers=75 ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! x264enc key-int-max=25 ! h264parse ! mux. audiotestsrc num-buffers=130 ! audioconvert ! avenc_aac ! aacparse ! mux. mp4mux name=mux fragment-duration=1000 streamable=true ! filesink location={}",
        path.display()
    );
    let mut args = vec!["-q"];
    args.extend(pipeline.split_whitespace());
    run("gst-launch-1.0", &args);
    let (init, chunks) = check(&path, "va");
    assert_eq!(init.codecs(), "avc1.640014,mp4a.40.2");
    assert!(chunks.iter().all(|chunk| chunk.info.tracks.len() == 1), "it writes a moof for each track");
    let starts = chunks.iter().filter(|chunk| chunk.key(&init).is_key()).count();
    assert_eq!(starts, 3, "one for each second of pictures, none for sound");
}

#[test]
fn other_codecs_and_shapes() {
    let made = Made::new();
    let cases = [
        ("h264", synthetic(2, "-c:v libx264 -g 25", "-an"), "v", "avc1.64000d"),
        (
            "h265",
            synthetic(2, "-c:v libx265 -x265-params log-level=error -tag:v hvc1", "-an"),
            "v",
            "hvc1.1.6.L60.90",
        ),
        (
            "hev1",
            synthetic(2, "-c:v libx265 -x265-params log-level=error -tag:v hev1", "-an"),
            "v",
            "hev1.1.6.L60.90",
        ),
        ("av1", synthetic(2, "-c:v libsvtav1 -g 25", "-c:a libopus"), "va", "av01.0.00M.08,Opus"),
        ("aac", synthetic(2, "-vn", "-c:a aac"), "a", "mp4a.40.2"),
        ("opus", synthetic(2, "-vn", "-c:a libopus"), "a", "Opus"),
        ("flac", synthetic(2, "-vn", "-c:a flac -strict -2"), "a", "flac"),
    ];
    for (name, input, map, codecs) in cases {
        let path = made.fragmented(&format!("{name}.mp4"), &input, CANONICAL);
        let (init, chunks) = check(&path, map);
        assert_eq!(init.codecs(), codecs, "{name}");
        assert!(chunks[0].key(&init).is_key(), "{name}");
        match init.video() {
            Some(video) => assert_eq!((video.width, video.height, video.kind), (320, 240, TrackKind::Video)),
            None => assert_eq!((init.lead().sample_rate, init.lead().channels), (48_000, 1)),
        }
    }
    let (init, _) = check(&footage("opus_1s.mp4"), "a");
    assert_eq!((init.tracks[0].codec, init.codecs()), (Codec::Opus, "Opus".to_owned()));
}

#[test]
fn tracks_without_pictures_or_sound_are_left_out() {
    let made = Made::new();
    // A timecode makes ffmpeg add a tmcd track.
    let input = format!("-i {} -c copy -timecode 01:00:00:00", footage(BBB).display());
    let path = made.fragmented("timecode.mp4", &input, "-movflags +frag_keyframe+empty_moov");
    assert!(read(&path).windows(4).any(|name| name == b"tmcd"));
    let (init, chunks) = check(&path, "va");
    assert_eq!(init.tracks.len(), 2);
    assert!(!join(&init, &chunks).windows(4).any(|name| name == b"tmcd"));
}

#[test]
fn every_split_gives_the_same_pieces() {
    let made = Made::new();
    let small = "-f lavfi -i testsrc2=size=64x48:rate=10:duration=1 -f lavfi -i sine=duration=1 -c:v libx264 -c:a aac -b:a 16k";
    for (name, flags) in [
        ("gop", "-movflags +frag_keyframe+empty_moov+default_base_moof -write_prft pts"),
        ("timed", "-movflags +empty_moov -frag_duration 300000"),
    ] {
        let input = read(made.fragmented(name, small, flags));
        let whole = scan_by(&input, input.len());
        assert!(whole.0.len() > 1 && whole.1.is_ok());
        for step in [1, 2, 3, 7, 8, 13, 64, 1000] {
            assert_eq!(scan_by(&input, step), whole, "slices of {step}");
        }
        for cut in 1..input.len() {
            let scanner = Scanner::new(ScanLimits::default());
            let (pieces, end) = scan_cut(scanner, &input, [cut].into_iter());
            assert!(pieces == whole.0 && end.is_ok(), "cut at {cut}");
        }
        let cuts = proptest::collection::btree_set(0..=input.len(), 0..40);
        let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&cuts, |cuts| {
            let scanner = Scanner::new(ScanLimits::default());
            prop_assert_eq!(scan_cut(scanner, &input, cuts.into_iter()), whole.clone());
            Ok(())
        });
        outcome.unwrap();
    }
}

#[test]
fn a_cut_input_gives_all_whole_chunks_and_says_what_is_missing() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    let input = read(made.fragmented("gop.mp4", &input, CANONICAL));
    let (whole, _) = scan_by(&input, input.len());
    let mut seen = 0;
    for end in (0..input.len()).step_by(997) {
        let (pieces, ended) = scan_by(&input.slice(..end), 4096);
        assert_eq!(pieces[..], whole[..pieces.len()]);
        assert!(pieces.len() >= seen);
        seen = pieces.len();
        let code = ended.err().map(|error| error.code());
        match pieces.len() {
            0 if end == 0 => assert_eq!(code, Some("NO_MEDIA")),
            0 => assert_eq!(code, Some("TRUNCATED_INIT")),
            count if count < whole.len() => {
                assert!(matches!(code, Some("TRUNCATED_CHUNK") | None), "{code:?}");
            }
            _ => assert!(matches!(code, Some("TRUNCATED_CHUNK") | None)),
        }
    }
}

#[test]
fn one_upload_per_fragment_goes_on_with_the_earlier_initialisation_segment() {
    let made = Made::new();
    for flags in [
        CANONICAL,
        "-movflags +frag_keyframe+empty_moov",
        "-movflags +frag_keyframe+empty_moov+omit_tfhd_offset",
    ] {
        let input = format!("-i {} -c copy", footage(BBB).display());
        let input = read(made.fragmented("gop.mp4", &input, flags));
        let (init, whole) = scan(&input);
        let mut at = input.windows(4).position(|name| name == b"moof").unwrap() - 4;
        let mut single = Vec::new();
        while &input[at + 4..at + 8] == b"moof" {
            let length = |at: usize| u32::from_be_bytes(input[at..at + 4].try_into().unwrap()) as usize;
            let end = at + length(at) + length(at + length(at));
            let scanner = Scanner::resume(ScanLimits::default(), Arc::clone(&init));
            let (pieces, ended) = scan_cut(scanner, &input.slice(at..end), std::iter::empty());
            ended.unwrap();
            single.extend(pieces);
            at = end;
        }
        let whole: Vec<Piece> = whole.into_iter().map(Piece::Chunk).collect();
        assert_eq!(single, whole);
    }
}

#[test]
fn a_new_initialisation_segment_may_come_at_any_time() {
    let made = Made::new();
    let first = read(made.fragmented("a.mp4", &synthetic(1, "-c:v libx264", "-c:a aac"), CANONICAL));
    let second = read(made.fragmented(
        "b.mp4",
        &synthetic(1, "-c:v libx265 -x265-params log-level=error", "-an"),
        CANONICAL,
    ));
    let both: Bytes = [&first[..], &second[..], &first[..]].concat().into();
    let (pieces, end) = scan_by(&both, 1500);
    end.unwrap();
    let codecs: Vec<String> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Init(init) => Some(init.codecs()),
            Piece::Chunk(_) => None,
        })
        .collect();
    assert_eq!(codecs.len(), 3);
    assert_eq!(codecs[0], codecs[2]);
    assert_ne!(codecs[0], codecs[1]);
}

#[test]
fn media_data_may_come_before_its_moof_and_in_several_boxes() {
    let made = Made::new();
    let input = read(made.fragmented("a.mp4", &synthetic(1, "-c:v libx264", "-c:a aac"), CANONICAL));
    let (init, chunks) = scan(&input);
    let chunk = &chunks[0];
    let (head, payload) = chunk.bytes.split_at(chunk.info.head_len as usize);
    let moof = &head[..head.len() - 8];
    let mdat = |payload: &[u8]| [&(payload.len() as u32 + 8).to_be_bytes()[..], b"mdat", payload].concat();
    let times: Vec<_> =
        chunk.info.tracks.iter().map(|track| (track.decode_time, track.samples.len())).collect();

    // Offsets of the traf boxes count from the moof: the first part behind its own mdat header, the rest behind a second.
    let first_len: usize = chunk.info.tracks[0].samples.iter().map(|sample| sample.size as usize).sum();
    let several = patch_offsets(moof, |index, offset| if index == 0 { offset } else { offset + 8 });
    let several =
        [&init.bytes[..], &several, &mdat(&payload[..first_len]), &mdat(&payload[first_len..])].concat();
    let before = patch_offsets(moof, |_, offset| offset - moof.len() as i32 - 8 - payload.len() as i32);
    let before = [&init.bytes[..], &mdat(payload), &before].concat();
    for (name, input) in [("several", several), ("before", before)] {
        let (_, made) = scan(&input.into());
        assert_eq!(made.len(), 1, "{name}");
        let made = &made[0];
        let got: Vec<_> =
            made.info.tracks.iter().map(|track| (track.decode_time, track.samples.len())).collect();
        assert_eq!(got, times, "{name}");
        assert_eq!(&made.bytes[made.info.head_len as usize..], payload, "{name}");
    }
}

#[test]
fn missing_decode_times_go_on_from_the_fragment_before() {
    let made = Made::new();
    let input = read(made.fragmented("a.mp4", &synthetic(3, "-c:v libx264 -g 25", "-c:a aac"), CANONICAL));
    let (_, chunks) = scan(&input);
    let mut without = input.to_vec();
    for at in 0..without.len() - 4 {
        if &without[at..at + 4] == b"tfdt" {
            without[at..at + 4].copy_from_slice(b"free");
        }
    }
    let (_, got) = scan(&without.into());
    let times = |chunks: &[Chunk]| -> Vec<Vec<(u32, u64, usize)>> {
        let of = |chunk: &Chunk| {
            chunk.info.tracks.iter().map(|t| (t.track_id, t.decode_time, t.samples.len())).collect()
        };
        chunks.iter().map(of).collect()
    };
    assert_eq!(times(&got), times(&chunks));
}

/// A copy of a `moof` with the data offset of each of its `trun` boxes changed.
fn patch_offsets(moof: &[u8], change: impl Fn(usize, i32) -> i32) -> Vec<u8> {
    let mut out = moof.to_vec();
    let truns: Vec<usize> = (0..moof.len() - 4).filter(|&at| &moof[at..at + 4] == b"trun").collect();
    for (index, at) in truns.into_iter().enumerate() {
        let place = at + 12..at + 16;
        let offset = i32::from_be_bytes(moof[place.clone()].try_into().unwrap());
        out[place].copy_from_slice(&change(index, offset).to_be_bytes());
    }
    out
}
