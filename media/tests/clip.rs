//! Clips are ordinary MP4 files that hold the same media.
#![allow(clippy::unwrap_used)]

mod common;

use common::{BBB, CANONICAL, HEVC, Made, decoded, footage, read, run, scan, synthetic};
use media::clip::{ClipChunk, ClipLayout, ClipPart, Frame};
use media::fmp4::{Chunk, Init, Key};
use std::path::Path;

/// The clip's bytes as a server would put them together.
fn bytes(layout: &ClipLayout, chunks: &[Chunk], range: std::ops::Range<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    for part in layout.parts(range) {
        match part {
            ClipPart::Header(range) => out.extend_from_slice(&layout.header[range]),
            ClipPart::Chunk { index, range } => {
                out.extend_from_slice(&chunks[index].bytes[range.start as usize..range.end as usize]);
            }
        }
    }
    out
}

fn clip(init: &Init, chunks: &[Chunk], start_ms: impl Fn(usize) -> Option<u64>) -> (ClipLayout, Vec<u8>) {
    let sources: Vec<ClipChunk<'_>> = chunks
        .iter()
        .enumerate()
        .map(|(index, chunk)| ClipChunk { info: &chunk.info, start_ms: start_ms(index) })
        .collect();
    let layout = ClipLayout::new(init, &sources).unwrap();
    let whole = bytes(&layout, chunks, 0..u64::MAX);
    assert_eq!(whole.len() as u64, layout.len);
    (layout, whole)
}

/// What ffprobe says of the video frames of a file: pts, duration, key frame.
fn probed(path: &Path) -> Vec<Frame> {
    let path = path.to_str().unwrap();
    let entries = "frame=key_frame,pts,pkt_duration";
    let args = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", path];
    let text = String::from_utf8(run("ffprobe", &args)).unwrap();
    let frames = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let fields: Vec<i64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        Frame { key_frame: fields[0] as u8, pts: fields[1], duration: fields[2] as u64 }
    });
    frames.collect()
}

/// The checksum, time and stream of each decoded frame.
fn sums(lines: &[String]) -> Vec<(String, i64, String)> {
    let parse = |line: &String| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        (fields[0].to_owned(), fields[2].parse().unwrap(), fields[5].to_owned())
    };
    lines.iter().map(parse).collect()
}

fn of_stream(sums: &[(String, i64, String)], stream: &str) -> Vec<(i64, String)> {
    sums.iter().filter(|(s, ..)| s == stream).map(|(_, pts, sum)| (*pts, sum.clone())).collect()
}

#[test]
fn a_clip_of_everything_decodes_like_the_fragments() {
    let made = Made::new();
    let copy = |name: &str| format!("-i {} -c copy", footage(name).display());
    let cases = [
        ("bbb", copy(BBB), CANONICAL, "va"),
        ("bbb_cmaf", copy(BBB), "-movflags +frag_keyframe+cmaf", "va"),
        ("bbb_delay", copy(BBB), "-movflags +frag_keyframe+delay_moov+default_base_moof", "va"),
        ("bbb_timed", copy(BBB), "-movflags +empty_moov -frag_duration 300000", "va"),
        ("hevc", copy(HEVC), CANONICAL, "va"),
        ("av1", synthetic(2, "-c:v libsvtav1 -g 25", "-c:a libopus"), CANONICAL, "va"),
        ("sound", synthetic(2, "-vn", "-c:a aac"), "-movflags +cmaf -frag_duration 500000", "a"),
        ("flac", synthetic(2, "-c:v libx264 -g 25", "-c:a flac -strict -2"), CANONICAL, "va"),
        ("pictures", synthetic(1, "-c:v libx264", "-an"), CANONICAL, "v"),
    ];
    for (name, input, flags, map) in cases {
        let path = made.fragmented(&format!("{name}.mp4"), &input, flags);
        let (init, chunks) = scan(&read(&path));
        let (layout, whole) = clip(&init, &chunks, |_| None);
        let clip = made.write(&format!("{name}_clip.mp4"), &whole);
        let (was, is) = (sums(&decoded(&path, map)), sums(&decoded(&clip, map)));
        let streams = if map == "va" { 2 } else { 1 };
        for stream in ["0", "1"].into_iter().take(streams) {
            let (mut was, mut is) = (of_stream(&was, stream), of_stream(&is, stream));
            was.retain(|(pts, _)| *pts >= 0); // hidden by the edit list, which ffmpeg overlooks in fragments
            if matches!(name, "bbb_cmaf" | "pictures") {
                // ffmpeg 5 reads fragments with negative composition offsets as if all began later; and without sound
                // to start with, the clip's zero is the first picture.
                for list in [&mut was, &mut is] {
                    let first = list[0].0;
                    list.iter_mut().for_each(|(pts, _)| *pts -= first);
                }
            }
            assert_eq!(was, is, "{name} stream {stream}");
        }
        if map != "a" {
            let mut probed = probed(&clip);
            if name == "hevc" {
                // This footage ends with a picture missing: the one before it is shown until the next, whatever it was coded to last.
                let at = probed.len() - 2;
                probed[at].duration += u64::from(init.lead().timescale) / 25;
            }
            assert_eq!(layout.frames, probed, "{name}");
        }
        assert!(layout.frames.is_empty() == (map == "a"));
    }
}

