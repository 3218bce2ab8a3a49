//! Real footage, made and read by ffmpeg.

use bytes::Bytes;
use std::collections::HashMap;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

/// The clips that the tests share.
pub(crate) fn clip(name: &str) -> PathBuf {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/media");
    let dir = std::env::var_os("KINETOSCOPE_MEDIA").map_or_else(near, PathBuf::from);
    let path = dir.join(name);
    assert!(path.exists(), "{} is not there; say where the clips are with KINETOSCOPE_MEDIA", path.display());
    path
}

/// What ffmpeg writes to its standard output. Remembered, since tests share it.
pub(crate) fn ffmpeg(args: &[&str]) -> Bytes {
    static MADE: LazyLock<Mutex<HashMap<Vec<String>, Bytes>>> = LazyLock::new(Mutex::default);
    let key: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut made = MADE.lock().unwrap();
    made.entry(key).or_insert_with(|| run("ffmpeg", args, &Bytes::new())).clone()
}

/// Runs a program of the ffmpeg family on some input; fails the test if it complains.
fn run(program: &str, args: &[&str], input: &Bytes) -> Bytes {
    let mut child = Command::new(program)
        .args(["-v", "error"])
        .args(if program == "ffmpeg" { &["-nostdin"][..] } else { &[] })
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} (Debian package ffmpeg): {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.clone();
    // It may stop reading early; then what it says counts.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {complaints}");
    output.stdout.into()
}

/// A clip re-boxed as fragments.
pub(crate) fn fragmented(name: &str, extra: &[&str], movflags: &str) -> Bytes {
    let path = clip(name);
    let mut args = vec!["-i", path.to_str().unwrap(), "-c", "copy"];
    args.extend(extra);
    args.extend(["-f", "mp4", "-movflags", movflags, "pipe:1"]);
    ffmpeg(&args)
}

/// Fragments at key frames, as the documentation tells cameras to send.
pub(crate) const PER_GOP: &str = "+frag_keyframe+empty_moov+default_base_moof";

/// Top-level boxes and where they are.
pub(crate) fn boxes(bytes: &Bytes) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let name = String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned();
        assert!(len >= 8 && at + len <= bytes.len(), "box {name} of {len} bytes at {at}");
        found.push((name, at..at + len));
        at += len;
    }
    found
}

/// Every decoded picture (or packet of sound): when it is shown, in microseconds from the first one, and its checksum.
pub(crate) fn decoded(media: &Bytes, kind: &str) -> Vec<(i64, String)> {
    let mut frames = frame_sums(media, kind, &[]);
    let first = frames.first().map_or(0, |(us, _)| *us);
    frames.iter_mut().for_each(|(us, _)| *us -= first);
    frames
}

/// Every decoded picture at its own presentation time in microseconds.
pub(crate) fn pictures(media: &Bytes) -> Vec<(i64, String)> {
    frame_sums(media, "v", &["-copyts"])
}

fn frame_sums(media: &Bytes, kind: &str, extra: &[&str]) -> Vec<(i64, String)> {
    let map = format!("0:{kind}");
    let mut args = extra.to_vec();
    args.extend(["-i", "pipe:0", "-map", &map]);
    if kind == "v" {
        args.extend(["-fps_mode", "passthrough", "-enc_time_base", "-1"]);
    }
    args.extend(["-f", "framemd5", "-"]);
    let text = run("ffmpeg", &args, media);
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut base = (1, 1_000_000);
    let mut frames = Vec::new();
    for line in text.lines() {
        if let Some(ratio) = line.strip_prefix("#tb 0: ") {
            let (num, den) = ratio.split_once('/').unwrap();
            base = (num.parse::<i64>().unwrap(), den.parse::<i64>().unwrap());
        } else if !line.starts_with('#') {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let pts: i64 = fields[2].parse().unwrap();
            frames.push((pts * base.0 * 1_000_000 / base.1, fields[5].to_owned()));
        }
    }
    frames
}

/// Checksums of decoded pictures or sound.
pub(crate) fn checksums(media: &Bytes, kind: &str) -> Vec<String> {
    decoded(media, kind).into_iter().map(|(_, sum)| sum).collect()
}
