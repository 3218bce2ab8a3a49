//! Cameras that speak RTSP: programs that push to a server, and a server to pull from.

use super::camera::LIVE_H264;
use super::server::{KEY_ID, SECRET, Server};
use super::{paths, wait};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How ffmpeg and GStreamer are told to carry packets.
pub const TRANSPORTS: [&str; 2] = ["tcp", "udp"];

/// `127.0.0.1:PORT` of the server's RTSP side.
pub async fn address(server: &Server) -> String {
    let info = server.client().json("/v1/rtsp").await;
    info["listen"].as_str().unwrap_or_else(|| panic!("no RTSP address in {info}")).to_owned()
}

/// Where to push a stream to, with sign-in inside.
pub async fn url(server: &Server, stream: &str) -> String {
    format!("rtsp://{KEY_ID}:{SECRET}@{}/{stream}", address(server).await)
}

/// ffmpeg with `input` arguments copying to `url` in real time; what came of it.
pub async fn ffmpeg_push(input: &[&str], transport: &str, url: &str) -> Output {
    let mut command = ffmpeg(input, transport, url);
    tokio::time::timeout(Duration::from_secs(120), command.output())
        .await
        .expect("ffmpeg ends")
        .expect("ffmpeg")
}

/// The same without waiting for its end; killed when dropped.
pub fn start_ffmpeg_push(input: &[&str], transport: &str, url: &str) -> Child {
    let mut command = ffmpeg(input, transport, url);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().expect("start ffmpeg")
}

fn ffmpeg(input: &[&str], transport: &str, url: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-re"]).args(input);
    command.args(["-f", "rtsp", "-rtsp_transport", transport, url]);
    command
}

/// ffmpeg pushing a live synthetic picture over TCP until dropped: a second to the key frame, 25 frames a second.
pub async fn push_live(server: &Server, stream: &str) -> Child {
    let input = [&["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25"][..], LIVE_H264].concat();
    start_ffmpeg_push(&input, "tcp", &url(server, stream).await)
}

/// ffmpeg sending `file` over and over without encoding, until dropped.
pub fn push_loop(file: &Path, url: &str) -> Child {
    let file = file.to_str().expect("UTF-8");
    start_ffmpeg_push(&["-stream_loop", "-1", "-i", file, "-c", "copy"], "tcp", url)
}

/// `rtspclientsink` as it is used: `source` ends in something that it can payload, and lasts for seconds. What counts is
/// what the server stored: at the end of its stream this client of GStreamer 1.22 now and then hangs, or takes the closing
/// of the connection for a fault.
pub async fn gst_push(source: &str, transport: &str, location: &str) {
    let line = format!(
        "{source} ! rtspclientsink protocols={transport} location={location} user-id={KEY_ID} user-pw={SECRET}"
    );
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(line.split_whitespace()).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(40), command.output()).await;
    let said = ended.map(|output| output.expect("gst-launch-1.0"));
    println!("gst-launch-1.0 {line}: {said:?}");
}

/// Waits until a stream holds footage that lasts `ms`, and nobody sends if `idle`; its description.
pub async fn recorded(server: &Server, stream: &str, ms: i64, idle: bool) -> Value {
    let path = format!("/v1/video/{stream}");
    wait::until(&format!("{ms} ms of {stream}"), Duration::from_secs(60), || async {
        let answer = server.client().get(&path).await;
        let info: Value = answer.json().await.map_err(|error| error.to_string())?;
        let lasts = info["last_ms"].as_i64().zip(info["first_ms"].as_i64()).map(|(last, first)| last - first);
        let enough = lasts.is_some_and(|lasts| lasts >= ms) && (!idle || info["state"] == "idle");
        if enough { Ok(info) } else { Err(format!("{info}\n{}", server.log_tail())) }
    })
    .await
}

/// A camera to pull from: gst-rtsp-server, by its Python binding. Ends when dropped.
pub struct Camera {
    child: Child,
    port: u16,
    args: Vec<String>,
}

/// What the camera shows when nothing else matters: 25 numbered pictures a second, a key frame every second.
pub const TEST_PICTURE: &str = "( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 \
     ! x264enc tune=zerolatency key-int-max=25 ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 )";

impl Camera {
    /// Starts one that serves `launch` (payloaders `pay0`, `pay1` …).
    pub async fn start(launch: &str, options: &[&str]) -> Self {
        let args = [&[launch][..], options].concat().into_iter().map(str::to_owned).collect();
        Self::launch(args, 0).await
    }

    async fn launch(args: Vec<String>, port: u16) -> Self {
        let script = paths::root().join("tests/clients/rtsp_camera.py");
        // Debian's Python: the bindings are Debian packages.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(&args).args(["--port", &port.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("start the camera");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let said = tokio::time::timeout(Duration::from_secs(30), async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(port) = line.strip_prefix("port ") {
                    return port.parse().ok();
                }
            }
            None
        });
        let port = said.await.ok().flatten().expect("the camera says its port");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, port, args }
    }

    /// Where it is to be pulled from.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}/cam", self.port)
    }

    /// Somebody pulls the plug.
    pub async fn unplug(&mut self) {
        let _ = self.child.kill().await;
    }

    /// And puts it in again: the same address.
    pub async fn plug_in(&mut self) {
        *self = Self::launch(self.args.clone(), self.port).await;
    }
}

/// Makes a stream that is pulled from `source` (a URL, or an object of settings); the answer must be good.
pub async fn pull(server: &Server, stream: &str, source: impl Into<Value>) {
    let path = format!("/v1/video/{stream}");
    let answer = server.client().put_json(&path, &json!({ "source": source.into() })).await;
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
}
