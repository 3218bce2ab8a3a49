//! Fragmented MP4 out of coded units: what is written is what our own scanner and ffmpeg read.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{BBB, CANONICAL, HEVC, Made, decoded, footage, join, read, scan, scan_by, synthetic};
use media::fmp4::{Chunk, Codec, Init, Piece, PrftClock, TrackConfig, TrackKind, opus_config, write_init};
use media::fragmenter::{AccessUnit, Fragmenter, Options};
use proptest::prelude::*;

/// The configuration that a track came with.
fn config(init: &Init, index: usize) -> TrackConfig {
    let track = &init.tracks[index];
    TrackConfig {
        codec: track.codec,
        extradata: track.extradata.clone(),
        timescale: track.timescale,
        width: track.width,
        height: track.height,
        sample_rate: track.sample_rate,
        channels: track.channels,
    }
}

/// Everything in the chunks as units, in the order of their decoding times, as a camera would send them.
fn units(init: &Init, chunks: &[Chunk]) -> Vec<AccessUnit> {
    let mut units = Vec::new();
    for (index, track) in init.tracks.iter().enumerate() {
        for chunk in chunks {
            for sample in chunk.info.track(track.id).map_or(&[][..], |track| &track.samples) {
                let unix_us = Some(1_700_000_000_000_000 + track.us(sample.pts));
                let (pts, dts, data, sync) = (sample.pts, sample.dts, chunk.sample(sample), sample.sync());
                units.push(AccessUnit { track: index, pts, dts, data, sync, unix_us, arrival_us: None });
            }
        }
    }
    units.sort_by_key(|unit| init.tracks[unit.track].us(unit.dts));
    units
}

fn fragmenter(init: &Init) -> Fragmenter {
    let kinds: Vec<_> = init.tracks.iter().map(|track| track.kind).collect();
    let mut fragmenter = Fragmenter::new(Options::default(), &kinds);
    for index in 0..kinds.len() {
        fragmenter.configure(index, &config(init, index)).unwrap();
    }
    fragmenter
}

fn drain(fragmenter: &mut Fragmenter) -> Bytes {
    let mut out = Vec::new();
    while let Some(piece) = fragmenter.pop() {
        out.extend_from_slice(&piece);
    }
    out.into()
}

fn fragment(init: &Init, units: Vec<AccessUnit>) -> Bytes {
    let mut fragmenter = fragmenter(init);
    for unit in units {
        fragmenter.push(unit).unwrap();
    }
    fragmenter.flush().unwrap();
    drain(&mut fragmenter)
}

/// Every sample of a track: its times from the first, its bytes, whether decoding can start there.
fn samples(init: &Init, chunks: &[Chunk], index: usize) -> Vec<(i64, i64, Bytes, bool)> {
    let id = init.tracks[index].id;
    let of = |chunk: &Chunk| chunk.info.track(id).map(|track| track.samples.clone()).unwrap_or_default();
    let all = chunks.iter().flat_map(|chunk| of(chunk).into_iter().map(|s| (s, chunk.sample(&s))));
    all.map(|(s, data)| (s.dts, s.pts, data, s.key.is_key())).collect()
}

fn source(made: &Made, codec: &str) -> (Init, Vec<Chunk>) {
    let input = match codec {
        "h264" => format!("-i {} -c copy", footage(BBB).display()),
        "h265" => format!("-i {} -c copy", footage(HEVC).display()),
        "opus" => synthetic(3, "-c:v libx264 -g 25 -bf 0", "-c:a libopus"),
        _ => synthetic(3, "-c:v libx264 -g 25 -bf 0", "-c:a flac -strict -2"),
    };
    let (init, chunks) = scan(&read(made.fragmented(&format!("{codec}.mp4"), &input, CANONICAL)));
    (Init::clone(&init), chunks)
}

#[test]
fn what_goes_in_comes_out_and_decodes_alike() {
    let made = Made::new();
    for codec in ["h264", "h265", "opus", "flac"] {
        let (init, chunks) = source(&made, codec);
        let written = fragment(&init, units(&init, &chunks));
        let (again, cut) = scan(&written);
        assert_eq!(again.codecs(), init.codecs(), "{codec}");
        let lead = samples(&init, &chunks, 0);
        for index in 0..init.tracks.len() {
            assert_eq!(config(&again, index), config(&init, index), "{codec}");
            let origin = init.tracks[index].timescale;
            let origin = lead[0].0 * i64::from(origin) / i64::from(init.tracks[0].timescale);
            let was = samples(&init, &chunks, index).into_iter().filter(|sample| sample.0 >= origin);
            let was: Vec<_> =
                was.map(|(dts, pts, data, key)| (dts - origin, pts - origin, data, key)).collect();
            assert!(samples(&again, &cut, index) == was, "{codec}: track {index} differs");
        }
        let (from, to) = (made.write("from.mp4", &join(&init, &chunks)), made.write("to.mp4", &written));
        let sums = |path| -> Vec<String> {
            let last = |line: String| line.rsplit(',').next().unwrap().trim().to_owned();
            decoded(path, "v").into_iter().map(last).collect()
        };
        assert_eq!(sums(&from), sums(&to), "{codec}");
        common::ffmpeg(&format!("-xerror -i {} -f null -", to.display()));
    }
}

