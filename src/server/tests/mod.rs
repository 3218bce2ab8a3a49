//! The server as a whole, in this process: a service on a directory of its own, behind a real listener on a free port.

mod auth;
mod cameras;
mod commands;
mod failing;
mod ingest;
mod key_use;
mod kinesis;
mod kinesis_limits;
mod kinesis_native;
mod limits;
mod playback;
mod protocols;
mod pull;
mod rtsp;
mod start;
mod stop;
mod streams;
mod tls;
mod users;

use crate::app::App;
use crate::auth::Credentials;
use crate::config::{Config, Layer, RtspListen, load};
use crate::data_dir::DataDir;
use crate::http::Server;
use crate::root::Root;
use crate::router;
use crate::rtsp::{Listening, RtspServer};
use crate::service::Service;
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use shardlog::env::Env;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const KEY_ID: &str = "KINETEST";
const SECRET: &str = "test-secret-0123456789";

/// A running server.
struct TestServer {
    address: SocketAddr,
    /// Where RTSP is taken in.
    rtsp: SocketAddr,
    app: App,
    service: Option<Service>,
    serving: JoinHandle<()>,
    client: reqwest::Client,
    data: Option<DataDir>,
    _folder: Option<TempDir>,
}

/// Settings of a server on `data`, with some changed.
fn config(data: &Path, change: impl FnOnce(&mut Layer)) -> Config {
    let any_port: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut layer = Layer {
        data: Some(data.to_owned()),
        listen: Some(any_port),
        rtsp_listen: Some(RtspListen::On(any_port)),
        ..Layer::default()
    };
    change(&mut layer);
    load(None, |_| None, &layer).unwrap().config
}

impl TestServer {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Layer)) -> Self {
        let folder = TempDir::new().unwrap();
        let config = config(&folder.path().join("data"), change);
        let mut server = Self::start_on(config, None).await;
        server._folder = Some(folder);
        server
    }

    async fn start_on(config: Config, tls: Option<TlsAcceptor>) -> Self {
        Self::start_in(Env::real(), config, tls).await
    }

    async fn start_in(env: Env, config: Config, tls: Option<TlsAcceptor>) -> Self {
        let data = DataDir::open(&config.data, true).unwrap();
        let root = Root::new(config.root(), &config.data, true, |_| None).unwrap();
        let preset = Credentials { key_id: KEY_ID.to_owned(), secret: SECRET.to_owned() };
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let rtsp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rtsp_address = rtsp.local_addr().unwrap();
        let service = Service::open(config, &data, root, Some(preset), env).await.unwrap();
        let app = service.app().clone();
        let address = listener.local_addr().unwrap();
        app.rtsp.set_listening(Listening::On(rtsp_address));
        tokio::spawn(RtspServer { listener: rtsp, tls: tls.clone(), app: app.clone() }.run());
        let server = Server {
            listener,
            tls,
            router: router::build(&app),
            limits: (&app.config).into(),
            clock: app.env.clock.clone(),
        };
        let serving = tokio::spawn(server.run(app.stop.clone(), Duration::from_secs(5)));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            rtsp: rtsp_address,
            app,
            service: Some(service),
            serving,
            client,
            data: Some(data),
            _folder: None,
        }
    }

    /// Stops as a signal would, and gives the data directory back.
    async fn stop(&mut self) {
        self.app.stop.cancel();
        (&mut self.serving).await.unwrap();
        self.service.take().unwrap().close().await.unwrap();
        self.data = None;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Without sign-in.
    fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).basic_auth(KEY_ID, Some(SECRET))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn push(&self, stream: &str, footage: Bytes) -> Response {
        self.request(Method::PUT, &format!("/v1/video/{stream}/ingest")).body(footage).send().await.unwrap()
    }
}

/// The code of an error, after checking that it has our shape and the right status.
async fn error_code(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.unwrap();
    assert!(!body["error"]["message"].as_str().unwrap().is_empty(), "{body}");
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// Four seconds of H.264, a fragment a second.
static FOOTAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10", "-t", "4"])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "10",
            "-keyint_min",
            "10",
        ])
        .args(["-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg (Debian package ffmpeg)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.into()
});
