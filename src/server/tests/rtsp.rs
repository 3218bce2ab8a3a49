//! Cameras that push over RTSP. What becomes of their packets needs a real media-worker and is tested with real cameras.

use super::*;
use md5::{Digest, Md5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const H264: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAFKzZQUH7ARAAAAMAEAAAAwMg8UKZYA==,aOvjyyLA; profile-level-id=640014\r\n\
    a=control:streamid=0\r\n";
const VP8: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=control:streamid=0\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n";

/// A camera that does as it is told.
pub(super) struct Camera {
    socket: TcpStream,
    url: String,
    pub(super) user: String,
    pub(super) password: String,
    /// From the newest challenge.
    nonce: Option<String>,
    sha256: bool,
}

pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(found, value)| (found == name).then_some(value))
    }
}

fn digest(sha256: bool, text: &str) -> String {
    let bytes = match sha256 {
        true => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref().to_vec(),
        false => Md5::digest(text.as_bytes()).to_vec(),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Camera {
    pub(super) async fn connect(server: &TestServer, stream: &str) -> Self {
        let url = format!("rtsp://{}/{stream}", server.rtsp);
        let socket = TcpStream::connect(server.rtsp).await.unwrap();
        let (user, password) = (KEY_ID.to_owned(), SECRET.to_owned());
        Self { socket, url, user, password, nonce: None, sha256: false }
    }

    async fn signed_in(server: &TestServer, stream: &str) -> Self {
        let mut camera = Self::connect(server, stream).await;
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
        camera
    }

    fn authorization(&self, method: &str, url: &str) -> String {
        let Some(nonce) = &self.nonce else { return String::new() };
        let Self { user, password, sha256, .. } = self;
        let hash = |text: &str| digest(*sha256, text);
        let (ha1, ha2) = (hash(&format!("{user}:kinetoscope:{password}")), hash(&format!("{method}:{url}")));
        let (counted, extra) = match sha256 {
            true => (":00000001:abc:auth", ", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"abc\""),
            false => ("", ""),
        };
        let response = hash(&format!("{ha1}:{nonce}{counted}:{ha2}"));
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"kinetoscope\", nonce=\"{nonce}\", uri=\"{url}\", \
             response=\"{response}\"{extra}\r\n"
        )
    }

    /// Asks once, and keeps the challenge in mind.
    pub(super) async fn ask(&mut self, method: &str, headers: &str, body: &str) -> Reply {
        let url = match method {
            "SETUP" => format!("{}/streamid=0", self.url),
            _ => self.url.clone(),
        };
        let headers = format!("{}{headers}", self.authorization(method, &url));
        self.send(&format!(
            "{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        let reply = self.reply().await;
        assert_eq!(reply.header("CSeq"), Some("7"));
        let algorithm = if self.sha256 { "SHA-256" } else { "MD5" };
        let mut challenges = reply.head.lines().filter(|line| line.starts_with("WWW-Authenticate: Digest"));
        if let Some(challenge) = challenges.find(|line| line.contains(&format!("algorithm={algorithm}"))) {
            self.nonce =
                challenge.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        }
        reply
    }

    async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    async fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.socket.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head }
    }

    /// As far as RECORD.
    async fn record(server: &TestServer, stream: &str) -> (Self, u16) {
        let mut camera = Self::signed_in(server, stream).await;
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 200);
        assert_eq!(camera.ask("SETUP", TCP, "").await.status, 200);
        let status = camera.ask("RECORD", "", "").await.status;
        (camera, status)
    }

    /// Sends a packet; the server may have gone.
    async fn packet(&mut self, channel: u8, data: &[u8]) -> bool {
        let len = u16::try_from(data.len()).unwrap().to_be_bytes();
        let frame = [&[b'$', channel], &len[..], data].concat();
        self.socket.write_all(&frame).await.is_ok()
    }

    /// Whether the server has ended the connection.
    async fn closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.socket.read_to_end(&mut rest).await.is_err() || rest.is_empty()
    }
}

async fn refused(server: &TestServer) -> Vec<Value> {
    server.json("/v1/rtsp").await["refused"].as_array().unwrap().clone()
}

