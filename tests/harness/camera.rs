//! Cameras: programs nobody here wrote, pushing to a server.

use super::server::Server;
use super::time::seconds;
use super::wait;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Fragmentation as ffmpeg's `-movflags`, and further muxer options.
pub struct Fragmentation {
    /// For messages.
    pub name: &'static str,
    /// ffmpeg output options.
    pub options: &'static [&'static str],
}

/// A fragment for every frame, every 200 ms, every group of pictures.
pub const FRAGMENTATIONS: [Fragmentation; 3] = [
    Fragmentation {
        name: "per frame",
        options: &["-movflags", "+frag_every_frame+empty_moov+default_base_moof"],
    },
    Fragmentation {
        name: "200 ms",
        options: &["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "200000"],
    },
    Fragmentation { name: "per GOP", options: &["-movflags", "+frag_keyframe+empty_moov+default_base_moof"] },
];

/// ffmpeg copying `input` to the server as fast as it can, to the end. Panics when ffmpeg fails.
pub async fn push_copy(server: &Server, stream: &str, input: &Path, options: &[&str]) {
    push_copy_to(server, stream, input, options, "").await;
}

/// The same, telling the server that the first frame was taken at `start_ms` since the epoch.
pub async fn push_copy_from(server: &Server, stream: &str, input: &Path, options: &[&str], start_ms: i64) {
    push_copy_to(server, stream, input, options, &format!("?start={}", seconds(start_ms))).await;
}

async fn push_copy_to(server: &Server, stream: &str, input: &Path, options: &[&str], query: &str) {
    let mut command = ffmpeg();
    command.arg("-i").arg(input).args(["-c", "copy"]).args(options).args(sink(server, stream, query));
    let answer = command.output().await.expect("run ffmpeg");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "ffmpeg push to {stream}: {said}\nserver log:\n{}", server.log_tail());
    all_stored(server, stream).await;
}

/// ffmpeg hangs up with its last byte and does not wait for an answer: waits until the server has stored what was sent.
async fn all_stored(server: &Server, stream: &str) {
    let path = format!("/v1/video/{stream}");
    wait::until("the end of the push", Duration::from_secs(60), || async {
        let text = server.client().get(&path).await.text().await.map_err(|error| error.to_string())?;
        if text.contains("\"state\":\"idle\"") {
            Ok(())
        } else {
            Err(format!("{text}\n{}", server.log_tail()))
        }
    })
    .await;
}

/// ffmpeg pushing a live synthetic picture (lavfi `source`) in real time until it is killed or dropped.
pub fn push_live(server: &Server, stream: &str, source: &str) -> Child {
    let mut command = ffmpeg();
    command.args(["-re", "-f", "lavfi", "-i", source]).args(LIVE_H264).args(FRAGMENTATIONS[2].options);
    command.args(["-frag_duration", "250000"]).args(sink(server, stream, ""));
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("start ffmpeg")
}

/// ffmpeg sending `file` over and over in real time for `seconds`, without encoding.
pub fn push_loop(server: &Server, stream: &str, file: &Path, seconds: u32) -> Child {
    let mut command = ffmpeg();
    command.args(["-re", "-stream_loop", "-1", "-i"]).arg(file).args([
        "-t",
        &seconds.to_string(),
        "-c",
        "copy",
    ]);
    command.args(FRAGMENTATIONS[2].options).args(sink(server, stream, ""));
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("start ffmpeg")
}

/// Cheap H.264 for live pictures, with a key frame every second.
pub const LIVE_H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "25",
    "-keyint_min",
    "25",
];

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
    command
}

/// The output part of an ffmpeg command line that pushes over HTTP.
fn sink(server: &Server, stream: &str, query: &str) -> Vec<String> {
    let url = format!("{}/v1/video/{stream}/ingest{query}", server.url_with_sign_in());
    ["-f", "mp4", "-method", "POST", "-auth_type", "basic"]
        .map(str::to_owned)
        .into_iter()
        .chain([url])
        .collect()
}
