//! The right frames, in the right form, the same every time.

use super::footage::{made, numbered, numbers, pixels};
use super::*;

const CODECS: [&str; 5] = ["h264", "h264-open", "h265", "h265-inband", "av1"];

/// The numbers shown by default JPEGs of 256×64.
fn shown(frames: &[Frame]) -> Vec<usize> {
    numbers(&images(frames), "mjpeg", 256, 64)
}

#[tokio::test]
async fn every_frame_of_every_codec_is_the_one_asked_for() {
    let pool = start(|_| {});
    for codec in CODECS {
        let footage = numbered(codec);
        let frames = all(&pool, work(&footage, Wanted::At(footage.times.clone()))).await;
        assert_eq!(shown(&frames), (0..100).collect::<Vec<_>>(), "{codec}");
        for (number, frame) in frames.iter().enumerate() {
            assert_eq!(frame.index as usize, number);
            assert_eq!(frame.pts, footage.times[number]);
            assert_eq!(frame.key, footage.keys.contains(&number), "{codec} {number}");
            assert!(!frame.damaged);
        }
    }
    assert_eq!(pool.stats().frames, 500);
    pool.shutdown().await;
}

#[tokio::test]
async fn one_instant_gives_the_frame_on_screen_then() {
    let pool = start(|_| {});
    for codec in CODECS {
        let footage = numbered(codec);
        let step = footage.times[1] - footage.times[0];
        let mut asked = vec![(i64::MIN, 0), (i64::MAX, 99)];
        for number in [0, 1, 24, 25, 26, 49, 73, 98, 99] {
            asked.extend([0, step / 2, step - 1].map(|late| (footage.times[number] + late, number)));
        }
        let mut frames = Vec::new();
        for &(time, number) in &asked {
            let frame = pool.frame(work(&footage, Wanted::At(vec![time]))).await.unwrap();
            assert_eq!(frame.pts, footage.times[number]);
            frames.push(frame);
        }
        assert_eq!(shown(&frames), asked.iter().map(|&(_, number)| number).collect::<Vec<_>>(), "{codec}");
    }
    pool.shutdown().await;
}

#[tokio::test]
async fn key_frames_are_found_by_nearness_and_all_together() {
    let pool = start(|_| {});
    for codec in CODECS {
        let footage = numbered(codec);
        assert!(footage.keys.len() >= 4, "{codec}: {:?}", footage.keys);
        let frames = all(&pool, work(&footage, Wanted::EveryKey)).await;
        assert_eq!(shown(&frames), footage.keys, "{codec}");
        let [_, second, third, ..] = footage.keys[..] else { panic!("{codec}") };
        let middle = (footage.times[second] + footage.times[third]) / 2;
        let last = footage.keys[footage.keys.len() - 1];
        let mut nearest = Vec::new();
        for time in [middle, middle + 1, i64::MAX] {
            nearest.push(pool.frame(work(&footage, Wanted::NearestKey(time))).await.unwrap());
        }
        assert!(nearest.iter().all(|frame| frame.key));
        assert_eq!(shown(&nearest), [second, third, last], "{codec}");
    }
    pool.shutdown().await;
}

#[tokio::test]
async fn a_sparse_list_with_repeats_is_answered_entry_by_entry() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    let wanted: Vec<usize> = vec![0, 0, 3, 30, 30, 30, 31, 99];
    let times = wanted.iter().map(|&number| footage.times[number]).collect();
    let frames = all(&pool, work(&footage, Wanted::At(times))).await;
    assert_eq!(shown(&frames), wanted);
    assert!(frames[3].image == frames[5].image);
    pool.shutdown().await;
}

