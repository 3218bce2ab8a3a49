//! What a restart, a kill and a power cut leave.

use crate::camera::{Camera, joined};
use crate::ingest::all;
use crate::world::{Service, World, assert_same, settle, uris};
use shardlog::env::Env;
use shardlog::env::sim::sim_env;
use shardlog::local::{LocalOptions, LocalStore};
use std::sync::Arc;
use std::time::Duration;
use video::{Clock, End, Event, Reason, SessionOptions, TimeRange, VideoConfig};

const EVER: TimeRange = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };

/// Everything that a reader sees of the stream, as text.
async fn seen(service: &Service) -> String {
    service.verify().await;
    let mut seen = String::new();
    let live = service.video.live_playlist("cam", 3600, &uris()).await;
    seen += &live.map_or_else(|error| error.to_string(), |playlist| playlist.to_text());
    for clock in [Clock::Producer, Clock::Server] {
        let range = TimeRange { clock, to_ms: service.now_ms() + 3_600_000, ..EVER };
        let archive = service.video.archive_playlist("cam", range, &uris()).await;
        seen += &archive.map_or_else(|error| error.to_string(), |playlist| playlist.to_text());
        let timeline = service.video.timeline("cam", range).await.unwrap();
        seen += &format!("{timeline:?}");
    }
    seen += &format!("{:?}", service.video.fragments("cam", all()).await.unwrap());
    seen + &format!("{:?}", service.video.describe("cam").await.unwrap())
}

/// Several connections, with breaks, other pictures and a jump of the clock; more fragments than a directory holds.
async fn eventful(service: &Service) {
    let (mut camera, other) = (Camera::new(), Camera::other());
    service.upload(&camera.upload(0, 40)).await;
    service.sim.clock.advance(Duration::from_secs(100));
    service.upload(&other.upload(0, 3)).await;
    service.sim.clock.advance(Duration::from_secs(10));
    let mut session = service.begin().await;
    let jumped = Camera { base: 500 * 12_800, ..Camera::new() };
    let upload = joined(&[camera.upload(0, 30), joined(&jumped.seconds(30, 35))]);
    session.push(upload).await.unwrap();
    assert!(session.finish(End::Eof).await.error.is_none());
    service.sim.clock.advance(Duration::from_secs(45));
    camera.base = 77;
    service.upload(&camera.upload(0, 30)).await;
}

#[tokio::test]
async fn a_restarted_service_shows_the_same_byte_for_byte() {
    let world = World::new();
    let service = world.with_cam().await;
    eventful(&service).await;
    service.sim.clock.advance(Duration::from_secs(5));
    let before = seen(&service).await;
    assert!(before.contains("#EXT-X-DISCONTINUITY\n") && before.contains("/segment/1.m4s"));
    service.shutdown().await;
    let service = world.open().await;
    assert_same(&seen(&service).await, &before);
    // Nor does it matter how much of it is kept in memory.
    service.shutdown().await;
    let service = world.open_with(VideoConfig { fragments_in_memory: 1, ..VideoConfig::default() }).await;
    assert_same(&seen(&service).await, &before);
    assert_same(&seen(&service).await, &before);
}

#[tokio::test]
async fn what_is_seen_grows_as_a_restart_would_show_it() {
    let world = World::new();
    let service = world.with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    for second in 0..100 {
        service.sim.clock.advance(Duration::from_secs(1));
        session.push(camera.frames(second * 10, second * 10 + 5)).await.unwrap();
        session.push(camera.frames(second * 10 + 5, second * 10 + 10)).await.unwrap();
        settle().await;
        // One that has followed from the beginning, and one that has just begun to look.
        let followed = service.video.fragments("cam", all()).await.unwrap();
        let fresh = world.open().await.video.fragments("cam", all()).await.unwrap();
        assert_same(&format!("{followed:?}"), &format!("{fresh:?}"));
        assert_eq!(followed.fragments.len() as u64, second + 1);
    }
    drop(session);
}