#[test]
fn chunks_begin_at_key_frames_last_as_asked_and_are_dated() {
    let made = Made::new();
    let (init, chunks) = source(&made, "h264");
    let (again, cut) = scan(&fragment(&init, units(&init, &chunks)));
    let video = &again.tracks[0];
    for chunk in &cut {
        let samples = &chunk.info.track(video.id).unwrap().samples;
        assert!(samples.iter().skip(1).all(|sample| !sample.key.is_key()));
        let ms = video.ms(chunk.info.track(video.id).unwrap().duration as i64);
        assert!(ms < 300, "a chunk of {ms} ms");
        let prft = chunk.prft.unwrap();
        assert_eq!((prft.track_id, prft.media_time as i64), (video.id, samples[0].pts));
        let origin = units(&init, &chunks)[0].dts;
        let captured = 1_700_000_000_000_000 + init.tracks[0].us(samples[0].pts + origin);
        assert_eq!(prft.unix_us(), captured);
    }
}

/// A track of sound of 20 ms packets, coded as nothing in particular.
fn opus() -> TrackConfig {
    TrackConfig {
        codec: Codec::Opus,
        extradata: opus_config(2, 48_000),
        timescale: 48_000,
        width: 0,
        height: 0,
        sample_rate: 48_000,
        channels: 2,
    }
}

fn sound(track: usize, index: i64) -> AccessUnit {
    let (time, data) = (index * 960, Bytes::from(vec![index as u8; 4]));
    AccessUnit { track, pts: time, dts: time, data, sync: true, unix_us: None, arrival_us: None }
}

/// A picture every 40 ms that is nothing but a NAL unit's header: an IDR picture or another.
fn picture(index: i64, key: bool) -> AccessUnit {
    let (time, data) = (index * 3_600, Bytes::copy_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]));
    AccessUnit { track: 0, pts: time, dts: time, data, sync: false, unix_us: None, arrival_us: None }
}

/// Some camera's H.264.
fn h264(level: u8) -> TrackConfig {
    let avcc = [1, 66, 0, level, 0xff, 0xe1, 0, 4, 0x67, 66, 0, level, 1, 0, 1, 0x68];
    TrackConfig {
        codec: Codec::H264,
        extradata: Bytes::copy_from_slice(&avcc),
        timescale: 90_000,
        width: 640,
        height: 360,
        sample_rate: 0,
        channels: 0,
    }
}

/// What comes out for these units, given all configurations at once, and the ids and numbers of samples of each chunk.
fn shape(fragmenter: &mut Fragmenter) -> (Vec<Piece>, Vec<Vec<(u32, usize)>>) {
    let (pieces, end) = scan_by(&drain(fragmenter), 1 << 20);
    end.unwrap();
    let counts = pieces.iter().map(|piece| match piece {
        Piece::Init(_) => Vec::new(),
        Piece::Chunk(chunk) => {
            chunk.info.tracks.iter().map(|track| (track.track_id, track.samples.len())).collect()
        }
    });
    let counts = counts.collect();
    (pieces, counts)
}

fn chunk(piece: &Piece) -> &Chunk {
    match piece {
        Piece::Chunk(chunk) => chunk,
        Piece::Init(_) => panic!("no chunk"),
    }
}

#[test]
fn it_begins_with_the_first_key_frame_and_the_sound_of_its_time() {
    let mut fragmenter = Fragmenter::new(Options::default(), &[TrackKind::Video, TrackKind::Audio]);
    fragmenter.push(picture(0, true)).unwrap(); // nobody has said how it is coded
    fragmenter.configure(1, &opus()).unwrap();
    for index in 0..5 {
        fragmenter.push(sound(1, index)).unwrap();
    }
    fragmenter.configure(0, &h264(30)).unwrap();
    fragmenter.push(picture(1, false)).unwrap();
    assert_eq!(fragmenter.pop(), None);
    fragmenter.push(picture(2, true)).unwrap(); // at 80 ms, as the sound's fifth packet
    fragmenter.push(picture(3, false)).unwrap();
    fragmenter.push(sound(1, 5)).unwrap();
    fragmenter.flush().unwrap();
    let (pieces, counts) = shape(&mut fragmenter);
    assert_eq!(counts, [vec![], vec![(1, 2), (2, 2)]]);
    let info = &chunk(&pieces[1]).info;
    for (track, ticks) in info.tracks.iter().zip([3_600, 960]) {
        assert_eq!(track.decode_time, 0);
        assert!(track.samples.iter().all(|sample| sample.duration == ticks), "the last is like the others");
    }
}

