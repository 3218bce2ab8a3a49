//! What a camera over RTSP costs: CPU time per camera-second and memory per camera, pushed and pulled. Beside it, in the
//! same run and with the same footage: nginx-rtmp recording what ffmpeg pushes over RTMP, and one `ffmpeg -c copy` for each
//! camera that is pulled from. Neither of them encrypts or syncs what it writes.

use crate::process::{cpu_ms, memory_kib};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::harness::footage::ffmpeg;
use tests::harness::rtsp::{self, Camera, recorded};
use tests::harness::server::Server;
use tests::harness::{processes, wait};
use tokio::process::{Child, Command};

const CAMERAS: [usize; 3] = [1, 16, 64];
const MBITS: [u32; 2] = [2, 4];
/// How long is measured.
const MEASURED: Duration = Duration::from_secs(12);
/// Until then everything must have settled.
const SETTLING: Duration = Duration::from_secs(4);
/// How long a camera to pull from plays.
const FOOTAGE_S: u32 = 60;

/// What was measured of a recorder.
struct Cost {
    /// CPU milliseconds per camera-second: of the recorder, and of processes that it has started.
    own_ms: f64,
    workers_ms: f64,
    /// Resident memory of all of them in KiB.
    memory_kib: u64,
}

impl Cost {
    fn ms(&self) -> f64 {
        self.own_ms + self.workers_ms
    }
}

/// All sizes, or the one that is named: cameras, Mbit/s.
pub(crate) async fn run(only: Option<(usize, u32)>) {
    let folder = TempDir::new().expect("temporary folder");
    println!(
        "CPU ms per camera-second (server + media-workers) and MiB per camera, beside recorders that neither encrypt nor sync\n"
    );
    println!("{:>20}   {:^38}   {:^38}", "", "pushed", "pulled");
    println!(
        "{:>20}   {:>18} {:>6} {:>12}   {:>18} {:>6} {:>12}",
        "cameras", "Kinetoscope", "MiB", "nginx-rtmp", "Kinetoscope", "MiB", "ffmpeg copy"
    );
    let all = MBITS.iter().flat_map(|mbits| CAMERAS.iter().map(|cameras| (*cameras, *mbits)));
    let sizes: Vec<(usize, u32)> = only.map_or_else(|| all.collect(), |size| vec![size]);
    for (cameras, mbits) in sizes {
        let file = footage(folder.path(), mbits);
        let pushed = pushed(&file, cameras).await;
        let nginx = nginx(&file, cameras, folder.path()).await;
        let pulled = pulled(&file, cameras).await;
        let copies = copies(&file, cameras, folder.path()).await;
        println!(
            "{:>20}   {} {} {:>5.2} {:>4.2} ×   {} {} {:>5.2} {:>4.2} ×",
            format!("{cameras} at {mbits} Mbit/s"),
            parts(&pushed),
            memory(&pushed, cameras),
            nginx.ms(),
            pushed.ms() / nginx.ms(),
            parts(&pulled),
            memory(&pulled, cameras),
            copies.ms(),
            pulled.ms() / copies.ms(),
        );
    }
}

fn parts(cost: &Cost) -> String {
    format!("{:>5.2} ({:.2} + {:.2})", cost.ms(), cost.own_ms, cost.workers_ms)
}

fn memory(cost: &Cost, cameras: usize) -> String {
    format!("{:>6.1}", cost.memory_kib as f64 / 1024.0 / cameras as f64)
}