#[test]
fn a_clip_from_the_middle_starts_at_zero_with_sound_in_place() {
    let made = Made::new();
    let path = made.fragmented("bbb.mp4", &format!("-i {} -c copy", footage(BBB).display()), CANONICAL);
    let (init, chunks) = scan(&read(&path));
    let range = 2..5;
    let (layout, whole) = clip(&init, &chunks[range.clone()], |_| None);
    let clip = made.write("clip.mp4", &whole);
    assert_eq!(layout.frames, probed(&clip));
    assert_eq!(layout.frames[0].key_frame, 1);
    let count = |track: usize| -> usize {
        chunks[range.clone()].iter().map(|chunk| chunk.info.tracks[track].samples.len()).sum()
    };
    let before = |track: usize| -> usize {
        chunks[..2].iter().map(|chunk| chunk.info.tracks[track].samples.len()).sum()
    };
    let (was, is) = (sums(&decoded(&path, "va")), sums(&decoded(&clip, "va")));

    // The pictures are the same, all shifted by the same time.
    let all = of_stream(&was, "0");
    let (all, part) = (&all[before(0)..before(0) + count(0)], of_stream(&is, "0"));
    let shift = all[0].0 - part[0].0;
    let shifted: Vec<(i64, String)> = all.iter().map(|(pts, sum)| (pts - shift, sum.clone())).collect();
    assert_eq!(part, shifted);
    // Sound needs a packet to warm up, so times are compared rather than sums; both start within a packet of zero.
    let sound = of_stream(&is, "1");
    assert_eq!(sound.len(), count(1));
    let sound_shift = of_stream(&was, "1")[before(1)].0 - sound[0].0;
    let (video_s, audio_s) = (shift as f64 / 12_288.0, sound_shift as f64 / 44_100.0);
    assert!((video_s - audio_s).abs() < 0.001, "pictures moved by {video_s}, sound by {audio_s}");
    assert!(part[0].0 == 0 || sound[0].0 == 0, "one of them starts at zero");
}

#[test]
fn any_range_of_bytes_is_the_same_as_cut_from_the_whole() {
    let made = Made::new();
    let path = made.fragmented("bbb.mp4", &format!("-i {} -c copy", footage(BBB).display()), CANONICAL);
    let (init, chunks) = scan(&read(&path));
    let (layout, whole) = clip(&init, &chunks, |_| None);
    let edges: Vec<u64> = {
        let header = layout.header.len() as u64;
        let mut at = header;
        let mut edges =
            vec![0, 1, header - 1, header, header + 1, layout.len - 1, layout.len, layout.len + 9];
        for chunk in &chunks {
            at += chunk.info.len - u64::from(chunk.info.head_len);
            edges.extend([at - 1, at, at + 1]);
        }
        edges
    };
    for &from in &edges {
        for &to in &edges {
            let (start, end) = ((from.min(layout.len)) as usize, to.min(layout.len) as usize);
            let expected = whole.get(start..end).unwrap_or_default();
            assert_eq!(bytes(&layout, &chunks, from..to), expected, "{from}..{to}");
        }
    }
}

#[test]
fn a_break_between_sessions_makes_the_last_picture_last() {
    let made = Made::new();
    let input = synthetic(2, "-c:v libx264 -g 25 -bf 0", "-c:a aac");
    let path = made.fragmented("a.mp4", &input, CANONICAL);
    let (init, chunks) = scan(&read(&path));
    assert_eq!(chunks.len(), 2);
    // The same session twice, the second ten seconds after the start of the first.
    let twice = [&chunks[..], &chunks[..]].concat();
    let (layout, whole) = clip(&init, &twice, |index| (index == 2).then_some(10_000));
    let clip_path = made.write("clip.mp4", &whole);
    assert_eq!(layout.frames, probed(&clip_path));
    assert_eq!(layout.frames.len(), 100);
    let second = u64::from(init.lead().timescale);
    assert_eq!(layout.frames[50].pts, 10 * second as i64);
    assert_eq!(layout.frames[49].duration, layout.frames[50].pts.abs_diff(layout.frames[49].pts));
    let (alone, _) = clip(&init, &chunks, |_| None);
    assert_eq!(layout.frames[..49], alone.frames[..49]);
    let frames = sums(&decoded(&clip_path, "va"));
    let pictures = of_stream(&frames, "0");
    let sum = |range: std::ops::Range<usize>| {
        pictures[range].iter().map(|(_, sum)| sum.clone()).collect::<Vec<_>>()
    };
    assert_eq!(sum(0..50), sum(50..100));
    // Sound goes on with the pictures.
    let sound = of_stream(&frames, "1");
    let half = chunks.iter().map(|chunk| chunk.info.tracks[1].samples.len()).sum::<usize>();
    assert_eq!(sound[half].0 - sound[0].0, 480_000);

    // A start that would overlap is moved to the end of what came before.
    let (layout, whole) = clip(&init, &twice, |index| (index == 2).then_some(500));
    assert_eq!(layout.frames, probed(&made.write("overlap.mp4", &whole)));
    let times: Vec<i64> = layout.frames.iter().map(|frame| frame.pts).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    let start_s = times[50] as f64 / second as f64;
    assert!((2.0..2.1).contains(&start_s), "sound lasts a little longer than the pictures: {start_s}");
}