#[test]
fn the_start_waits_for_tracks_that_come_a_little_later() {
    for (later, tracks) in [(20, 2), (30, 1)] {
        let mut fragmenter = Fragmenter::new(Options::default(), &[TrackKind::Video, TrackKind::Audio]);
        fragmenter.configure(0, &h264(30)).unwrap();
        for index in 0..later {
            fragmenter.push(picture(index, index == 0)).unwrap();
        }
        fragmenter.configure(1, &opus()).unwrap();
        for index in 0..40 {
            fragmenter.push(sound(1, index)).unwrap();
        }
        fragmenter.flush().unwrap();
        let (pieces, counts) = shape(&mut fragmenter);
        let Piece::Init(init) = &pieces[0] else { panic!("no initialisation segment") };
        assert_eq!(init.tracks.len(), tracks, "{later} pictures before the sound");
        let of = |id| -> usize {
            counts.iter().flatten().filter(|found| found.0 == id).map(|found| found.1).sum()
        };
        assert_eq!((of(1), of(2)), (later as usize, if tracks == 2 { 40 } else { 0 }));
    }
}

#[test]
fn what_was_held_back_is_dated_by_its_arrival() {
    const BEGIN_US: i64 = 1_700_000_000_000_000;
    let mut fragmenter = Fragmenter::new(Options::default(), &[TrackKind::Video, TrackKind::Audio]);
    fragmenter.configure(0, &h264(30)).unwrap();
    // On their way for 100 ms each; the last ones come in a burst.
    let arrival_us = |index: i64| BEGIN_US + 100_000 + index.min(25) * 40_000;
    let captured_us = |index: i64| (index > 20).then_some(BEGIN_US + index * 40_000);
    let mut held = Vec::new();
    for index in 0..30 {
        held.extend((index <= 25).then(|| fragmenter.pop()).flatten());
        let (unix_us, arrival_us) = (captured_us(index), Some(arrival_us(index)));
        fragmenter.push(AccessUnit { unix_us, arrival_us, ..picture(index, index % 10 == 0) }).unwrap();
    }
    assert!(held.is_empty(), "the sound is waited for");
    fragmenter.flush().unwrap();
    let (pieces, counts) = shape(&mut fragmenter);
    assert_eq!(counts[1..].concat(), [(1, 7), (1, 3), (1, 7), (1, 3), (1, 7), (1, 3)]);
    let mut over = 0;
    for piece in &pieces[1..] {
        let chunk = chunk(piece);
        let first = over;
        over += chunk.info.tracks[0].samples.len() as i64;
        let written = chunk.written.unwrap();
        assert_eq!((written.clock, written.unix_us()), (PrftClock::Written, arrival_us(over)));
        let said = (first..over).find_map(captured_us);
        let captured = chunk.prft.filter(|prft| !prft.is_of_writing());
        assert_eq!(captured.map(|prft| prft.unix_us()), said);
    }
}

#[test]
fn another_way_of_coding_begins_at_a_key_frame_with_a_new_initialisation_segment() {
    let mut fragmenter = Fragmenter::new(Options::default(), &[TrackKind::Video, TrackKind::Audio]);
    fragmenter.configure(0, &h264(30)).unwrap();
    fragmenter.push(picture(0, true)).unwrap();
    fragmenter.push(picture(1, false)).unwrap();
    fragmenter.configure(0, &h264(31)).unwrap();
    fragmenter.push(picture(2, false)).unwrap(); // cannot be decoded with what has been said
    fragmenter.push(picture(3, true)).unwrap();
    fragmenter.configure(0, &h264(31)).unwrap(); // nothing new
    fragmenter.configure(1, &opus()).unwrap(); // comes late: waits
    fragmenter.push(picture(4, false)).unwrap();
    for index in 8..15 {
        fragmenter.push(sound(1, index)).unwrap();
    }
    fragmenter.push(picture(5, true)).unwrap();
    fragmenter.flush().unwrap();
    let (pieces, counts) = shape(&mut fragmenter);
    assert_eq!(counts, [vec![], vec![(1, 2)], vec![], vec![(1, 2)], vec![], vec![(1, 1), (2, 5)]]);
    let times: Vec<u64> = [1, 3, 5].map(|at| chunk(&pieces[at]).info.tracks[0].decode_time).to_vec();
    assert_eq!(times, [0, 3 * 3_600, 5 * 3_600], "one timeline for all");
    assert!(fragmenter.configure(0, &TrackConfig { extradata: Bytes::new(), ..h264(30) }).is_err());
}

