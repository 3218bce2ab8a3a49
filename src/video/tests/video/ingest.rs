//! Uploads, one connection and many.

use crate::camera::{Camera, joined};
use crate::world::{World, options, settle, uris};
use std::time::Duration;
use video::{
    Clock, End, FragmentQuery, IngestError, ProducerClock, Reason, SessionOptions, StreamState, TimeRange,
};

const EVER: TimeRange = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };

pub(crate) fn all() -> FragmentQuery {
    FragmentQuery { range: EVER, after: None, limit: 1000 }
}

#[tokio::test]
async fn an_upload_is_a_session_of_fragments() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let summary = service.upload(&camera.upload(0, 5)).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    assert_eq!((summary.fragments, summary.persisted, summary.chunks), (5, 5, 5));
    assert_eq!(summary.clock, Some(ProducerClock::Arrival));
    assert!(!summary.truncated);
    let listed = service.video.fragments("cam", all()).await.unwrap();
    assert_eq!(listed.next, None);
    // The initialisation segment is record 0.
    let numbers: Vec<u64> = listed.fragments.iter().map(|fragment| fragment.fragment_number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let start = service.now_ms() - 1000;
    let starts: Vec<u64> = listed.fragments.iter().map(|fragment| fragment.producer_ms - start).collect();
    assert_eq!(starts, [0, 1000, 2000, 3000, 4000]);
    assert!(listed.fragments.iter().all(|fragment| fragment.duration_ms == 1000 && fragment.chunks == 1));
    assert_eq!(summary.first_fragment.unwrap().number, 1);
    assert_eq!(summary.last_fragment.unwrap().producer_ms, start + 4000);
    assert_eq!(summary.end_ms, Some(start + 5000));
}

#[tokio::test]
async fn whatever_arrived_complete_is_stored_however_the_upload_ends() {
    let camera = Camera::new();
    let upload = camera.upload(0, 4);
    let torn = upload.len() - 10;
    for end in [Some(End::Disconnected), Some(End::Eof), None] {
        let service = World::new().with_cam().await;
        let mut session = service.begin().await;
        session.push(upload.slice(..torn)).await.unwrap();
        match end {
            Some(end) => {
                let summary = session.finish(end).await;
                assert!(summary.truncated);
                assert_eq!((summary.fragments, summary.persisted), (3, 3));
                // Who ends an upload on purpose in the middle of a chunk has made a mistake.
                assert_eq!(
                    summary.error.map(|error| error.code()),
                    (end == End::Eof).then_some("TRUNCATED_CHUNK")
                );
            }
            None => {
                drop(session);
                settle().await;
            }
        }
        let info = service.video.describe("cam").await.unwrap();
        assert_eq!((info.fragments, info.state, info.session), (3, StreamState::Idle, None), "{end:?}");
    }
}

#[tokio::test]
async fn a_chunk_is_durable_as_soon_as_its_last_byte_has_come() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    let chunk = camera.frames(0, 3);
    session.push(chunk.slice(..chunk.len() - 1)).await.unwrap();
    settle().await;
    assert_eq!(service.video.describe("cam").await.unwrap().fragments, 0);
    session.push(chunk.slice(chunk.len() - 1..)).await.unwrap();
    settle().await;
    let info = service.video.describe("cam").await.unwrap();
    assert_eq!((info.fragments, info.state), (1, StreamState::Live));
    // It still grows, so it is in no playlist and no segment yet.
    assert_eq!(service.video.live_playlist("cam", 0, &uris()).await.unwrap_err().code(), "NO_MEDIA");
    assert_eq!(service.video.segment("cam", 1).await.err().unwrap().code(), "FRAGMENT_UNFINISHED");
    session.push(camera.frames(3, 10)).await.unwrap();
    session.push(camera.frames(10, 12)).await.unwrap();
    settle().await;
    let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
    assert_eq!(listed.iter().map(|fragment| fragment.chunks).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(service.video.live_playlist("cam", 0, &uris()).await.unwrap().segments.len(), 1);
    drop(session);
}

