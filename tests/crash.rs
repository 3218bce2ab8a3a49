//! SIGKILL at random moments under load: what a camera was told is durable is there afterwards, in order and decodable;
//! the server starts again without repair; live playback goes on.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tests::harness::boxes::{fragments, samples};
use tests::harness::camera::push_live;
use tests::harness::client::Client;
use tests::harness::footage::{ffmpeg_saying, numbered_h264};
use tests::harness::pusher::Pusher;
use tests::harness::server::Server;
use tests::harness::time::whole_range;
use tests::harness::wait;

const ROUNDS: usize = 20;
const STREAM: &str = "acknowledged";

/// Small, seeded, printed: enough to choose moments (xorshift64).
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let seed = std::env::var("KINETOSCOPE_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or(since.as_nanos() as u64 | 1);
        println!("moments of the kills: KINETOSCOPE_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test]
async fn acknowledged_footage_survives_twenty_kills() {
    let folder = TempDir::new().expect("temporary folder");
    let file = folder.path().join("numbered.mp4");
    numbered_h264(&file, (320, 180), 25, 10, 40);
    let (init, pushed) = fragments(&std::fs::read(&file).expect("footage"));
    assert_eq!(pushed.len(), 100);

    let mut server = Server::start().await;
    let mut moments = Moments::new();
    // Fragment number → the samples that the acknowledged fragment must hold.
    let mut promised = BTreeMap::<u64, Vec<u8>>::new();
    let mut sequences = Vec::new();
    for round in 0..ROUNDS {
        let live = push_live(&server, "live", "testsrc2=size=160x90:rate=25");
        let pusher =
            Pusher::start(&server.client(), STREAM, init.clone(), pushed.clone(), Duration::from_millis(10));
        wait::until("the first acknowledgement", Duration::from_secs(20), || async {
            if pusher.persisted().is_empty() { Err(server.log_tail()) } else { Ok(()) }
        })
        .await;
        tokio::time::sleep(Duration::from_millis(moments.below(600))).await;
        server.kill().await;
        let acknowledged = pusher.finish().await;
        drop(live);
        println!("round {round}: killed with {} fragments acknowledged", acknowledged.len());
        promised.extend(acknowledged.into_iter().zip(pushed.iter().map(|fragment| samples(fragment))));
        server.restart().await;
        sequences.push(media_sequence(&server.client()).await);
    }
    assert!(promised.len() >= ROUNDS, "there was something to lose: {}", promised.len());
    assert!(sequences.windows(2).all(|pair| pair[0] <= pair[1]), "MEDIA-SEQUENCE went back: {sequences:?}");
    check_promises(&server, &promised).await;
    check_decodable(&server, &promised).await;
    check_live_goes_on(&server).await;
}

/// Every promised fragment is listed, in order, and holds the bytes that were pushed.
async fn check_promises(server: &Server, promised: &BTreeMap<u64, Vec<u8>>) {
    let client = server.client();
    let mut listed = Vec::<u64>::new();
    let mut after = String::new();
    loop {
        let page = client.json(&format!("/v1/video/{STREAM}/fragments?limit=1000{after}")).await;
        for fragment in page["fragments"].as_array().expect("fragments") {
            let number = fragment["fragment_number"].as_str().expect("a string");
            listed.push(number.parse().expect("decimal"));
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]), "fragments are listed in order: {listed:?}");
    for (number, pushed) in promised {
        assert!(listed.contains(number), "acknowledged fragment {number} is gone\n{}", server.log_tail());
        let segment = client.bytes(&format!("/v1/video/{STREAM}/hls/segment/{number}.m4s")).await;
        assert!(
            samples(&segment) == *pushed,
            "acknowledged fragment {number} has other bytes than were pushed"
        );
    }
}

/// The archive's playlist lists every promised fragment, and a strict decoder reads all of it.
async fn check_decodable(server: &Server, promised: &BTreeMap<u64, Vec<u8>>) {
    let client = server.client();
    let range = whole_range(&client.json(&format!("/v1/video/{STREAM}")).await);
    let playlist = client.text(&format!("/v1/video/{STREAM}/hls/archive/media.m3u8?{range}")).await;
    for number in promised.keys() {
        assert!(playlist.contains(&format!("/{number}.m4s")), "{number} is missing in {range}:\n{playlist}");
    }
    let token = client.token(STREAM, &["play"]).await;
    let url = format!("{}/v1/video/{STREAM}/hls/archive.m3u8?{range}&token={token}", server.url());
    let (text, said) = ffmpeg_saying(&[
        "-xerror",
        "-i",
        &url,
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ]);
    let frames = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(
        frames >= promised.len() * 10,
        "{} fragments of 10 frames were promised, {frames} frames decoded; ffmpeg said:\n{said}\n{playlist}",
        promised.len()
    );
}

async fn media_sequence(client: &Client) -> u64 {
    let text = client.text(&format!("/v1/video/{STREAM}/hls/live/media.m3u8")).await;
    let line = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    line.unwrap_or_else(|| panic!("no MEDIA-SEQUENCE:\n{text}")).parse().expect("a number")
}

async fn check_live_goes_on(server: &Server) {
    let before = server.client().json("/v1/video/live").await;
    let _camera = push_live(server, "live", "testsrc2=size=160x90:rate=25");
    wait::until("live playback to go on", Duration::from_secs(20), || async {
        let now: Value = server.client().json("/v1/video/live").await;
        let playlist = server.client().text("/v1/video/live/hls/live/media.m3u8").await;
        let moved = now["last_ms"].as_i64() > before["last_ms"].as_i64().map(|ms| ms + 3000);
        if moved && playlist.contains(".m4s") { Ok(()) } else { Err(format!("{now}\n{playlist}")) }
    })
    .await;
}
