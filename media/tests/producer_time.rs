//! Producer time as ffmpeg writes it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Made, read, scan, synthetic};
use media::fmp4::{Chunk, Init, PrftClock};
use std::time::{SystemTime, UNIX_EPOCH};

#[allow(clippy::disallowed_methods)] // what is tested is ffmpeg's use of the real clock
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn starts(init: &Init, chunks: &[Chunk], arrival_ms: impl Fn(usize) -> i64) -> Vec<i64> {
    let start = |(index, chunk): (usize, &Chunk)| {
        let prft = chunk.prft.unwrap();
        assert_eq!(prft.clock, PrftClock::RealTime, "ffmpeg claims real time, whichever it stamps");
        assert_eq!(prft.track_id, init.lead().id);
        prft.start_ms(init, &chunk.info, arrival_ms(index) as u64).unwrap()
    };
    chunks.iter().enumerate().map(start).collect()
}

const FLAGS: &str = "-movflags +frag_keyframe+empty_moov+default_base_moof";

#[test]
fn stamps_of_the_time_of_writing_are_taken_back_by_the_fragment() {
    let made = Made::new();
    let began = now_ms();
    let input = synthetic(3, "-c:v libx264 -g 25 -tune zerolatency -preset ultrafast", "-an")
        .replace("-f lavfi", "-re -f lavfi");
    let input = input.replacen("-re -f lavfi -i sine", "-f lavfi -i sine", 1);
    let path = made.fragmented("late.mp4", &input, &format!("{FLAGS} -write_prft wallclock"));
    let (init, chunks) = scan(&read(&path));
    assert_eq!(chunks.len(), 3);
    // A fragment arrives when it is written, give or take the network.
    let written = |index: usize| chunks[index].prft.unwrap().unix_us() / 1_000;
    assert!((began + 900..began + 3_000).contains(&written(0)), "about a second after the start");
    for delay_ms in [0, 5, 200, 450] {
        let starts = starts(&init, &chunks, |index| written(index) + delay_ms);
        for (index, start) in starts.iter().enumerate() {
            assert_eq!(*start, written(index) - 1_000, "the fragment lasts a second");
        }
        // The first fragment begins when ffmpeg did, within what starting it takes on a busy machine.
        assert!((began - 100..began + 2_000).contains(&starts[0]), "{} after the start", starts[0] - began);
    }
}

#[test]
fn stamps_of_the_presentation_are_taken_at_their_word() {
    let made = Made::new();
    let began = now_ms();
    let video = "-vf setpts=RTCTIME/(TB*1000000) -c:v libx264 -g 25 -bf 0 -preset ultrafast";
    let input = format!(
        "-re -f lavfi -i testsrc2=size=320x240:rate=25:duration=3 {video} -copyts -avoid_negative_ts disabled"
    );
    let path = made.fragmented("exact.mp4", &input, &format!("{FLAGS} -write_prft pts"));
    let ended = now_ms();
    let (init, chunks) = scan(&read(&path));
    // Whenever they arrive, even if that is before their end (a fast clock in the camera).
    for arrival in [began - 60_000, began, ended, ended + 60_000] {
        let starts = starts(&init, &chunks, |_| arrival);
        assert!((began - 100..ended).contains(&starts[0]), "{} after the start", starts[0] - began);
        for (chunk, start) in chunks.iter().zip(&starts) {
            let prft = chunk.prft.unwrap();
            assert_eq!(*start, prft.unix_us().div_euclid(1_000), "the stamp is the first picture's");
        }
    }

    // Times that start at zero lie in 1970: no producer time.
    let path = made.fragmented(
        "zero.mp4",
        &synthetic(1, "-c:v libx264", "-an"),
        &format!("{FLAGS} -write_prft pts"),
    );
    let (init, chunks) = scan(&read(&path));
    let prft = chunks[0].prft.unwrap();
    assert_eq!((prft.unix_us() / 1_000_000, prft.start_ms(&init, &chunks[0].info, began as u64)), (0, None));
}

#[test]
fn a_stamp_that_could_be_the_scene_is_believed() {
    let made = Made::new();
    let path = made.fragmented(
        "a.mp4",
        &synthetic(1, "-c:v libx264 -bf 0", "-an"),
        &format!("{FLAGS} -write_prft wallclock"),
    );
    let (init, chunks) = scan(&read(&path));
    let prft = chunks[0].prft.unwrap();
    let stamp = prft.unix_us().div_euclid(1_000);
    // Arrived a second and a half after the stamp: time enough for the fragment to follow it.
    assert_eq!(prft.start_ms(&init, &chunks[0].info, stamp as u64 + 1_500), Some(stamp));
    assert_eq!(prft.start_ms(&init, &chunks[0].info, stamp as u64 + 100), Some(stamp - 1_000));
    let of = |clock| media::fmp4::Prft { clock, ..prft }.start_ms(&init, &chunks[0].info, stamp as u64 + 100);
    for clock in [PrftClock::EncoderInput, PrftClock::EncoderOutput, PrftClock::Consistent] {
        assert_eq!(of(clock), Some(stamp));
    }
    for clock in [PrftClock::Finalised, PrftClock::Written] {
        assert_eq!(of(clock), Some(stamp - 1_000));
    }
    let stranger = media::fmp4::Prft { track_id: 99, ..prft };
    assert_eq!(stranger.start_ms(&init, &chunks[0].info, stamp as u64), None);
    let absurd = media::fmp4::Prft { media_time: u64::MAX, ntp: u64::MAX, ..prft };
    assert_eq!(absurd.start_ms(&init, &chunks[0].info, u64::MAX), None);
}
