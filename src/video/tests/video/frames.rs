//! Frame plans, checked by decoding them: the wanted picture must come out exactly as it does from the whole footage.

use crate::camera::{Camera, joined};
use crate::footage::{PER_GOP, ffmpeg, fragmented, pictures};
use crate::world::{Service, World, options};
use bytes::Bytes;
use futures_util::TryStreamExt;
use media::fmp4::{Init, Piece, ScanLimits, Scanner};
use std::collections::BTreeMap;
use std::time::Duration;
use video::{FrameBatch, FrameMode, FramePlan, MissingReason, Reason, Sampling, SessionOptions, Summary};

/// Pictures by their presentation time in microseconds, and what makes it.
struct Reference {
    pictures: BTreeMap<i64, String>,
    shift_us: i64,
    first_us: i64,
}

impl Reference {
    fn of(pushed: &Bytes) -> Self {
        let mut scanner = Scanner::new(ScanLimits::default());
        scanner.push(pushed.clone());
        let Some(Piece::Init(init)) = scanner.next().unwrap() else { panic!("no init") };
        let Some(Piece::Chunk(chunk)) = scanner.next().unwrap() else { panic!("no chunk") };
        let video = init.video().unwrap();
        let first = chunk.info.track(video.id).unwrap().samples[0].pts;
        Self {
            pictures: pictures(pushed).into_iter().collect(),
            shift_us: video.us(video.presentation_shift),
            first_us: video.us(first),
        }
    }

    /// The picture that is on screen so long after the first key frame.
    fn at(&self, into_us: i64) -> &str {
        let upto = self.first_us + self.shift_us + into_us + 2;
        let shown = self.pictures.range(..=upto).next_back().or(self.pictures.iter().next());
        shown.unwrap().1
    }
}

/// The wanted pictures of a plan, decoded from the plan alone.
fn decode(plan: &FramePlan) -> Vec<String> {
    let init = Init::parse(&plan.init).unwrap();
    let video = init.video().unwrap();
    let shown: BTreeMap<i64, String> =
        pictures(&joined(&[plan.init.clone(), plan.chunks.clone()])).into_iter().collect();
    let one = |pts: i64| {
        let us = video.us(pts + video.presentation_shift);
        let near = shown.range(us - 2..=us + 2).next();
        near.unwrap_or_else(|| panic!("no picture at {us} us among {:?}", shown.keys())).1.clone()
    };
    plan.wanted.iter().map(|wanted| one(wanted.pts)).collect()
}

fn started(start_ms: u64) -> SessionOptions {
    SessionOptions { start_ms: Some(start_ms), ..options() }
}

const START_MS: u64 = 1_690_000_000_000;
const START_US: u64 = START_MS * 1000;

async fn upload(service: &Service, pushed: &Bytes) -> Summary {
    let summary = service.upload_with(pushed, started(START_MS)).await;
    assert!(summary.error.is_none(), "{:?}", summary.error);
    summary
}

fn open_gop() -> Bytes {
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25:duration=4",
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=error:keyint=25:min-keyint=25:open-gop=1:bframes=4:scenecut=0",
        "-tag:v",
        "hvc1",
        "-f",
        "mp4",
        "-movflags",
        PER_GOP,
        "pipe:1",
    ])
}

/// No key frame after the first: pictures are renewed column by column.
fn intra_refresh() -> Bytes {
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25:duration=4",
        "-c:v",
        "libx264",
        "-x264-params",
        "intra-refresh=1:keyint=25:bframes=0:scenecut=0",
        "-f",
        "mp4",
        "-movflags",
        PER_GOP,
        "pipe:1",
    ])
}

