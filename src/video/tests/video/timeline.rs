//! Questions about a long recording, with all of it in memory and with next to nothing.

use crate::camera::{Camera, joined};
use crate::ingest::all;
use crate::world::{Service, World, assert_same, settle, uris};
use bytes::Bytes;
use std::time::Duration;
use video::{Clock, End, FragmentQuery, FrameMode, Reason, TimeRange, Video, VideoConfig};

/// 900 fragments of one second with every kind of break; a retention pass has taken the first ones.
async fn long(world: &World) -> Service {
    let service = world.open().await;
    service.create("cam", 1).await;
    for round in 0..9_u64 {
        let camera = if round % 4 == 3 { Camera::other() } else { Camera::new() };
        let mut session = service.begin().await;
        session.push(camera.init()).await.unwrap();
        let mut frame = 0;
        while frame < 1000 {
            // Chunks of different lengths, and a hole now and then.
            let frames = [10, 5, 5, 2, 3, 5][(frame as usize / 7 + round as usize) % 6];
            let upto = (frame / 10 * 10 + 10).min(frame + frames);
            session.push(camera.frames(frame, upto)).await.unwrap();
            frame = if upto == 500 && round == 4 { 550 } else { upto };
            service.sim.clock.advance(Duration::from_millis(100 * (upto - frame.min(upto)).max(1)));
        }
        assert!(
            session.finish(if round % 2 == 0 { End::Eof } else { End::Disconnected }).await.error.is_none()
        );
        service.sim.clock.advance(Duration::from_secs(400));
    }
    service.retention_pass().await;
    service
}

/// Everything a reader can ask about a range, as text.
async fn answers(video: &Video, range: TimeRange) -> String {
    let mut text = format!("{range:?}\n{:?}\n", video.timeline("cam", range).await.unwrap());
    match video.archive_playlist("cam", range, &uris()).await {
        Ok(playlist) => {
            assert_eq!(playlist.violations(), Vec::<String>::new());
            text += &playlist.to_text();
        }
        Err(error) => text += &error.to_string(),
    }
    let mut after = None;
    for _ in 0..5 {
        let page = video.fragments("cam", FragmentQuery { range, after, limit: 7 }).await.unwrap();
        text += &format!("{page:?}\n");
        after = page.next.map(|next| next.parse().unwrap());
        if after.is_none() {
            break;
        }
    }
    let plan = video.frame_at("cam", Some(range.from_ms * 1000), FrameMode::Keyframe).await;
    text + &plan.map_or_else(|error| error.to_string(), |plan| format!("{:?}", plan.wanted))
}

#[tokio::test]
async fn older_footage_is_found_again_as_if_it_had_stayed_in_memory() {
    let world = World::new();
    let service = long(&world).await;
    let little = VideoConfig { fragments_in_memory: 1, ..VideoConfig::default() };
    let forgetful = Video::open(service.streams.clone(), world.env.clone(), little);
    let info = service.video.describe("cam").await.unwrap();
    assert_eq!(forgetful.describe("cam").await.unwrap(), info);
    assert!((700..890).contains(&info.fragments), "{}", info.fragments);
    let (first, last) = (info.first_ms.unwrap(), info.last_ms.unwrap());
    let span = last - first + 60_000;
    for clock in [Clock::Producer, Clock::Server] {
        let mut state = 12345_u64;
        for _ in 0..15 {
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % span
            };
            let (one, other) = (random(), random());
            let from_ms = first - 30_000 + one.min(other);
            let range = TimeRange { from_ms, to_ms: from_ms + 1 + one.abs_diff(other) % 300_000, clock };
            assert_same(&answers(&forgetful, range).await, &answers(&service.video, range).await);
        }
        let ever = TimeRange { from_ms: 0, to_ms: u64::MAX, clock };
        assert_same(&answers(&forgetful, ever).await, &answers(&service.video, ever).await);
    }
}

