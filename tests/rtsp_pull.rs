//! Cameras that are pulled from: a real RTSP server (gst-rtsp-server) with and without sign-in, over TCP, UDP and TLS, and
//! what becomes of one that goes away.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use base64::Engine;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::footage::ffprobe;
use tests::harness::frames::{packets, same_frames};
use tests::harness::rtsp::{Camera, TEST_PICTURE, pull, recorded};
use tests::harness::server::Server;
use tests::harness::time::whole_range;
use tests::harness::{paths, wait};

/// A camera that plays a file once.
async fn playing(file: &Path, options: &[&str]) -> Camera {
    let file = file.to_str().expect("UTF-8");
    let launch = format!(
        "( filesrc location={file} ! qtdemux name=d d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 \
         d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
    );
    Camera::start(&launch, options).await
}

#[tokio::test]
async fn what_a_camera_shows_is_stored_frame_by_frame() {
    let server = Server::start().await;
    let file = paths::media("bbb_320x240_24fps_aac_10s.mp4");
    let mut cameras = Vec::new();
    for transport in ["tcp", "udp"] {
        let camera = playing(&file, &["--user", "viewer", "--password", "pa55"]).await;
        let source = json!({"url": camera.url("rtsp"), "username": "viewer", "password": "pa55", "transport": transport});
        pull(&server, transport, source).await;
        cameras.push(camera);
    }
    let file = file.to_str().expect("UTF-8");
    for transport in ["tcp", "udp"] {
        recorded(&server, transport, 9_700, false).await;
        let stop = format!("/v1/video/{transport}/source/stop");
        server.client().request(reqwest::Method::POST, &stop).send().await.expect("stop");
        let info = recorded(&server, transport, 9_700, true).await;
        let token = server.client().token(transport, &["play"]).await;
        let range = whole_range(&info);
        let served = format!("{}/v1/video/{transport}/clip.mp4?{range}&token={token}", server.url());
        let place = format!("{transport}: {info}\n{}", server.log_tail());
        same_frames(file, &served, "0:v:0", &place);
        let (want, have) = (packets(file, "0:a:0"), packets(&served, "0:a:0"));
        assert!(want.windows(have.len()).any(|window| window == have), "sound of {place}");
        assert!(want.len() - have.len() <= 5, "{} of {} packets of sound in {place}", have.len(), want.len());
        assert_eq!(info["source"]["state"], "stopped", "{place}");
    }
}

#[tokio::test]
async fn a_camera_that_goes_away_leaves_a_gap_and_comes_back_to_the_same_stream() {
    let mut server = Server::start().await;
    let mut camera = Camera::start(TEST_PICTURE, &[]).await;
    pull(&server, "cam", camera.url("rtsp")).await;
    recorded(&server, "cam", 2_000, false).await;
    camera.unplug().await;
    let info = state(&server, "cam", "waiting").await;
    assert!(info["source"]["error"].is_string() && info["source"]["next_try_ms"].is_i64(), "{info}");
    camera.plug_in().await;
    state(&server, "cam", "recording").await;
    let timeline = wait::until("a gap", Duration::from_secs(30), || async {
        let timeline = server.client().json("/v1/video/cam/timeline").await;
        let spans = timeline["spans"].as_array().map_or(0, Vec::len);
        if spans == 2 { Ok(timeline) } else { Err(timeline.to_string()) }
    })
    .await;
    let between = timeline["spans"][0]["end_ms"].as_i64();
    let gap =
        timeline["gaps"].as_array().expect("gaps").iter().find(|gap| gap["start_ms"].as_i64() >= between);
    let reason = gap.map(|gap| gap["reason"].clone());
    assert_eq!(reason, Some(json!("camera_disconnected")), "{timeline}\n{}", server.log_tail());

    // A server that comes up again goes on by itself.
    server.kill().await;
    server.restart().await;
    let before = recorded(&server, "cam", 2_000, false).await["last_ms"].as_i64().expect("last_ms");
    wait::until("recording after a restart", Duration::from_secs(30), || async {
        let info = server.client().json("/v1/video/cam").await;
        if info["last_ms"].as_i64() > Some(before + 1_000) { Ok(()) } else { Err(info.to_string()) }
    })
    .await;
}

async fn state(server: &Server, stream: &str, wanted: &str) -> Value {
    wait::until(&format!("{stream} to be {wanted}"), Duration::from_secs(40), || async {
        let info = server.client().json(&format!("/v1/video/{stream}")).await;
        if info["source"]["state"] == wanted {
            Ok(info)
        } else {
            Err(format!("{info}\n{}", server.log_tail()))
        }
    })
    .await
}

