//! Cameras, restarts and retention at random, held against the rules that everything read must keep.

use crate::camera::{Camera, joined};
use crate::world::{Service, World, assert_same, settle, uris};
use bytes::Bytes;
use futures_util::TryStreamExt;
use std::collections::BTreeMap;
use std::time::Duration;
use video::{Clock, End, FragmentQuery, IngestSession, SessionOptions, TimeRange};

const EVER: TimeRange = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };

/// A small generator; the seed is in every failure.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What has been seen so far and must not change any more.
#[derive(Default)]
struct Seen {
    /// By media sequence number: the segment as the playlist wrote it.
    segments: BTreeMap<u64, String>,
    /// By segment: its bytes.
    bodies: BTreeMap<u64, Bytes>,
}

impl Seen {
    async fn check(&mut self, service: &Service) {
        let Ok(playlist) = service.video.live_playlist("cam", u64::MAX, &uris()).await else { return };
        let text = || playlist.to_text().lines().rev().take(24).collect::<Vec<_>>().join("\n");
        assert_eq!(playlist.violations(), Vec::<String>::new(), "{}", text());
        let mut discontinuity = playlist.discontinuity_sequence;
        for (index, segment) in playlist.segments.iter().enumerate() {
            let number = playlist.media_sequence + index as u64;
            discontinuity += u64::from(segment.discontinuity);
            let line = format!(
                "{} {} {} {} {discontinuity}",
                segment.uri, segment.duration_ms, segment.program_date_time_ms, segment.map_uri
            );
            let before = self.segments.insert(number, line.clone());
            assert!(
                before.as_ref().is_none_or(|before| *before == line),
                "segment {number}: {before:?}, then {line}"
            );
        }
        for end in [playlist.segments.first(), playlist.segments.last()] {
            let id = end.unwrap().map_uri.strip_prefix("../init/").unwrap().strip_suffix(".mp4").unwrap();
            assert!(service.video.init("cam", id.parse().unwrap()).await.is_ok());
        }
        if let Some(last) = playlist.segments.last() {
            let number: u64 =
                last.uri.strip_prefix("../segment/").unwrap().strip_suffix(".m4s").unwrap().parse().unwrap();
            let found = service.video.segment("cam", number).await.unwrap();
            let body = joined(&found.body.try_collect::<Vec<_>>().await.unwrap());
            let before = self.bodies.insert(number, body.clone());
            assert!(before.is_none_or(|before| before == body), "segment {number} has other bytes");
        }
        let numbers: Vec<u64> = self.segments.keys().copied().collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    }
}

/// Sends something that a camera might send next.
async fn send(dice: &mut Dice, session: &mut IngestSession, camera: &mut Camera, frame: &mut u64) {
    match dice.below(12) {
        0 => *camera = Camera { base: camera.base, ..Camera::other() },
        1 => camera.base += dice.below(60) * 12_800,
        2 => camera.base = dice.below(3) * 1_700_000_000 * 12_800,
        3 => *frame = 0,
        _ => {}
    }
    if dice.below(4) == 0 {
        let _ = session.push(camera.init()).await;
    }
    let len = 1 + dice.below(15);
    let keys: Vec<bool> =
        (0..len).map(|index| (*frame + index).is_multiple_of(10) || dice.below(20) == 0).collect();
    let chunk = camera.chunk(*frame, keys.into_iter());
    let sent = if dice.below(25) == 0 { chunk.slice(..chunk.len() / 2) } else { chunk };
    let _ = session.push(sent).await;
    *frame += len;
}

async fn run(seed: u64) {
    let mut dice = Dice(seed);
    let world = World::new();
    let mut service = world.open().await;
    service.create("cam", 1).await;
    let mut seen = Seen::default();
    let mut camera = Camera::new();
    let mut frame = 0;
    let mut session: Option<IngestSession> = None;
    for _ in 0..250 {
        match dice.below(20) {
            0 => {
                if let Some(session) = session.take() {
                    session.finish(if dice.below(2) == 0 { End::Eof } else { End::Disconnected }).await;
                }
            }
            1 => drop(session.take()),
            2 if dice.below(3) == 0 => {
                // Killed.
                session.take().into_iter().for_each(std::mem::forget);
                service = world.open().await;
            }
            3 if dice.below(3) == 0 => {
                service.clone().shutdown().await;
                session = None;
                service = world.open().await;
            }
            4 => service.sim.clock.advance(Duration::from_secs(dice.below(900))),
            5 => {
                service.retention_pass().await;
            }
            _ => {
                if session.is_none() {
                    let start_ms = (dice.below(8) == 0).then(|| service.now_ms() - dice.below(100_000));
                    let options = SessionOptions { start_ms, ..crate::world::options() };
                    let mut new = service.video.ingest("cam", options).await.unwrap();
                    let _ = new.push(camera.init()).await;
                    session = Some(new);
                }
                if let Some(session) = &mut session {
                    send(&mut dice, session, &mut camera, &mut frame).await;
                }
                service.sim.clock.advance(Duration::from_millis(dice.below(1500)));
            }
        }
        settle().await;
        seen.check(&service).await;
    }
    drop(session);
    settle().await;
    seen.check(&service).await;
    service.verify().await;
    // A fresh look shows the same.
    let query = FragmentQuery { range: EVER, after: None, limit: 1000 };
    let before = format!("{:?}", service.video.fragments("cam", query).await.unwrap());
    let fresh = world.open().await;
    assert_same(&format!("{:?}", fresh.video.fragments("cam", query).await.unwrap()), &before);
    assert!(seen.segments.len() > 20, "hardly anything was recorded");
}

#[tokio::test]
async fn whatever_happens_what_was_seen_stays_and_numbers_go_on() {
    for seed in 0..12 {
        eprintln!("seed {seed}");
        run(seed).await;
    }
}
