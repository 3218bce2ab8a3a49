//! Footage whose frames say their number, made and read back with ffmpeg.
//!
//! Every frame shows sixteen blocks side by side, black for 0 and white for 1: its number, lowest bit first.

use bytes::Bytes;
use media::fmp4::{Piece, ScanLimits, Scanner};
use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};

const NUMBERS: &str =
    "geq=lum='if(mod(floor(N/pow(2,floor(X*16/W))),2),235,16)':cb=128:cr=128,format=yuv420p";

/// One init segment, the chunks that follow it, and what is in them.
pub(super) struct Footage {
    pub(super) init: Bytes,
    pub(super) chunks: Bytes,
    /// The length of each chunk.
    pub(super) chunk_lens: Vec<usize>,
    /// Presentation time of every frame: that of frame N at index N.
    pub(super) times: Vec<i64>,
    /// Numbers of the key frames.
    pub(super) keys: Vec<usize>,
}

/// 100 frames of 256×64 at 25 per second, a key frame every second.
pub(super) fn numbered(codec: &str) -> Arc<Footage> {
    let encoder: &[&str] = match codec {
        // Consecutive B-frames that are referred to themselves.
        "h264" => &["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25"],
        "h264-open" => &["-c:v", "libx264", "-x264-params", "open-gop=1:bframes=3:keyint=25:scenecut=0"],
        "h265" => &["-c:v", "libx265", "-x265-params", "log-level=none:keyint=25:bframes=3:open-gop=1"],
        "h265-inband" => &["-c:v", "libx265", "-tag:v", "hev1", "-x265-params", "log-level=none:keyint=25"],
        "h264-refresh" => &["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=25:bframes=0"],
        "av1" => &["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "25"],
        _ => panic!("no footage called {codec}"),
    };
    made(&format!("nullsrc=s=256x64:r=25:d=4,{NUMBERS}"), encoder)
}

/// Footage from an ffmpeg filter graph; made once per process.
pub(super) fn made(graph: &str, encoder: &[&str]) -> Arc<Footage> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Footage>>>> = LazyLock::new(Mutex::default);
    let mut all = MADE.lock().unwrap();
    let footage = all.entry(format!("{graph} {encoder:?}")).or_insert_with(|| {
        let head = ["-f", "lavfi", "-i", graph];
        // The moov of AV1 can only be written when the first picture is coded.
        let flags = "frag_keyframe+empty_moov+default_base_moof+delay_moov";
        let tail = ["-movflags", flags, "-f", "mp4", "-"];
        Arc::new(taken_apart(ffmpeg(&[&head, encoder, &tail].concat(), &[])))
    });
    Arc::clone(footage)
}

fn taken_apart(file: Vec<u8>) -> Footage {
    let mut scanner = Scanner::new(ScanLimits::default());
    scanner.push(file.into());
    let (mut init, mut chunks, mut chunk_lens, mut samples) = (None, Vec::new(), Vec::new(), Vec::new());
    while let Some(piece) = scanner.next().unwrap() {
        match piece {
            Piece::Init(found) => init = Some(found),
            Piece::Chunk(chunk) => {
                let track = init.as_ref().unwrap().video().unwrap().id;
                let found = chunk.info.track(track).into_iter().flat_map(|track| &track.samples);
                samples.extend(found.map(|sample| (sample.pts, sample.key.is_key())));
                chunk_lens.push(chunk.bytes.len());
                chunks.extend_from_slice(&chunk.bytes);
            }
        }
    }
    samples.sort_unstable();
    let keys = samples.iter().enumerate().filter(|(_, sample)| sample.1).map(|(number, _)| number).collect();
    let times = samples.into_iter().map(|(pts, _)| pts).collect();
    Footage { init: init.unwrap().bytes.clone(), chunks: chunks.into(), chunk_lens, times, keys }
}

/// The numbers that images of one size and format show. `format` is ffmpeg's: `mjpeg` or `png`.
pub(super) fn numbers(images: &[Bytes], format: &str, width: usize, height: usize) -> Vec<usize> {
    let pixels = pixels(images, format);
    assert_eq!(pixels.len(), images.len() * width * height, "size of the images");
    pixels.chunks_exact(width * height).map(|image| number(image, width, height)).collect()
}

fn number(image: &[[u8; 3]], width: usize, height: usize) -> usize {
    let bit = |block: usize| {
        let level = image[height / 2 * width + (2 * block + 1) * width / 32][1];
        assert!(!(64..192).contains(&level), "block {block} is neither black nor white: {level}");
        usize::from(level >= 192) << block
    };
    (0..16).map(bit).sum()
}

/// The images' pixels as red, green, blue: as any reader of such files sees them.
pub(super) fn pixels(images: &[Bytes], format: &str) -> Vec<[u8; 3]> {
    let args = ["-f", "image2pipe", "-c:v", format, "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    ffmpeg(&args, &images.concat()).as_chunks().0.to_vec()
}

/// Runs ffmpeg and gives back what it writes.
pub(super) fn ffmpeg(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need ffmpeg; `cargo xtask setup` installs it");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ffmpeg {args:?}");
    writer.join().unwrap().unwrap();
    output.stdout
}
