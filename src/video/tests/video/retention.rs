//! What retention takes and what it leaves.

use crate::camera::{Camera, joined};
use crate::footage::boxes;
use crate::ingest::all;
use crate::world::{Service, World, assert_same, options, settle, uris};
use futures_util::TryStreamExt;
use std::time::Duration;
use streams::{HeldRange, Hold, HoldClock};
use video::{Clock, End, ManageError, Reason, SessionOptions, TimeRange};

const EVER: TimeRange = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };
const HOUR: Duration = Duration::from_secs(3600);

async fn numbers(service: &Service) -> Vec<u64> {
    let listed = service.video.fragments("cam", all()).await.unwrap();
    listed.fragments.iter().map(|fragment| fragment.fragment_number).collect()
}

/// Every segment and initialisation segment of the archive can be had.
async fn all_playable(service: &Service) {
    service.verify().await;
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.violations(), Vec::<String>::new());
    for segment in playlist.segments {
        let number = segment.uri.strip_prefix("../segment/").unwrap().strip_suffix(".m4s").unwrap();
        let found = service.video.segment("cam", number.parse().unwrap()).await.unwrap();
        let bytes: Vec<_> = found.body.try_collect().await.unwrap();
        assert_eq!(joined(&bytes).len() as u64, found.len);
        assert_eq!(boxes(&joined(&bytes))[0].0, "moof");
        let id = segment.map_uri.strip_prefix("../init/").unwrap().strip_suffix(".mp4").unwrap();
        assert_eq!(boxes(&service.video.init("cam", id.parse().unwrap()).await.unwrap())[0].0, "ftyp");
    }
}

#[tokio::test]
async fn exactly_what_is_older_goes() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    // A chunk of half a second every half second; the first arrives at 0.5 s.
    let chunks: Vec<_> = (0..200).map(|half| camera.frames(half * 5, half * 5 + 5)).collect();
    let start_ms = service.now_ms();
    service.push_live(&mut session, &chunks, Duration::from_millis(500)).await;
    session.finish(End::Eof).await;
    let before = numbers(&service).await;
    assert_eq!(before.len(), 100);
    for kept_from in [1_u64, 7, 8, 50, 98] {
        // Fragment n has chunks that arrived at n + 0.5 s and n + 1 s. While its second one has not expired, it stays.
        let cutoff_ms = start_ms + kept_from * 1000 + 1000;
        service.sim.clock.set(cutoff_ms + 3_600_000);
        service.retention_pass().await;
        assert_eq!(
            numbers(&service).await,
            before[kept_from as usize..],
            "the last chunk is not older than an hour"
        );
        all_playable(&service).await;
    }
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.gaps[0].reason, Reason::Retention);
    assert_eq!(service.video.segment("cam", before[0]).await.err().unwrap().code(), "EXPIRED");
    let info = service.video.describe("cam").await.unwrap();
    assert_eq!((info.fragments, info.first_ms.unwrap()), (2, start_ms + 98_000));
}

#[tokio::test]
async fn sequence_numbers_do_not_care_about_trims_and_restarts() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let camera = Camera::new();
    for _ in 0..4 {
        service.upload(&camera.upload(0, 20)).await;
        service.sim.clock.advance(Duration::from_secs(600));
    }
    let whole = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!((whole.media_sequence, whole.segments.len()), (0, 80));
    // The first two uploads expire.
    service.sim.clock.advance(Duration::from_secs(1900));
    assert!(service.retention_pass().await.records > 0);
    let left = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!((left.media_sequence, left.discontinuity_sequence, left.segments.len()), (40, 2, 40));
    assert_same(&format!("{:?}", &left.segments[1..]), &format!("{:?}", &whole.segments[41..]));
    service.shutdown().await;
    let service = world.open().await;
    let again = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_same(&again.to_text(), &left.to_text());
    all_playable(&service).await;
    // Everything expires, twice; numbers still go on.
    for round in 0..2 {
        service.sim.clock.advance(2 * HOUR);
        service.retention_pass().await;
        assert_eq!(numbers(&service).await, Vec::<u64>::new());
        assert_eq!(service.video.live_playlist("cam", 0, &uris()).await.unwrap_err().code(), "NO_MEDIA");
        let usage = service.video.describe("cam").await.unwrap();
        assert!(usage.stored_bytes < 2000, "{} bytes are left", usage.stored_bytes);
        service.upload(&camera.upload(0, 1)).await;
        let playlist = service.video.live_playlist("cam", 0, &uris()).await.unwrap();
        assert_eq!((playlist.media_sequence, playlist.discontinuity_sequence), (80 + round, 4 + round));
        all_playable(&service).await;
    }
}

