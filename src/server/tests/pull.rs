//! Cameras that the server calls for.

use super::cameras::{PICTURES, RATE, media_worker, sender_report};
use super::*;
use crate::http::acceptor;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Pictures, and sound of a kind that is not taken.
const DESCRIPTION: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\nm=audio 0 RTP/AVP 97\r\n\
    a=rtpmap:97 G726-32/8000\r\na=control:track1\r\n";

/// What a camera is like.
#[derive(Clone)]
struct Kind {
    description: String,
    tls: Option<TlsAcceptor>,
}

impl Default for Kind {
    fn default() -> Self {
        Self { description: DESCRIPTION.to_owned(), tls: None }
    }
}

/// An RTSP camera that lets in user `u` with password `p/w`. It is switched off when dropped.
struct RtspCamera {
    address: SocketAddr,
    on: CancellationToken,
}

impl Drop for RtspCamera {
    fn drop(&mut self) {
        self.on.cancel();
    }
}

impl RtspCamera {
    /// On a free port, or on one that was free before.
    async fn switch_on(server: &TestServer, address: Option<SocketAddr>) -> Self {
        Self::of_kind(Kind::default(), server, address).await
    }

    async fn of_kind(kind: Kind, server: &TestServer, address: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address.unwrap_or(([127, 0, 0, 1], 0).into())).await.unwrap();
        let (address, on) = (listener.local_addr().unwrap(), CancellationToken::new());
        let (env, off) = (server.app.env.clone(), on.clone());
        tokio::spawn(off.clone().run_until_cancelled_owned(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (kind, env) = (kind.clone(), env.clone());
                let conversation = async move {
                    match &kind.tls {
                        None => converse(socket, env, &kind.description).await,
                        Some(tls) => {
                            // Who does not trust the certificate hangs up.
                            if let Ok(socket) = tls.accept(socket).await {
                                converse(socket, env, &kind.description).await;
                            }
                        }
                    }
                };
                tokio::spawn(off.clone().run_until_cancelled_owned(conversation));
            }
        }));
        Self { address, on }
    }

    fn url(&self) -> String {
        format!("rtsp://u:p%2Fw@{}/live", self.address)
    }
}

