//! Where producer time comes from, seen from outside.

use crate::camera::{Camera, joined};
use crate::footage::{PER_GOP, ffmpeg};
use crate::ingest::all;
use crate::world::{Service, World, options};
use bytes::Bytes;
use media::fmp4::{NewSample, NewTrack, Piece, PrftClock, ScanLimits, Scanner, write_chunk};
use std::collections::BTreeMap;
use std::time::Duration;
use video::{ProducerClock, SessionOptions, Summary};

/// Start and duration of every fragment in milliseconds.
async fn times(service: &Service) -> Vec<(u64, u64)> {
    let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
    listed.iter().map(|fragment| (fragment.producer_ms, fragment.duration_ms)).collect()
}

async fn started(service: &Service, upload: &Bytes, start_ms: u64) -> Summary {
    let summary = service.upload_with(upload, SessionOptions { start_ms: Some(start_ms), ..options() }).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    summary
}

#[tokio::test]
async fn a_given_start_is_taken_unless_the_stream_is_further_already() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let summary = started(&service, &camera.upload(0, 2), 1_600_000_000_000).await;
    assert_eq!(summary.clock, Some(ProducerClock::Start));
    started(&service, &camera.upload(0, 1), 1_600_000_500_000).await;
    started(&service, &camera.upload(0, 1), 1_500_000_000_000).await;
    let starts: Vec<u64> =
        times(&service).await.into_iter().map(|(start, _)| start - 1_600_000_000_000).collect();
    assert_eq!(starts, [0, 1000, 500_000, 501_000]);
    let ahead = SessionOptions { start_ms: Some(service.now_ms() + 24 * 3_600_000 + 1), ..options() };
    assert_eq!(service.video.ingest("cam", ahead).await.err().unwrap().code(), "INVALID_START");
}

#[tokio::test]
async fn media_in_unix_time_is_where_it_says() {
    let service = World::new().with_cam().await;
    let mut camera = Camera::new();
    camera.base = 1_699_999_900 * 12_800;
    let summary = service.upload(&camera.upload(0, 2)).await;
    assert_eq!((summary.clock, summary.offset_ms), (Some(ProducerClock::Media), 98_000));
    // The connection breaks and goes on half a minute later.
    service.sim.clock.advance(Duration::from_secs(30));
    service.upload(&camera.upload(30, 32)).await;
    let starts: Vec<u64> =
        times(&service).await.into_iter().map(|(start, _)| start - 1_699_999_900_000).collect();
    assert_eq!(starts, [0, 1000, 30_000, 31_000]);
}

#[tokio::test]
async fn ffmpegs_producer_times_are_believed() {
    let pushed = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25:duration=3",
        "-c:v",
        "libx264",
        "-g",
        "25",
        "-write_prft",
        "wallclock",
        "-f",
        "mp4",
        "-movflags",
        PER_GOP,
        "pipe:1",
    ]);
    let mut scanner = Scanner::new(ScanLimits::default());
    scanner.push(pushed.clone());
    let stamped = loop {
        if let Piece::Chunk(chunk) = scanner.next().unwrap().unwrap() {
            break chunk.prft.unwrap().unix_us() as u64 / 1000;
        }
    };
    let service = World::new().with_cam().await;
    // It arrives a second and a half after it was written.
    service.sim.clock.set(stamped + 1500);
    let summary = service.upload(&pushed).await;
    assert_eq!(summary.clock, Some(ProducerClock::Prft));
    // What ffmpeg stamps is the time of writing, a fragment late.
    let (start, _) = times(&service).await[0];
    assert!((stamped - 1100..=stamped).contains(&start), "{start} for {stamped}");
}

/// What we make of a camera's packets: four chunks of half a second that are held back and come at once, noted to have
/// arrived when they would have come. `captured`: how late the camera's own clock says that is.
async fn held(service: &Service, note_ms: i64, captured_late_ms: Option<i64>) -> Summary {
    let camera = Camera::new();
    let mut parts = vec![camera.init()];
    for chunk in 0..4_u64 {
        let arrival_ms = service.now_ms() - 1500 + chunk * 500;
        let noted = (PrftClock::Written, arrival_ms.saturating_add_signed(note_ms));
        let said = captured_late_ms.map(|late_ms| arrival_ms.saturating_add_signed(-500 - late_ms));
        let dates: Vec<_> = said.map(|ms| (PrftClock::EncoderInput, ms)).into_iter().chain([noted]).collect();
        parts.push(camera.dated(chunk * 5, (0..5).map(|frame| chunk % 2 == 0 && frame == 0), &dates));
    }
    let options = SessionOptions { prft: ProducerClock::Rtcp, ..options() };
    let summary = service.upload_with(&joined(&parts), options).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    summary
}

#[tokio::test]
async fn what_was_held_back_after_it_came_is_dated_by_when_it_came() {
    const HOUR_MS: i64 = 3_600_000;
    // How far the note is from the truth; how late the camera's clock; what is made of it.
    let cases = [
        (0, None, ProducerClock::Arrival, 0, None),
        // Neither in the future nor long ago.
        (60_000, None, ProducerClock::Arrival, 1500, None),
        (-60_000, None, ProducerClock::Arrival, -8500, None),
        (0, Some(300), ProducerClock::Rtcp, -300, Some(300)),
        (0, Some(HOUR_MS), ProducerClock::Arrival, 0, Some(HOUR_MS)),
    ];
    for (note_ms, late_ms, clock, off_ms, camera_ms) in cases {
        let service = World::new().with_cam().await;
        let summary = held(&service, note_ms, late_ms).await;
        assert_eq!((summary.clock, summary.camera_offset_ms), (Some(clock), camera_ms), "{note_ms}");
        let (start, _) = times(&service).await[0];
        assert_eq!(start as i64 - service.now_ms() as i64, off_ms - 2000, "{note_ms} {late_ms:?}");
        if note_ms == 0 {
            assert_eq!(summary.offset_ms, -off_ms);
        }
        service.verify().await;
    }
}

#[tokio::test]
async fn a_sample_that_claims_to_last_for_years_does_not_take_the_stream_there() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let sample = NewSample {
        data: Bytes::from_static(b"\0\0\0\x02\x65\x88"),
        duration: u32::MAX,
        composition_offset: 0,
        sync: true,
    };
    let track = NewTrack { track_id: camera.track_id, decode_time: 0, samples: vec![sample] };
    let absurd = write_chunk(1, &[track]).unwrap();
    let summary = service.upload(&joined(&[camera.init(), absurd])).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    service.sim.clock.advance(Duration::from_secs(60));
    service.upload(&camera.upload(0, 1)).await;
    let times = times(&service).await;
    assert_eq!(times[0].1, 10_499);
    assert_eq!(times[1], (service.now_ms() - 1000, 1000));
}

#[tokio::test]
async fn tags_that_do_not_fit_are_refused_at_the_door() {
    let service = World::new().with_cam().await;
    let with =
        |name: String, value: String| SessionOptions { tags: BTreeMap::from([(name, value)]), ..options() };
    let fitting =
        service.upload_with(&Camera::new().upload(0, 1), with("site".to_owned(), "yard".to_owned())).await;
    assert!(fitting.error.is_none());
    let many = (0..256).map(|number| (format!("{number:x}"), String::new())).collect();
    let many = SessionOptions { tags: many, ..options() };
    for options in [many, with("n".repeat(256), String::new()), with("n".to_owned(), "v".repeat(1021))] {
        assert_eq!(service.video.ingest("cam", options).await.err().unwrap().code(), "TAGS_TOO_LARGE");
    }
}
