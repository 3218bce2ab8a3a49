//! Cameras whose packets go through media-workers, without a network in between.

use super::*;
use crate::cameras::{RecordError, RecordOptions, Recorder};
use media::rtp::{Encoding, RtpTrack};
use media::worker_protocol::camera::{BatchBuilder, Carriage, Open, PacketKind};
use serde_json::json;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use video::{End, IngestError};

/// Pictures a second.
pub(super) const RATE: u32 = 10;

/// The worker that cargo built; the test itself runs from a folder beside it.
pub(super) fn media_worker() -> std::path::PathBuf {
    let binary = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("media-worker");
    let how = "cargo build -p media --features gst --bin media-worker";
    assert!(binary.is_file(), "{} is not there; build it with `{how}`", binary.display());
    binary
}

async fn start() -> TestServer {
    TestServer::start_with(|layer| layer.media_worker = Some(media_worker())).await
}

/// Three seconds of pictures as coded units, each a list of NAL units, with a key frame every half second.
pub(super) static PICTURES: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10", "-t", "3"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"])
        .args(["-x264-params", "keyint=5:min-keyint=5:aud=1:sliced-threads=0", "-f", "h264", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg (Debian package ffmpeg)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut units: Vec<Vec<Vec<u8>>> = Vec::new();
    for nal in nal_units(&output.stdout) {
        match nal[0] & 0x1f {
            // An access unit delimiter.
            9 => units.push(Vec::new()),
            _ => units.last_mut().unwrap().push(nal.to_vec()),
        }
    }
    units
});

