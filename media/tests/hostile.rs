//! Spoilt files of every kind: whatever comes, nothing panics, hangs or takes memory beyond the limits.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{CANONICAL, HEVC, Made, footage, read, scan_by, synthetic};
use media::clip::{ClipChunk, ClipLayout};
use media::fmp4::{Chunk, ChunkInfo, Init, Piece, retime};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::sync::Arc;

/// Does to a scanned chunk whatever the product does, and checks what must hold for any that was accepted.
fn use_chunk(init: &Init, chunk: &Chunk) {
    let again = Chunk::parse(init, chunk.bytes.clone()).unwrap();
    assert_eq!(again.info, chunk.info);
    let head = &chunk.bytes[..chunk.info.head_len as usize];
    ChunkInfo::parse(init, head, chunk.info.len).unwrap();
    chunk.key(init);
    chunk.info.end_ms(init);
    for sample in chunk.info.tracks.iter().flat_map(|track| &track.samples) {
        assert_eq!(chunk.sample(sample).len(), sample.size as usize);
    }
    let moof = &head[..head.len() - 8];
    if let Ok(moved) = retime(moof, 7, |_| 1_000) {
        assert_eq!(moved.len(), moof.len());
        let moved = [&moved[..], &chunk.bytes[moof.len()..]].concat();
        assert_eq!(Chunk::parse(init, moved.into()).unwrap().info.sequence, 7);
    }
    let _ = retime(moof, 0, |_| i64::MIN);
    if let Some(prft) = chunk.prft {
        prft.start_ms(init, &chunk.info, 1_700_000_000_000);
    }
    let samples = |chunk: &Chunk| chunk.info.tracks.iter().map(|track| track.samples.len()).sum::<usize>();
    if let Ok(parts) = chunk.clone().split(init, 50) {
        assert_eq!(parts.iter().map(samples).sum::<usize>(), samples(chunk));
    }
}

/// Scans an input in slices of `step` and uses all that comes out.
fn try_input(input: &Bytes, step: usize) {
    let (pieces, _) = scan_by(input, step);
    let mut init: Option<Arc<Init>> = None;
    let mut chunks = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Init(new) => {
                init = Some(Arc::clone(new));
                chunks.clear();
            }
            Piece::Chunk(chunk) => {
                use_chunk(init.as_ref().unwrap(), chunk);
                chunks.push(chunk);
            }
        }
    }
    let sources: Vec<ClipChunk<'_>> = chunks
        .iter()
        .enumerate()
        .map(|(index, chunk)| ClipChunk {
            info: &chunk.info,
            start_ms: (index % 2 == 1).then_some(index as u64 * 900),
        })
        .collect();
    if let Some(init) = init
        && let Ok(layout) = ClipLayout::new(&init, &sources)
    {
        layout.parts(0..layout.len);
        layout.frames_json();
    }
}

/// Real files of several kinds, small so that faults hit what matters.
fn files() -> Vec<Bytes> {
    let made = Made::new();
    let tiny = "-f lavfi -i testsrc2=size=64x64:rate=10:duration=1 -f lavfi -i sine=duration=1";
    let kinds = [
        ("-c:v libx264 -g 5 -c:a aac -b:a 16k", CANONICAL),
        (
            "-c:v libx264 -g 5 -c:a aac -b:a 16k",
            "-movflags +frag_every_frame+empty_moov -write_prft wallclock",
        ),
        (
            "-c:v libx265 -x265-params log-level=error:keyint=5 -tag:v hvc1 -an",
            "-movflags +frag_keyframe+cmaf",
        ),
        ("-c:v libsvtav1 -g 5 -c:a libopus", "-movflags +frag_keyframe+delay_moov+omit_tfhd_offset"),
        ("-vn -c:a flac -strict -2", "-movflags +empty_moov+default_base_moof"),
    ];
    let mut files: Vec<Bytes> = kinds
        .iter()
        .enumerate()
        .map(|(index, (codecs, flags))| {
            read(made.fragmented(&format!("{index}.mp4"), &format!("{tiny} {codecs}"), flags))
        })
        .collect();
    files.push(read(footage(HEVC)));
    files.push(read(footage("encrypted_cbcs.mp4")));
    files
}

