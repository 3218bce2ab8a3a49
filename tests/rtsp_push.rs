//! Cameras that push over RTSP: ffmpeg and GStreamer, over TCP and UDP; what is refused, and what becomes of cameras that
//! vanish, stall, or whose media-worker is killed.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::LIVE_H264;
use tests::harness::footage::{ffmpeg, numbered_h264};
use tests::harness::frames::{checksums, packets, same_frames};
use tests::harness::processes::{self, Signal};
use tests::harness::server::{KEY_ID, SECRET, Server, Settings};
use tests::harness::time::{now_ms, whole_range};
use tests::harness::{paths, rtsp, wait};

/// Footage to push and how ffmpeg selects it.
struct Source {
    name: &'static str,
    file: PathBuf,
    sound: bool,
}

fn sources(folder: &Path) -> Vec<Source> {
    let bframes = paths::media("bbb_320x240_24fps_aac_10s.mp4");
    let (hevc, opus) = (folder.join("hevc.mp4"), folder.join("opus.mp4"));
    let real = bframes.to_str().expect("UTF-8");
    let params = "keyint=24:bframes=3:open-gop=0:log-level=error";
    let video = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params, "-tag:v", "hvc1"];
    ffmpeg(&[&["-i", real][..], &video, &["-c:a", "copy", hevc.to_str().expect("UTF-8")]].concat());
    ffmpeg(&["-i", real, "-c:v", "copy", "-c:a", "libopus", opus.to_str().expect("UTF-8")]);
    vec![
        Source { name: "h264-aac", file: bframes, sound: true },
        Source { name: "h265-aac", file: hevc, sound: true },
        Source { name: "h264-opus", file: opus, sound: true },
        Source { name: "flv-h264-aac", file: paths::media("bbb_640x360_25fps_aac_10s.flv"), sound: true },
    ]
}

#[tokio::test]
async fn what_ffmpeg_pushes_is_stored_frame_by_frame() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let sources = sources(folder.path());
    let mut pushes = Vec::new();
    for source in &sources {
        for transport in rtsp::TRANSPORTS {
            pushes.push(push_and_compare(&server, source, transport));
        }
    }
    futures_util::future::join_all(pushes).await;
}

async fn push_and_compare(server: &Server, source: &Source, transport: &str) {
    let stream = format!("{}-{transport}", source.name);
    let file = source.file.to_str().expect("UTF-8");
    let url = rtsp::url(server, &stream).await;
    let answer = rtsp::ffmpeg_push(&["-i", file, "-c", "copy"], transport, &url).await;
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{stream}: {said}\n{}", server.log_tail());
    let info = rtsp::recorded(server, &stream, 9_000, true).await;
    let token = server.client().token(&stream, &["play"]).await;
    let range = whole_range(&info);
    let place = format!("{stream}: {info}\n{}", server.log_tail());
    for reader in ["hls/archive.m3u8", "clip.mp4"] {
        let served = format!("{}/v1/video/{stream}/{reader}?{range}&token={token}", server.url());
        same_frames(file, &served, "0:v:0", &format!("{reader} of {place}"));
        if source.sound {
            same_sound(file, &served, &format!("{reader} of {place}"));
        }
    }
}

/// Packets of sound are served as they were, but perhaps the first few, which came before the first picture, and the last
/// ones: ffmpeg's packetiser keeps what does not fill a packet to itself.
fn same_sound(pushed: &str, served: &str, place: &str) {
    let (want, have) = (packets(pushed, "0:a:0"), packets(served, "0:a:0"));
    let start = want.windows(have.len()).position(|window| window == have);
    let start = start.unwrap_or_else(|| panic!("other sound than was pushed in {place}"));
    let missing = want.len() - have.len();
    assert!(
        start <= 6 && missing <= 16,
        "of {} packets {start} first ones, {missing} in all are missing: {place}",
        want.len()
    );
}

