//! SIGKILL at random moments: under load, while starting, while stopping. What clients were told is durable is there
//! afterwards, in order, once and decodable; what they could see stays; the server starts again without repair.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::push_live;
use tests::harness::client::Client;
use tests::harness::footage::ffmpeg_saying;
use tests::harness::promises::{Pieces, Promises};
use tests::harness::pusher::Pusher;
use tests::harness::seed::Seed;
use tests::harness::server::{self, Server, Settings};
use tests::harness::time::seconds;
use tests::harness::{rtsp, wait};
use tokio::process::Child;

/// `KINETOSCOPE_TEST_KILLS` sets another number.
const KILLS: usize = 200;
/// Promises are verified after so many kills.
const VERIFY_EVERY: usize = 25;
const STREAMS: [&str; 3] = ["one", "two", "three"];
/// In each fragment.
const FRAMES: u32 = 10;
/// So many of the newest fragments are decoded at the end.
const DECODED: usize = 300;
/// In every so manyth round a camera pushes over RTSP as well.
const RTSP_EVERY: usize = 30;
/// Of the camera that pushes over RTSP.
const RTSP_STREAM: &str = "rtsp";

/// The server, and what has been promised by it.
struct Run {
    server: Server,
    seed: Seed,
    pieces: Pieces,
    promises: BTreeMap<&'static str, Promises>,
    /// Fragments that somebody has been shown, with their bytes: nobody may be shown what a crash can take away.
    shown: BTreeMap<u64, Bytes>,
    /// MEDIA-SEQUENCE as players saw it.
    media_sequence: u64,
    /// Kills under load, while starting, while stopping.
    kills: [usize; 3],
}

