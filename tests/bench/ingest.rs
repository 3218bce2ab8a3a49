//! Ingest: the same footage over HTTP into Kinetoscope (sealed, on disk before it is acknowledged) and into an axum
//! handler that throws it away; and what a real-time camera costs.

use crate::{disk, process};
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures_util::StreamExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::harness::boxes::fragments;
use tests::harness::client::Client;
use tests::harness::footage::ffmpeg;
use tests::harness::pusher::Pusher;
use tests::harness::server::Server;

const CONNECTIONS: usize = 4;
const REPEATS: usize = 8;
const CAMERAS: usize = 16;
const CAMERA_SECONDS: u32 = 30;

pub(crate) async fn run() {
    let folder = TempDir::new().expect("temporary folder");
    println!("making 30 s of 1080p at 4 Mbit/s …");
    let footage = footage(folder.path());
    let server = Server::start().await;
    let sink = start_sink().await;

    let ours = push_all(&server.client(), &footage).await;
    let bare = push_all(&Client::new(&sink), &footage).await;
    let disk = disk::write_and_sync(folder.path(), 512 << 10, 512 << 20);
    let disk_large = disk::write_and_sync(folder.path(), 8 << 20, 1 << 30);
    println!("\n{CONNECTIONS} connections, as fast as they go            MB/s   ours is");
    for (name, rate) in [
        ("Kinetoscope: sealed and on disk", ours),
        ("axum handler that throws it away", bare),
        ("disk, fdatasync every 512 KiB", disk),
        ("disk, fdatasync every 8 MiB", disk_large),
    ] {
        println!("{name:<42} {rate:>7.0}   {:>5.2} ×", ours / rate);
    }
    drop(server);
    cost_of_a_camera(&footage).await;
}

fn footage(folder: &Path) -> Vec<u8> {
    let file = folder.join("footage.mp4");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=1920x1080:rate=30,noise=alls=20:allf=t",
        "-t",
        "30",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-b:v",
        "4M",
        "-minrate",
        "4M",
        "-maxrate",
        "4M",
        "-bufsize",
        "4M",
        "-g",
        "30",
        "-pix_fmt",
        "yuv420p",
        "-movflags",
        "+frag_keyframe+empty_moov+default_base_moof",
        "-frag_duration",
        "333000",
        file.to_str().expect("UTF-8"),
    ]);
    std::fs::read(file).expect("footage")
}

/// The cheapest thing an axum server can do with a body.
async fn start_sink() -> String {
    let throw_away = |body: Body| async {
        let mut parts = body.into_data_stream();
        while let Some(Ok(_)) = parts.next().await {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let app = Router::new().route("/v1/video/{stream}/ingest", post(throw_away));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// MB/s of all connections together; each answer (for us: all of it durable) is waited for.
async fn push_all(client: &Client, footage: &[u8]) -> f64 {
    let footage = bytes::Bytes::copy_from_slice(footage);
    let start = Instant::now();
    let pushes = (0..CONNECTIONS).map(|index| {
        let (client, footage) = (client.clone(), footage.clone());
        async move {
            for _ in 0..REPEATS {
                let parts = (0..footage.len()).step_by(64 << 10);
                let parts: Vec<_> =
                    parts.map(|at| footage.slice(at..footage.len().min(at + (64 << 10)))).collect();
                let body = futures_util::stream::iter(parts.into_iter().map(Ok::<_, std::io::Error>));
                let path = format!("/v1/video/bench-{index}/ingest");
                let request =
                    client.request(reqwest::Method::POST, &path).body(reqwest::Body::wrap_stream(body));
                let answer = request.send().await.expect("push");
                assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
            }
        }
    });
    futures_util::future::join_all(pushes).await;
    (footage.len() * CONNECTIONS * REPEATS) as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// CPU time of the server for cameras that push in real time.
async fn cost_of_a_camera(footage: &[u8]) {
    let server = Server::start().await;
    let (init, parts) = fragments(footage);
    let pace = Duration::from_millis(1000 * u64::from(CAMERA_SECONDS) / parts.len() as u64);
    let before = process::cpu_ms(server.pid());
    let cameras: Vec<Pusher> = (0..CAMERAS)
        .map(|index| {
            Pusher::start(&server.client(), &format!("camera-{index}"), init.clone(), parts.clone(), pace)
        })
        .collect();
    for camera in cameras {
        assert!(!camera.finish().await.is_empty(), "fragments were acknowledged");
    }
    let used = process::cpu_ms(server.pid()) - before;
    let camera_seconds = CAMERAS as u64 * u64::from(CAMERA_SECONDS);
    println!(
        "\n{CAMERAS} cameras at 4 Mbit/s for {CAMERA_SECONDS} s: {:.2} CPU ms per camera-second; peak memory {} MiB",
        used as f64 / camera_seconds as f64,
        process::peak_memory_mib(server.pid()),
    );
    println!("(the best recorder measured so far, without encryption or syncing: 3.0)");
}