#[tokio::test]
async fn after_a_kill_numbers_go_on_and_the_gap_says_so() {
    let world = World::new();
    let service = world.with_cam().await;
    let camera = Camera::new();
    service.upload(&camera.upload(0, 3)).await;
    let mut session = service.begin().await;
    session.push(joined(&[camera.upload(10, 12), camera.frames(120, 123)])).await.unwrap();
    settle().await;
    let before = service.video.live_playlist("cam", 0, &uris()).await.unwrap();
    assert_eq!(before.segments.len(), 5);
    // Killed: nothing says how the session ended.
    drop(service);
    std::mem::forget(session);
    let service = world.open().await;
    // The torn fragment cannot grow any more, so it is playable now.
    let after = service.video.live_playlist("cam", 0, &uris()).await.unwrap();
    assert_eq!(after.segments[..5], before.segments[..]);
    assert_eq!((after.segments.len(), after.segments[5].duration_ms), (6, 300));
    service.sim.clock.advance(Duration::from_secs(20));
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.gaps.last().unwrap().reason, Reason::ServerRestarted);
    service.upload(&camera.upload(0, 2)).await;
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.violations(), Vec::<String>::new());
    assert_eq!(playlist.segments.len(), 8);
    let breaks: Vec<usize> = (0..8).filter(|index| playlist.segments[*index].discontinuity).collect();
    assert_eq!(breaks, [3, 6]);
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.gaps.last().unwrap().reason, Reason::ServerRestarted);
}

async fn local(dir: &std::path::Path, options: LocalOptions, env: Env) -> Arc<LocalStore> {
    Arc::new(LocalStore::open(dir.join("log"), options, env).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_engine_keeps_it_all() {
    let dir = tempfile::tempdir().unwrap();
    // Small segments, so that heads come out of footers too.
    let options = LocalOptions { segment_bytes: 64 << 10, ..LocalOptions::default() };
    let store = local(dir.path(), options.clone(), Env::real()).await;
    let mut world = World::on(store.clone());
    let service = world.with_cam().await;
    eventful(&service).await;
    let before = seen(&service).await;
    service.shutdown().await;
    store.close().await;
    let store = local(dir.path(), options, Env::real()).await;
    world.store = store.clone();
    let service = world.open().await;
    assert_same(&seen(&service).await, &before);
    service.shutdown().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    for seed in 0..12 {
        let (env, mut sim) = sim_env(seed);
        // Making the data directory durable is up to whoever makes it.
        let dir = std::path::Path::new("/");
        let options = LocalOptions { segment_bytes: 100 << 10, ..LocalOptions::default() };
        let store = local(dir, options.clone(), env).await;
        let mut world = World::on(store);
        let service = world.with_cam().await;
        let camera = Camera { frame_bytes: 700, ..Camera::new() };
        let listening = SessionOptions { events: true, ..crate::world::options() };
        let mut session = service.video.ingest("cam", listening).await.unwrap();
        let mut events = session.take_events().unwrap();
        session.push(camera.init()).await.unwrap();
        let wanted = 3 + seed * 4;
        let pushing = tokio::spawn(async move {
            for chunk in 0.. {
                if session.push(camera.frames(chunk * 2, chunk * 2 + 2)).await.is_err() {
                    return;
                }
            }
        });
        let mut persisted = Vec::new();
        while (persisted.len() as u64) < wanted {
            match events.recv().await.unwrap() {
                Event::Persisted(fragment) => persisted.push(fragment.number),
                Event::Error { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
        let env = sim.power_cut(seed);
        pushing.abort();
        world.store = local(dir, options, env).await;
        let service = world.open().await;
        let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
        let numbers: Vec<u64> = listed.iter().map(|fragment| fragment.fragment_number).collect();
        assert!(numbers.starts_with(&persisted), "seed {seed}: {persisted:?} of {numbers:?}");
        for fragment in &listed[..persisted.len()] {
            assert_eq!((fragment.chunks, fragment.duration_ms), (5, 1000), "seed {seed}");
        }
        // And the next camera is welcome, with numbers that go on.
        assert!(service.upload(&Camera::new().upload(0, 2)).await.error.is_none());
        let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
        assert_eq!(playlist.violations(), Vec::<String>::new());
        assert_eq!(playlist.segments.len(), listed.len() + 2);
        service.shutdown().await;
    }
}
