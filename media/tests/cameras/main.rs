//! Cameras through a real worker: packets made by GStreamer's payloaders go in, and what comes out is compared with what was
//! coded, sample by sample.
#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
mod sender;
mod worker;

use common::{BBB, footage};
use media::worker_protocol::camera::Carriage;
use sender::{Sent, Unit, messages, open, sent, units};
use worker::{Recorded, Worker};

const H264_PAY: &str = "rtph264pay pt=96 mtu=1200";
const AAC_PAY: &str = "rtpmp4gpay pt=97 mtu=1200";

/// A file's video or audio as GStreamer parses it, in the form in which it is stored.
fn from_file(name: &str, stream: &str, parse: &str) -> String {
    format!("filesrc location={} ! qtdemux name=d d.{stream}_0 ! {parse}", footage(name).display())
}

fn h264(name: &str) -> String {
    from_file(name, "video", "h264parse ! video/x-h264,stream-format=avc,alignment=au")
}

fn aac(name: &str) -> String {
    from_file(name, "audio", "aacparse ! audio/mpeg,stream-format=raw")
}

/// Bytes equal, and presentation times equal up to the rounding of the source's nanoseconds, all shifted alike.
fn compare(recorded: &[Recorded], units: &[Unit], clock_rate: u32) {
    assert_eq!(recorded.len(), units.len());
    let ticks = |ns: u64| (u128::from(ns) * u128::from(clock_rate) / 1_000_000_000) as i64;
    let shift = recorded[0].pts - ticks(units[0].pts_ns);
    for (index, (recorded, unit)) in recorded.iter().zip(units).enumerate() {
        assert_eq!(recorded.data, unit.data, "unit {index}");
        let off = recorded.pts - shift - ticks(unit.pts_ns);
        assert!(off.abs() <= 1, "unit {index} is {off} ticks off");
        assert!(recorded.dts <= recorded.pts, "unit {index} is decoded after it is shown");
    }
}

#[test]
fn pictures_and_sound_come_out_as_they_went_in() {
    let (video, audio) = (h264(BBB), aac(BBB));
    let (pictures, sound) = (units(&video), units(&audio));
    let cameras: [Sent; 2] = [sent(&video, H264_PAY), sent(&audio, AAC_PAY)];
    let tracks: Vec<&Sent> = cameras.iter().collect();
    let worker = Worker::start();
    let recording = worker.record(&open(Carriage::Tcp, &tracks), messages(&tracks));
    assert!(recording.ended, "{:?}", recording.failed);
    compare(&recording.samples(1), &pictures, 90_000);
    compare(&recording.samples(2), &sound, cameras[1].track.clock_rate);
    assert!(worker.leave().success());
}