#[tokio::test]
async fn chunks_are_cut_at_key_frames_and_at_the_target_duration() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    // One chunk of three seconds with key frames at 0, 1 and 2 s, then 25 s without any.
    let three = camera.frames(0, 30);
    let endless = camera.chunk(30, (0..250).map(|_| false));
    let summary = service.upload(&joined(&[camera.init(), three, endless])).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
    let lasts: Vec<u64> = listed.iter().map(|fragment| fragment.duration_ms).collect();
    assert_eq!(lasts.iter().sum::<u64>(), 28_000);
    assert_eq!(lasts[..2], [1000, 1000]);
    assert!(lasts.iter().all(|lasts| *lasts < 10_500), "{lasts:?}");
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.violations(), Vec::<String>::new());
    assert!(playlist.segments.iter().all(|segment| !segment.discontinuity));
}

#[tokio::test]
async fn small_chunks_that_outgrow_the_target_duration_begin_a_new_fragment() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let chunks: Vec<_> = (0..30)
        .map(|second| camera.chunk(second * 10, (0..10).map(move |frame| second == 0 && frame == 0)))
        .collect();
    let summary = service.upload(&joined(&[vec![camera.init()], chunks].concat())).await;
    assert_eq!(summary.fragments, 3);
    let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
    assert!(listed.iter().all(|fragment| fragment.duration_ms == 10_000 && fragment.chunks == 10));
    assert!(
        !service
            .video
            .multivariant("cam", None, "live/media.m3u8".to_owned())
            .await
            .unwrap()
            .independent_segments
    );
}

#[tokio::test]
async fn pictures_that_are_all_key_frames_do_not_become_a_fragment_each() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let frames: Vec<_> = (0..30).map(|frame| camera.chunk(frame, std::iter::once(true))).collect();
    service.upload(&joined(&[vec![camera.init()], frames].concat())).await;
    let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
    assert!(listed.iter().all(|fragment| fragment.duration_ms == 200 && fragment.chunks == 2), "{listed:?}");
}

#[tokio::test]
async fn a_camera_that_comes_back_goes_on_with_the_numbers_after_a_discontinuity() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    service.upload(&camera.upload(0, 3)).await;
    service.sim.clock.advance(Duration::from_secs(60));
    let summary = service.upload(&camera.upload(0, 2)).await;
    // Same initialisation segment: it is not stated again, only the end of the first connection stands between.
    assert_eq!(summary.first_fragment.unwrap().number, 5);
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!((playlist.media_sequence, playlist.discontinuity_sequence), (0, 0));
    let breaks: Vec<bool> = playlist.segments.iter().map(|segment| segment.discontinuity).collect();
    assert_eq!(breaks, [false, false, false, true, false]);
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.spans.len(), 2);
    assert_eq!(timeline.spans.iter().map(|span| span.fragments).collect::<Vec<_>>(), [3, 2]);
    let gaps: Vec<_> = timeline.gaps.iter().map(|gap| (gap.end_ms - gap.start_ms, gap.reason)).collect();
    assert_eq!(gaps[1..], [(57_000, Reason::CameraDisconnected)]);
    assert_eq!(gaps[0].1, Reason::NotRecorded);
}

#[tokio::test]
async fn one_request_per_fragment_is_one_session() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let seconds = camera.seconds(0, 6);
    service.upload(&joined(&[camera.init(), seconds[0].clone()])).await;
    for second in &seconds[1..] {
        service.sim.clock.advance(Duration::from_secs(1));
        let summary = service.upload(second).await;
        assert!(summary.error.is_none(), "{:?}", summary.error);
    }
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.segments.len(), 6);
    assert!(playlist.segments.iter().all(|segment| !segment.discontinuity));
    let times: Vec<i64> = playlist.segments.iter().map(|segment| segment.program_date_time_ms).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1000), "{times:?}");
    // Also when the initialisation segment comes every time.
    let summary = service.upload(&joined(&[camera.init(), camera.frames(60, 70)])).await;
    assert_eq!(summary.error.map(|error| error.code()), None);
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert!(playlist.segments.iter().all(|segment| !segment.discontinuity));
    // But a hole is a discontinuity.
    service.upload(&camera.frames(100, 110)).await;
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    let breaks = playlist.segments.iter().filter(|segment| segment.discontinuity).count();
    assert_eq!((playlist.segments.len(), breaks), (8, 1));
}

