//! Any bytes as an initialisation segment and as a chunk of it; whatever is accepted goes through all that is done with
//! chunks. The input is the segment's length (two bytes), the segment, the chunk.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::clip::{ClipChunk, ClipLayout};
use media::fmp4::{Chunk, ChunkInfo, Init, NewSample, NewTrack, retime, write_chunk};

fn samples(chunk: &Chunk) -> usize {
    chunk.info.tracks.iter().map(|track| track.samples.len()).sum()
}

/// What is written from a chunk's samples reads back as the same samples.
fn round_trip(init: &Init, chunk: &Chunk) {
    let mut tracks = Vec::new();
    for track in &chunk.info.tracks {
        let mut samples = Vec::new();
        for sample in &track.samples {
            let Ok(composition_offset) = i32::try_from(sample.pts - sample.dts) else { return };
            let (data, duration, sync) = (chunk.sample(sample), sample.duration, sample.sync());
            samples.push(NewSample { data, duration, composition_offset, sync });
        }
        tracks.push(NewTrack { track_id: track.track_id, decode_time: track.decode_time, samples });
    }
    let Ok(written) = write_chunk(chunk.info.sequence, &tracks) else { return };
    let back = Chunk::parse(init, written).expect("a written chunk reads back");
    for (now, then) in back.info.tracks.iter().zip(&chunk.info.tracks) {
        assert_eq!(
            (now.track_id, now.decode_time, now.duration),
            (then.track_id, then.decode_time, then.duration)
        );
        for (now, then) in now.samples.iter().zip(&then.samples) {
            assert_eq!((now.dts, now.pts, now.size, now.key), (then.dts, then.pts, then.size, then.key));
        }
    }
    assert_eq!(samples(&back), samples(chunk));
}

fuzz_target!(|data: &[u8]| {
    let Some((&len, rest)) = data.split_first_chunk::<2>() else { return };
    let (init, chunk) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes(len))));
    let Ok(init) = Init::parse(&Bytes::copy_from_slice(init)) else { return };
    let _ = ChunkInfo::parse(&init, chunk, chunk.len() as u64);
    let Ok(chunk) = Chunk::parse(&init, Bytes::copy_from_slice(chunk)) else { return };
    round_trip(&init, &chunk);
    let moof = &chunk.bytes[..chunk.info.head_len as usize];
    if let Ok(moved) = retime(moof, 1, |_| 90_000) {
        assert!(moved.len() <= moof.len());
    }
    if let Ok(parts) = chunk.clone().split(&init, 40) {
        assert_eq!(parts.iter().map(samples).sum::<usize>(), samples(&chunk));
    }
    let source = |start_ms| ClipChunk { info: &chunk.info, start_ms };
    if let Ok(layout) = ClipLayout::new(&init, &[source(None), source(Some(9_000)), source(None)]) {
        assert!(layout.len >= layout.header.len() as u64);
        layout.parts(1..layout.len);
        layout.frames_json();
    }
});