#[test]
fn gaps_stay_gaps_and_times_go_on() {
    let mut fragmenter = Fragmenter::new(Options::default(), &[TrackKind::Video]);
    fragmenter.configure(0, &h264(30)).unwrap();
    for index in [0, 1, 2, 102, 103] {
        fragmenter.push(picture(index, index == 0)).unwrap();
    }
    fragmenter.push(picture(103, false)).unwrap(); // the same time again
    fragmenter.flush().unwrap();
    let (pieces, counts) = shape(&mut fragmenter);
    assert_eq!(counts, [vec![], vec![(1, 3)], vec![(1, 3)]]);
    let [before, after] = [1, 2].map(|at| &chunk(&pieces[at]).info.tracks[0]);
    assert_eq!((before.duration, after.decode_time), (3 * 3_600, 102 * 3_600));
    assert_eq!(after.samples[2].dts, after.samples[1].dts + 1);
}

#[test]
fn sound_goes_on_alone_when_the_pictures_stay_away() {
    let options = Options { chunk_ms: 200, chunk_bytes_max: 1 << 20 };
    let mut fragmenter = Fragmenter::new(options, &[TrackKind::Video, TrackKind::Audio]);
    fragmenter.configure(0, &h264(30)).unwrap();
    fragmenter.configure(1, &opus()).unwrap();
    fragmenter.push(picture(0, true)).unwrap();
    for index in 0..=110 {
        fragmenter.push(sound(1, index)).unwrap();
    }
    assert_eq!(shape(&mut fragmenter).1, [vec![], vec![(2, 110)]]);

    // Without any pictures it is cut as asked, and at the limit of bytes before that.
    let mut fragmenter = Fragmenter::new(options, &[TrackKind::Audio]);
    fragmenter.configure(0, &opus()).unwrap();
    for index in 0..=20 {
        fragmenter.push(sound(0, index)).unwrap();
    }
    assert_eq!(shape(&mut fragmenter).1, [vec![], vec![(1, 10)], vec![(1, 10)]]);
    for index in 21..24 {
        let data = vec![0; 600 << 10].into();
        fragmenter.push(AccessUnit { data, ..sound(0, index) }).unwrap();
    }
    assert_eq!(shape_after_init(&mut fragmenter), [2, 1]);
}

/// Numbers of samples of the chunks of one track of sound.
fn shape_after_init(fragmenter: &mut Fragmenter) -> Vec<usize> {
    let init = write_init(&[(1, opus())]).unwrap();
    let (pieces, end) = scan_by(&[init, drain(fragmenter)].concat().into(), 1 << 20);
    end.unwrap();
    pieces[1..].iter().map(|piece| chunk(piece).info.tracks[0].samples.len()).collect()
}

proptest! {
    /// Whatever units come, what comes out is MP4 that our scanner takes, in order, and nothing is held without bound.
    #[test]
    fn any_units_make_chunks_that_are_taken(
        units in prop::collection::vec(
            (0_usize..3, -1_000_000_i64..1_000_000, -100_000_i64..100_000, 0_usize..2_000, any::<bool>()), 1..200,
        ),
        extremes in any::<bool>(),
    ) {
        let options = Options { chunk_ms: 250, chunk_bytes_max: 16 << 10 };
        let mut fragmenter = Fragmenter::new(options, &[TrackKind::Video, TrackKind::Audio]);
        fragmenter.configure(0, &h264(30)).unwrap();
        fragmenter.configure(1, &opus()).unwrap();
        let mut time = if extremes { i64::MAX / 2 } else { 0 };
        let (mut fed, mut drained) = (0, Vec::new());
        for (track, step, offset, len, key) in units {
            time = time.saturating_add(step);
            let mut data = vec![0, 0, 0, 1, if key { 0x65 } else { 0x41 }];
            data.resize(5 + len, 0);
            fed += data.len();
            let unit = AccessUnit { track, pts: time.saturating_add(offset), dts: time, data: data.into(), sync: key, unix_us: Some(step), arrival_us: Some(-step) };
            fragmenter.push(unit).unwrap();
        }
        fragmenter.flush().unwrap();
        while let Some(piece) = fragmenter.pop() {
            drained.extend_from_slice(&piece);
        }
        if !drained.is_empty() {
            let (init, chunks) = scan(&drained.into());
            prop_assert_eq!(init.tracks.len(), 2);
            let held: u64 = chunks.iter().map(|chunk| chunk.info.len).sum();
            prop_assert!(held as usize <= fed + chunks.len() * 4_096);
            prop_assert!(chunks.iter().all(|chunk| chunk.info.len < 24 << 10));
        }
    }
}