#[tokio::test]
async fn a_fragment_without_any_initialisation_segment_is_refused() {
    let service = World::new().with_cam().await;
    let summary = service.upload(&Camera::new().frames(0, 10)).await;
    assert_eq!(summary.error.unwrap().code(), "NO_INIT");
    assert_eq!(service.video.describe("cam").await.unwrap().state, StreamState::Empty);
}

#[tokio::test]
async fn other_pictures_are_a_discontinuity_with_their_own_initialisation_segment() {
    let service = World::new().with_cam().await;
    let (camera, mut other) = (Camera::new(), Camera::other());
    other.base = 30 * 1280;
    let upload =
        joined(&[camera.upload(0, 3), other.upload(0, 2), other.init(), joined(&other.seconds(2, 3))]);
    let summary = service.upload(&upload).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    let playlist = service.video.archive_playlist("cam", EVER, &uris()).await.unwrap();
    assert_eq!(playlist.violations(), Vec::<String>::new());
    let breaks: Vec<bool> = playlist.segments.iter().map(|segment| segment.discontinuity).collect();
    assert_eq!(breaks, [false, false, false, true, false, false]);
    let maps: Vec<&String> = playlist.segments.iter().map(|segment| &segment.map_uri).collect();
    assert!(maps[..3].iter().all(|map| *map == maps[0]) && maps[3..].iter().all(|map| *map == maps[3]));
    assert_ne!(maps[0], maps[3]);
    // The media clock goes on, so time does.
    let times: Vec<i64> = playlist.segments.iter().map(|segment| segment.program_date_time_ms).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1000), "{times:?}");
    let id = maps[3].strip_prefix("../init/").and_then(|rest| rest.strip_suffix(".mp4")).unwrap();
    assert_eq!(service.video.init("cam", id.parse().unwrap()).await.unwrap(), other.init());
    let gone = "00000000000000000000000000000000".parse().unwrap();
    assert_eq!(service.video.init("cam", gone).await.unwrap_err().code(), "INIT_NOT_FOUND");
    let info = service.video.describe("cam").await.unwrap();
    assert_eq!((info.width, info.height), (Some(192), Some(108)));
}

#[tokio::test]
async fn a_second_publisher_is_refused_until_the_first_is_silent() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut first = service.begin().await;
    first.push(camera.upload(0, 2)).await.unwrap();
    settle().await;
    service.sim.clock.advance(Duration::from_millis(9_900));
    let refused = service.video.ingest("cam", options()).await.err().unwrap();
    assert!(matches!(&refused, IngestError::PublisherActive { peer, .. } if peer == "192.0.2.7:5000"));
    assert_eq!(refused.code(), "PUBLISHER_ACTIVE");
    service.sim.clock.advance(Duration::from_millis(200));
    let second = SessionOptions { peer: "192.0.2.8:5000".to_owned(), ..options() };
    let summary = service.upload_with(&camera.upload(0, 1), second).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    // The first one learns of it, and nothing of it is lost.
    let told = first.push(camera.frames(20, 30)).await.unwrap_err();
    assert_eq!(told.code(), "TAKEN_OVER");
    let summary = first.finish(End::Eof).await;
    assert_eq!((summary.fragments, summary.persisted), (2, 2));
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.gaps[1].reason, Reason::TakenOver);
    // Who has ended makes way at once.
    let mut third = service.begin().await;
    third.push(camera.init()).await.unwrap();
    drop(third);
    assert!(service.video.ingest("cam", options()).await.is_ok());
}