/// Pictures that precede a key frame of an open group in presentation need the group before.
#[tokio::test]
async fn leading_pictures_need_the_fragment_before_and_say_so() {
    let pool = start(|_| {});
    let footage = numbered("h265");
    let key = footage.keys[1];
    let leading = Wanted::At(vec![footage.times[key - 1]]);
    let frame = pool.frame(work(&footage, leading.clone())).await.unwrap();
    assert_eq!(shown(&[frame]), [key - 1]);

    let mut alone = work(&footage, leading);
    alone.chunks = footage.chunks.slice(footage.chunk_lens[0]..footage.chunk_lens[0] + footage.chunk_lens[1]);
    let error = pool.frame(alone.clone()).await.unwrap_err();
    assert!(matches!(error, WorkerError::Missing(_)), "{error}");
    alone.wanted = Wanted::At(vec![footage.times[key]]);
    assert_eq!(shown(&[pool.frame(alone).await.unwrap()]), [key]);
    pool.shutdown().await;
}

#[tokio::test]
async fn the_same_request_gives_the_same_bytes() {
    let pool = start(|_| {});
    for codec in CODECS {
        let footage = numbered(codec);
        for format in [ImageFormat::Jpeg { quality: 85 }, ImageFormat::Png] {
            let mut work = work(&footage, Wanted::At(footage.times[20..30].to_vec()));
            work.image = ImageSpec { format, width: Some(100), height: None };
            let first = all(&pool, work.clone()).await;
            // Other work in between changes what the worker has kept warm.
            all(&pool, super::work(&numbered("h264"), Wanted::EveryKey)).await;
            assert!(all(&pool, work.clone()).await == first, "{codec}");
            // Alone, on another worker, cut out of less footage.
            let other = start(|_| {});
            work.wanted = Wanted::At(vec![footage.times[25]]);
            let alone = other.frame(work).await.unwrap();
            assert!(alone.image == first[5].image, "{codec}");
            other.shutdown().await;
        }
    }
    pool.shutdown().await;
}

/// However a picture is reached, from the key frame before it or in a long run, its bytes are the same.
#[tokio::test]
async fn a_picture_does_not_depend_on_where_decoding_began() {
    let pool = start(|_| {});
    let encoders: [&[&str]; 4] = [
        &[
            "-c:v",
            "libx264",
            "-x264-params",
            "keyint=20:ref=16:bframes=5:b-pyramid=normal:slices=3:weightp=2",
        ],
        &[
            "-c:v",
            "libx264",
            "-x264-params",
            "open-gop=1:keyint=20:min-keyint=20:ref=16:bframes=5:b-pyramid=normal",
        ],
        &["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=20:min-keyint=20:ref=3:slices=3:cabac=0"],
        &["-c:v", "libx265", "-x265-params", "log-level=none:keyint=20:bframes=4:open-gop=1"],
    ];
    for encoder in encoders {
        let footage = made("testsrc2=s=320x180:r=25:d=3,noise=alls=20:allf=t,format=yuv420p", encoder);
        let together = all(&pool, work(&footage, Wanted::At(footage.times.clone()))).await;
        assert_eq!(together.len(), 75);
        for frame in together.iter().step_by(2) {
            let alone = pool.frame(work(&footage, Wanted::At(vec![frame.pts]))).await.unwrap();
            assert!(alone.image == frame.image, "{encoder:?}: frame {}", frame.index);
        }
    }
    pool.shutdown().await;
}

/// With intra refresh no picture is coded for itself; the first ones after a start are not whole.
#[tokio::test]
async fn intra_refresh_is_decoded_from_far_enough_back() {
    let pool = start(|_| {});
    let footage = numbered("h264-refresh");
    assert!(footage.keys.len() > 2, "{:?}", footage.keys);
    for number in [0, 10, 30, 60, 75, 80, 99] {
        let frame = pool.frame(work(&footage, Wanted::At(vec![footage.times[number]]))).await.unwrap();
        assert_eq!(shown(&[frame]), [number]);
    }
    // Without the first fragment, whose start is clean, there is still enough for the end of the footage.
    let mut later = work(&footage, Wanted::At(vec![footage.times[99]]));
    later.chunks = footage.chunks.slice(footage.chunk_lens[0]..);
    assert_eq!(shown(&[pool.frame(later).await.unwrap()]), [99]);
    pool.shutdown().await;
}

