//! What a camera pushed is what every reader gets: ffmpeg pushes real and synthetic footage, and ffmpeg decodes the
//! archive playlist, the clip and the endless file to exactly the same frames.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::{FRAGMENTATIONS, Fragmentation, push_copy};
use tests::harness::footage::ffmpeg;
use tests::harness::frames::same_frames;
use tests::harness::paths;
use tests::harness::server::Server;
use tests::harness::time::whole_range;

/// Footage to push, and the streams in it.
struct Source {
    name: &'static str,
    file: PathBuf,
    /// ffmpeg stream specifiers that must come back.
    streams: &'static [&'static str],
    /// How ffmpeg selects what it pushes.
    select: &'static [&'static str],
}

fn sources(folder: &Path) -> Vec<Source> {
    let bframes = paths::media("bbb_320x240_24fps_aac_10s.mp4");
    let hevc = folder.join("hevc.mp4");
    let (real, made) = (bframes.to_str().expect("UTF-8"), hevc.to_str().expect("UTF-8"));
    let params = "keyint=24:bframes=3:open-gop=0:log-level=error";
    let video = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params, "-tag:v", "hvc1"];
    ffmpeg(&[&["-i", real][..], &video, &["-c:a", "copy", made]].concat());
    let short = paths::media("ed_640x360_25fps_hevc_aac_1s.mp4");
    let hvc1: &[&str] = &["-tag:v", "hvc1"];
    vec![
        Source { name: "h264-aac", file: bframes.clone(), streams: &["0:v:0", "0:a:0"], select: &[] },
        Source { name: "h264", file: bframes, streams: &["0:v:0"], select: &["-an"] },
        Source {
            name: "flv-h264-aac",
            file: paths::media("bbb_640x360_25fps_aac_10s.flv"),
            streams: &["0:v:0", "0:a:0"],
            select: &[],
        },
        Source { name: "h265-aac", file: hevc, streams: &["0:v:0", "0:a:0"], select: hvc1 },
        Source { name: "h265-aac-short", file: short, streams: &["0:v:0", "0:a:0"], select: hvc1 },
    ]
}

#[tokio::test]
async fn every_reader_decodes_exactly_the_frames_that_were_pushed() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    for source in sources(folder.path()) {
        for fragmentation in &FRAGMENTATIONS {
            let options = [source.select, fragmentation.options].concat();
            round_trip(&server, folder.path(), &source, fragmentation, &options).await;
        }
    }
}

async fn round_trip(server: &Server, folder: &Path, source: &Source, how: &Fragmentation, options: &[&str]) {
    let case = format!("{}, {}", source.name, how.name);
    let stream = format!("{}-{}", source.name, how.name.replace(' ', "-").to_lowercase());
    println!("{case}");
    let pushed = folder.join("pushed.mp4");
    let input = source.file.to_str().expect("UTF-8");
    ffmpeg(
        &[&["-i", input, "-c", "copy"], options, &["-f", "mp4", pushed.to_str().expect("UTF-8")]].concat(),
    );
    push_copy(server, &stream, &source.file, options).await;

    let client = server.client();
    let info = client.json(&format!("/v1/video/{stream}")).await;
    let range = whole_range(&info);
    let token = client.token(&stream, &["play"]).await;
    let base = format!("{}/v1/video/{stream}", server.url());
    let endless = folder.join("endless.mp4");
    let (from, _) = range.split_once('&').expect("from and to");
    let media = client.read_until_idle(&format!("/v1/video/{stream}/media.mp4?{from}")).await;
    std::fs::write(&endless, media).expect("write");

    let readers = [
        ("archive", format!("{base}/hls/archive.m3u8?{range}&token={token}")),
        ("clip", format!("{base}/clip.mp4?{range}&token={token}")),
        ("endless file", endless.to_str().expect("UTF-8").to_owned()),
    ];
    // For sound, ffmpeg 5.1 writes decode times that contradict each other when it fragments every frame.
    let tracks = if how.name == "per frame" { 1 } else { source.streams.len() };
    for (reader, url) in readers {
        for specifier in &source.streams[..tracks] {
            let place = format!("{case}: {reader}, stream {specifier}\nserver log:\n{}", server.log_tail());
            same_frames(pushed.to_str().expect("UTF-8"), &url, specifier, &place);
        }
    }
}

#[tokio::test]
async fn synthetic_1080p_with_sound_comes_back_whole() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("1080p.mp4");
    let text =
        "drawtext=font=DejaVuSans:fontsize=72:fontcolor=white:box=1:boxcolor=black:text='%{pts\\:hms}'";
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &format!("testsrc2=size=1920x1080:rate=30,{text}"),
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440",
        "-t",
        "6",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-bf",
        "2",
        "-g",
        "60",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        file.to_str().expect("UTF-8"),
    ]);
    let source = Source { name: "1080p", file, streams: &["0:v:0", "0:a:0"], select: &[] };
    let how = &FRAGMENTATIONS[1];
    round_trip(&server, folder.path(), &source, how, how.options).await;
}

#[tokio::test]
async fn gstreamer_pushes_too() {
    let server = Server::start().await;
    let url = format!(
        "{}/v1/video/gst/ingest?token={}",
        server.url(),
        server.client().token("gst", &["ingest"]).await
    );
    let pipeline = format!(
        "videotestsrc num-buffers=100 ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc key-int-max=25 tune=zerolatency \
         ! h264parse ! mp4mux fragment-duration=1000 streamable=true ! filesink location=/dev/stdout \
         | curl -sSf -T - -X POST '{url}'"
    );
    let pipeline = format!("set -o pipefail; gst-launch-1.0 -q {pipeline}");
    let answer = tokio::process::Command::new("bash").args(["-c", &pipeline]).output().await.expect("bash");
    assert!(answer.status.success(), "{}\n{}", String::from_utf8_lossy(&answer.stderr), server.log_tail());

    let client = server.client();
    let info = client.json("/v1/video/gst").await;
    let range = whole_range(&info);
    let list = client.json(&format!("/v1/video/gst/clip.frames.json?{range}")).await;
    assert_eq!(list["frames"].as_array().expect("frames").len(), 100, "{info}");
    tokio::time::timeout(Duration::from_secs(30), client.bytes("/v1/video/gst/frame.jpg"))
        .await
        .expect("a frame in time");
}