#[tokio::test]
async fn a_second_publisher_that_may_take_over_does_so_at_once() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut first = service.begin().await;
    first.push(camera.upload(0, 2)).await.unwrap();
    settle().await;
    let second = SessionOptions { peer: "192.0.2.8:5000".to_owned(), takeover: true, ..options() };
    let summary = service.upload_with(&camera.upload(0, 1), second).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    assert_eq!(first.push(camera.frames(20, 30)).await.unwrap_err().code(), "TAKEN_OVER");
    let summary = first.finish(End::Eof).await;
    assert_eq!((summary.fragments, summary.persisted), (2, 2));
}

#[tokio::test]
async fn a_feeder_that_cannot_go_on_says_why() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 2)).await.unwrap();
    // The worker died within a chunk.
    let begun = camera.frames(20, 30);
    session.push(begun.slice(..begun.len() / 2)).await.unwrap();
    let summary = session.finish(End::Failed(Reason::MediaWorkerFailed)).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    assert!(summary.truncated);
    service.sim.clock.advance(Duration::from_secs(10));
    assert!(service.upload(&camera.upload(0, 1)).await.error.is_none());
    let timeline = service.video.timeline("cam", EVER).await.unwrap();
    assert_eq!(timeline.gaps.last().unwrap().reason, Reason::MediaWorkerFailed);
}

#[tokio::test]
async fn bad_media_ends_the_session_and_what_came_before_stays() {
    let camera = Camera::new();
    let mut encrypted = std::fs::read(crate::footage::clip("encrypted_cbcs.mp4")).unwrap();
    encrypted.truncate(100_000);
    let truncated = std::fs::read(crate::footage::clip("bad_init_truncated.mp4")).unwrap();
    let cases = [
        (joined(&[camera.upload(0, 2), encrypted.into()]), "ENCRYPTED_MEDIA", 2),
        (truncated.into(), "TRUNCATED_INIT", 0),
        (vec![0xff; 5000].into(), "BAD_BOX", 0),
        (bytes::Bytes::new(), "NO_MEDIA", 0),
    ];
    for (upload, code, fragments) in cases {
        let service = World::new().with_cam().await;
        let summary = service.upload(&upload).await;
        let error = summary.error.unwrap();
        assert!(error.code() == code || error.code() == "NOT_MP4", "{error} instead of {code}");
        assert!(!error.hint().is_empty());
        assert_eq!((summary.fragments, summary.persisted), (fragments, fragments), "{code}");
        // And the next camera is welcome.
        assert!(service.upload(&camera.upload(0, 1)).await.error.is_none());
    }
}

#[tokio::test]
async fn deleting_a_stream_ends_its_session_and_its_name_is_free() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 2)).await.unwrap();
    settle().await;
    service.video.delete("cam").await.unwrap();
    settle().await;
    assert!(session.push(camera.frames(20, 30)).await.is_err());
    assert_eq!(session.finish(End::Eof).await.error.unwrap().code(), "STREAM_DELETED");
    assert_eq!(service.video.describe("cam").await.unwrap_err().code(), "STREAM_NOT_FOUND");
    service.create("cam", 1).await;
    assert_eq!(service.upload(&camera.upload(0, 1)).await.first_fragment.unwrap().number, 1);
    assert_eq!(service.video.describe("cam").await.unwrap().fragments, 1);
}

#[tokio::test]
async fn shutdown_stores_what_arrived_and_says_why_the_footage_ends() {
    let world = World::new();
    let service = world.with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.upload(0, 2)).await.unwrap();
    service.clone().shutdown().await;
    assert_eq!(session.finish(End::Eof).await.persisted, 2);
    assert_eq!(service.video.ingest("cam", options()).await.err().unwrap().code(), "SHUTTING_DOWN");
    let service = world.open().await;
    service.sim.clock.advance(Duration::from_secs(30));
    let timeline = service.video.timeline("cam", TimeRange { to_ms: u64::MAX, ..EVER }).await.unwrap();
    let last = timeline.gaps.last().unwrap();
    assert_eq!((last.reason, last.end_ms), (Reason::ServerStopped, service.now_ms()));
}
