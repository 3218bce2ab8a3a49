//! Pictures out: the frame at an instant is the one that was on screen then, and a training job reads the tar as it is.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tests::harness::camera::{FRAGMENTATIONS, push_copy_from};
use tests::harness::footage::{ffmpeg, numbered, numbered_h264};
use tests::harness::frames::frame_number;
use tests::harness::paths;
use tests::harness::server::Server;
use tests::harness::time::{now_ms, seconds};

/// Producer time of the first frame: an hour ago is as good as any past instant, and inside the retention.
fn an_hour_ago_ms() -> i64 {
    (now_ms() - 3_600_000) / 1000 * 1000
}

const RATE: i64 = 25;
const FRAME_MS: i64 = 1000 / RATE;

#[tokio::test]
async fn the_frame_at_an_instant_is_the_one_on_screen_then() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    for (codec, encoder) in [("h264", "libx264"), ("h265", "libx265")] {
        let file = folder.path().join(format!("{codec}.mp4"));
        encode_numbered(&file, encoder, 8);
        for (index, how) in FRAGMENTATIONS.iter().enumerate() {
            let stream = format!("{codec}-{index}");
            let start = an_hour_ago_ms();
            push_copy_from(&server, &stream, &file, how.options, start).await;
            for wanted in [0_i64, 1, 24, 25, 26, 49, 73, 120, 149, 199] {
                // The middle of the frame's time on screen.
                let at = seconds(start + wanted * FRAME_MS + FRAME_MS / 2);
                let picture =
                    server.client().bytes(&format!("/v1/video/{stream}/frame.jpg?at={at}&mode=exact")).await;
                let shown = i64::from(frame_number(&picture, folder.path()));
                let place = format!("{codec}, {}, frame {wanted}\n{}", how.name, server.log_tail());
                assert_eq!(shown, wanted, "{place}");
            }
            let at = seconds(start + 60 * FRAME_MS);
            let picture =
                server.client().bytes(&format!("/v1/video/{stream}/frame.png?at={at}&mode=keyframe")).await;
            assert!(picture.starts_with(b"\x89PNG"), "frame.png is a PNG");
            let shown = frame_number(&picture, folder.path());
            assert!(
                [50, 75].contains(&shown),
                "frame 60's nearest key frame, got {shown} in {codec}, {}",
                how.name
            );
        }
    }
}

fn encode_numbered(file: &Path, encoder: &str, duration_s: u32) {
    if encoder == "libx264" {
        return numbered_h264(file, (640, 360), 25, 25, duration_s);
    }
    let (source, duration) = (numbered(640, 360, 25), duration_s.to_string());
    let params = "keyint=25:min-keyint=25:scenecut=0:bframes=3:open-gop=0:log-level=error";
    let file = file.to_str().expect("UTF-8");
    let head = ["-f", "lavfi", "-i", &source, "-t", &duration, "-c:v", encoder, "-preset", "ultrafast"];
    ffmpeg(&[&head[..], &["-x265-params", params, "-tag:v", "hvc1", file]].concat());
}

#[tokio::test]
async fn webdataset_reads_the_tar_and_the_same_query_gives_the_same_bytes() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("numbered.mp4");
    encode_numbered(&file, "libx264", 8);
    let start = an_hour_ago_ms();
    push_copy_from(&server, "robot", &file, FRAGMENTATIONS[1].options, start).await;

    let client = server.client();
    let query =
        format!("/v1/video/robot/frames.tar?from={}&to={}&fps=5", seconds(start), seconds(start + 8000));
    let (first, second) = (client.bytes(&query).await, client.bytes(&query).await);
    assert!(first == second, "the same query gave {} and {} bytes that differ", first.len(), second.len());

    let url = format!("{}{query}&token={}", server.url(), client.token("robot", &["play", "frames"]).await);
    let script = paths::root().join("tests/clients/read_webdataset.py");
    let answer = Command::new(paths::python()).arg(script).arg(&url).output().expect("python");
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{said}\n{}", server.log_tail());
    let samples: Vec<Value> = String::from_utf8_lossy(&answer.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line per sample"))
        .collect();
    assert_eq!(samples.len(), 40, "5 frames a second for 8 seconds");
    let keys: Vec<&str> = samples.iter().map(|sample| sample["key"].as_str().expect("key")).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "keys are unique and increase: {keys:?}");
    for (index, sample) in samples.iter().enumerate() {
        assert_eq!(sample["frame_number"], index * 5, "burnt-in number of sample {index}: {sample}");
        let at_us = (start + i64::try_from(index).expect("small") * 200) * 1000;
        assert_eq!(sample["json"]["ts_producer_us"], at_us, "{sample}");
        assert_eq!(sample["json"]["requested_ts_us"], at_us, "{sample}");
        assert_eq!(sample["json"]["is_keyframe"], index % 5 == 0, "{sample}");
    }

    let gap = format!(
        "/v1/video/robot/frames.tar?from={}&to={}&fps=1",
        seconds(start + 6000),
        seconds(start + 12_000)
    );
    let tar = client.bytes(&gap).await;
    let names =
        Command::new("tar").args(["-tf", "-"]).stdin(as_file(&tar, folder.path())).output().expect("tar");
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    assert_eq!(
        names.lines().filter(|name| name.ends_with(".jpg")).count(),
        2,
        "two seconds are there:\n{names}"
    );
    let manifest = Command::new("tar")
        .args(["-xOf", "-", "__manifest__/manifest.json"])
        .stdin(as_file(&tar, folder.path()))
        .output()
        .expect("tar");
    let manifest: Value = serde_json::from_slice(&manifest.stdout).expect("manifest.json");
    let missing = manifest["missing"].as_array().expect("missing");
    assert_eq!(missing.len(), 4, "the other four are accounted for: {manifest}");
    assert!(
        missing.iter().all(|sample| ["NO_MEDIA", "GAP"].contains(&sample["reason"].as_str().unwrap_or("")))
    );
}

fn as_file(bytes: &[u8], folder: &Path) -> std::fs::File {
    let path = folder.join("frames.tar");
    std::fs::write(&path, bytes).expect("write tar");
    std::fs::File::open(path).expect("open tar")
}

#[tokio::test]
async fn a_killed_worker_costs_nothing_but_a_retry() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("numbered.mp4");
    encode_numbered(&file, "libx264", 8);
    let start = an_hour_ago_ms();
    push_copy_from(&server, "cam", &file, FRAGMENTATIONS[2].options, start).await;
    let client = server.client();
    let mut killed = 0;
    for round in 0..5_i64 {
        let path = format!("/v1/video/cam/frame.jpg?at={}", seconds(start + round * 1000 + 20));
        let asking = tokio::spawn({
            let (client, path) = (client.clone(), path.clone());
            async move { client.bytes(&path).await }
        });
        // Whatever it is doing at this moment: idle, starting or in the middle of our request.
        let parent = server.pid().to_string();
        let kill = Command::new("pkill").args(["-KILL", "-P", &parent, "media-worker"]).status();
        killed += u32::from(kill.expect("pkill").success());
        let picture = asking.await.expect("a picture");
        assert_eq!(i64::from(frame_number(&picture, folder.path())), round * RATE, "{}", server.log_tail());
    }
    assert!(killed > 0, "no worker was there to be killed");
}
