//! Footage made on the spot by ffmpeg.

use std::path::Path;
use std::process::Command;

/// Runs ffmpeg to the end; panics with what it said.
pub fn ffmpeg(args: &[&str]) -> String {
    run("ffmpeg", &[&["-hide_banner", "-nostdin", "-y", "-loglevel", "error"], args].concat()).0
}

/// Runs ffmpeg to the end; its stdout, and its warnings for a failing test to show.
pub fn ffmpeg_saying(args: &[&str]) -> (String, String) {
    run("ffmpeg", &[&["-hide_banner", "-nostdin", "-y", "-loglevel", "warning"], args].concat())
}

/// Runs ffprobe; its stdout.
pub fn ffprobe(args: &[&str]) -> String {
    run("ffprobe", &[&["-hide_banner", "-loglevel", "error"], args].concat()).0
}

fn run(program: &str, args: &[&str]) -> (String, String) {
    let answer =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{program} {}: {}\n{said}", args.join(" "), answer.status);
    (String::from_utf8_lossy(&answer.stdout).into_owned(), said.into_owned())
}

/// A machine-readable clock: 16 squares along the top edge, white where the bit of the frame number is set (lowest bit
/// left). Survives any encoder. Read it back with [`super::frames::frame_number`].
pub fn numbered(width: u32, height: u32, rate: u32) -> String {
    let square = width / 16;
    format!(
        "color=c=gray:size={width}x{height}:rate={rate},format=yuv420p,\
         geq=lum='if(lt(Y,{square}),if(mod(floor(N/pow(2,floor(X/{square}))),2),235,16),mod(X+Y+N*4,200)+20)':cb=128:cr=128"
    )
}

/// Writes `seconds` of numbered H.264 (GOP of `gop` frames) as fragmented MP4, a fragment a key frame.
pub fn numbered_h264(path: &Path, size: (u32, u32), rate: u32, gop: u32, seconds: u32) {
    let source = numbered(size.0, size.1, rate);
    let (gop, seconds) = (gop.to_string(), seconds.to_string());
    let file = path.to_str().expect("UTF-8 path");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &source,
        "-t",
        &seconds,
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "2",
        "-g",
        &gop,
        "-sc_threshold",
        "0",
        "-movflags",
        "+frag_keyframe+empty_moov+default_base_moof",
        "-f",
        "mp4",
        file,
    ]);
}