#[tokio::test]
async fn gstreamer_pushes_over_tcp_and_udp() {
    let server = Server::start().await;
    let address = rtsp::address(&server).await;
    for transport in rtsp::TRANSPORTS {
        let stream = format!("gst-{transport}");
        // Without a format the encoder changes its parameter sets after the first picture.
        let source = "videotestsrc is-live=true num-buffers=100 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 \
                      ! x264enc tune=zerolatency key-int-max=25";
        rtsp::gst_push(source, transport, &format!("rtsp://{address}/{stream}")).await;
        let info = rtsp::recorded(&server, &stream, 3_800, true).await;
        let list = format!("/v1/video/{stream}/clip.frames.json?{}", whole_range(&info));
        let list = server.client().json(&list).await;
        assert_eq!(list["frames"].as_array().expect("frames").len(), 100, "{info}\n{}", server.log_tail());
    }
}

#[tokio::test]
async fn who_may_not_push_is_told_why() {
    let server = Server::start().await;
    let address = rtsp::address(&server).await;
    let input = [&["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", "2"][..], LIVE_H264].concat();
    let wrong = [
        ("a wrong secret", format!("rtsp://{KEY_ID}:wrong@{address}/cam"), "401"),
        ("an unknown key", format!("rtsp://NOBODY000000:{SECRET}@{address}/cam"), "401"),
        ("no sign-in", format!("rtsp://{address}/cam"), "401"),
        ("a token of another stream", token_url(&server, "other", &["ingest"], "cam").await, "403"),
        ("a token that may only play", token_url(&server, "cam", &["play"], "cam").await, "403"),
    ];
    for (what, url, status) in wrong {
        let answer = rtsp::ffmpeg_push(&input, "tcp", &url).await;
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(!answer.status.success() && said.contains(status), "{what}: {said}\n{}", server.log_tail());
    }
    let listed = server.client().json("/v1/video").await;
    assert_eq!(listed["streams"].as_array().map(Vec::len), Some(0), "nothing was made: {listed}");

    let url = token_url(&server, "cam", &["ingest"], "cam").await;
    let answer = rtsp::ffmpeg_push(&input, "tcp", &url).await;
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "the right token: {said}\n{}", server.log_tail());
    rtsp::recorded(&server, "cam", 1_500, true).await;
}

#[tokio::test]
async fn parameter_sets_that_change_begin_anew_and_everything_stays_decodable() {
    let server = Server::start().await;
    let location = format!("rtsp://{}/cam", rtsp::address(&server).await);
    let source = "videotestsrc is-live=true num-buffers=100 ! video/x-raw,format=Y444,width=320,height=180,framerate=25/1 \
                  ! x264enc tune=zerolatency key-int-max=25";
    rtsp::gst_push(source, "tcp", &location).await;
    let info = rtsp::recorded(&server, "cam", 2_900, true).await;
    let token = server.client().token("cam", &["play"]).await;
    let url = format!("{}/v1/video/cam/hls/archive.m3u8?{}&token={token}", server.url(), whole_range(&info));
    let decoded = checksums(&url, &["-xerror"], "0:v").len();
    assert!(decoded >= 75, "{decoded} pictures of {info}\n{}", server.log_tail());
}

/// Where to push to with a token instead of an access key.
async fn token_url(server: &Server, of: &str, verbs: &[&str], stream: &str) -> String {
    let wish = serde_json::json!({"stream": of, "verbs": verbs, "expires_in_s": 600});
    let request = server.client().request(reqwest::Method::POST, "/v1/tokens").json(&wish);
    let answer: Value = request.send().await.expect("POST /v1/tokens").json().await.expect("JSON");
    let part =
        |key: &str| answer["rtsp"][key].as_str().unwrap_or_else(|| panic!("{key} in {answer}")).to_owned();
    format!("rtsp://{}:{}@{}/{stream}", part("username"), part("password"), rtsp::address(server).await)
}