#[tokio::test]
async fn an_initialisation_segment_outlives_its_footage_if_later_footage_needs_it() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let (camera, other) = (Camera::new(), Camera::other());
    // A B A B A, ten minutes each; the log states each change once.
    let mut base = 0;
    let mut session = service.begin().await;
    for round in 0..5 {
        let mut camera = if round % 2 == 0 { Camera::new() } else { Camera::other() };
        camera.base = base;
        session.push(camera.init()).await.unwrap();
        service.push_live(&mut session, &camera.seconds(0, 60), Duration::from_secs(10)).await;
        base += 60 * 12_800;
    }
    assert!(session.finish(End::Eof).await.error.is_none());
    let mut left = numbers(&service).await.len();
    while left > 0 {
        service.sim.clock.advance(Duration::from_secs(95));
        service.retention_pass().await;
        let now = numbers(&service).await.len();
        assert!(now <= left);
        left = now;
        if left > 0 {
            all_playable(&service).await;
            // And for somebody who has just come.
            all_playable(&world.open().await).await;
        }
    }
    drop((camera, other));
}

#[tokio::test]
async fn a_camera_may_send_while_retention_trims() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    for half_hour in 0..10 {
        let chunks = camera.seconds(half_hour * 30, half_hour * 30 + 30);
        service.push_live(&mut session, &chunks, Duration::from_secs(60)).await;
        service.retention_pass().await;
        settle().await;
        all_playable(&service).await;
        let kept = numbers(&service).await.len();
        assert!((30..=62).contains(&kept), "{kept}");
    }
    assert!(session.finish(End::Eof).await.error.is_none());
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.media_sequence + playlist.segments.len() as u64, 300);
}

#[tokio::test]
async fn a_stream_that_was_cut_off_by_a_kill_keeps_its_numbers_too() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 5)).await.unwrap();
    settle().await;
    std::mem::forget(session);
    let service = world.open().await;
    service.sim.clock.advance(2 * HOUR);
    service.retention_pass().await;
    assert_eq!(numbers(&service).await, Vec::<u64>::new());
    service.retention_pass().await;
    let service = world.open().await;
    service.upload(&camera.upload(0, 1)).await;
    let playlist = service.video.live_playlist("cam", 0, &uris()).await.unwrap();
    assert_eq!((playlist.media_sequence, playlist.discontinuity_sequence), (5, 1));
}

/// Footage that was recorded long before it was uploaded: its camera's clock says something else than its arrival.
#[tokio::test]
async fn what_is_held_stays_by_whichever_clock() {
    let world = World::new();
    let service = world.open().await;
    service.create("cam", 1).await;
    let (arrived_ms, start_ms) = (service.now_ms(), service.now_ms() - 240 * 3_600_000);
    let recorded = SessionOptions { start_ms: Some(start_ms), ..options() };
    service.upload_with(&Camera::new().upload(0, 20), recorded).await;
    let before = numbers(&service).await;
    assert_eq!(before.len(), 20);
    service.sim.clock.advance(25 * HOUR);
    let hold = async |clock, from_ms, to_ms| {
        let range = Some(HeldRange { from_ms, to_ms, clock });
        let hold = Hold { name: "case".to_owned(), range, reason: String::new(), placed_ms: 0 };
        service.video.place_hold("cam", hold).await.unwrap();
        service.retention_pass().await;
    };
    hold(HoldClock::Server, arrived_ms, arrived_ms + 1).await;
    assert_eq!(numbers(&service).await, before, "all of it arrived within the range");
    let producer = async |from, to| hold(HoldClock::Producer, start_ms + from, start_ms + to).await;
    for (from, to, kept) in
        [(2000, 2001, 2), (3999, 4000, 3), (5300, 9000, 5), (0, 7000, 5), (18_999, 60_000, 18)]
    {
        producer(from, to).await;
        assert_eq!(numbers(&service).await, before[kept..], "{from} to {to} ms is held");
        all_playable(&service).await;
        let info = service.video.describe("cam").await.unwrap();
        assert_eq!(info.oldest_hold.as_deref(), Some("case"));
        assert!(info.held_bytes > 0 && info.held_bytes <= info.stored_bytes, "{info:?}");
    }
    let refused = service.video.delete("cam").await.unwrap_err();
    assert!(matches!(refused, ManageError::Held { .. }), "{refused}");
    // It covers nothing that is there, and so holds nothing up.
    producer(30_000, 60_000).await;
    assert_eq!(numbers(&service).await, Vec::<u64>::new());
    let info = service.video.describe("cam").await.unwrap();
    assert_eq!((info.oldest_hold, info.held_bytes), (None, 0));
    service.video.release_hold("cam", "case").await.unwrap();
    service.video.delete("cam").await.unwrap();
}
