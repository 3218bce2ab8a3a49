//! Key frames as real encoders make them, and cutting chunks at them.
#![allow(clippy::unwrap_used)]

mod common;

use common::{BBB, CANONICAL, Made, decoded, footage, join, read, scan, synthetic};
use media::fmp4::{Chunk, Init, Key};

/// The keys of the lead track's samples over all chunks.
fn keys(init: &Init, chunks: &[Chunk]) -> Vec<Key> {
    let samples =
        chunks.iter().filter_map(|chunk| chunk.info.track(init.lead().id)).flat_map(|track| &track.samples);
    samples.map(|sample| sample.key).collect()
}

/// Positions of the samples at which decoding can start, and how.
fn starts(keys: &[Key]) -> Vec<(usize, Key)> {
    keys.iter().copied().enumerate().filter(|(_, key)| key.is_key()).collect()
}

#[test]
fn each_kind_of_key_frame_is_known_from_the_samples() {
    let made = Made::new();
    let x264 = |params: &str| synthetic(3, &format!("-c:v libx264 -x264-params {params}"), "-an");
    let x265 = |params: &str| {
        synthetic(3, &format!("-c:v libx265 -tag:v hvc1 -x265-params log-level=error:{params}"), "-an")
    };
    let clean = |at: &[usize]| at.iter().map(|&at| (at, Key::Clean)).collect::<Vec<_>>();
    let then = |key: Key| vec![(0, Key::Clean), (25, key), (50, key)];

    let closed = x264("keyint=25:scenecut=0");
    let open = x264("keyint=25:open-gop=1:bframes=3:b-adapt=0:scenecut=0");
    let refresh = x264("keyint=25:intra-refresh=1:bframes=0");
    let cases = [
        ("closed", closed, clean(&[0, 25, 50])),
        ("open", open, Vec::new()),
        ("refresh", refresh, Vec::new()),
        ("h265_closed", x265("keyint=25:open-gop=0:scenecut=0"), clean(&[0, 25, 50])),
        ("h265_open", x265("keyint=25:open-gop=1:bframes=0:scenecut=0"), then(Key::Open)),
        ("av1", synthetic(3, "-c:v libsvtav1 -g 25", "-an"), clean(&[0, 25, 50])),
    ];
    for (name, input, expected) in cases {
        let path = made.fragmented(&format!("{name}.mp4"), &input, CANONICAL);
        let (init, chunks) = scan(&read(&path));
        let found = starts(&keys(&init, &chunks));
        match name {
            "open" => {
                assert_eq!(found[0], (0, Key::Clean));
                assert!(found.len() >= 3 && found[1..].iter().all(|(_, key)| *key == Key::Open), "{found:?}");
            }
            "refresh" => {
                // The picture is 20 macroblocks wide; a column is refreshed with each frame.
                assert_eq!(found[0].1, Key::Clean);
                assert!(found.len() >= 3, "{found:?}");
                assert!(
                    found[1..].iter().all(|(_, key)| matches!(key, Key::Gradual { frames: 10..=25 })),
                    "{found:?}"
                );
            }
            _ => assert_eq!(found, expected, "{name}"),
        }
        // ffmpeg cuts a fragment at each of these, so each chunk starts at one.
        assert!(chunks.iter().all(|chunk| chunk.key(&init).is_key()), "{name}");
    }
}

#[test]
fn chunks_are_cut_at_key_frames_and_by_time() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    for (name, flags) in [
        ("timed", "-movflags +empty_moov+default_base_moof -frag_duration 1500000"),
        ("one", "-movflags +empty_moov -frag_duration 60000000"),
        ("gop", CANONICAL),
    ] {
        let path = made.fragmented(&format!("{name}.mp4"), &input, flags);
        let (init, chunks) = scan(&read(&path));
        let before = starts(&keys(&init, &chunks));
        for limit_ms in [100, 500, 10_000] {
            let parts: Vec<Chunk> =
                chunks.iter().flat_map(|chunk| chunk.clone().split(&init, limit_ms).unwrap()).collect();
            assert_eq!(starts(&keys(&init, &parts)), before, "{name} {limit_ms}");
            for part in &parts {
                let lead = part.info.lead(&init);
                assert!(
                    lead.samples
                        .iter()
                        .skip(1)
                        .all(|sample| !sample.key.is_key() || lead.track_id != init.lead().id)
                );
                let lasts = part.info.end_ms(&init) - part.info.start_ms(&init);
                assert!(lasts <= limit_ms as i64 + 1, "{name}: {lasts} ms");
            }
            let joined = made.write("joined.mp4", &join(&init, &parts));
            assert_eq!(decoded(&path, "va"), decoded(&joined, "va"), "{name} {limit_ms}");
        }
    }
}

#[test]
fn a_chunk_that_needs_no_cut_keeps_its_bytes() {
    let made = Made::new();
    let path = made.fragmented("a.mp4", &synthetic(2, "-c:v libx264 -g 25", "-c:a aac"), CANONICAL);
    let (init, chunks) = scan(&read(&path));
    for chunk in chunks {
        assert_eq!(chunk.clone().split(&init, 2_000).unwrap(), [chunk]);
    }
    // Sound alone is only cut by time.
    let path = made.fragmented(
        "b.mp4",
        &synthetic(3, "-vn", "-c:a aac"),
        "-movflags +empty_moov -frag_duration 3000000",
    );
    let (init, chunks) = scan(&read(&path));
    let parts: Vec<Chunk> =
        chunks.iter().flat_map(|chunk| chunk.clone().split(&init, 1_000).unwrap()).collect();
    assert!((3..=5).contains(&parts.len()), "{} parts", parts.len());
    assert!(parts.iter().all(|part| part.key(&init) == Key::Clean));
}