#[tokio::test]
async fn a_codec_that_is_not_taken_is_refused_with_its_name() {
    let server = Server::start().await;
    let url = rtsp::url(&server, "cam").await;
    let input = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25",
        "-t",
        "2",
        "-c:v",
        "mjpeg",
        "-pix_fmt",
        "yuvj420p",
    ];
    let answer = rtsp::ffmpeg_push(&input, "tcp", &url).await;
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(!answer.status.success() && said.contains("415"), "{said}");
    let refused = server.client().json("/v1/rtsp").await;
    let reason = refused["refused"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.to_ascii_uppercase().contains("JPEG"), "{refused}");
    assert!(server.log_tail().to_ascii_uppercase().contains("JPEG"), "{}", server.log_tail());
}

#[tokio::test]
async fn a_second_publisher_is_refused_or_takes_over_if_configured() {
    for takeover in [false, true] {
        let args = vec![format!("--publisher-takeover={takeover}")];
        let server = Server::start_with(Settings { args, ..Settings::default() }).await;
        let mut first = rtsp::push_live(&server, "cam").await;
        rtsp::recorded(&server, "cam", 1_000, false).await;
        let url = rtsp::url(&server, "cam").await;
        let input =
            [&["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", "3"][..], LIVE_H264].concat();
        let second = rtsp::ffmpeg_push(&input, "tcp", &url).await;
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        let still = first.try_wait().expect("first").is_none();
        let log = server.log_tail();
        assert_eq!(
            (second.status.success(), still),
            (takeover, !takeover),
            "takeover {takeover}: {said}\n{log}"
        );
    }
}

#[tokio::test]
async fn cameras_that_vanish_or_stall_leave_a_gap_with_a_reason() {
    let args = ["--rtsp-idle-timeout-s", "2"].map(str::to_owned).to_vec();
    let server = Server::start_with(Settings { args, ..Settings::default() }).await;
    let input = [&["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25"][..], LIVE_H264].concat();
    for transport in rtsp::TRANSPORTS {
        for (signal, reason) in [(Signal::KILL, "camera_disconnected"), (Signal::STOP, "no_data")] {
            let stream = format!("{transport}-{reason}");
            let url = rtsp::url(&server, &stream).await;
            let mut camera = rtsp::start_ffmpeg_push(&input, transport, &url);
            rtsp::recorded(&server, &stream, 1_500, false).await;
            processes::signal(camera.id().expect("running"), signal);
            rtsp::recorded(&server, &stream, 1_500, true).await;
            let _ = camera.kill().await;
            tokio::time::sleep(LONG_ENOUGH).await;
            let _again = rtsp::start_ffmpeg_push(&input, transport, &url);
            let gap = first_gap(&server, &stream).await;
            assert_eq!(gap["reason"], reason, "{stream}: {gap}\n{}", server.log_tail());
        }
    }
}

/// Footage that is missing for less than half a second is not called a gap.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// The first gap between two spans of footage.
async fn first_gap(server: &Server, stream: &str) -> Value {
    wait::until(&format!("a gap in {stream}"), Duration::from_secs(30), || async {
        let (timeline, gaps) = gaps(server, stream).await;
        gaps.into_iter().next().ok_or_else(|| timeline.to_string())
    })
    .await
}

/// The timeline of the last minutes, and the gaps between spans of footage in it.
async fn gaps(server: &Server, stream: &str) -> (Value, Vec<Value>) {
    let timeline = server.client().json(&format!("/v1/video/{stream}/timeline")).await;
    let spans = timeline["spans"].as_array().expect("spans");
    let bounds = spans.first().zip(spans.last());
    let within =
        bounds.and_then(|(first, last)| Some((first["end_ms"].as_i64()?, last["start_ms"].as_i64()?)));
    let between = |gap: &Value| {
        within.is_some_and(|(from, to)| {
            gap["start_ms"].as_i64() >= Some(from) && gap["end_ms"].as_i64() <= Some(to)
        })
    };
    let gaps =
        timeline["gaps"].as_array().expect("gaps").iter().filter(|gap| between(gap)).cloned().collect();
    (timeline, gaps)
}

const CAMERAS: usize = 20;

