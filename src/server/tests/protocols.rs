//! HTTP/1 and HTTP/2 on one port, told apart by how a connection begins.

use super::*;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An HTTP/2 frame that a server sends first: SETTINGS.
const SETTINGS: u8 = 4;

/// Everything that comes until the connection ends.
async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn http_2_with_prior_knowledge() {
    let server = TestServer::start().await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let uri = format!("http://{}/healthz", server.address);
        let request = http::Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok\n");
    }
}

#[tokio::test]
async fn a_preface_that_comes_byte_by_byte_is_one() {
    let server = TestServer::start().await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    for byte in PREFACE {
        socket.write_all(&[*byte]).await.unwrap();
    }
    // Our own settings: empty.
    socket.write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]).await.unwrap();
    let mut frame = [0; 9];
    socket.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], SETTINGS, "{frame:?}");
}

#[tokio::test]
async fn what_only_begins_like_a_preface_is_http_1() {
    let server = TestServer::start().await;
    for begins in ["P", "PR", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket
            .write_all(format!("{begins}X / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let answer = rest(socket).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{begins}: {answer}");
    }
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"POST /v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(rest(socket).await.starts_with(b"HTTP/1.1 401"));
}

#[tokio::test]
async fn half_a_preface_has_as_long_as_a_header() {
    let server = TestServer::start_with(|layer| layer.header_timeout_s = Some(1)).await;
    let started = server.app.env.clock.monotonic();
    for len in [0, 1, PREFACE.len() - 1] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(&PREFACE[..len]).await.unwrap();
        assert_eq!(rest(socket).await, b"", "{len} bytes");
    }
    assert!(server.app.env.clock.monotonic() - started < Duration::from_secs(10));
}

#[tokio::test]
async fn who_has_said_nothing_does_not_keep_the_server_from_stopping() {
    let mut server = TestServer::start().await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(&PREFACE[..10]).await.unwrap();
    // Another request is through, so both connections were accepted before it.
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    let clock = server.app.env.clock.clone();
    let started = clock.monotonic();
    server.stop().await;
    assert!(clock.monotonic() - started < Duration::from_secs(4), "{:?}", clock.monotonic() - started);
    assert_eq!((rest(silent).await, rest(half).await), (vec![], vec![]));
}