#[tokio::test]
async fn spans_and_gaps_fill_the_time_and_say_why() {
    let world = World::new();
    let service = long(&world).await;
    let range = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };
    let seen = service.video.timeline("cam", range).await.unwrap();
    let mut pieces: Vec<(u64, u64)> = seen.spans.iter().map(|span| (span.start_ms, span.end_ms)).collect();
    pieces.extend(seen.gaps.iter().map(|gap| (gap.start_ms, gap.end_ms)));
    pieces.sort_unstable();
    assert!(pieces.windows(2).all(|pair| pair[0].1 == pair[1].0), "{pieces:?}");
    assert_eq!((pieces[0].0, pieces.last().unwrap().1), (0, service.now_ms()));
    assert_eq!(seen.gaps[0].reason, Reason::Retention);
    let holes = seen.gaps.iter().filter(|gap| gap.reason == Reason::NoData).collect::<Vec<_>>();
    assert_eq!(holes.len(), 1);
    assert_eq!(holes[0].end_ms - holes[0].start_ms, 5000);
    let total: u64 = seen.spans.iter().map(|span| span.fragments).sum();
    assert_eq!(total, service.video.describe("cam").await.unwrap().fragments);
    // Any part of it says the same of its time.
    for (start, end) in [(pieces[3].0 + 10, pieces[5].0 + 20), (pieces[4].0 + 1, pieces[4].0 + 2)] {
        let part = service.video.timeline("cam", TimeRange::producer(start, end)).await.unwrap();
        let clipped: Vec<_> = seen
            .gaps
            .iter()
            .map(|gap| (gap.start_ms.max(start), gap.end_ms.min(end), gap.reason))
            .filter(|(start, end, _)| start < end)
            .collect();
        let told: Vec<_> = part.gaps.iter().map(|gap| (gap.start_ms, gap.end_ms, gap.reason)).collect();
        assert_eq!(told, clipped);
    }
    let info = service.video.describe("cam").await.unwrap();
    let missing: u64 = seen.gaps[1..].iter().map(|gap| gap.end_ms - gap.start_ms).sum();
    assert_eq!(info.gap_ms_24h, missing);
}

#[tokio::test]
async fn a_silent_camera_is_a_gap_that_grows() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 2)).await.unwrap();
    settle().await;
    let ever = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };
    service.sim.clock.advance(Duration::from_secs(8));
    assert_eq!(service.video.timeline("cam", ever).await.unwrap().gaps.len(), 1);
    service.sim.clock.advance(Duration::from_secs(8));
    let seen = service.video.timeline("cam", ever).await.unwrap();
    let last = seen.gaps.last().unwrap();
    assert_eq!((last.reason, last.end_ms, seen.gaps.len()), (Reason::NoData, service.now_ms(), 2));
    drop(session);
}

#[tokio::test]
async fn streams_are_described_and_listed() {
    let service = World::new().with_cam().await;
    service.create("other", 5).await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 40)).await.unwrap();
    settle().await;
    service.sim.clock.advance(Duration::from_millis(1500));
    let page = service.video.list(None, 10).await;
    assert_eq!(page.next, None);
    let json = serde_json::to_value(&page).unwrap();
    let cam = &json["streams"][0];
    let start_ms = service.now_ms() - 2500;
    assert_eq!((&cam["name"], &cam["state"]), (&"cam".into(), &"live".into()));
    assert_eq!(cam["tracks"][0]["kind"], "video");
    assert_eq!((&cam["width"], &cam["height"], &cam["fragments"]), (&128.into(), &72.into(), &40.into()));
    assert_eq!((&cam["first_ms"], &cam["last_ms"]), (&start_ms.into(), &(start_ms + 40_000).into()));
    assert_eq!(cam["last_durable"]["age_ms"], 1500);
    assert_eq!(cam["last_durable"]["fragment_number"], "40");
    assert_eq!(cam["session"]["peer"], "192.0.2.7:5000");
    assert_eq!(cam["session"]["clock"], "arrival");
    assert_eq!(cam["session"]["offset_ms"], -39_000);
    let bits = cam["bitrate_bps"].as_u64().unwrap();
    let chunk_bits = camera.frames(0, 10).len() as u64 * 8;
    assert!(bits.abs_diff(chunk_bits) < 100, "{bits} and {chunk_bits}");
    let other = &json["streams"][1];
    assert_eq!(
        (&other["state"], &other["codecs"], &other["session"]),
        (&"empty".into(), &().into(), &().into())
    );
    let page = service.video.list(None, 1).await;
    assert_eq!((page.streams.len(), page.next.as_deref()), (1, Some("cam")));
    assert_eq!(service.video.list(Some("cam"), 1).await.streams[0].name, "other");
    drop(session);
}

#[tokio::test]
async fn a_page_of_fragments_leads_to_the_next() {
    let service = World::new().with_cam().await;
    let upload: Bytes = joined(&[Camera::new().upload(0, 25)]);
    service.upload(&upload).await;
    let whole = service.video.fragments("cam", all()).await.unwrap().fragments;
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = service.video.fragments("cam", FragmentQuery { after, limit: 10, ..all() }).await.unwrap();
        paged.extend(page.fragments);
        match page.next {
            Some(next) => after = Some(next.parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(paged, whole);
    assert_eq!(serde_json::to_value(&whole[0]).unwrap()["fragment_number"], "1");
}