/// Answers requests; sends pictures once it has been told to play.
async fn converse(mut socket: impl AsyncRead + AsyncWrite + Unpin, env: Env, description: &str) {
    let (mut request, mut pictures, mut playing) = (Vec::new(), 0_u32, false);
    let mut sequence = 0_u16;
    loop {
        tokio::select! {
            read = socket.read_buf(&mut request) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
            }
            () = env.clock.sleep(Duration::from_millis(1000 / u64::from(RATE))), if playing => {
                let bytes = picture(pictures, &mut sequence, env.clock.now_ms());
                pictures += 1;
                if socket.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
        // Reports of what has been received.
        while let [b'$', _, len_high, len_low, ..] = request[..]
            && let len = 4 + usize::from(u16::from_be_bytes([len_high, len_low]))
            && request.len() >= len
        {
            request.drain(..len);
        }
        let is_report = request.first() == Some(&b'$');
        while let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n").filter(|_| !is_report) {
            let head = String::from_utf8(request.drain(..end + 4).collect()).unwrap();
            playing |= head.starts_with("PLAY");
            if socket.write_all(answer(&head, description).as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn answer(head: &str, description: &str) -> String {
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let sequence = header("CSeq: ");
    let expected = format!("Basic {}", STANDARD.encode("u:p/w"));
    if header("Authorization: ") != expected {
        return format!(
            "RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\nWWW-Authenticate: Basic realm=\"camera\"\r\n\r\n"
        );
    }
    let more = match head.split(' ').next().unwrap_or_default() {
        "DESCRIBE" => format!(
            "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}",
            description.len()
        ),
        "SETUP" => "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n\r\n".to_owned(),
        _ => "Session: 7\r\n\r\n".to_owned(),
    };
    format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{more}")
}

/// A picture's packets, and a sender report before every key frame, interleaved.
fn picture(index: u32, sequence: &mut u16, now_ms: u64) -> Vec<u8> {
    let (timestamp, nals) = (index * (90_000 / RATE), &PICTURES[index as usize % PICTURES.len()]);
    let mut bytes = Vec::new();
    let mut interleave = |channel: u8, packet: &[u8]| {
        bytes.extend([b'$', channel]);
        bytes.extend(u16::try_from(packet.len()).unwrap().to_be_bytes());
        bytes.extend(packet);
    };
    if index.is_multiple_of(5) {
        interleave(1, &sender_report(now_ms, timestamp));
    }
    for (at, nal) in nals.iter().enumerate() {
        let marker = u8::from(at + 1 == nals.len()) << 7;
        let head = [&[0x80, marker | 96][..], &sequence.to_be_bytes(), &timestamp.to_be_bytes()].concat();
        interleave(0, &[&head, &[1, 2, 3, 4][..], nal].concat());
        *sequence = sequence.wrapping_add(1);
    }
    bytes
}

impl TestServer {
    /// Waits until the stream is like this.
    async fn until(&self, stream: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..2400 {
            let info = self.json(&format!("/v1/video/{stream}")).await;
            if is_so(&info) {
                return info;
            }
            self.app.env.clock.sleep(Duration::from_millis(25)).await;
        }
        panic!("not within a minute: {}", self.json(&format!("/v1/video/{stream}")).await);
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        self.request(method, path).body(body.to_string()).send().await.unwrap()
    }
}

fn fragments(info: &Value) -> u64 {
    info["fragments"].as_u64().unwrap()
}

#[tokio::test]
async fn a_camera_is_recorded_for_as_long_as_it_is_wanted() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |layer| layer.media_worker = Some(media_worker()));
    let mut server = TestServer::start_on(config.clone(), None).await;
    let camera = RtspCamera::switch_on(&server, None).await;
    let made = server.send(Method::PUT, "/v1/video/yard", json!({"source": camera.url()})).await;
    assert_eq!(made.status(), 201);
    let shown = format!("rtsp://u:***@{}/live", camera.address);
    let info = server.until("yard", |info| fragments(info) >= 2).await;
    let (source, rtp) = (&info["source"], &info["rtp"]);
    assert_eq!((&source["state"], &source["url"]), (&json!("recording"), &json!(shown)), "{info}");
    assert!(source["warning"].as_str().unwrap().contains("G726-32"), "{source}");
    assert_eq!((&info["session"]["clock"], &rtp["transport"]), (&json!("rtcp"), &json!("tcp")), "{info}");

    // Switched off, then on again.
    let address = camera.address;
    drop(camera);
    let info = server.until("yard", |info| info["source"]["state"] == "waiting").await;
    assert!(info["source"]["next_try_ms"].is_u64() && info["source"]["error"].is_string(), "{info}");
    let _camera = RtspCamera::switch_on(&server, Some(address)).await;
    let before = fragments(&info);
    server.until("yard", |info| fragments(info) > before + 1).await;

    // Not wanted, then wanted again: what is shown may be given back.
    let stopped = server.send(Method::POST, "/v1/video/yard/source/stop", json!({})).await;
    let stopped: Value = stopped.json().await.unwrap();
    assert_eq!((&stopped["state"], &stopped["enabled"]), (&json!("stopped"), &json!(false)));
    assert!(server.json("/v1/video/yard").await["session"].is_null());
    let again = json!({"source": {"url": shown, "enabled": true}});
    assert_eq!(server.send(Method::PATCH, "/v1/video/yard", again).await.status(), 200);
    let before = fragments(&server.json("/v1/video/yard").await);
    server.until("yard", |info| fragments(info) > before + 1).await;

    // It goes on after a restart.
    server.stop().await;
    drop(server);
    let mut server = TestServer::start_on(config, None).await;
    let before = fragments(&server.json("/v1/video/yard").await);
    server.until("yard", |info| fragments(info) > before + 1).await;
    let removed = server.send(Method::PATCH, "/v1/video/yard", json!({"source": null})).await;
    assert!(removed.json::<Value>().await.unwrap()["source"].is_null());
    let start = server.send(Method::POST, "/v1/video/yard/source/start", json!({})).await;
    assert_eq!(error_code(start, 404).await, "NO_SOURCE");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_is_made_again_only_as_it_is() {
    let server = TestServer::start().await;
    let make = async |settings| server.send(Method::PUT, "/v1/video/yard", settings).await;
    let camera = json!({"source": {"url": "rtsp://u:secret@127.0.0.1:1/", "enabled": false}});
    assert_eq!(make(camera.clone()).await.status(), 201);
    assert_eq!(make(camera).await.status(), 200);
    assert_eq!(make(json!({})).await.status(), 200, "what is not said is not compared");
    for other in [json!(null), json!("rtsp://u:secret@127.0.0.1:1/")] {
        assert_eq!(error_code(make(json!({"source": other})).await, 409).await, "STREAM_EXISTS");
    }
    let removed = server.send(Method::PATCH, "/v1/video/yard", json!({"source": null})).await;
    assert_eq!(removed.status(), 200);
    assert_eq!(make(json!({"source": null})).await.status(), 200);
}

#[tokio::test]
async fn changes_made_at_the_same_time_all_count() {
    let server = TestServer::start().await;
    let source = json!({"source": {"url": "rtsp://127.0.0.1:1/", "enabled": false}});
    server.send(Method::PUT, "/v1/video/yard", source).await;
    for transport in ["udp", "tcp"] {
        let changes = [
            json!({"transport": transport}),
            json!({"username": transport, "password": "secret"}),
            json!({"verify_certificate": transport == "tcp"}),
        ];
        let change =
            async |source| server.send(Method::PATCH, "/v1/video/yard", json!({"source": source})).await;
        let answers = futures_util::future::join_all(changes.map(change)).await;
        assert!(answers.iter().all(|answer| answer.status() == 200), "{answers:?}");
        let source = &server.json("/v1/video/yard").await["source"];
        let shown = format!("rtsp://{transport}:***@127.0.0.1:1/");
        assert_eq!((&source["transport"], &source["url"]), (&json!(transport), &json!(shown)), "{source}");
        assert_eq!(source["verify_certificate"], transport == "tcp", "{source}");
    }
}

#[tokio::test]
async fn who_may_only_watch_learns_nothing_of_where_the_camera_is() {
    let server = TestServer::start().await;
    let source = json!({"source": {"url": "rtsp://u:secret@127.0.0.1:1/", "enabled": false}});
    server.send(Method::PUT, "/v1/video/yard", source).await;
    let wish = json!({"stream": "yard", "verbs": ["play"]});
    let token: Value = server.send(Method::POST, "/v1/tokens", wish).await.json().await.unwrap();
    let path = format!("/v1/video/yard?token={}", token["token"].as_str().unwrap());
    let seen: Value = server.anonymous(Method::GET, &path).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&seen["source"]["url"], &seen["source"]["state"]),
        (&Value::Null, &json!("stopped")),
        "{seen}"
    );
    let path = path.replace("yard?", "yard/source?");
    assert_eq!(
        error_code(server.anonymous(Method::GET, &path).send().await.unwrap(), 403).await,
        "TOKEN_SCOPE"
    );
    let all = server.get("/v1/video").await.text().await.unwrap();
    assert!(all.contains("rtsp://u:***@") && !all.contains("secret"), "{all}");
    let bad = server.send(Method::PATCH, "/v1/video/yard", json!({"source": "http://u:secret@x/"})).await;
    let bad = bad.text().await.unwrap();
    assert!(bad.contains("BAD_SOURCE") && !bad.contains("secret"), "{bad}");
}

#[tokio::test]
async fn a_camera_is_looked_at() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some(media_worker())).await;
    let camera = RtspCamera::switch_on(&server, None).await;
    let probe = async |url: String| server.send(Method::POST, "/v1/sources/probe", json!({"url": url})).await;
    let found: Value = probe(camera.url()).await.json().await.unwrap();
    let track = &found["tracks"][0];
    assert_eq!(
        (&track["kind"], &track["width"], &track["height"]),
        (&json!("video"), &json!(128), &json!(96))
    );
    assert!(found["picture"].as_str().unwrap().starts_with("data:image/jpeg;base64,/9j/"), "{found}");
    assert!(found["warnings"][0].as_str().unwrap().contains("G726-32"), "{found}");
    // With the password that a stream is kept with, as the console asks.
    let kept = json!({"source": {"url": camera.url(), "enabled": false}});
    assert_eq!(server.send(Method::PUT, "/v1/video/yard", kept).await.status(), 201);
    let url = format!("rtsp://{}/other", camera.address);
    let tried = json!({"url": url, "username": "u", "password": "***", "stream": "yard"});
    assert_eq!(server.send(Method::POST, "/v1/sources/probe", tried).await.status(), 200);
    let wrong = probe(camera.url().replace("p%2Fw", "wrong")).await;
    assert_eq!(error_code(wrong, 422).await, "SOURCE_UNAUTHORIZED");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(error_code(probe(format!("rtsp://{nobody}/")).await, 502).await, "SOURCE_UNREACHABLE");
    let http = probe(format!("rtsp://{}/", server.address)).await;
    assert_eq!(error_code(http, 502).await, "SOURCE_UNREACHABLE");
}