/// What stands between start codes.
fn nal_units(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<_> = (0..stream.len() - 2).filter(|at| stream[*at..].starts_with(&[0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    let cut = |(start, end): (&usize, usize)| {
        let nal = &stream[start + 3..end];
        &nal[..nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]
    };
    starts.iter().zip(ends).map(cut).collect()
}

fn open() -> Open {
    let track = RtpTrack {
        encoding: Encoding::H264,
        payload_type: 96,
        clock_rate: 90_000,
        channels: 0,
        fmtp: BTreeMap::from([("packetization-mode".to_owned(), "1".to_owned())]),
        ntp_extension: None,
        control: String::new(),
    };
    Open { tracks: vec![track], carriage: Carriage::Tcp, chunk_ms: 250, source: None }
}

/// Which RTP timestamp the camera's clock (milliseconds since the Unix epoch) shows.
pub(super) fn sender_report(now_ms: u64, timestamp: u32) -> Vec<u8> {
    let ntp_seconds = u32::try_from(now_ms / 1000 + 2_208_988_800).unwrap();
    let ntp_fraction = u32::try_from(((now_ms % 1000) << 32) / 1000).unwrap();
    let words =
        [[1, 2, 3, 4], ntp_seconds.to_be_bytes(), ntp_fraction.to_be_bytes(), timestamp.to_be_bytes()];
    [&[0x80, 200, 0, 6][..], &words.concat(), &[0; 8]].concat()
}

/// A camera that sends pictures, each NAL unit in a packet.
struct Camera {
    recorder: Recorder,
    sequence: u16,
    pictures: u32,
}

impl Camera {
    async fn begin(server: &TestServer, stream: &str) -> Result<Self, RecordError> {
        let options = RecordOptions { peer: "test".to_owned(), auto_create: true };
        let recorder = server.app.cameras.record(stream, open(), options).await?;
        Ok(Self { recorder, sequence: 65_530, pictures: 0 })
    }

    /// Sends the next picture.
    async fn picture(&mut self, server: &TestServer) -> Result<(), RecordError> {
        let nals = &PICTURES[self.pictures as usize % PICTURES.len()];
        let timestamp = self.pictures.wrapping_mul(90_000 / RATE).wrapping_sub(100_000);
        let mut batch = BatchBuilder::default();
        let now_ms = server.app.env.clock.now_ms();
        if self.pictures.is_multiple_of(5) {
            assert!(batch.push(0, PacketKind::Rtcp, &sender_report(now_ms, timestamp)));
        }
        for (at, nal) in nals.iter().enumerate() {
            let marker = u8::from(at + 1 == nals.len()) << 7;
            let mut packet = vec![0x80, marker | 96];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend(timestamp.to_be_bytes());
            packet.extend([1, 2, 3, 4]);
            packet.extend(nal);
            assert!(batch.push(0, PacketKind::Rtp, &packet));
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.pictures += 1;
        self.recorder.packets(batch.take(now_ms * 1000)).await
    }

    /// Sends pictures at their pace until `done`.
    async fn pictures(&mut self, server: &TestServer, mut done: impl AsyncFnMut(u32) -> bool) {
        while !done(self.pictures).await {
            self.picture(server).await.unwrap();
            server.app.env.clock.sleep(Duration::from_millis(1000 / u64::from(RATE))).await;
        }
    }
}

#[tokio::test]
async fn packets_become_footage() {
    let mut server = start().await;
    // How long a worker takes to start is no matter here.
    let mut first = Camera::begin(&server, "first").await.unwrap();
    let has_footage =
        async |sent: u32| sent.is_multiple_of(5) && server.json("/v1/video/first").await["last_ms"].is_u64();
    first.pictures(&server, has_footage).await;
    first.recorder.finish(End::Eof).await;
    let mut camera = Camera::begin(&server, "yard").await.unwrap();
    assert!(matches!(
        Camera::begin(&server, "yard").await.err(),
        Some(RecordError::Ingest(IngestError::PublisherActive { .. }))
    ));
    camera.pictures(&server, async |sent| sent == 20).await;
    let summary = camera.recorder.finish(End::Eof).await;
    assert!(summary.error.is_none(), "{summary:?}");
    assert_eq!((summary.fragments, summary.persisted), (4, 4), "{summary:?}");
    let info = server.json("/v1/video/yard").await;
    assert_eq!((&info["fragments"], &info["width"], &info["height"]), (&json!(4), &json!(128), &json!(96)));
    let lasts_ms = info["last_ms"].as_u64().unwrap() - info["first_ms"].as_u64().unwrap();
    assert!((1950..=2050).contains(&lasts_ms), "{lasts_ms}");
    assert!(server.app.cameras.status("yard").is_none(), "nobody sends any more");
    let stats = server.app.cameras.stats();
    assert!(stats.packets >= 20 && stats.packets_lost == 0, "{stats:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_deleted_ends_its_recording() {
    let server = start().await;
    let mut camera = Camera::begin(&server, "gone").await.unwrap();
    camera.picture(&server).await.unwrap();
    server.request(Method::DELETE, "/v1/video/gone").send().await.unwrap();
    let ended = camera.recorder.ended().await;
    assert!(matches!(ended, RecordError::Ingest(IngestError::Deleted)), "{ended:?}");
}

#[tokio::test]
async fn twenty_cameras_go_on_when_their_worker_is_killed() {
    let mut server = start().await;
    let mut cameras = Vec::new();
    for index in 0..20 {
        cameras.push(Camera::begin(&server, &format!("cam{index}")).await.unwrap());
    }
    let stats = server.app.cameras.stats();
    assert_eq!((stats.workers.alive, stats.workers.restarts), (2, 0));
    let server_ref = &server;
    let last_ms = async |index: usize| {
        server_ref.json(&format!("/v1/video/cam{index}")).await["last_ms"].as_u64().unwrap_or(0)
    };
    let (ready, killed) = (tokio::sync::Semaphore::new(0), CancellationToken::new());
    let sending = cameras.into_iter().enumerate().map(async |(index, mut camera)| {
        let mut begun = false;
        let until_killed = async |sent: u32| {
            if !begun && sent.is_multiple_of(5) && last_ms(index).await > 0 {
                begun = true;
                ready.add_permits(1);
            }
            killed.is_cancelled()
        };
        camera.pictures(server_ref, until_killed).await;
        let (before, since) = (last_ms(index).await, server_ref.app.env.clock.monotonic());
        // More than can have been on its way.
        let goes_on = async |sent: u32| sent.is_multiple_of(5) && last_ms(index).await > before + 800;
        camera.pictures(server_ref, goes_on).await;
        let took = server_ref.app.env.clock.monotonic() - since;
        // A hang, however much else the machine has to do.
        assert!(took < Duration::from_secs(20), "cam{index} took {took:?}");
        camera.recorder.finish(End::Eof).await
    });
    let kill = async {
        let _all = ready.acquire_many(20).await.unwrap();
        let pid = stats.workers.pids[0].to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        killed.cancel();
    };
    let ((), summaries) = tokio::join!(kill, futures_util::future::join_all(sending));
    assert!(summaries.iter().all(|summary| summary.error.is_none()), "{summaries:?}");
    let mut moved = 0;
    for index in 0..20 {
        // What is missing is less than from one key frame to the next, which no timeline calls a gap.
        let playlist = server.get(&format!("/v1/video/cam{index}/hls/live/media.m3u8")).await;
        moved += playlist.text().await.unwrap().matches("#EXT-X-DISCONTINUITY\n").count();
    }
    assert_eq!((moved, server.app.cameras.stats().workers.restarts), (10, 1));
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_has_grown_too_large_is_replaced_under_its_cameras() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder.path().join("data"), |layer| layer.media_worker = Some(media_worker()));
    // Less than any worker takes.
    (config.camera_workers, config.camera_worker_memory_mib) = (1, 1);
    let mut server = TestServer::start_on(config, None).await;
    let cameras = ["yard", "door"].map(|stream| Camera::begin(&server, stream));
    let cameras = futures_util::future::try_join_all(cameras).await.unwrap();
    let stats = || server.app.cameras.stats().workers;
    let old = stats().pids[0];
    let sending = cameras.into_iter().zip(["yard", "door"]).map(async |(mut camera, stream)| {
        let last_ms =
            async || server.json(&format!("/v1/video/{stream}")).await["last_ms"].as_u64().unwrap_or(0);
        camera.pictures(&server, async |sent| sent.is_multiple_of(5) && last_ms().await > 0).await;
        let recycled = stats().recycled;
        camera.pictures(&server, async |_| stats().recycled > recycled).await;
        let before = last_ms().await;
        let goes_on = async |sent: u32| sent.is_multiple_of(5) && last_ms().await > before + 1500;
        camera.pictures(&server, goes_on).await;
        assert_eq!(server.app.cameras.status(stream).unwrap().warning, None);
        camera.recorder.finish(End::Eof).await
    });
    let summaries = futures_util::future::join_all(sending).await;
    assert!(summaries.iter().all(|summary| summary.error.is_none()), "{summaries:?}");
    for stream in ["yard", "door"] {
        let playlist =
            server.get(&format!("/v1/video/{stream}/hls/live/media.m3u8")).await.text().await.unwrap();
        assert!(playlist.contains("#EXT-X-DISCONTINUITY\n"), "{playlist}");
        let timeline = server.json(&format!("/v1/video/{stream}/timeline?from=0")).await;
        let gaps = timeline["gaps"].as_array().unwrap();
        for gap in gaps.iter().filter(|gap| gap["reason"] != "not_recorded") {
            // What is missing lies between two key frames; a machine that has much to do starts workers late.
            let lasts_ms = gap["end_ms"].as_u64().unwrap() - gap["start_ms"].as_u64().unwrap();
            assert!(gap["reason"] == "media_worker_failed" && lasts_ms < 15_000, "{timeline}");
        }
    }
    let new = stats();
    assert!((new.restarts, new.alive) == (0, 1) && !new.pids.contains(&old), "{new:?}");
    while Path::new(&format!("/proc/{old}")).exists() {
        server.app.env.clock.sleep(Duration::from_millis(10)).await;
    }
    server.stop().await;
}

/// An hour of a camera that calls again every twenty seconds. Media libraries like to keep a little of each.
#[tokio::test]
async fn reconnecting_leaves_nothing_behind_in_the_worker() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder.path().join("data"), |layer| layer.media_worker = Some(media_worker()));
    config.camera_workers = 1;
    let mut server = TestServer::start_on(config, None).await;
    let reconnect = async |times: u32| {
        for _ in 0..times {
            let mut camera = Camera::begin(&server, "yard").await.unwrap();
            for _ in 0..10 {
                camera.picture(&server).await.unwrap();
            }
            let summary = camera.recorder.finish(End::Eof).await;
            assert!(summary.error.is_none(), "{summary:?}");
        }
        let workers = server.app.cameras.stats().workers;
        assert_eq!((workers.pids.len(), workers.restarts, workers.recycled), (1, 0, 0), "{workers:?}");
        Holdings::of(workers.pids[0])
    };
    let settled = reconnect(60).await;
    let after = reconnect(180).await;
    let said = format!("after 60 cameras {settled:?}, after 180 more {after:?}");
    assert!(after.files <= settled.files && after.threads <= settled.threads, "{said}");
    // 180 × 20 KiB: less than one picture's worth a camera, and no more than an allocator's whims.
    assert!(after.memory_kib < settled.memory_kib + 3600, "{said}");
    server.stop().await;
}

/// What a process holds.
#[derive(Debug)]
struct Holdings {
    files: usize,
    threads: usize,
    memory_kib: u64,
}

impl Holdings {
    fn of(pid: u32) -> Self {
        let count = |folder: &str| std::fs::read_dir(format!("/proc/{pid}/{folder}")).unwrap().count();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory_kib = memory.trim().trim_end_matches(" kB").parse().unwrap();
        Self { files: count("fd"), threads: count("task"), memory_kib }
    }
}
