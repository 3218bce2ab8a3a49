//! Clients that take too much.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn answer(mut socket: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_slow_header_is_cut_off() {
    let server = TestServer::start_with(|layer| layer.header_timeout_s = Some(1)).await;
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /healthz HT").await.unwrap();
    let started = server.app.env.clock.monotonic();
    assert!(!answer(slow).await.contains("200"));
    assert!(!answer(silent).await.contains("200"));
    assert!(server.app.env.clock.monotonic() - started < Duration::from_secs(5));
}

#[tokio::test]
async fn a_huge_header_is_refused() {
    let server = TestServer::start().await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-filler: {}\r\n\r\n", "x".repeat(40_000));
    let _ = socket.write_all(head.as_bytes()).await;
    let refused = answer(socket).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");

    let many = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes()).await.unwrap();
    let refused = answer(socket).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    let server = TestServer::start().await;
    let body = format!("{{\"attributes\": {{\"a\": \"{}\"}}}}", "x".repeat(100_000));
    let response = server.request(Method::PUT, "/v1/video/cam").body(body).send().await.unwrap();
    assert_eq!(error_code(response, 413).await, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn more_connections_than_allowed_are_sent_away() {
    let server = TestServer::start_with(|layer| layer.connections_max = Some(2)).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        kept.push(socket);
    }
    let refused = answer(TcpStream::connect(server.address).await.unwrap()).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    kept.pop();
    for _ in 0..100 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let _ = socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        if answer(socket).await.starts_with("HTTP/1.1 200") {
            return;
        }
        server.app.env.clock.sleep(Duration::from_millis(20)).await;
    }
    panic!("a closed connection did not make room");
}