#[tokio::test]
async fn a_killed_media_worker_costs_a_short_gap_and_nothing_that_was_acknowledged() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("numbered.mp4");
    numbered_h264(&file, (160, 90), 25, 50, 10);
    let streams: Vec<String> = (0..CAMERAS).map(|index| format!("cam-{index:02}")).collect();
    let mut cameras = Vec::new();
    for stream in &streams {
        cameras.push(rtsp::push_loop(&file, &rtsp::url(&server, stream).await));
    }
    let mut before = Vec::new();
    for stream in &streams {
        rtsp::recorded(&server, stream, 2_000, false).await;
        before.push(fragments(&server, stream).await);
    }
    let killed = processes::children(server.pid(), "--mode cameras");
    assert!(
        !killed.is_empty(),
        "no media-worker for cameras among {:?}",
        processes::children(server.pid(), "")
    );
    let killed_ms = now_ms();
    killed.iter().for_each(|pid| processes::signal(*pid, Signal::KILL));

    let mut marked = 0;
    for (stream, before) in streams.iter().zip(&before) {
        let info = wait::until(&format!("{stream} to go on"), Duration::from_secs(30), || async {
            let info = server.client().json(&format!("/v1/video/{stream}")).await;
            if info["last_ms"].as_i64() > Some(killed_ms + 3_500) { Ok(info) } else { Err(info.to_string()) }
        })
        .await;
        let (timeline, gaps) = gaps(&server, stream).await;
        let place = format!("{stream}: {timeline} {info}\n{}", server.log_tail());
        for gap in &gaps {
            let missing = gap["end_ms"].as_i64().expect("end") - gap["start_ms"].as_i64().expect("start");
            println!("{stream}: {missing} ms are missing");
            assert!(gap["reason"] == "media_worker_failed" && missing < 3_000, "{place}");
        }
        assert!(gaps.len() <= 1, "{place}");
        marked += gaps.len();
        let after = fragments(&server, stream).await;
        assert!(before.iter().all(|number| after.contains(number)), "{before:?} {after:?} {place}");
    }
    // A gap of less than half a second is not called one; with two seconds between key frames most are longer.
    assert!(marked > 0, "no stream has a gap");
    for camera in &mut cameras {
        assert!(camera.try_wait().expect("camera").is_none(), "no camera had to connect again");
    }
}

/// Numbers of all fragments.
async fn fragments(server: &Server, stream: &str) -> Vec<String> {
    let page = server.client().json(&format!("/v1/video/{stream}/fragments?limit=1000")).await;
    let fragments = page["fragments"].as_array().expect("fragments");
    fragments
        .iter()
        .map(|fragment| fragment["fragment_number"].as_str().expect("a string").to_owned())
        .collect()
}

#[tokio::test]
async fn media_workers_end_with_their_server() {
    let mut server = Server::start().await;
    let camera = rtsp::push_live(&server, "cam").await;
    rtsp::recorded(&server, "cam", 1_000, false).await;
    let workers = processes::children(server.pid(), "--mode cameras");
    assert!(!workers.is_empty());
    server.kill().await;
    drop(camera);
    for pid in workers {
        wait::until("the orphaned media-worker's end", Duration::from_secs(10), || async {
            if processes::runs(pid) { Err(format!("{pid} runs")) } else { Ok(()) }
        })
        .await;
    }
    tokio::time::sleep(LONG_ENOUGH).await;
    server.restart().await;
    let _camera = rtsp::push_live(&server, "cam").await;
    let gap = first_gap(&server, "cam").await;
    assert_eq!(gap["reason"], "server_restarted", "{gap}\n{}", server.log_tail());
}

#[tokio::test]
async fn silent_connections_are_bounded_and_hurt_nobody() {
    let args = ["--header-timeout-s", "2"].map(str::to_owned).to_vec();
    let server = Server::start_with(Settings { args, ..Settings::default() }).await;
    let address = rtsp::address(&server).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(tokio::net::TcpStream::connect(&address).await.expect("connect"));
    }
    let _camera = rtsp::push_live(&server, "cam").await;
    rtsp::recorded(&server, "cam", 1_000, false).await;
    for mut connection in silent {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut connection, &mut byte);
        let closed = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(matches!(closed, Ok(Ok(0) | Err(_))), "a connection that says nothing is closed");
    }
}