#[tokio::test]
async fn what_was_acknowledged_survives_two_hundred_kills() {
    let folder = TempDir::new().expect("temporary folder");
    let kills = std::env::var("KINETOSCOPE_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: usize = kills.unwrap_or(KILLS);
    // Small segments, so that many kills meet a roll, a trim of files, a start from many footers.
    let args = ["--segment-mib", "1", "--workers", "1", "--camera-workers", "1"].map(str::to_owned);
    let mut run = Run {
        server: Server::start_with(Settings { args: args.to_vec(), ..Settings::default() }).await,
        seed: Seed::new("moments of the kills"),
        pieces: Pieces::make(folder.path(), 60, FRAMES),
        promises: STREAMS.map(|stream| (stream, Promises::default())).into(),
        shown: BTreeMap::new(),
        media_sequence: 0,
        kills: [0; 3],
    };
    let mut verify_at = VERIFY_EVERY;
    for round in 1.. {
        run.round(round % RTSP_EVERY == 1).await;
        let so_far: usize = run.kills.iter().sum();
        if so_far >= kills {
            break;
        }
        if so_far >= verify_at {
            run.verify(false).await;
            verify_at += VERIFY_EVERY;
        }
    }
    run.verify(true).await;
    let promised: Vec<usize> = run.promises.values().map(Promises::len).collect();
    println!(
        "killed {:?} times under load, starting, stopping; {promised:?} fragments were promised",
        run.kills
    );
    assert!(promised.iter().sum::<usize>() > kills, "there was something to lose: {promised:?}");
    check_decodable(&run.server, STREAMS[0], &run.promises[STREAMS[0]]).await;
    check_live_goes_on(&run.server).await;
    assert_eq!(run.server.stop().await, Some(0), "{}", run.server.log_tail());
    server::check(run.server.data());
}

impl Run {
    /// Load until a kill, perhaps some more kills of a server that is starting, and a start. `rtsp`: a camera pushes over
    /// RTSP as well.
    async fn round(&mut self, rtsp: bool) {
        let client = self.server.client();
        self.players_see(&client).await;
        let push = |stream: &&'static str| {
            let pace = [4, 12, 30][self.seed.below(3) as usize];
            (*stream, self.pieces.push(&client, stream, Duration::from_millis(pace)))
        };
        let pushers: Vec<(&'static str, Pusher)> = STREAMS.iter().map(push).collect();
        let camera = if rtsp { Some(self.push_rtsp(&client).await) } else { None };
        if self.seed.below(4) > 0 {
            // Otherwise a machine that is busy would kill servers that have not taken anything yet.
            let (stream, pusher) = &pushers[self.seed.below(3) as usize];
            wait::until(&format!("an acknowledgement of {stream}"), Duration::from_secs(60), || async {
                if pusher.persisted().is_empty() { Err(self.server.log_tail()) } else { Ok(()) }
            })
            .await;
        }
        tokio::time::sleep(Duration::from_millis(self.seed.below(300))).await;
        let stopping = self.seed.below(5) == 0;
        let patience = if stopping { self.seed.below(120) } else { 0 };
        let killed = if stopping {
            self.server.stop_or_kill(Duration::from_millis(patience)).await
        } else {
            self.server.kill().await;
            true
        };
        self.kills[if stopping { 2 } else { 0 }] += usize::from(killed);
        drop(camera);
        for (stream, pusher) in pushers {
            self.promises.entry(stream).or_default().add(&pusher.finish().await);
        }
        while self.seed.below(4) == 0 {
            // It may have much or little to recover, and is killed in the middle of it.
            let patience = Duration::from_millis(self.seed.below(250));
            self.kills[1] += usize::from(self.server.start_and_kill(patience).await);
        }
        self.server.restart().await;
    }

    /// Live players go on from where they were.
    async fn players_see(&mut self, client: &Client) {
        if self.promises.get(STREAMS[0]).is_none_or(Promises::is_empty) {
            return;
        }
        let text = client.text(&format!("/v1/video/{}/hls/live/media.m3u8", STREAMS[0])).await;
        let line = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        let now = line
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no MEDIA-SEQUENCE:\n{text}"));
        assert!(self.media_sequence <= now, "MEDIA-SEQUENCE went back from {} to {now}", self.media_sequence);
        self.media_sequence = now;
    }

    /// A camera pushes over RTSP, where nothing is acknowledged; but what is listed is durable.
    async fn push_rtsp(&mut self, client: &Client) -> Child {
        let camera = rtsp::push_live(&self.server, RTSP_STREAM).await;
        let newest = self.shown.keys().next_back().copied().unwrap_or(0);
        let path = format!("/v1/video/{RTSP_STREAM}/fragments?after={newest}");
        let listed = wait::until("two fragments over RTSP", Duration::from_secs(60), || async {
            let text = client.get(&path).await.text().await.map_err(|error| error.to_string())?;
            let page: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
            let listed = page["fragments"].as_array().filter(|listed| listed.len() >= 2).cloned();
            listed.ok_or_else(|| format!("{text}\n{}", self.server.log_tail()))
        });
        // The last one may still grow.
        for fragment in listed.await.iter().rev().skip(1) {
            let number = fragment["fragment_number"].as_str().expect("a number");
            let bytes = client.bytes(&format!("/v1/video/{RTSP_STREAM}/hls/segment/{number}.m4s")).await;
            self.shown.insert(number.parse().expect("decimal"), bytes);
        }
        camera
    }

    /// All promises hold; `again`: those too that were found to hold before.
    async fn verify(&mut self, again: bool) {
        let client = self.server.client();
        for (stream, promises) in &mut self.promises {
            let held = if again {
                promises.hold(&client, stream, &self.pieces).await
            } else {
                promises.hold_since(&client, stream, &self.pieces).await
            };
            held.unwrap_or_else(|broken| {
                panic!("{broken}\nafter {:?} kills\n{}", self.kills, self.server.log_tail())
            });
        }
        for (number, shown) in &self.shown {
            let now = client.bytes(&format!("/v1/video/{RTSP_STREAM}/hls/segment/{number}.m4s")).await;
            assert!(now == *shown, "fragment {number} of {RTSP_STREAM} is another than was shown");
        }
    }
}

/// The archive's playlist lists every promised fragment of a range, and a strict decoder reads all of it.
async fn check_decodable(server: &Server, stream: &str, promises: &Promises) {
    let client = server.client();
    let newest: Vec<u64> = promises.numbers().rev().take(DECODED).collect();
    let page = client
        .json(&format!("/v1/video/{stream}/fragments?limit=1&after={}", newest[newest.len() - 1] - 1))
        .await;
    let from = page["fragments"][0]["producer_ms"].as_i64().expect("when the oldest of them begins");
    let to =
        client.json(&format!("/v1/video/{stream}")).await["last_ms"].as_i64().expect("when the newest ends");
    let range = format!("from={}&to={}", seconds(from), seconds(to + 1));
    let playlist = client.text(&format!("/v1/video/{stream}/hls/archive/media.m3u8?{range}")).await;
    for number in &newest {
        assert!(playlist.contains(&format!("/{number}.m4s")), "{number} is missing in {range}:\n{playlist}");
    }
    let token = client.token(stream, &["play"]).await;
    let base = format!("{}/v1/video/{stream}", server.url());
    let listed = playlist.matches(".m4s").count();
    // In a playlist, ffmpeg 5.1 throws the first fragment after a discontinuity away if its times begin anew.
    let thrown_away = playlist.matches("#EXT-X-DISCONTINUITY\n").count();
    for (path, fragments) in [("clip.mp4", listed), ("hls/archive.m3u8", listed - thrown_away)] {
        let url = format!("{base}/{path}?{range}&token={token}");
        let decode =
            ["-xerror", "-i", &url, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
        let (text, said) = ffmpeg_saying(&decode);
        let frames = text.lines().filter(|line| !line.starts_with('#')).count();
        let expected = fragments * FRAMES as usize;
        assert!(
            frames == expected,
            "{path}: {frames} frames, not {expected}; ffmpeg said:\n{said}\n{playlist}"
        );
    }
}

async fn check_live_goes_on(server: &Server) {
    let before = server.client().json(&format!("/v1/video/{RTSP_STREAM}")).await;
    let _camera = push_live(server, RTSP_STREAM, "testsrc2=size=160x90:rate=25");
    wait::until("live playback to go on", Duration::from_secs(30), || async {
        let now: Value = server.client().json(&format!("/v1/video/{RTSP_STREAM}")).await;
        let playlist = server.client().text(&format!("/v1/video/{RTSP_STREAM}/hls/live/media.m3u8")).await;
        let moved = now["last_ms"].as_i64() > before["last_ms"].as_i64().map(|ms| ms + 2000);
        if moved && playlist.contains(".m4s") { Ok(()) } else { Err(format!("{now}\n{playlist}")) }
    })
    .await;
}
