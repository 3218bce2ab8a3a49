//! Footage and tools for the tests of this crate.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part of this

use bytes::Bytes;
use media::MediaError;
use media::fmp4::{Chunk, Init, Piece, ScanLimits, Scanner};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// H.264 with B-frames and AAC, progressive MP4.
pub const BBB: &str = "bbb_320x240_24fps_aac_10s.mp4";
/// H.265 and AAC, fragmented MP4.
pub const HEVC: &str = "ed_640x360_25fps_hevc_aac_1s.mp4";

/// Flags under which ffmpeg's fragments are in the canonical form as they are written.
pub const CANONICAL: &str = "-movflags +frag_keyframe+empty_moov+default_base_moof";

/// A file of the shared footage: in `KINETOSCOPE_MEDIA`, or else in `../shared/media` beside the workspace.
pub fn footage(name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media");
    let folder = std::env::var_os("KINETOSCOPE_MEDIA").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    assert!(path.is_file(), "no {}: set KINETOSCOPE_MEDIA to the folder of the test footage", path.display());
    path
}

pub fn read(path: impl AsRef<Path>) -> Bytes {
    std::fs::read(path).unwrap().into()
}

/// Runs a program and gives what it wrote to standard output.
pub fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output();
    let output =
        output.unwrap_or_else(|e| panic!("these tests need {program}: apt-get install ffmpeg ({e})"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", args.join(" "));
    output.stdout
}

/// Runs ffmpeg with arguments in one text.
pub fn ffmpeg(args: &str) -> Vec<u8> {
    let mut all = vec!["-v", "error", "-nostdin", "-y"];
    all.extend(args.split_whitespace());
    run("ffmpeg", &all)
}

/// A folder that goes away, and files made in it.
pub struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// `ffmpeg INPUT FLAGS -f mp4 NAME`, through a pipe as a camera would send it.
    pub fn fragmented(&self, name: &str, input: &str, flags: &str) -> PathBuf {
        let bytes = ffmpeg(&format!("{input} {flags} -f mp4 pipe:1"));
        self.write(name, &bytes)
    }
}

/// ffmpeg arguments for `seconds` of moving test picture with sound.
pub fn synthetic(seconds: u32, video: &str, audio: &str) -> String {
    format!(
        "-f lavfi -i testsrc2=size=320x240:rate=25:duration={seconds} -f lavfi -i sine=frequency=440:sample_rate=48000:duration={seconds} {video} {audio}"
    )
}

/// Everything that comes out when the input is pushed in slices of `step` bytes, and how it ended.
pub fn scan_by(input: &Bytes, step: usize) -> (Vec<Piece>, Result<(), MediaError>) {
    let cuts = (0..input.len()).step_by(step).skip(1);
    scan_cut(Scanner::new(ScanLimits::default()), input, cuts)
}

/// Everything that comes out when the input is cut at `cuts` (ascending), and how it ended.
pub fn scan_cut(
    mut scanner: Scanner,
    input: &Bytes,
    cuts: impl Iterator<Item = usize>,
) -> (Vec<Piece>, Result<(), MediaError>) {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in cuts.chain([input.len()]) {
        scanner.push(input.slice(start..end));
        start = end;
        loop {
            match scanner.next() {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => break,
                Err(error) => return (pieces, Err(error)),
            }
        }
    }
    let end = scanner.finish();
    (pieces, end)
}

/// The one initialisation segment and the chunks of a whole input.
pub fn scan(input: &Bytes) -> (Arc<Init>, Vec<Chunk>) {
    let (pieces, end) = scan_by(input, input.len().max(1));
    end.unwrap();
    let mut pieces = pieces.into_iter();
    let Some(Piece::Init(init)) = pieces.next() else { panic!("no initialisation segment") };
    let chunks = pieces.map(|piece| match piece {
        Piece::Chunk(chunk) => chunk,
        Piece::Init(_) => panic!("a second initialisation segment"),
    });
    (init, chunks.collect())
}

/// Initialisation segment and chunks one behind the other, as a player would get them.
pub fn join<'a>(init: &Init, chunks: impl IntoIterator<Item = &'a Chunk>) -> Vec<u8> {
    let mut out = init.bytes.to_vec();
    for chunk in chunks {
        out.extend_from_slice(&chunk.bytes);
    }
    out
}

/// ffmpeg's list of decoded frames with their own times and checksums, for the kinds of stream in `map` (`v`, `a`).
pub fn decoded(path: &Path, map: &str) -> Vec<String> {
    let maps: String = map.chars().map(|kind| format!("-map 0:{kind} ")).collect();
    let text = ffmpeg(&format!(
        "-copyts -i {} {maps} -vsync passthrough -enc_time_base -1 -f framemd5 -",
        path.display()
    ));
    let text = String::from_utf8(text).unwrap();
    let frames: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert!(!frames.is_empty(), "nothing decoded from {}", path.display());
    frames
}