#[test]
fn leading_pictures_of_an_open_gop_are_hidden_at_the_start() {
    let made = Made::new();
    let input =
        synthetic(4, "-c:v libx264 -x264-params open-gop=1:keyint=26:bframes=3:b-adapt=0:scenecut=0", "-an");
    let path = made.fragmented("open.mp4", &input, CANONICAL);
    let (init, chunks) = scan(&read(&path));
    assert_eq!(chunks[1].key(&init), Key::Open);
    let lead = &chunks[1].info.tracks[0];
    let leading = lead.samples.iter().filter(|sample| sample.pts < lead.samples[0].pts).count();
    assert!(leading > 0);
    let (layout, whole) = clip(&init, &chunks[1..3], |_| None);
    let clip_path = made.write("clip.mp4", &whole);
    let samples: usize = chunks[1..3].iter().map(|chunk| chunk.info.tracks[0].samples.len()).sum();
    assert_eq!(layout.frames.len(), samples - leading);
    let pictures = of_stream(&sums(&decoded(&clip_path, "v")), "0");
    assert_eq!(
        pictures.iter().map(|(pts, _)| *pts).collect::<Vec<_>>(),
        layout.frames.iter().map(|f| f.pts).collect::<Vec<_>>()
    );
    // From the key frame on, the very pictures of the source.
    let all = of_stream(&sums(&decoded(&path, "v")), "0");
    let from = chunks[0].info.tracks[0].samples.len() + leading;
    let expected: Vec<&String> = all[from..from + pictures.len()].iter().map(|(_, sum)| sum).collect();
    assert_eq!(pictures.iter().map(|(_, sum)| sum).collect::<Vec<_>>(), expected);
}

#[test]
fn offsets_beyond_four_gib_take_64_bits() {
    let made = Made::new();
    let (init, mut chunks) =
        scan(&read(made.fragmented("a.mp4", &synthetic(2, "-c:v libx264 -g 25", "-an"), CANONICAL)));
    let holds = |layout: &ClipLayout, name: &[u8]| layout.header.windows(4).any(|found| found == name);
    let layout_of = |chunks: &[Chunk]| {
        let sources: Vec<_> =
            chunks.iter().map(|chunk| ClipChunk { info: &chunk.info, start_ms: None }).collect();
        ClipLayout::new(&init, &sources).unwrap()
    };
    let small = layout_of(&chunks);
    assert!(holds(&small, b"stco") && !holds(&small, b"co64"));
    for chunk in &mut chunks {
        chunk.info.len += 3 << 30;
    }
    let large = layout_of(&chunks);
    assert!(holds(&large, b"co64") && !holds(&large, b"stco"));
    let header = &large.header;
    let expected = large.len - header.len() as u64 + 16;
    assert_eq!(header[header.len() - 8..], expected.to_be_bytes());
    let parts = large.parts(large.len - 5..large.len);
    let end = chunks[1].info.len;
    assert_eq!(parts, [ClipPart::Chunk { index: 1, range: end - 5..end }]);
}

#[test]
fn the_frame_list_is_the_one_that_decoders_read() {
    let made = Made::new();
    let (init, chunks) =
        scan(&read(made.fragmented("a.mp4", &synthetic(1, "-c:v libx264 -bf 0", "-an"), CANONICAL)));
    let (layout, _) = clip(&init, &chunks, |_| None);
    let tick = init.lead().timescale / 25;
    let start = format!(
        "{{\"frames\":[{{\"pts\":0,\"duration\":{tick},\"key_frame\":1}},{{\"pts\":{tick},\"duration\":{tick},\"key_frame\":0}},"
    );
    assert!(layout.frames_json().starts_with(&start), "{}", layout.frames_json());
    assert!(ClipLayout::new(&init, &[]).is_err());
}