#[tokio::test]
async fn a_wrong_password_is_said_and_no_password_is_ever_shown() {
    let server = Server::start().await;
    let camera = Camera::start(TEST_PICTURE, &["--user", "viewer", "--password", "right-0f3a"]).await;
    let wrong = camera.url("rtsp").replace("rtsp://", "rtsp://viewer:wrong-77b1c9@");
    pull(&server, "cam", wrong).await;
    let info = state(&server, "cam", "waiting").await;
    assert!(info["source"]["error"].as_str().is_some_and(|error| error.contains("401")), "{info}");
    assert!(info["source"]["url"].as_str().is_some_and(|url| url.contains("viewer:***@")), "{info}");
    let probe =
        probe(&server, json!({"url": camera.url("rtsp"), "username": "viewer", "password": "wrong-77b1c9"}))
            .await;
    assert_eq!(probe["error"]["code"], "SOURCE_UNAUTHORIZED", "{probe}");

    let everything = format!("{info} {probe} {}", server.client().json("/v1/video").await);
    assert!(!everything.contains("77b1c9") && !server.log_tail().contains("77b1c9"), "{}", server.log_tail());
    assert_eq!(
        files_with(server.data(), b"77b1c9"),
        Vec::<String>::new(),
        "the password lies on disk in the clear"
    );

    pull_again(&server, "cam", &camera.url("rtsp").replace("rtsp://", "rtsp://viewer:right-0f3a@")).await;
    state(&server, "cam", "recording").await;
}

async fn pull_again(server: &Server, stream: &str, url: &str) {
    let request = server.client().request(reqwest::Method::PATCH, &format!("/v1/video/{stream}"));
    let answer = request.json(&json!({ "source": url })).send().await.expect("PATCH");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
}

fn files_with(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(needle.len()).any(|window| window == needle)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

async fn probe(server: &Server, source: Value) -> Value {
    let request = server.client().request(reqwest::Method::POST, "/v1/sources/probe").json(&source);
    request.send().await.expect("probe").json().await.expect("JSON")
}

#[tokio::test]
async fn a_source_can_be_looked_at_before_it_is_recorded() {
    let server = Server::start().await;
    let camera = Camera::start(TEST_PICTURE, &[]).await;
    let seen = probe(&server, json!({"url": camera.url("rtsp")})).await;
    assert_eq!(
        (&seen["tracks"][0]["width"], &seen["tracks"][0]["height"]),
        (&json!(320), &json!(180)),
        "{seen}"
    );
    let picture = seen["picture"].as_str().and_then(|text| text.strip_prefix("data:image/jpeg;base64,"));
    let picture =
        base64::engine::general_purpose::STANDARD.decode(picture.expect("a picture")).expect("base64");
    assert!(picture.starts_with(&[0xff, 0xd8]), "a JPEG");
    assert_eq!(server.client().json("/v1/video").await["streams"], json!([]), "nothing is recorded");

    let nobody = probe(&server, json!({"url": "rtsp://127.0.0.1:9/cam"})).await;
    assert_eq!(nobody["error"]["code"], "SOURCE_UNREACHABLE", "{nobody}");
}

#[tokio::test]
async fn cameras_that_speak_tls_are_pulled_when_their_certificate_is_accepted() {
    let server = Server::start().await;
    let folder = TempDir::new().expect("temporary folder");
    let pem = folder.path().join("camera.pem");
    certificate(&pem);
    let options = ["--cert", pem.to_str().expect("UTF-8"), "--user", "viewer", "--password", "pa55"];
    let camera = Camera::start(TEST_PICTURE, &options).await;
    let source = |verify: bool| {
        let url = camera.url("rtsps");
        json!({"url": url, "username": "viewer", "password": "pa55", "verify_certificate": verify})
    };
    pull(&server, "strict", source(true)).await;
    pull(&server, "lax", source(false)).await;
    recorded(&server, "lax", 2_000, false).await;
    state(&server, "strict", "waiting").await;
}

/// A self-signed certificate and its key in one PEM file.
fn certificate(pem: &Path) {
    let (key, cert) = (pem.with_extension("key"), pem.with_extension("crt"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&cert).output().expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both = [cert, key].map(|file| std::fs::read(file).expect("made")).concat();
    std::fs::write(pem, both).expect("write");
}

#[tokio::test]
async fn telephone_sound_is_kept_and_can_be_played() {
    let server = Server::start().await;
    let launch = TEST_PICTURE.replace(
        "name=pay0 pt=96 )",
        "name=pay0 pt=96 audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 )",
    );
    let camera = Camera::start(&launch, &[]).await;
    pull(&server, "cam", camera.url("rtsp")).await;
    let info = recorded(&server, "cam", 3_000, false).await;
    assert!(info["codecs"].as_str().is_some_and(|codecs| codecs.to_lowercase().contains("flac")), "{info}");
    let token = server.client().token("cam", &["play"]).await;
    let url = format!("{}/v1/video/cam/clip.mp4?{}&token={token}", server.url(), whole_range(&info));
    let streams = ffprobe(&["-show_entries", "stream=codec_name,sample_rate", "-of", "csv=p=0", &url]);
    assert!(streams.contains("flac,8000"), "{streams}");
}