#[tokio::test]
async fn options_need_no_sign_in_and_everything_else_does() {
    let server = TestServer::start().await;
    let mut camera = Camera::connect(&server, "cam").await;
    let options = camera.ask("OPTIONS", "", "").await;
    assert_eq!(options.status, 200);
    assert!(options.header("Public").unwrap().contains("ANNOUNCE"));
    let verbs = [
        "ANNOUNCE",
        "SETUP",
        "RECORD",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "PAUSE",
        "DESCRIBE",
        "PLAY",
        "REDIRECT",
        "BREW",
    ];
    for verb in verbs {
        assert_eq!(Camera::connect(&server, "cam").await.ask(verb, TCP, "").await.status, 401, "{verb}");
    }
    for verb in verbs.into_iter().chain(["OPTIONS"]) {
        let mut camera = Camera::signed_in(&server, "cam").await;
        camera.password = "wrong".to_owned();
        let reply = camera.ask(verb, TCP, "").await;
        assert_eq!(reply.status, 401, "{verb}");
        assert!(!reply.head.contains("stale"));
    }
    let remembered = refused(&server).await;
    let times =
        |reason: &str| remembered.iter().find(|entry| entry["reason"] == reason).unwrap()["times"].as_u64();
    assert_eq!(times("unknown access key id or wrong secret"), Some(12));
    assert!(server.json("/v1/video").await["streams"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_connection_that_only_guesses_is_closed() {
    let server = TestServer::start().await;
    let mut camera = Camera::signed_in(&server, "cam").await;
    camera.password = "wrong".to_owned();
    for _ in 0..5 {
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
    }
    assert!(camera.closed().await);
}

#[tokio::test]
async fn both_digests_are_good_on_their_own_connection_only() {
    let server = TestServer::start().await;
    for sha256 in [false, true] {
        let mut camera = Camera::connect(&server, "cam").await;
        camera.sha256 = sha256;
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 200);
        let mut other = Camera::connect(&server, "cam").await;
        (other.sha256, other.nonce) = (sha256, camera.nonce.clone());
        let stale = other.ask("ANNOUNCE", "", H264).await;
        assert_eq!(stale.status, 401);
        assert!(stale.header("WWW-Authenticate").unwrap().ends_with("stale=true"));
        assert_eq!(other.ask("ANNOUNCE", "", H264).await.status, 200, "with the new nonce");
        // Signed for one stream, sent for another.
        other.url = other.url.replace("/cam", "/other");
        let signed = other.authorization("ANNOUNCE", &camera.url);
        other.send(&format!("ANNOUNCE {} RTSP/1.0\r\nCSeq: 1\r\n{signed}\r\n", other.url)).await;
        assert_eq!(other.reply().await.status, 401);
    }
}

#[tokio::test]
async fn tokens_sign_in_for_what_they_allow() {
    let server = TestServer::start().await;
    let mut tokens = Vec::new();
    for verb in ["ingest", "play"] {
        let wish = serde_json::json!({"stream": "cam", "verbs": [verb], "expires_in_s": 60});
        let token = server.request(Method::POST, "/v1/tokens").json(&wish).send().await.unwrap();
        tokens.push(token.json::<Value>().await.unwrap());
    }
    for (token, stream, status) in [(0, "cam", 200), (0, "other", 403), (1, "cam", 403)] {
        let mut camera = Camera::signed_in(&server, stream).await;
        let parts = &tokens[token]["rtsp"];
        camera.user = parts["username"].as_str().unwrap().to_owned();
        camera.password = parts["password"].as_str().unwrap().to_owned();
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, status, "in parts, {stream}");

        let query = format!("{stream}?token={}", tokens[token]["token"].as_str().unwrap());
        let mut camera = Camera::connect(&server, &query).await;
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, status, "in the URL, {stream}");
        if status == 200 {
            assert_eq!(camera.ask("SETUP", TCP, "").await.status, 200, "behind the query");
        }
    }
    let reasons = refused(&server).await;
    assert!(reasons.iter().any(|entry| entry["status"] == 403 && entry["stream"] == "other"), "{reasons:?}");
}

