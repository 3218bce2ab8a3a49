//! Real footage, in through ingest and out again: what is decoded must be what was pushed.

use crate::camera::{Camera, joined};
use crate::footage::{PER_GOP, boxes, checksums, decoded, fragmented};
use crate::world::{Service, World, settle, uris};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use media::playlist::PlaylistType;
use std::time::Duration;
use video::{BodyStream, Clock, End, TimeRange};

const EVER: TimeRange = TimeRange { from_ms: 0, to_ms: u64::MAX, clock: Clock::Producer };
const BBB: &str = "bbb_320x240_24fps_aac_10s.mp4";
const HEVC: &str = "ed_640x360_25fps_hevc_aac_1s.mp4";

async fn collect(body: BodyStream) -> Bytes {
    joined(&body.try_collect::<Vec<_>>().await.unwrap())
}

/// What a player of a playlist puts together: each initialisation segment once, then the segments.
async fn played(service: &Service, range: TimeRange) -> Vec<Bytes> {
    let playlist = service.video.archive_playlist("cam", range, &uris()).await.unwrap();
    assert_eq!(playlist.violations(), Vec::<String>::new());
    let mut runs: Vec<Vec<Bytes>> = Vec::new();
    for (index, segment) in playlist.segments.iter().enumerate() {
        if index == 0 || segment.discontinuity {
            let id = segment.map_uri.strip_prefix("../init/").unwrap().strip_suffix(".mp4").unwrap();
            runs.push(vec![service.video.init("cam", id.parse().unwrap()).await.unwrap()]);
        }
        let number = segment.uri.strip_prefix("../segment/").unwrap().strip_suffix(".m4s").unwrap();
        let found = service.video.segment("cam", number.parse().unwrap()).await.unwrap();
        runs.last_mut().unwrap().push(collect(found.body).await);
    }
    runs.iter().map(|run| joined(run)).collect()
}

/// What `media_from` gives until nothing comes for a while.
async fn ready(body: &mut BodyStream) -> Bytes {
    let mut parts = Vec::new();
    while let Ok(Some(part)) = tokio::time::timeout(Duration::from_millis(400), body.next()).await {
        parts.push(part.unwrap());
    }
    joined(&parts)
}

#[tokio::test]
async fn what_is_played_is_what_was_pushed() {
    let ways = [
        (BBB, vec![], PER_GOP),
        (BBB, vec!["-an"], PER_GOP),
        (BBB, vec![], "+frag_every_frame+empty_moov+default_base_moof"),
        (BBB, vec!["-frag_duration", "200000"], "+empty_moov+default_base_moof"),
        (BBB, vec!["-vn"], PER_GOP),
        (HEVC, vec![], PER_GOP),
    ];
    for (name, extra, movflags) in ways {
        let what = format!("{name} {extra:?} {movflags}");
        let pushed = fragmented(name, &extra, movflags);
        let service = World::new().with_cam().await;
        let summary = service.upload(&pushed).await;
        assert!(summary.error.is_none(), "{what}: {:?}", summary.error);
        let runs = played(&service, EVER).await;
        assert_eq!(runs.len(), 1, "{what}: a discontinuity");
        let mut streamed = service.video.media_from("cam", Some(0)).await.unwrap();
        let streamed = ready(&mut streamed).await;
        let clip = service.video.clip("cam", EVER).await.unwrap();
        let file = collect(clip.read(0..u64::MAX)).await;
        assert_eq!(file.len() as u64, clip.len, "{what}");
        for kind in ["v", "a"] {
            let absent = if kind == "v" { "-vn" } else { "-an" };
            if extra.contains(&absent) {
                continue;
            }
            let wanted = decoded(&pushed, kind);
            assert!(wanted.len() > 20, "{what}");
            assert_eq!(decoded(&runs[0], kind), wanted, "{what}: segments, {kind}");
            assert_eq!(decoded(&streamed, kind), wanted, "{what}: media, {kind}");
            let in_clip = decoded(&file, kind);
            if movflags.contains("every_frame") && kind == "a" {
                // ffmpeg 5.1 gives pairs of packets the same time here, and drops the second when it reads them back. A
                // clip has one time for each, so nothing is dropped.
                let mut left = in_clip.iter();
                assert!(wanted.iter().all(|(_, sum)| left.any(|(_, found)| found == sum)), "{what}");
            } else {
                assert_eq!(in_clip, wanted, "{what}: clip, {kind}");
            }
        }
    }
}

