//! Chunks that we write ourselves.
#![allow(clippy::unwrap_used)]

mod common;

use common::{BBB, CANONICAL, Made, decoded, footage, join, read, scan};
use media::fmp4::{Chunk, Init, NewSample, NewTrack, retime, write_chunk};
use proptest::prelude::*;

/// The chunk as one would write it from its samples.
fn rewritten(init: &Init, chunk: &Chunk) -> Chunk {
    let tracks: Vec<NewTrack> = chunk
        .info
        .tracks
        .iter()
        .map(|track| NewTrack {
            track_id: track.track_id,
            decode_time: track.decode_time,
            samples: track
                .samples
                .iter()
                .map(|sample| NewSample {
                    data: chunk.sample(sample),
                    duration: sample.duration,
                    composition_offset: (sample.pts - sample.dts) as i32,
                    sync: sample.sync(),
                })
                .collect(),
        })
        .collect();
    Chunk::parse(init, write_chunk(chunk.info.sequence, &tracks).unwrap()).unwrap()
}

#[test]
fn written_chunks_decode_like_their_source() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    let path = made.fragmented("a.mp4", &input, CANONICAL);
    let (init, chunks) = scan(&read(&path));
    let written: Vec<Chunk> = chunks.iter().map(|chunk| rewritten(&init, chunk)).collect();
    let joined = made.write("joined.mp4", &join(&init, &written));
    assert_eq!(decoded(&path, "va"), decoded(&joined, "va"));
    // What the scanner makes of it is what was written.
    let (_, again) = scan(&read(&joined));
    assert_eq!(again, written);
}

#[test]
fn moved_chunks_decode_at_the_new_time() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    let path = made.fragmented("a.mp4", &input, CANONICAL);
    let (init, chunks) = scan(&read(&path));
    let later = |id: u32| i64::from(init.track(id).unwrap().timescale) * 1_000_000;
    let mut moved = init.bytes.to_vec();
    for (index, chunk) in chunks.iter().enumerate() {
        let mdat = chunk.info.head_len as usize - 8;
        moved.extend_from_slice(&retime(&chunk.bytes[..mdat], 100 + index as u32, later).unwrap());
        moved.extend_from_slice(&chunk.bytes[mdat..]);
    }
    let (_, again) = scan(&moved.clone().into());
    for (index, (now, then)) in again.iter().zip(&chunks).enumerate() {
        assert_eq!(now.info.sequence, 100 + index as u32);
        assert_eq!(now.info.start_ms(&init), then.info.start_ms(&init) + 1_000_000_000);
    }
    let moved = made.write("moved.mp4", &moved);
    let sums = |frames: Vec<String>| -> Vec<(String, i64, String)> {
        let parse = |line: &String| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            (fields[0].to_owned(), fields[2].parse::<i64>().unwrap(), fields[5].to_owned())
        };
        frames.iter().map(parse).collect()
    };
    let was = sums(decoded(&path, "v")).into_iter().map(|(stream, pts, sum)| (stream, pts + later(1), sum));
    assert_eq!(sums(decoded(&moved, "v")), was.collect::<Vec<_>>());

    let moof = &chunks[0].bytes[..chunks[0].info.head_len as usize - 8];
    assert!(retime(moof, 1, |_| -1).is_err(), "before the beginning of time");
    assert!(retime(&moof[..moof.len() - 1], 1, |_| 0).is_err());
    assert!(retime(b"", 1, |_| 0).is_err());
}

fn any_track(track_id: u32) -> impl Strategy<Value = NewTrack> {
    let sample = (prop::collection::vec(any::<u8>(), 0..50), 0..5_000_u32, -5_000..5_000_i32, any::<bool>());
    let sample = sample.prop_map(|(data, duration, composition_offset, sync)| NewSample {
        data: data.into(),
        duration,
        composition_offset,
        sync,
    });
    (0..1_u64 << 60, prop::collection::vec(sample, 1..40)).prop_map(move |(decode_time, samples)| NewTrack {
        track_id,
        decode_time,
        samples,
    })
}

#[test]
fn what_is_written_is_read_back() {
    let made = Made::new();
    let input = format!("-i {} -c copy", footage(BBB).display());
    let (init, _) = scan(&read(made.fragmented("a.mp4", &input, CANONICAL)));
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&(any::<u32>(), any_track(1), any_track(2)), |(sequence, first, second)| {
        let tracks = [first, second];
        let chunk = Chunk::parse(&init, write_chunk(sequence, &tracks).unwrap()).unwrap();
        prop_assert_eq!(chunk.info.sequence, sequence);
        for (read, written) in chunk.info.tracks.iter().zip(&tracks) {
            prop_assert_eq!((read.track_id, read.decode_time), (written.track_id, written.decode_time));
            let back = read.samples.iter().map(|sample| NewSample {
                data: chunk.sample(sample),
                duration: sample.duration,
                composition_offset: (sample.pts - sample.dts) as i32,
                sync: sample.sync(),
            });
            prop_assert_eq!(back.collect::<Vec<_>>(), written.samples.clone());
        }
        // Cutting it anywhere never reads as anything but a fault.
        for end in 0..chunk.bytes.len() {
            prop_assert!(Chunk::parse(&init, chunk.bytes.slice(..end)).is_err());
        }
        Ok(())
    });
    outcome.unwrap();
}