#[tokio::test]
async fn passwords_are_taken_as_they_are_where_nobody_listens() {
    use base64::Engine;
    let server = TestServer::start().await;
    for (secret, status) in [(SECRET, 200), ("wrong", 401)] {
        let mut camera = Camera::connect(&server, "cam").await;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{KEY_ID}:{secret}"));
        let reply = camera.ask("ANNOUNCE", &format!("Authorization: Basic {pair}\r\n"), H264).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    for (stream, body, status) in [
        ("cam", VP8, 415),
        ("cam", "no description", 400),
        ("bad%20name", H264, 400),
        ("a/b", H264, 404),
        ("", H264, 404),
    ] {
        let mut camera = Camera::signed_in(&server, stream).await;
        let reply = camera.ask("ANNOUNCE", "", body).await;
        assert_eq!(reply.status, status, "{stream} {}", reply.head);
    }
    let reasons = refused(&server).await;
    assert!(reasons.iter().any(|entry| entry["reason"].as_str().unwrap().contains("VP8")), "{reasons:?}");
    let mut camera = Camera::signed_in(&server, "cam").await;
    for (method, status) in
        [("SETUP", 455), ("RECORD", 455), ("PAUSE", 455), ("DESCRIBE", 405), ("PLAY", 405), ("BREW", 501)]
    {
        assert_eq!(camera.ask(method, TCP, "").await.status, status, "{method}");
    }
}

#[tokio::test]
async fn tracks_are_set_up_in_the_connection_or_in_datagrams() {
    let server = TestServer::start().await;
    let mut camera = Camera::signed_in(&server, "cam").await;
    assert_eq!(camera.ask("ANNOUNCE", "Content-Type: application/sdp\r\n", H264).await.status, 200);
    let multicast = "Transport: RTP/AVP;multicast;port=5000-5001\r\n";
    assert_eq!(camera.ask("SETUP", multicast, "").await.status, 461);
    let reply =
        camera.ask("SETUP", "Transport: RTP/AVP/UDP;unicast;client_port=6000-6001;mode=record\r\n", "").await;
    let transport = reply.header("Transport").unwrap();
    assert!(transport.starts_with("RTP/AVP;unicast;client_port=6000-6001;server_port="), "{transport}");
    let reply = camera.ask("SETUP", TCP, "").await;
    assert_eq!(reply.header("Transport"), Some("RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"));
    let session = reply.header("Session").unwrap().split(';').next().unwrap().to_owned();
    // Nobody has set these up, and nothing is recorded yet.
    camera.send("$\u{9}\0\u{3}abc$\0\0\u{1}x").await;
    assert_eq!(camera.ask("GET_PARAMETER", &format!("Session: {session}\r\n"), "").await.status, 200);
    assert_eq!(camera.ask("GET_PARAMETER", "Session: another\r\n", "").await.status, 454);
    assert_eq!(camera.ask("TEARDOWN", "", "").await.status, 200);
    assert!(camera.closed().await);
}

#[tokio::test]
async fn garbage_and_too_much_of_anything_end_the_connection() {
    let server = TestServer::start().await;
    let announce =
        |len: usize| format!("ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nContent-Length: {len}\r\n\r\n");
    for bytes in [
        "\u{1}\u{2}\u{3}".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        announce(70_000),
        format!("OPTIONS * RTSP/1.0\r\nX: {}", "x".repeat(20_000)),
    ] {
        let mut camera = Camera::connect(&server, "cam").await;
        camera.send(&bytes).await;
        assert_eq!(camera.reply().await.status, 400, "{}", &bytes[..20.min(bytes.len())]);
        assert!(camera.closed().await);
    }
    // A TLS client, where there is no certificate.
    let mut camera = Camera::connect(&server, "cam").await;
    camera.send("\u{16}\u{3}\u{1}").await;
    assert!(camera.closed().await);
}

#[tokio::test]
async fn silent_connections_are_bounded_and_closed() {
    let server = TestServer::start_with(|layer| {
        (layer.rtsp_sessions_max, layer.header_timeout_s) = (Some(20), Some(3));
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Camera::connect(&server, "cam").await);
    }
    let mut one_too_many = Camera::connect(&server, "cam").await;
    assert_eq!(one_too_many.reply().await.status, 503);
    for camera in &mut silent {
        assert!(camera.closed().await);
    }
    let mut room = Camera::connect(&server, "cam").await;
    assert_eq!(room.ask("OPTIONS", "", "").await.status, 200);
}

#[tokio::test]
async fn stopping_does_not_wait_for_cameras() {
    let mut server = TestServer::start().await;
    let mut camera = Camera::signed_in(&server, "cam").await;
    assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 200);
    server.stop().await;
    assert!(camera.closed().await);
}

#[tokio::test]
async fn where_rtsp_is_can_be_asked_for() {
    let server = TestServer::start().await;
    let info = server.json("/v1/server").await;
    assert_eq!(info["rtsp"]["listen"], server.rtsp.to_string());
    let _camera = Camera::signed_in(&server, "cam").await;
    let view = server.json("/v1/rtsp").await;
    assert_eq!((&view["connections"], &view["sessions"]), (&1.into(), &0.into()));
    let response = server.anonymous(Method::GET, "/v1/rtsp").send().await.unwrap();
    assert_eq!(error_code(response, 401).await, "SIGN_IN_REQUIRED");
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("kinetoscope_rtsp_connections 1"), "{metrics}");
}

