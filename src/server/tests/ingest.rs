//! Cameras of all manners.

use super::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

impl TestServer {
    /// The head of a chunked upload, signed in.
    fn upload_head(&self, stream: &str, more: &str) -> String {
        use base64::Engine;
        let sign_in = base64::engine::general_purpose::STANDARD.encode(format!("{KEY_ID}:{SECRET}"));
        format!(
            "POST /v1/video/{stream}/ingest HTTP/1.1\r\nhost: x\r\nauthorization: Basic {sign_in}\r\n\
             transfer-encoding: chunked\r\n{more}\r\n"
        )
    }

    /// Waits until the stream has this many fragments and nobody sends.
    async fn settled(&self, stream: &str, fragments: u64) {
        for _ in 0..200 {
            let info: Value = self.get(&format!("/v1/video/{stream}")).await.json().await.unwrap();
            if info["fragments"] == fragments && info["session"].is_null() {
                return;
            }
            self.app.env.clock.sleep(Duration::from_millis(20)).await;
        }
        panic!("{stream}: {}", self.json(&format!("/v1/video/{stream}")).await);
    }
}

/// A chunk of the chunked encoding.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

#[tokio::test]
async fn an_upload_is_summed_up_at_its_end() {
    let server = TestServer::start().await;
    let response = server.push("cam", FOOTAGE.clone()).await;
    assert_eq!(response.status(), 200);
    let summary: Value = response.json().await.unwrap();
    assert_eq!((&summary["fragments"], &summary["persisted"]), (&json!(4), &json!(4)), "{summary}");
    assert_eq!(summary["received_bytes"], FOOTAGE.len());
    assert_eq!(server.json("/v1/video/cam").await["fragments"], 4, "the stream was made");
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("kinetoscope_ingest_fragments_total 4"), "{metrics}");
    assert!(metrics.contains("kinetoscope_stream_last_durable_age_seconds{stream=\"cam\"}"), "{metrics}");
}

#[tokio::test]
async fn the_start_can_be_told() {
    let server = TestServer::start().await;
    let started = 1_600_000_000_500_u64;
    let path = "/v1/video/a/ingest?start=1600000000.5";
    server.request(Method::PUT, path).body(FOOTAGE.clone()).send().await.unwrap();
    assert_eq!(server.json("/v1/video/a").await["first_ms"], started);
    let request = server.request(Method::POST, "/v1/video/b/ingest").body(FOOTAGE.clone());
    request.header("x-amzn-producer-start-timestamp", "1600000000.5").send().await.unwrap();
    assert_eq!(server.json("/v1/video/b").await["first_ms"], started);
    let bad = server.request(Method::PUT, "/v1/video/a/ingest?start=soon").send().await.unwrap();
    assert_eq!(error_code(bad, 400).await, "BAD_QUERY");
}

#[tokio::test]
async fn events_come_while_the_upload_goes_on() {
    let server = TestServer::start().await;
    let (sender, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    // The first two fragments and a little of the third, which proves that the second is complete.
    let (first, rest) = FOOTAGE.split_at(FOOTAGE.len() * 5 / 8);
    sender.send(Ok(Bytes::copy_from_slice(first))).await.unwrap();
    let request =
        server.request(Method::PUT, "/v1/video/cam/ingest").header("accept", "application/x-ndjson");
    let response = request.body(reqwest::Body::wrap_stream(ReceiverStream::new(body))).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let mut bytes = response.bytes_stream();
    let mut text = String::new();
    while !text.contains("PERSISTED") {
        text += std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap();
    }
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains(r#"kinetoscope_stream_clock{clock="arrival",stream="cam"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"kinetoscope_stream_clock_offset_seconds{stream="cam"}"#), "{metrics}");
    sender.send(Ok(Bytes::copy_from_slice(rest))).await.unwrap();
    drop(sender);
    while let Some(more) = bytes.next().await {
        text += std::str::from_utf8(&more.unwrap()).unwrap();
    }
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    for kind in ["BUFFERING", "RECEIVED", "PERSISTED"] {
        let of_kind = events.iter().filter(|event| event["EventType"] == kind).collect::<Vec<_>>();
        assert_eq!(of_kind.len(), 4, "{kind} in {text}");
        assert!(
            of_kind
                .iter()
                .all(|event| event["FragmentNumber"].is_string() && event["FragmentTimecode"].is_u64())
        );
    }
}

#[tokio::test]
async fn nothing_that_arrived_is_lost_when_the_camera_hangs_up_at_once() {
    let server = TestServer::start().await;
    for round in 0..6 {
        for (kind, more) in [("plain", ""), ("events", "accept: application/x-ndjson\r\n")] {
            for (end, last) in [("ended", &b"0\r\n\r\n"[..]), ("torn", b"")] {
                let stream = format!("{kind}-{end}-{round}");
                let mut socket = TcpStream::connect(server.address).await.unwrap();
                socket.write_all(server.upload_head(&stream, more).as_bytes()).await.unwrap();
                socket.write_all(&chunk(&FOOTAGE)).await.unwrap();
                socket.write_all(last).await.unwrap();
                drop(socket);
                server.settled(&stream, 4).await;
            }
        }
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_keeps_what_was_complete() {
    let server = TestServer::start().await;
    let response = server.push("cam", FOOTAGE.slice(..FOOTAGE.len() * 5 / 8)).await;
    assert_eq!(response.status(), 400);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "TRUNCATED_CHUNK", "{answer}");
    assert_eq!(answer["summary"]["persisted"], 2, "{answer}");
    server.settled("cam", 2).await;
}

#[tokio::test]
async fn what_is_not_media_is_refused_and_harms_nobody() {
    let server = TestServer::start().await;
    let noise =
        (0..100_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Bytes>();
    assert_eq!(error_code(server.push("cam", noise).await, 400).await, "NOT_MP4");
    assert_eq!(error_code(server.push("cam", Bytes::new()).await, 400).await, "NO_MEDIA");
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
}

#[tokio::test]
async fn silence_ends_an_upload() {
    let server = TestServer::start_with(|layer| layer.ingest_idle_timeout_s = Some(1)).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(server.upload_head("cam", "").as_bytes()).await.unwrap();
    socket.write_all(&chunk(&FOOTAGE)).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"persisted\":4"), "{answer}");
}

#[tokio::test]
async fn one_camera_at_a_time() {
    let server = TestServer::start().await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(server.upload_head("cam", "accept: application/x-ndjson\r\n").as_bytes()).await.unwrap();
    socket.write_all(&chunk(&FOOTAGE)).await.unwrap();
    let mut first = [0; 1];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(error_code(server.push("cam", FOOTAGE.clone()).await, 409).await, "PUBLISHER_ACTIVE");
    drop(socket);
    server.settled("cam", 4).await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_asks_first_is_answered_before_it_sends() {
    let server = TestServer::start().await;
    let head = server.upload_head("cam", "expect: 100-continue\r\n");
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 21];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue");

    for (head, status) in [
        (head.replace("authorization", "x-nothing"), "401"),
        (head.replace("/ingest", "/ingest?auto_create=false").replace("/cam/", "/none/"), "404"),
    ] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
}