#[tokio::test]
async fn a_camera_that_only_gstreamer_understands_is_left_to_a_worker() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some(media_worker())).await;
    // Against RFC 4566 5.2, and seen all the same.
    let description = DESCRIPTION.replace("o=- 0 0 IN IP4 127.0.0.1", "o=-");
    let camera = RtspCamera::of_kind(Kind { description, tls: None }, &server, None).await;
    let probed = server.send(Method::POST, "/v1/sources/probe", json!({"url": camera.url()})).await;
    assert_eq!(probed.status(), 200, "{}", probed.text().await.unwrap());
    server.send(Method::PUT, "/v1/video/yard", json!({"source": camera.url()})).await;
    let info = server.until("yard", |info| info["source"]["error_code"].is_string()).await;
    assert!(info["source"]["error"].as_str().unwrap().contains("not understood"), "{info}");
    let info = server.until("yard", |info| info["source"]["state"] == "recording").await;
    assert!(info["source"]["error"].is_null(), "{info}");
    server.until("yard", |info| fragments(info) >= 2).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some(media_worker())).await;
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let kind = Kind { tls: Some(acceptor(&cert, &key).unwrap()), ..Kind::default() };
    let camera = RtspCamera::of_kind(kind, &server, None).await;
    let url = camera.url().replace("rtsp:", "rtsps:");
    let probe = async |verify: bool| {
        let source = json!({"url": url, "verify_certificate": verify});
        server.send(Method::POST, "/v1/sources/probe", source).await
    };
    let refused = probe(true).await;
    assert_eq!(refused.status(), 502);
    let error = &refused.json::<Value>().await.unwrap()["error"];
    let says = |field: &str, what: &str| error[field].as_str().unwrap().contains(what);
    assert!(says("code", "SOURCE_UNTRUSTED") && says("message", "certificate"), "{error}");
    assert!(says("message", "signed it") && says("hint", "verify_certificate"), "{error}");
    assert_eq!(probe(false).await.status(), 200);
}
