//! The console in a real browser: signs in, plays live, seeks ten minutes back, takes a clip, owns up to H.265, splits
//! a shard, sees what a data stream takes and gives, makes a user and a key and takes their power away.
//! The checks themselves are in `browser/checks.mjs`.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::{FRAGMENTATIONS, push_copy_from, push_live};
use tests::harness::footage::ffmpeg;
use tests::harness::paths;
use tests::harness::server::{KEY_ID, SECRET, Server};
use tests::harness::time::now_ms;
use tokio::process::Command;

/// How far back the browser seeks; the footage pushed beforehand covers it amply.
const BACK_S: i64 = 600;

#[tokio::test]
async fn a_person_with_a_browser_finds_everything() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let past = folder.path().join("past.mp4");
    encode(&past, "testsrc2=size=320x180:rate=10", 2 * BACK_S, &["libx264", "-preset", "ultrafast"]);
    // It ends half a minute ago, so that there is a gap before the live camera.
    let past_start = now_ms() - (2 * BACK_S + 30) * 1000;
    push_copy_from(&server, "yard", &past, FRAGMENTATIONS[2].options, past_start).await;
    let _camera = push_live(&server, "yard", "testsrc2=size=640x360:rate=25");
    let hevc = folder.path().join("hevc.mp4");
    encode(
        &hevc,
        "testsrc2=size=320x180:rate=10",
        30,
        &["libx265", "-preset", "ultrafast", "-tag:v", "hvc1"],
    );
    push_copy_from(&server, "gate-h265", &hevc, FRAGMENTATIONS[2].options, now_ms() - 40_000).await;

    let shots = std::env::var_os("KINETOSCOPE_SCREENSHOTS").map_or(folder.path().join("shots"), Into::into);
    let mut script = Command::new("node");
    script.arg(paths::root().join("tests/browser/check.mjs")).args(["--url", server.url(), "--live", "yard"]);
    script.args(["--hevc", "gate-h265", "--back-s", &BACK_S.to_string(), "--shots"]).arg(shots);
    script
        .env("KINETOSCOPE_ACCESS_KEY_ID", KEY_ID)
        .env("KINETOSCOPE_SECRET_ACCESS_KEY", SECRET)
        .kill_on_drop(true);
    let answer = tokio::time::timeout(Duration::from_secs(600), script.output()).await;
    let answer = answer.expect("the browser checks end within ten minutes").expect("run node");
    let (lines, said) = (String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
    println!("{lines}{said}");
    assert!(answer.status.success(), "{lines}{said}\nserver log:\n{}", server.log_tail());
}

/// Footage with a key frame every ten frames.
fn encode(file: &Path, source: &str, seconds: i64, encoder: &[&str]) {
    let (seconds, file) = (seconds.to_string(), file.to_str().expect("UTF-8"));
    let input = ["-f", "lavfi", "-i", source, "-t", &seconds, "-pix_fmt", "yuv420p", "-g", "10", "-c:v"];
    ffmpeg(&[&input[..], encoder, &[file]].concat());
}
