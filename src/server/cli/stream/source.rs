//! `kinetoscope stream source` and `stream probe`: cameras that the server calls for.

use super::path;
use crate::cli::client::Connection;
use crate::cli::{Failure, say};
use axum::body::Body;
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Value, json};

/// Where the camera's password may stand, so that it need not be written on the command line.
const PASSWORD: &str = "KINETOSCOPE_SOURCE_PASSWORD";

#[derive(Subcommand)]
pub(super) enum Command {
    /// Records a camera into a stream, which is made if it is not there
    Set {
        /// The stream
        stream: String,
        #[command(flatten)]
        camera: Camera,
        #[command(flatten)]
        connection: Connection,
    },
    /// Forgets the camera; its footage stays
    Remove(Which),
    /// Records the camera again; calls it at once
    Start(Which),
    /// Stops recording the camera, which is not forgotten
    Stop(Which),
    /// Prints how it goes
    Status(Which),
}

/// A stream of a server.
#[derive(Args)]
pub(super) struct Which {
    /// The stream
    stream: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(super) struct Probe {
    #[command(flatten)]
    camera: Camera,
    #[command(flatten)]
    connection: Connection,
}

/// A camera. Its password may also be in the environment, as KINETOSCOPE_SOURCE_PASSWORD.
#[derive(Args)]
pub(super) struct Camera {
    /// rtsp://USER:PASSWORD@HOST:PORT/PATH, or rtsps://
    url: String,
    /// How packets are asked for
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    /// The user, if not in the address
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Takes any certificate of an rtsps:// camera
    #[arg(long)]
    any_certificate: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Transport {
    #[default]
    Tcp,
    Udp,
}

impl Camera {
    fn json(&self) -> Value {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        let mut source = json!({
            "url": self.url, "transport": transport, "verify_certificate": !self.any_certificate,
        });
        if let Some(username) = &self.username {
            source["username"] = username.as_str().into();
        }
        if let Ok(password) = std::env::var(PASSWORD) {
            source["password"] = password.into();
        }
        source
    }
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Set { stream, camera, connection } => {
            let (path, source) = (path(&stream)?, camera.json());
            let there = connection.request(Method::GET, &path, Body::empty()).await.is_ok();
            let method = if there { Method::PATCH } else { Method::PUT };
            let body = Body::from(json!({"source": source}).to_string());
            print(&connection.request(method, &path, body).await?["source"]);
        }
        Command::Remove(Which { stream, connection }) => {
            let body = Body::from(json!({"source": null}).to_string());
            connection.request(Method::PATCH, &path(&stream)?, body).await?;
        }
        Command::Start(which) => print(&which.ask(Method::POST, "/start").await?),
        Command::Stop(which) => print(&which.ask(Method::POST, "/stop").await?),
        Command::Status(which) => print(&which.ask(Method::GET, "").await?),
    }
    Ok(())
}

impl Which {
    async fn ask(&self, method: Method, verb: &str) -> Result<Value, Failure> {
        let path = format!("{}/source{verb}", path(&self.stream)?);
        self.connection.request(method, &path, Body::empty()).await
    }
}

/// A line for each thing that is known.
fn print(source: &Value) {
    let shown =
        ["url", "transport", "enabled", "state", "since_ms", "attempts", "next_try_ms", "error", "warning"];
    for name in shown {
        match &source[name] {
            Value::Null => {}
            Value::String(text) => say(format_args!("{name:<12} {text}")),
            other => say(format_args!("{name:<12} {other}")),
        }
    }
}

pub(super) async fn probe(Probe { camera, connection }: Probe) -> Result<(), Failure> {
    let body = Body::from(camera.json().to_string());
    let found = connection.request(Method::POST, "/v1/sources/probe", body).await?;
    for track in found["tracks"].as_array().into_iter().flatten() {
        let text = |name: &str| track[name].as_str().unwrap_or_default().to_owned();
        let form = match (track["width"].as_u64(), track["height"].as_u64(), track["sample_rate"].as_u64()) {
            (Some(width), Some(height), _) => format!("{width}x{height}"),
            (_, _, Some(rate)) => format!("{rate} Hz, {} channels", track["channels"]),
            _ => String::new(),
        };
        say(format_args!("{:<6} {:<20} {form}", text("kind"), text("codec")));
    }
    for warning in found["warnings"].as_array().into_iter().flatten() {
        say(format_args!("warning: {}", warning.as_str().unwrap_or_default()));
    }
    Ok(())
}
