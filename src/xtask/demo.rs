//! `cargo xtask demo`: the first ten minutes.

use crate::process::{Failure, Outcome, command, root, target_dir};
use crate::setup::{self, Purpose};
use crate::{bench, web};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Says that a folder is ours to empty.
const MARKER: &str = ".kinetoscope-demo";
/// The streams that the demo's cameras push to.
const OVER_HTTP: &str = "demo-http";
const OVER_RTSP: &str = "demo-rtsp";

/// Where the server is.
struct Addresses {
    /// `http://host:port`.
    http: String,
    /// `rtsp://host:port`.
    rtsp: String,
}

/// Builds everything, starts a server and two cameras, and waits for Ctrl-C.
pub(crate) fn run() -> Outcome {
    setup::install(Purpose::Demo)?;
    web::build()?;
    bench::build_release()?;
    let home = fresh_folder(&root().join("kinetoscope-demo"))?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;

    let mut running = Running::default();
    let at = start_server(&mut running, &home)?;
    let credentials = Credentials::read(&home.join("data/credentials"))?;
    start_camera(&mut running, &home, "http-camera", &http_camera(&at, &credentials))?;
    start_camera(&mut running, &home, "rtsp-camera", &rtsp_camera(&at, &credentials))?;
    introduce(&home, &at, &credentials);

    let (stop, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = stop.send(());
        }
    });
    while stopped.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
        running.all_alive(&home)?;
    }
    println!("\nstopping");
    Ok(())
}

fn introduce(home: &Path, Addresses { http, rtsp }: &Addresses, credentials: &Credentials) {
    let Credentials { id, secret } = credentials;
    println!(
        "\n\
         Kinetoscope is running.\n\n\
         console      {http}/\n\
         sign in      access key id      {id}\n\
         \x20            secret access key  {secret}\n\
         \x20            (kept in {home}/data/credentials)\n\
         cameras      stream `{OVER_HTTP}`, pushed over HTTP by ffmpeg\n\
         \x20            stream `{OVER_RTSP}`, pushed over RTSP by ffmpeg\n\
         your own     let it push to {rtsp}/NAME with the key above as user name and password,\n\
         \x20            or press \"Add camera\" in the console and let the server call it\n\
         a frame      curl -u {id}:{secret} -o frame.jpg '{http}/v1/video/{OVER_RTSP}/frame.jpg'\n\
         logs         {home}/server.log, {home}/http-camera.log, {home}/rtsp-camera.log\n\n\
         Ctrl-C stops everything.",
        home = home.display(),
    );
}

/// An empty folder; an earlier demo's is emptied, anything else is left alone.
fn fresh_folder(path: &Path) -> Result<PathBuf, Failure> {
    if path.exists() {
        if !path.join(MARKER).exists() {
            return Err(Failure(format!(
                "{} exists and is not an earlier demo; move it away",
                path.display()
            )));
        }
        std::fs::remove_dir_all(path)?;
    }
    std::fs::create_dir_all(path)?;
    std::fs::write(path.join(MARKER), "made by `cargo xtask demo`, which empties it at each start\n")?;
    Ok(path.to_path_buf())
}

/// Starts the server on the usual ports, or on any free one where that is taken, and waits until it says where it
/// listens.
fn start_server(running: &mut Running, home: &Path) -> Result<Addresses, Failure> {
    let free = |usual: &'static str| if TcpListener::bind(usual).is_ok() { usual } else { "127.0.0.1:0" };
    let log = home.join("server.log");
    let mut server = command(target_dir().join("release/kinetoscope"), &["serve", "--data"]);
    server.arg(home.join("data"));
    server.args(["--listen", free("127.0.0.1:8080"), "--rtsp-listen", free("127.0.0.1:8554")]);
    server.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log)?);
    let mut child = server.spawn().map_err(|error| Failure(format!("cannot start the server: {error}")))?;
    let stdout = child.stdout.take().ok_or_else(|| Failure("the server has no stdout".into()))?;
    running.children.push(("server", child));
    let mut lines = BufReader::new(stdout).lines();
    let mut http = None;
    for line in lines.by_ref() {
        let line = line?;
        let after = |words| Some(line.split_once(words)?.1.split_whitespace().next()?.trim_end_matches('/'));
        if let Some(url) = after("listening on ") {
            http = Some(url.to_owned());
        }
        if let (Some(http), Some(rtsp)) = (&http, after("rtsp on ")) {
            let at = Addresses { http: http.clone(), rtsp: rtsp.to_owned() };
            std::thread::spawn(move || lines.for_each(drop)); // keep its stdout from filling up
            return Ok(at);
        }
    }
    Err(Failure(format!("the server stopped before it was ready; see {}", log.display())))
}

/// How ffmpeg sends to an HTTP ingest address: chunks of a quarter of a second at most.
fn http_camera(at: &Addresses, Credentials { id, secret }: &Credentials) -> Vec<String> {
    let host = at.http.trim_start_matches("http://");
    let target = format!("http://{id}:{secret}@{host}/v1/video/{OVER_HTTP}/ingest");
    let muxer = ["-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration"];
    let sending = ["250000", "-auth_type", "basic", "-method", "POST", &target];
    muxer.into_iter().chain(sending).map(str::to_owned).collect()
}

/// How ffmpeg sends to an RTSP address, as cameras do that push.
fn rtsp_camera(at: &Addresses, Credentials { id, secret }: &Credentials) -> Vec<String> {
    let host = at.rtsp.trim_start_matches("rtsp://");
    let target = format!("rtsp://{id}:{secret}@{host}/{OVER_RTSP}");
    ["-f", "rtsp", "-rtsp_transport", "tcp", &target].map(str::to_owned).to_vec()
}

/// ffmpeg as a camera: a moving test picture with its name and the time burnt in, sound, a key frame every second.
fn start_camera(running: &mut Running, home: &Path, name: &'static str, sending: &[String]) -> Outcome {
    let picture = format!(
        "testsrc2=size=1280x720:rate=30,drawtext=font=DejaVuSans:fontsize=48:fontcolor=white:box=1:\
         boxcolor=black@0.6:x=40:y=40:text='{name}  %{{gmtime\\:%Y-%m-%d %H\\\\\\:%M\\\\\\:%S}} UTC'"
    );
    let mut camera =
        command("ffmpeg", &["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-f", "lavfi", "-i"]);
    camera.args([&picture, "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000"]);
    camera.args(["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]);
    camera.args(["-g", "30", "-b:v", "2M", "-c:a", "aac", "-b:a", "96k"]).args(sending);
    let log = std::fs::File::create(home.join(format!("{name}.log")))?;
    camera.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = camera.spawn().map_err(|error| Failure(format!("cannot start ffmpeg: {error}")))?;
    running.children.push((name, child));
    Ok(())
}

struct Credentials {
    id: String,
    secret: String,
}

impl Credentials {
    /// Reads the `[default]` profile that the server wrote at its first start.
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
        let value = |key: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
        };
        match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(Self { id, secret }),
            _ => Err(Failure(format!("{} has no [default] profile", path.display()))),
        }
    }
}

/// What the demo started; stopped in reverse order when dropped.
#[derive(Default)]
struct Running {
    children: Vec<(&'static str, Child)>,
}

impl Running {
    fn all_alive(&mut self, home: &Path) -> Outcome {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                return Err(Failure(format!(
                    "the {name} stopped ({status}); see {}/{name}.log",
                    home.display()
                )));
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in self.children.iter_mut().rev() {
            let _ = command("kill", &["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status();
            let _ = child.wait();
        }
    }
}
