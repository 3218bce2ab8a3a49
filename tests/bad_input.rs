//! What a broken or hostile client sends gets a precise answer, and disturbs nobody.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tests::harness::boxes::fragments;
use tests::harness::camera::{FRAGMENTATIONS, push_live};
use tests::harness::footage::{ffmpeg, numbered_h264};
use tests::harness::paths;
use tests::harness::server::{KEY_ID, Server, Settings};
use tests::harness::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a body to ingest; the status and the error's code.
async fn push(server: &Server, stream: &str, body: Vec<u8>) -> (StatusCode, String) {
    let request = server.client().request(Method::POST, &format!("/v1/video/{stream}/ingest")).body(body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: not JSON: {text}"));
    let error = &json["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{status}: {text}");
    (status, error["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn bad_footage_gets_a_precise_error_and_disturbs_nobody() {
    let server = Server::start().await;
    let _neighbour = push_live(&server, "neighbour", "testsrc2=size=160x90:rate=25");
    let folder = tempfile::tempdir().expect("temporary folder");
    let good = folder.path().join("good.mp4");
    numbered_h264(&good, (160, 90), 25, 25, 4);
    let good = std::fs::read(&good).expect("footage");
    let (init, parts) = fragments(&good);
    let progressive = folder.path().join("progressive.mp4");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25",
        "-t",
        "1",
        progressive.to_str().expect("UTF-8"),
    ]);

    let read = |file: &str| std::fs::read(paths::media(file)).expect("footage");
    let huge_box = [&init[..], &[0xc0, 0, 0, 0], b"mdat", &[0; 64]].concat(); // 3 GiB, it says
    let cases: Vec<(&str, Vec<u8>, &[u16], &str)> = vec![
        ("truncated init", read("bad_init_truncated.mp4"), &[400, 422], "TRUNCATED"),
        ("cbcs", read("encrypted_cbcs.mp4"), &[400, 415, 422], "ENCRYPTED"),
        (
            "random bytes",
            (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
            &[400, 415, 422],
            "",
        ),
        ("3 GiB box", huge_box, &[400, 413, 422], ""),
        (
            "progressive file",
            std::fs::read(&progressive).expect("footage"),
            &[400, 415, 422],
            "NOT_FRAGMENTED",
        ),
        ("empty body", Vec::new(), &[400, 422], ""),
    ];
    for (name, body, statuses, code) in cases {
        let (status, got) = push(&server, "victim", body).await;
        assert!(statuses.contains(&status.as_u16()), "{name}: {status} {got}");
        assert!(got.contains(code), "{name}: error code {got}");
    }

    // What came whole before the damage stays.
    let mut damaged = init.clone();
    damaged.extend(parts[..3].concat());
    damaged.extend_from_slice(&[0, 0, 0, 3]);
    damaged.extend_from_slice(b"moof");
    let (status, code) = push(&server, "half", damaged).await;
    assert!(status.is_client_error(), "{status} {code}");
    let list = server.client().json("/v1/video/half/fragments").await;
    assert_eq!(list["fragments"].as_array().expect("fragments").len(), 3, "{list}");

    neighbour_is_fine(&server).await;
}

#[tokio::test]
async fn strangers_and_unknown_streams_are_told_so() {
    let server = Server::start().await;
    let client = server.client();
    let get = |path: &str| client.anonymous(Method::GET, path);
    for path in
        ["/v1/video", "/v1/video/x", "/v1/video/x/hls/live.m3u8", "/v1/video/x/frame.jpg", "/v1/server"]
    {
        let answer = get(path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} without sign-in");
        let answer = get(path).basic_auth(KEY_ID, Some("wrong")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} with a wrong secret");
    }
    let ingest =
        client.anonymous(Method::POST, "/v1/video/x/ingest").basic_auth(KEY_ID, Some("wrong")).body("x");
    assert_eq!(ingest.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    for path in [
        "",
        "/timeline",
        "/fragments",
        "/hls/live.m3u8",
        "/frame.jpg",
        "/clip.mp4?from=1&to=2",
        "/media.mp4?from=1",
    ] {
        let answer = client.get(&format!("/v1/video/nowhere{path}")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path} of an unknown stream");
        let error: Value = answer.json().await.expect("JSON");
        assert!(
            error["error"]["message"].as_str().is_some_and(|text| text.contains("nowhere")),
            "{path}: {error}"
        );
    }
    let scoped = client.token("mine", &["play"]).await;
    let answer =
        get(&format!("/v1/video/other/hls/live.m3u8?token={scoped}")).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "a token of another stream");
    let answer = client
        .anonymous(Method::POST, &format!("/v1/video/mine/ingest?token={scoped}"))
        .body("x")
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::FORBIDDEN, "a token of another verb");
    let refused =
        client.request(Method::POST, "/v1/video/absent/ingest?auto_create=false").body("x").send().await;
    assert_eq!(refused.expect("an answer").status(), StatusCode::NOT_FOUND, "auto_create=false");
}

#[tokio::test]
async fn a_body_that_drips_is_closed() {
    let settings = Settings { args: vec!["--ingest-idle-timeout-s".into(), "1".into()], env: Vec::new() };
    let server = Server::start_with(settings).await;
    let _neighbour = push_live(&server, "neighbour", "testsrc2=size=160x90:rate=25");
    let token = server.client().token("slow", &["ingest"]).await;
    let mut socket = TcpStream::connect(server.url().trim_start_matches("http://")).await.expect("connect");
    let head = format!(
        "POST /v1/video/slow/ingest?token={token} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\0\0\0\x20\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("send");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "a silent body is closed, not kept; got {}", String::from_utf8_lossy(&answer));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "and told why: {answer}");
    neighbour_is_fine(&server).await;
}

#[tokio::test]
async fn a_second_camera_on_the_same_stream_is_refused() {
    let server = Server::start().await;
    let _first = push_live(&server, "door", "testsrc2=size=160x90:rate=25");
    wait::until("the first camera to be live", Duration::from_secs(20), || async {
        let answer = server.client().get("/v1/video/door").await.text().await.expect("text");
        if answer.contains("\"live\"") { Ok(()) } else { Err(answer) }
    })
    .await;
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("second.mp4");
    let options =
        [&["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", "1"], FRAGMENTATIONS[2].options]
            .concat();
    ffmpeg(&[&options[..], &[file.to_str().expect("UTF-8")]].concat());
    let (status, code) = push(&server, "door", std::fs::read(&file).expect("footage")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{code}");
}

/// The camera next door has been recording all the time.
async fn neighbour_is_fine(server: &Server) {
    let before = server.client().json("/v1/video/neighbour").await;
    wait::until("the neighbour to go on recording", Duration::from_secs(20), || async {
        let now = server.client().json("/v1/video/neighbour").await;
        let gaps = now["gap_ms_24h"].as_i64();
        let moved = now["last_ms"].as_i64() > before["last_ms"].as_i64();
        if moved && gaps == Some(0) { Ok(()) } else { Err(format!("{now}\n{}", server.log_tail())) }
    })
    .await;
}