#[tokio::test]
async fn the_picture_at_an_instant_is_the_one_on_screen_then() {
    let footage = [
        ("closed groups with B-frames", fragmented("bbb_320x240_24fps_aac_10s.mp4", &[], PER_GOP)),
        (
            "a chunk per frame",
            fragmented(
                "bbb_320x240_24fps_aac_10s.mp4",
                &[],
                "+frag_every_frame+empty_moov+default_base_moof",
            ),
        ),
        ("open groups", open_gop()),
        ("intra refresh", intra_refresh()),
    ];
    for (what, pushed) in footage {
        let reference = Reference::of(&pushed);
        let service = World::new().with_cam().await;
        assert!(upload(&service, &pushed).await.fragments >= 4, "{what}");
        for into_us in [0, 1, 40_000, 700_000, 979_999, 1_000_000, 1_960_001, 2_500_000, 3_900_000] {
            let at_us = START_US + into_us as u64;
            let plan = service.video.frame_at("cam", Some(at_us), FrameMode::Exact).await.unwrap();
            assert_eq!(plan.wanted.len(), 1);
            let wanted = &plan.wanted[0];
            assert_eq!(wanted.requested_us, at_us);
            assert!(
                wanted.producer_us <= at_us && at_us - wanted.producer_us < 42_000,
                "{what} at {into_us}: {wanted:?}"
            );
            assert_eq!(decode(&plan), [reference.at(into_us)], "{what} at {into_us}");
        }
    }
}

#[tokio::test]
async fn a_key_frame_needs_nothing_else() {
    let pushed = open_gop();
    let reference = Reference::of(&pushed);
    let service = World::new().with_cam().await;
    upload(&service, &pushed).await;
    let fragments = service.video.fragments("cam", crate::ingest::all()).await.unwrap().fragments;
    assert_eq!(fragments.len(), 4);
    for (into_us, nearest_us) in
        [(0, 0), (499_000, 0), (501_000, 1_000_000), (2_100_000, 2_000_000), (3_900_000, 3_000_000)]
    {
        let plan =
            service.video.frame_at("cam", Some(START_US + into_us), FrameMode::Keyframe).await.unwrap();
        let wanted = &plan.wanted[0];
        assert!(wanted.key_frame);
        assert_eq!(wanted.producer_us, START_US + nearest_us);
        let arrived_us = service.now_ms() * 1000;
        // The key frame of an open group comes after its leading pictures.
        assert!((arrived_us..arrived_us + 200_000).contains(&wanted.server_us));
        assert_eq!(decode(&plan), [reference.at(nearest_us as i64)]);
    }
    let newest = service.video.frame_at("cam", None, FrameMode::Keyframe).await.unwrap();
    assert_eq!(newest.wanted[0].producer_us, START_US + 3_000_000);
    let newest = service.video.frame_at("cam", None, FrameMode::Exact).await.unwrap();
    assert_eq!(newest.wanted[0].producer_us, START_US + 3_960_000);
    assert_eq!(newest.wanted[0].requested_us, START_US + 3_960_000);
    assert_eq!(decode(&newest), [reference.at(3_960_000)]);
}

#[tokio::test]
async fn where_there_is_no_picture_the_reason_is_told() {
    let service = World::new().with_cam().await;
    let empty = service.video.frame_at("cam", None, FrameMode::Exact).await.unwrap_err();
    assert_eq!(empty.code(), "NO_MEDIA");
    let camera = Camera::new();
    upload(&service, &camera.upload(0, 3)).await;
    service.upload_with(&camera.upload(0, 3), started(START_MS + 60_000)).await;
    for (into_s, reason) in [(-5, "before the stream's first"), (30, "not connected"), (100, "not connected")]
    {
        let at_us = START_US.checked_add_signed(into_s * 1_000_000).unwrap();
        let error = service.video.frame_at("cam", Some(at_us), FrameMode::Exact).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{into_s}: {error}");
    }
    // A camera of sound alone.
    let service = World::new().with_cam().await;
    upload(&service, &fragmented("bbb_320x240_24fps_aac_10s.mp4", &["-vn"], PER_GOP)).await;
    let error = service.video.frame_at("cam", None, FrameMode::Exact).await.unwrap_err();
    assert_eq!(error.code(), "NO_VIDEO_TRACK");
}

async fn sampled(service: &Service, from_us: u64, to_us: u64, sampling: Sampling) -> Vec<FrameBatch> {
    service.video.frames("cam", from_us, to_us, sampling).await.unwrap().try_collect().await.unwrap()
}

