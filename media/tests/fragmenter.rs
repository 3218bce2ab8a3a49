//! Fragmented MP4 out of coded units: what is written is what our own scanner and ffmpeg read.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{BBB, CANONICAL, HEVC, Made, decoded, footage, join, read, scan, synthetic};
use media::fmp4::{Chunk, Init, TrackConfig};
use media::fragmenter::{AccessUnit, Fragmenter, Options};

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
                units.push(AccessUnit { track: index, pts, dts, data, sync, unix_us });
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
