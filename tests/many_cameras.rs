//! Sixty-four cameras at once for a minute: no fragment is lost and memory stays bounded.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::push_loop;
use tests::harness::footage::{ffmpeg, numbered_h264};
use tests::harness::frames::packet_times;
use tests::harness::server::Server;
use tests::harness::time::whole_range;

const CAMERAS: usize = 64;
const SECONDS: u32 = 60;
const RATE: u32 = 10;
/// Far above what is needed (the figure printed), far below what a leak of the footage would take.
const MEMORY_MAX_KIB: u64 = 1 << 20;

#[tokio::test]
async fn sixty_four_cameras_lose_nothing() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("numbered.mp4");
    numbered_h264(&file, (160, 90), RATE, RATE, 10);
    let expected = frames_sent(&file, folder.path());
    let mut cameras = Vec::new();
    for index in 0..CAMERAS {
        cameras.push(push_loop(&server, &format!("cam-{index:02}"), &file, SECONDS));
        tokio::time::sleep(Duration::from_millis(20)).await; // a house does not switch all its cameras on at once
    }
    for (index, mut camera) in cameras.into_iter().enumerate() {
        let status = tokio::time::timeout(Duration::from_secs(180), camera.wait()).await;
        let status =
            status.unwrap_or_else(|_| panic!("camera {index} never finished")).expect("wait for ffmpeg");
        assert!(status.success(), "camera {index}: {status}\n{}", server.log_tail());
    }
    let client = server.client();
    for index in 0..CAMERAS {
        let stream = format!("cam-{index:02}");
        let info = client.json(&format!("/v1/video/{stream}")).await;
        let list = client.json(&format!("/v1/video/{stream}/clip.frames.json?{}", whole_range(&info))).await;
        let frames = list["frames"].as_array().expect("frames").len();
        assert_eq!(frames, expected, "frames of {stream}: {info}\n{}", server.log_tail());
    }
    let peak_kib = peak_memory_kib(server.pid());
    println!("peak memory of the server with {CAMERAS} cameras: {} MiB", peak_kib / 1024);
    assert!(peak_kib < MEMORY_MAX_KIB, "the server took {peak_kib} KiB");
}

/// What a camera sends, into a file: cutting by time, ffmpeg keeps a few frames more than a minute's.
fn frames_sent(file: &Path, folder: &Path) -> usize {
    let (sent, seconds) = (folder.join("sent.mp4"), SECONDS.to_string());
    let (file, sent) = (file.to_str().expect("UTF-8"), sent.to_str().expect("UTF-8"));
    ffmpeg(&["-stream_loop", "-1", "-i", file, "-t", &seconds, "-c", "copy", sent]);
    let frames = packet_times(sent, "v:0").len();
    assert!(frames >= (SECONDS * RATE) as usize, "{frames} frames");
    frames
}

fn peak_memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