#[tokio::test]
async fn sampling_gives_every_instant_once_and_in_order() {
    for pushed in [fragmented("bbb_320x240_24fps_aac_10s.mp4", &[], PER_GOP), open_gop()] {
        let reference = Reference::of(&pushed);
        let service = World::new().with_cam().await;
        upload(&service, &pushed).await;
        let batches = sampled(&service, START_US + 250_000, START_US + 3_850_000, Sampling::Fps(7.0)).await;
        let mut instants = Vec::new();
        for batch in &batches {
            let FrameBatch::Plan(plan) = batch else { panic!("{batch:?}") };
            let sums = decode(plan);
            for (wanted, sum) in plan.wanted.iter().zip(sums) {
                let into_us = wanted.requested_us - START_US;
                assert_eq!(sum, reference.at(into_us as i64), "at {into_us}");
                instants.push(into_us);
            }
            assert!(plan.wanted.windows(2).all(|pair| pair[0].pts <= pair[1].pts));
        }
        let expected: Vec<u64> =
            (0..26).map(|index| 250_000 + (f64::from(index) * 1e6 / 7.0).round() as u64).collect();
        assert_eq!(instants, expected[..instants.len()]);
        assert!(instants.len() == 26, "{}", instants.len());
        // The same question, the same answer.
        assert_eq!(
            sampled(&service, START_US + 250_000, START_US + 3_850_000, Sampling::Fps(7.0)).await,
            batches
        );
        let keys = sampled(&service, START_US, START_US + 3_500_000, Sampling::KeyFrames).await;
        let times: Vec<u64> = keys
            .iter()
            .map(|batch| match batch {
                FrameBatch::Plan(plan) if plan.wanted.len() == 1 && plan.wanted[0].key_frame => {
                    plan.wanted[0].producer_us
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(times.len() >= 2 && times.windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[tokio::test]
async fn what_sampling_does_not_find_is_listed_with_its_reason() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    upload(&service, &camera.upload(0, 3)).await;
    service.upload_with(&camera.upload(0, 3), started(START_MS + 10_000)).await;
    let batches = sampled(&service, START_US - 2_000_000, START_US + 15_000_000, Sampling::Fps(1.0)).await;
    let mut seen = Vec::new();
    for batch in batches {
        match batch {
            FrameBatch::Plan(plan) => {
                seen.extend(plan.wanted.iter().map(|wanted| (wanted.requested_us, None)));
            }
            FrameBatch::Missing(missing) => {
                seen.extend(missing.iter().map(|one| (one.requested_us, Some((one.reason, one.gap)))));
            }
        }
    }
    let expected: Vec<_> = (-2..15_i64)
        .map(|second| {
            let what = match second {
                -2..0 => Some((MissingReason::NoMedia, Reason::NotRecorded)),
                0..3 | 10..13 => None,
                3..10 => Some((MissingReason::Gap, Reason::CameraDisconnected)),
                _ => Some((MissingReason::NoMedia, Reason::CameraDisconnected)),
            };
            (START_US.checked_add_signed(second * 1_000_000).unwrap(), what)
        })
        .collect();
    assert_eq!(seen, expected);
    // A long time of nothing comes in pieces, and the future does not come at all.
    service.sim.clock.advance(Duration::from_secs(3600));
    let now_us = service.now_ms() * 1000;
    let batches = sampled(&service, now_us - 200_000_000, u64::MAX, Sampling::Fps(25.0)).await;
    let counts: Vec<usize> = batches
        .iter()
        .map(|batch| match batch {
            FrameBatch::Missing(missing) => missing.len(),
            FrameBatch::Plan(plan) => panic!("{:?}", plan.wanted),
        })
        .collect();
    assert_eq!(counts, [1024, 1024, 1024, 1024, 904]);
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        let refused = service.video.frames("cam", 0, 1, Sampling::Fps(fps)).await.err().unwrap();
        assert_eq!(refused.code(), "INVALID_RATE");
    }
}

#[tokio::test]
async fn footage_that_never_shows_a_key_frame_is_said_to_have_none() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let blind = camera.chunk(0, (0..30).map(|_| false));
    upload(&service, &joined(&[camera.init(), blind])).await;
    let error =
        service.video.frame_at("cam", Some(START_US + 1_000_000), FrameMode::Exact).await.unwrap_err();
    assert_eq!(error.code(), "NO_MEDIA");
    let batches = sampled(&service, START_US, START_US + 3_000_000, Sampling::Fps(1.0)).await;
    let FrameBatch::Missing(missing) = &batches[0] else { panic!("{batches:?}") };
    assert!(missing.iter().all(|one| one.reason == MissingReason::NoKeyFrame));
    assert_eq!(missing.len(), 3);
}