fn footage(folder: &Path, mbits: u32) -> PathBuf {
    let file = folder.join(format!("{mbits}.mp4"));
    if file.exists() {
        return file;
    }
    let rate = format!("{mbits}M");
    let seconds = FOOTAGE_S.to_string();
    let source = "testsrc2=size=1920x1080:rate=30,noise=alls=20:allf=t";
    ffmpeg(
        &[
            &["-f", "lavfi", "-i", source, "-t", &seconds, "-c:v", "libx264", "-preset", "ultrafast"][..],
            &["-tune", "zerolatency", "-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate],
            &["-g", "30", "-pix_fmt", "yuv420p", file.to_str().expect("UTF-8")],
        ]
        .concat(),
    );
    file
}

/// Lets everything settle, then counts what these processes, and those that they have started, use.
async fn measure(pids: &[u32], cameras: usize) -> Cost {
    tokio::time::sleep(SETTLING).await;
    let workers: Vec<u32> = pids.iter().flat_map(|pid| processes::children(*pid, "")).collect();
    let used = |pids: &[u32]| pids.iter().map(|pid| cpu_ms(*pid)).sum::<u64>();
    let (start, own, theirs) = (Instant::now(), used(pids), used(&workers));
    tokio::time::sleep(MEASURED).await;
    let camera_seconds = start.elapsed().as_secs_f64() * cameras as f64;
    Cost {
        own_ms: (used(pids) - own) as f64 / camera_seconds,
        workers_ms: (used(&workers) - theirs) as f64 / camera_seconds,
        memory_kib: pids.iter().chain(&workers).map(|pid| memory_kib(*pid)).sum(),
    }
}

async fn pushed(file: &Path, cameras: usize) -> Cost {
    let server = Server::start().await;
    let mut pushing = Vec::new();
    for index in 0..cameras {
        pushing.push(rtsp::push_loop(file, &rtsp::url(&server, &format!("cam-{index}")).await));
    }
    for index in 0..cameras {
        recorded(&server, &format!("cam-{index}"), 1_000, false).await;
    }
    measure(&[server.pid()], cameras).await
}

async fn pulled(file: &Path, cameras: usize) -> Cost {
    let server = Server::start().await;
    let camera = shared_camera(file).await;
    for index in 0..cameras {
        let settings = json!({"source": camera.url("rtsp")});
        server.client().put_json(&format!("/v1/video/cam-{index}"), &settings).await;
    }
    for index in 0..cameras {
        recorded(&server, &format!("cam-{index}"), 1_000, false).await;
    }
    measure(&[server.pid()], cameras).await
}

/// One run of the footage for everybody who looks.
async fn shared_camera(file: &Path) -> Camera {
    let file = file.to_str().expect("UTF-8");
    let launch = format!(
        "( filesrc location={file} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    );
    Camera::start(&launch, &["--shared"]).await
}

/// A recorder for each camera.
async fn copies(file: &Path, cameras: usize, folder: &Path) -> Cost {
    let camera = shared_camera(file).await;
    let mut recorders = Vec::new();
    for index in 0..cameras {
        let mut command = Command::new("ffmpeg");
        command.args([
            "-hide_banner",
            "-nostdin",
            "-y",
            "-loglevel",
            "error",
            "-rtsp_transport",
            "tcp",
            "-i",
        ]);
        command.arg(camera.url("rtsp")).args(["-c", "copy", "-movflags", "+frag_keyframe+empty_moov"]);
        command.arg(folder.join(format!("copy-{index}.mp4"))).stdout(Stdio::null()).stderr(Stdio::null());
        recorders.push(command.kill_on_drop(true).spawn().expect("start ffmpeg"));
    }
    let pids: Vec<u32> = recorders.iter().filter_map(Child::id).collect();
    measure(&pids, cameras).await
}

async fn nginx(file: &Path, cameras: usize, folder: &Path) -> Cost {
    let home = folder.join("nginx");
    let records = home.join("records");
    std::fs::create_dir_all(&records).expect("folder");
    let port = free_port();
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\ndaemon off; master_process off; pid {home}/pid; error_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; record all; record_path {records}; }} }} }}\n",
        home = home.display(),
        records = records.display(),
    );
    std::fs::write(home.join("nginx.conf"), config).expect("write");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(&home).arg("-c").arg(home.join("nginx.conf")).kill_on_drop(true);
    let server = command.stdout(Stdio::null()).spawn().expect("start nginx");
    wait::until("nginx", Duration::from_secs(10), || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())
    })
    .await;
    let mut pushing = Vec::new();
    for index in 0..cameras {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]);
        command.arg(file).args([
            "-c",
            "copy",
            "-f",
            "flv",
            &format!("rtmp://127.0.0.1:{port}/live/cam-{index}"),
        ]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        pushing.push(command.spawn().expect("start ffmpeg"));
    }
    let cost = measure(&[server.id().expect("running")], cameras).await;
    drop(pushing);
    std::fs::remove_dir_all(home).expect("remove");
    cost
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.local_addr().expect("address").port()
}