#[tokio::test]
async fn a_clip_can_be_had_in_ranges_and_names_its_frames() {
    let service = World::new().with_cam().await;
    service.upload(&fragmented(BBB, &[], PER_GOP)).await;
    let clip = service.video.clip("cam", EVER).await.unwrap();
    let whole = collect(clip.read(0..u64::MAX)).await;
    let names: Vec<String> = boxes(&whole).into_iter().map(|(name, _)| name).collect();
    assert_eq!((names[0].as_str(), names[1].as_str()), ("ftyp", "moov"));
    let len = clip.len as usize;
    for (start, end) in
        [(0, 1), (0, len), (len - 1, len), (100, 5000), (len / 2, len / 2 + 70_000), (len, len + 5)]
    {
        let part = collect(clip.read(start as u64..end as u64)).await;
        assert_eq!(part, whole.slice(start..end.min(len)), "{start}..{end}");
    }
    let again = service.video.clip("cam", EVER).await.unwrap();
    assert_eq!(
        (again.etag.clone(), collect(again.read(0..u64::MAX)).await),
        (clip.etag.clone(), whole.clone())
    );
    let frames: serde_json::Value = serde_json::from_str(&clip.frames_json()).unwrap();
    let frames = frames["frames"].as_array().unwrap();
    assert_eq!(frames.len(), decoded(&whole, "v").len());
    assert_eq!(frames.iter().filter(|frame| frame["key_frame"] == 1).count(), 6);
    assert!(frames.windows(2).all(|pair| pair[0]["pts"].as_i64() < pair[1]["pts"].as_i64()));
    // A part of it begins at a key frame and is another file.
    let from_ms = clip.start_ms + 4000;
    let part = service.video.clip("cam", TimeRange::producer(from_ms, from_ms + 1000)).await.unwrap();
    assert!(part.start_ms <= from_ms && part.len < clip.len && part.etag != clip.etag);
    let shown = checksums(&collect(part.read(0..u64::MAX)).await, "v");
    let all = checksums(&collect(clip.read(0..u64::MAX)).await, "v");
    assert!(all.windows(shown.len()).any(|run| run == shown));
}

#[tokio::test]
async fn a_clip_over_a_break_has_both_sides_and_one_over_a_change_says_where() {
    let service = World::new().with_cam().await;
    let pushed = fragmented(BBB, &[], PER_GOP);
    service.upload(&pushed).await;
    service.sim.clock.advance(Duration::from_secs(30));
    service.upload(&pushed).await;
    let clip = service.video.clip("cam", EVER).await.unwrap();
    let file = collect(clip.read(0..u64::MAX)).await;
    let sums = checksums(&pushed, "v");
    assert_eq!(checksums(&file, "v"), [sums.clone(), sums].concat());
    let times: Vec<i64> = decoded(&file, "v").into_iter().map(|(us, _)| us).collect();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    // The upload was faster than real time: the second begins at 30 s less the first chunk's duration, by the clock.
    assert!((10_000_000..31_000_000).contains(&longest), "{longest}");

    service.sim.clock.advance(Duration::from_secs(30));
    let summary = service.upload(&fragmented(HEVC, &[], PER_GOP)).await;
    let changed_ms = summary.first_fragment.unwrap().producer_ms;
    let Err(error) = service.video.clip("cam", EVER).await else { panic!("two codecs in one file") };
    assert_eq!(error.code(), "CODEC_CHANGE");
    assert!(error.to_string().contains(&changed_ms.to_string()), "{error}");
    assert!(service.video.clip("cam", TimeRange::producer(0, changed_ms)).await.is_ok());
    assert!(service.video.clip("cam", TimeRange::producer(changed_ms, u64::MAX)).await.is_ok());
    let runs = played(&service, EVER).await;
    assert_eq!(runs.len(), 3);
    assert_eq!(checksums(&runs[2], "v"), checksums(&fragmented(HEVC, &[], PER_GOP), "v"));
}