/// A server whose media-worker takes everything and gives nothing.
async fn start_recorder(change: impl FnOnce(&mut Layer)) -> TestServer {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let worker = folder.path().join("media-worker");
    std::fs::write(&worker, include_str!("quiet_worker.py")).unwrap();
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = config(&folder.path().join("data"), |layer| {
        layer.media_worker = Some(worker);
        change(layer);
    });
    let mut server = TestServer::start_on(config, None).await;
    server._folder = Some(folder);
    server
}

/// The statuses of what was refused, once there are as many as that.
async fn statuses(server: &TestServer, count: usize) -> Vec<u64> {
    loop {
        let statuses: Vec<u64> =
            refused(server).await.iter().map(|entry| entry["status"].as_u64().unwrap()).collect();
        if statuses.len() >= count {
            return statuses;
        }
        server.app.env.clock.sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn without_a_worker_nothing_is_recorded() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some("/nonexistent".into())).await;
    let (_, status) = Camera::record(&server, "cam").await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn recording_until_it_is_torn_down() {
    let server = start_recorder(|_| {}).await;
    let (mut camera, status) = Camera::record(&server, "cam").await;
    assert_eq!(status, 200);
    assert_eq!(server.json("/v1/rtsp").await["sessions"], 1);
    assert_eq!(camera.ask("SETUP", TCP, "").await.status, 455);
    for channel in [0, 1, 9, 255] {
        assert!(camera.packet(channel, &[0x80; 40]).await);
    }
    assert_eq!(camera.ask("TEARDOWN", "", "").await.status, 200);
    assert!(camera.closed().await);
    let view = server.json("/v1/rtsp").await;
    assert_eq!((&view["sessions"], &view["stray_packets_total"]), (&0.into(), &2.into()));
}

#[tokio::test]
async fn a_second_camera_is_refused_and_the_first_goes_on() {
    let server = start_recorder(|_| {}).await;
    let (mut first, _) = Camera::record(&server, "cam").await;
    let (mut second, status) = Camera::record(&server, "cam").await;
    assert_eq!(status, 409);
    assert_eq!(second.ask("RECORD", "", "").await.status, 409, "as often as it asks");
    assert_eq!(Camera::record(&server, "other").await.1, 200);
    assert_eq!(first.ask("GET_PARAMETER", "", "").await.status, 200);
}

#[tokio::test]
async fn a_camera_that_comes_back_at_once_finds_its_stream_free() {
    let server = start_recorder(|_| {}).await;
    for attempt in 0..20 {
        let (camera, status) = Camera::record(&server, "cam").await;
        assert_eq!(status, 200, "attempt {attempt}");
        drop(camera);
    }
}

#[tokio::test]
async fn a_second_camera_takes_over_where_that_is_set() {
    let server = start_recorder(|layer| layer.publisher_takeover = Some(true)).await;
    let (mut first, _) = Camera::record(&server, "cam").await;
    let (mut second, status) = Camera::record(&server, "cam").await;
    assert_eq!(status, 200);
    assert!(first.closed().await);
    assert_eq!(second.ask("GET_PARAMETER", "", "").await.status, 200);
    assert_eq!(statuses(&server, 1).await, [409]);
}

#[tokio::test]
async fn cameras_that_say_nothing_or_too_much_are_cut_off() {
    let server = start_recorder(|layer| {
        (layer.rtsp_idle_timeout_s, layer.rtsp_bitrate_max_mbit) = (Some(3), Some(1));
    })
    .await;
    let (mut silent, _) = Camera::record(&server, "silent").await;
    // Reports alone are no sign of life.
    assert!(silent.packet(1, &[0x80; 40]).await);
    let (mut loud, _) = Camera::record(&server, "loud").await;
    let mut packets = 0;
    while packets < 1000 && loud.packet(0, &[0x80; 1400]).await {
        packets += 1;
    }
    assert!(loud.closed().await && silent.closed().await);
    let mut statuses = statuses(&server, 2).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [408, 453]);
}

#[tokio::test]
async fn stopping_ends_recordings() {
    let mut server = start_recorder(|_| {}).await;
    let (mut camera, _) = Camera::record(&server, "cam").await;
    server.stop().await;
    assert!(camera.closed().await);
}