#[tokio::test]
async fn sides_are_kept_in_proportion_unless_both_are_given() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    let cases = [
        ((None, None), (256, 64)),
        ((Some(128), None), (128, 32)),
        ((None, Some(128)), (512, 128)),
        ((Some(64), Some(64)), (64, 64)),
        ((Some(333), None), (333, 83)),
    ];
    for format in [ImageFormat::Jpeg { quality: 90 }, ImageFormat::Png] {
        for ((wide, high), (width, height)) in cases {
            let mut work = work(&footage, Wanted::At(vec![footage.times[42]]));
            work.image = ImageSpec { format, width: wide, height: high };
            let frame = pool.frame(work).await.unwrap();
            assert_eq!((frame.width, frame.height), (width, height));
            let name = if format == ImageFormat::Png { "png" } else { "mjpeg" };
            assert_eq!(numbers(&[frame.image], name, width as usize, height as usize), [42]);
        }
    }
    let mut large = work(&footage, Wanted::EveryKey);
    large.image.height = Some(8192);
    let error = pool.frame(large).await.unwrap_err();
    assert!(error.to_string().contains("32768×8192"), "{error}");
    pool.shutdown().await;
}

/// Sizes that fill no block of the format, down to a single pixel.
#[tokio::test]
async fn odd_sizes_are_whole_images() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    for (format, name) in [(ImageFormat::Jpeg { quality: 85 }, "mjpeg"), (ImageFormat::Png, "png")] {
        for (width, height) in [(1, 1), (1, 50), (2, 3), (15, 17), (17, 15), (31, 1), (33, 33)] {
            let mut work = work(&footage, Wanted::At(vec![footage.times[50]]));
            work.image = ImageSpec { format, width: Some(width), height: Some(height) };
            let frame = pool.frame(work).await.unwrap();
            assert_eq!((frame.width, frame.height), (width, height));
            assert_eq!(
                pixels(&[frame.image], name).len(),
                (width * height) as usize,
                "{name} {width}×{height}"
            );
        }
    }
    pool.shutdown().await;
}

/// Video levels 16 to 235 are 0 to 255 in a JPEG and in a PNG alike; a reader knows nothing of video ranges.
#[tokio::test]
async fn black_is_black_and_white_is_white() {
    let pool = start(|_| {});
    let footage = numbered("h264");
    for (format, name) in [(ImageFormat::Jpeg { quality: 95 }, "mjpeg"), (ImageFormat::Png, "png")] {
        let mut work = work(&footage, Wanted::At(vec![footage.times[85]]));
        work.image.format = format;
        let frame = pool.frame(work).await.unwrap();
        let pixels = pixels(&[frame.image], name);
        let (black, white) = (pixels[32 * 256 + 24], pixels[32 * 256 + 8]);
        let right = black.iter().all(|level| *level <= 3) && white.iter().all(|level| *level >= 252);
        assert!(right, "{name}: {black:?} {white:?}");
    }
    pool.shutdown().await;
}

/// High definition is coded with the BT.709 matrix, JPEG always means BT.601: red must stay red.
#[tokio::test]
async fn colours_survive_the_change_of_matrix() {
    let pool = start(|_| {});
    let encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-colorspace", "bt709", "-color_range", "tv"];
    let graph = "color=red:s=1280x720:d=0.1,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";
    let footage = made(graph, &encoder);
    for (format, name) in [(ImageFormat::Jpeg { quality: 95 }, "mjpeg"), (ImageFormat::Png, "png")] {
        let mut work = work(&footage, Wanted::NearestKey(0));
        work.image.format = format;
        let frame = pool.frame(work).await.unwrap();
        let [red, green, blue] = pixels(&[frame.image], name)[360 * 1280 + 640];
        assert!(red > 245 && green < 10 && blue < 10, "{name}: {red} {green} {blue}");
    }
    pool.shutdown().await;
}