/// A way to spoil a file.
#[derive(Clone, Debug)]
enum Fault {
    Byte { at: usize, value: u8 },
    Number { at: usize, value: u32 },
    Cut { from: usize, len: usize },
    Repeat { from: usize, len: usize },
}

/// Faults mostly where the boxes are: near a box name.
fn fault() -> impl Strategy<Value = Fault> {
    let number = prop_oneof![Just(0), Just(1), Just(7), Just(8), Just(u32::MAX), Just(1 << 31), any::<u32>()];
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, value)| Fault::Byte { at, value }),
        4 => (any::<usize>(), number).prop_map(|(at, value)| Fault::Number { at, value }),
        1 => (any::<usize>(), 1..2_000_usize).prop_map(|(from, len)| Fault::Cut { from, len }),
        1 => (any::<usize>(), 1..2_000_usize).prop_map(|(from, len)| Fault::Repeat { from, len }),
    ]
}

fn spoil(file: &Bytes, faults: &[Fault]) -> Bytes {
    let interesting: Vec<usize> = (4..file.len() - 4)
        .filter(|&at| file[at..at + 4].iter().all(u8::is_ascii_alphanumeric))
        .flat_map(|at| at - 4..(at + 28).min(file.len() - 4))
        .collect();
    let mut out = file.to_vec();
    for fault in faults {
        let place = |at: usize| interesting[at % interesting.len()].min(out.len().saturating_sub(4));
        match *fault {
            Fault::Byte { at, value } => {
                let at = place(at);
                out[at] = value;
            }
            Fault::Number { at, value } => {
                let at = place(at);
                out[at..at + 4].copy_from_slice(&value.to_be_bytes());
            }
            Fault::Cut { from, len } => {
                let from = place(from);
                out.drain(from..(from + len).min(out.len()));
            }
            Fault::Repeat { from, len } => {
                let from = place(from);
                let again = out[from..(from + len).min(out.len())].to_vec();
                out.splice(from..from, again);
            }
        }
        if out.len() < 64 {
            break;
        }
    }
    out.into()
}

/// Failures print their smallest input; turn it into a named test.
fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

#[test]
fn spoilt_files_do_no_harm() {
    let files = files();
    let input = (
        0..files.len(),
        prop::collection::vec(fault(), 1..6),
        prop_oneof![Just(1_usize << 20), 1..4096_usize],
    );
    let mut runner = TestRunner::new(config(1_500));
    let outcome = runner.run(&input, |(file, faults, step)| {
        try_input(&spoil(&files[file], &faults), step);
        Ok(())
    });
    outcome.unwrap();
    let peak = peak_virtual_kib();
    assert!(peak < 2 << 20, "peak of address space: {peak} KiB");
}

#[test]
fn random_bytes_do_no_harm() {
    let made = Made::new();
    let whole = read(made.fragmented("a.mp4", &synthetic(1, "-c:v libx264", "-an"), CANONICAL));
    let (init, _) = common::scan(&whole);
    let mut runner = TestRunner::new(config(500));
    let outcome = runner.run(&prop::collection::vec(any::<u8>(), 0..400), |bytes| {
        try_input(&bytes.clone().into(), 7);
        // Behind a good initialisation segment, and inside the boxes that are looked into.
        for name in [b"moof", b"mdat", b"prft", b"moov"] {
            let size = (bytes.len() as u32 + 8).to_be_bytes();
            try_input(&[&init.bytes[..], &size, name, &bytes].concat().into(), 100);
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Most address space that this process ever had, in KiB: what was reserved counts, touched or not.
fn peak_virtual_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