#[tokio::test]
async fn media_goes_on_into_the_live_edge_over_breaks_and_ends_with_the_codec() {
    let service = World::new().with_cam().await;
    let pushed = fragmented(BBB, &[], PER_GOP);
    let mut body = service.video.media_from("cam", None).await.unwrap();
    assert_eq!(ready(&mut body).await.len(), 0);
    let mut session = service.begin().await;
    session.push(pushed.clone()).await.unwrap();
    settle().await;
    let mut media = vec![ready(&mut body).await];
    assert_eq!(decoded(&media[0], "v"), decoded(&pushed, "v"));
    session.finish(End::Disconnected).await;
    service.sim.clock.advance(Duration::from_secs(20));
    service.upload(&pushed).await;
    media.push(ready(&mut body).await);
    let sums = checksums(&pushed, "v");
    let shown = decoded(&joined(&media), "v");
    let hole = shown[sums.len()].0 - shown[sums.len() - 1].0;
    assert_eq!(shown.into_iter().map(|(_, sum)| sum).collect::<Vec<_>>(), [sums.clone(), sums].concat());
    let runs = service.video.timeline("cam", EVER).await.unwrap().spans;
    let missing_ms = i64::try_from(runs[1].start_ms - runs[0].end_ms).unwrap();
    assert!((hole / 1000 - missing_ms).abs() <= 43, "{hole} us for {missing_ms} ms");
    service.upload(&fragmented(HEVC, &[], PER_GOP)).await;
    assert_eq!(ready(&mut body).await.len(), 0);
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn media_begins_at_the_key_frame_that_leads_to_the_instant() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let start_ms = service.now_ms() - 1000;
    service.upload(&camera.upload(0, 10)).await;
    service.sim.clock.advance(Duration::from_secs(60));
    service.upload(&camera.upload(0, 2)).await;
    let chunks = |bytes: &Bytes| boxes(bytes).iter().filter(|(name, _)| name == "moof").count();
    for (from_ms, wanted) in [(0, 12), (4500, 8), (9999, 3), (15_000, 2), (61_500, 1), (1 << 40, 0)] {
        let mut body = service.video.media_from("cam", Some(start_ms + from_ms)).await.unwrap();
        assert_eq!(chunks(&ready(&mut body).await), wanted, "{from_ms}");
    }
    let mut body = service.video.media_from("cam", None).await.unwrap();
    assert_eq!(chunks(&ready(&mut body).await), 1);
    service.video.delete("cam").await.unwrap();
    assert!(matches!(body.next().await, None | Some(Err(_))));
}

#[tokio::test]
async fn the_live_playlist_is_a_window_and_the_archive_ends_when_its_time_is_over() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    let start_ms = service.now_ms();
    service.push_live(&mut session, &camera.seconds(0, 100), Duration::from_secs(1)).await;
    let live = service.video.live_playlist("cam", 0, &uris()).await.unwrap();
    // Three target durations; the hundredth second still grows.
    assert_eq!((live.segments.len(), live.media_sequence), (30, 69));
    assert_eq!((live.playlist_type, live.ended), (None, false));
    assert_eq!(service.video.live_playlist("cam", 60, &uris()).await.unwrap().segments.len(), 60);
    assert_eq!(service.video.live_playlist("cam", u64::MAX, &uris()).await.unwrap().segments.len(), 99);
    let archive = |from: u64, to: u64| TimeRange::producer(start_ms + from * 1000, start_ms + to * 1000);
    let past = service.video.archive_playlist("cam", archive(10, 20), &uris()).await.unwrap();
    assert_eq!((past.segments.len(), past.media_sequence), (10, 10));
    assert_eq!((past.playlist_type, past.ended), (Some(PlaylistType::Vod), true));
    // Into the open fragment, and into the future.
    for to in [100, 200] {
        let growing = service.video.archive_playlist("cam", archive(90, to), &uris()).await.unwrap();
        assert_eq!((growing.segments.len(), growing.playlist_type), (9, Some(PlaylistType::Event)));
        assert!(!growing.ended);
    }
    session.finish(End::Eof).await;
    let over = service.video.archive_playlist("cam", archive(90, 100), &uris()).await.unwrap();
    assert_eq!((over.segments.len(), over.ended), (10, true));
    // By our clock: each chunk arrived a second after it began.
    let server = TimeRange::server(start_ms + 50_000, start_ms + 60_000);
    let seen = service.video.archive_playlist("cam", server, &uris()).await.unwrap();
    assert_eq!((seen.segments.len(), seen.media_sequence), (10, 49));
    for (range, code) in [(archive(20, 20), "INVALID_RANGE"), (archive(300, 400), "NO_MEDIA")] {
        assert_eq!(service.video.archive_playlist("cam", range, &uris()).await.unwrap_err().code(), code);
    }
    let master = service.video.multivariant("cam", None, "live/media.m3u8".to_owned()).await.unwrap();
    assert_eq!(master.violations(), Vec::<String>::new());
    assert!(master.independent_segments);
    let variant = &master.variants[0];
    assert_eq!((variant.resolution, variant.frame_rate_millis), (Some((128, 72)), Some(10_000)));
    assert!(variant.codecs.starts_with("avc1.") && variant.bandwidth_bps >= 10 * 40 * 8);
}
