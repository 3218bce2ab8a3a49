//! Cameras through a real worker: packets made by GStreamer's payloaders go in, and what comes out is compared with what was
//! coded, sample by sample.
#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
mod sender;
mod worker;

use bytes::Bytes;
use common::{BBB, HEVC, Made, ffmpeg, footage};
use media::fmp4::{Codec, Prft};
use media::g711::Law;
use media::worker_protocol::camera::{BatchBuilder, CameraFailure, Carriage, PacketKind};
use sender::{BEGIN_US, Sent, Unit, messages, open, sent, units};
use worker::{Recorded, Recording, Worker};

const H264_PAY: &str = "rtph264pay pt=96 mtu=1200";
const AAC_PAY: &str = "rtpmp4gpay pt=97 mtu=1200";

/// A file's video or audio as GStreamer parses it, in the form in which it is stored.
fn from_file(name: &str, stream: &str, parse: &str) -> String {
    format!("filesrc location={} ! qtdemux name=d d.{stream}_0 ! {parse}", footage(name).display())
}

fn h264(name: &str) -> String {
    from_file(name, "video", "h264parse ! video/x-h264,stream-format=avc,alignment=au")
}

fn h265(name: &str) -> String {
    from_file(name, "video", "h265parse ! video/x-h265,stream-format=hvc1,alignment=au")
}

fn aac(name: &str) -> String {
    from_file(name, "audio", "aacparse ! audio/mpeg,stream-format=raw")
}

/// Five key frames of a moving picture without pictures out of order.
fn plain(width: u32, height: u32) -> String {
    format!(
        "videotestsrc num-buffers=50 pattern=ball ! video/x-raw,width={width},height={height},framerate=25/1 ! \
         x264enc key-int-max=10 bframes=0 speed-preset=ultrafast byte-stream=false ! \
         video/x-h264,stream-format=avc,alignment=au ! h264parse"
    )
}

/// H.264 without access unit delimiters and parameter sets, which may be kept in the samples or not.
fn coded(data: &Bytes) -> Bytes {
    const LEFT_OUT: std::ops::RangeInclusive<u8> = 7..=9;
    let (mut rest, mut kept) = (&data[..], Vec::new());
    while let Some((length, _)) = rest.split_first_chunk() {
        let (nal, after) = rest.split_at(4 + u32::from_be_bytes(*length) as usize);
        if !LEFT_OUT.contains(&(nal[4] & 0x1f)) {
            kept.extend_from_slice(nal);
        }
        rest = after;
    }
    kept.into()
}

fn record(carriage: Carriage, tracks: &[&Sent]) -> Recording {
    Worker::start().record(&open(carriage, tracks), messages(tracks))
}

/// Bytes equal, and presentation times equal up to the rounding of the source's nanoseconds, all shifted alike.
fn compare(recorded: &[Recorded], units: &[Unit], clock_rate: u32) {
    assert_eq!(recorded.len(), units.len());
    let ticks = |ns: u64| (u128::from(ns) * u128::from(clock_rate) / 1_000_000_000) as i64;
    let shift = recorded[0].pts - ticks(units[0].pts_ns);
    for (index, (recorded, unit)) in recorded.iter().zip(units).enumerate() {
        assert!(recorded.data == unit.data, "unit {index} differs");
        let off = recorded.pts - shift - ticks(unit.pts_ns);
        assert!(off.abs() <= 1, "unit {index} is {off} ticks off");
        assert!(recorded.dts <= recorded.pts, "unit {index} is decoded after it is shown");
    }
}

#[test]
fn pictures_and_sound_come_out_as_they_went_in() {
    let (video, audio) = (h264(BBB), aac(BBB));
    let (pictures, sound) = (units(&video), units(&audio));
    assert!(pictures.windows(2).any(|pair| pair[0].pts_ns > pair[1].pts_ns), "no pictures out of order");
    let cameras = [sent(&video, H264_PAY), sent(&audio, AAC_PAY)];
    let tracks: Vec<&Sent> = cameras.iter().collect();
    let worker = Worker::start();
    let recording = worker.record(&open(Carriage::Tcp, &tracks), messages(&tracks));
    assert!(recording.ended, "{:?}", recording.failed);
    compare(&recording.samples(1), &pictures, 90_000);
    compare(&recording.samples(2), &sound, cameras[1].track.clock_rate);
    let report = &recording.report;
    assert_eq!(report.packets, (cameras[0].packets.len() + cameras[1].packets.len()) as u64);
    assert_eq!((report.packets_lost, report.packets_dropped), (0, 0));
    assert_eq!(report.units, (pictures.len() + sound.len()) as u64);
    assert!(worker.leave().success());
}

#[test]
fn every_codec_comes_through() {
    let opus = "audiotestsrc num-buffers=100 ! audio/x-raw,rate=48000,channels=2 ! opusenc".to_owned();
    // Not out of an MP4: of its first packet, which the edit list cuts off, this payloader keeps some.
    let made = Made::new();
    let adts = made.path("tone.aac");
    ffmpeg(&format!("-f lavfi -i sine=frequency=440:duration=2 -c:a aac -f adts {}", adts.display()));
    let tone = format!("filesrc location={} ! aacparse ! audio/mpeg,stream-format=raw", adts.display());
    let cases = [
        (h265(HEVC), "rtph265pay pt=96 mtu=1200", Codec::H265),
        (aac(BBB), AAC_PAY, Codec::Aac),
        (tone, "rtpmp4apay pt=97 mtu=1200", Codec::Aac),
        (opus, "rtpopuspay pt=98", Codec::Opus),
    ];
    for (source, payloader, codec) in cases {
        let camera = sent(&source, payloader);
        let recording = record(Carriage::Tcp, &[&camera]);
        assert!(recording.ended, "{payloader}: {:?}", recording.failed);
        assert_eq!(recording.parts()[0].0.tracks[0].codec, codec);
        // See the worker's handling of LATM.
        let left_out = usize::from(payloader.starts_with("rtpmp4apay"));
        compare(&recording.samples(1), &units(&source)[left_out..], camera.track.clock_rate);
    }
}

#[test]
fn telephone_sound_is_kept_to_the_bit() {
    let noise = "audiotestsrc num-buffers=30 wave=white-noise volume=0.9 ! audio/x-raw,rate=8000,channels=1";
    for (encoder, payloader, law) in [("mulawenc", "rtppcmupay", Law::Mu), ("alawenc", "rtppcmapay", Law::A)]
    {
        let camera = sent(&format!("{noise} ! {encoder}"), payloader);
        let bytes: Vec<u8> = camera.packets.iter().flat_map(|(_, packet)| packet[12..].to_vec()).collect();
        let recording = record(Carriage::Tcp, &[&camera]);
        assert_eq!(recording.parts()[0].0.tracks[0].codec, Codec::Flac);
        let made = Made::new();
        let file = made.write("sound.mp4", &recording.media.concat());
        let pcm = ffmpeg(&format!("-i {} -f s16le -", file.display()));
        let samples = pcm.chunks(2).map(|pair| i16::from_le_bytes(pair.try_into().unwrap()));
        let again: Vec<u8> = samples.map(|sample| law.encode(sample).unwrap()).collect();
        assert!(again == bytes, "{} samples became {}", bytes.len(), again.len());
    }
}

#[test]
fn timestamps_that_wrap_around_go_on() {
    let video = h264(BBB);
    let mut camera = sent(&video, H264_PAY);
    // The first picture 3 s before the end of 32 bits.
    camera.shift(0_u32.wrapping_sub(camera.time(0)).wrapping_sub(3 * 90_000));
    let recording = record(Carriage::Tcp, &[&camera]);
    compare(&recording.samples(1), &units(&video), 90_000);
    assert_eq!(recording.parts().len(), 1);
}

#[test]
fn over_udp_packets_are_put_in_order() {
    let video = h264(BBB);
    let mut camera = sent(&video, H264_PAY);
    let mut packets = Vec::new();
    for (index, group) in camera.packets.chunks(7).enumerate() {
        let mut group = group.to_vec();
        // The first is waited for; later ones may overtake each other, and some come twice.
        if index > 0 {
            let at = group[0].0;
            group.reverse();
            group.push(group[0].clone());
            group.iter_mut().for_each(|packet| packet.0 = at);
        }
        packets.extend(group);
    }
    let twice = packets.len() - camera.packets.len();
    camera.packets = packets;
    let recording = record(Carriage::Udp, &[&camera]);
    compare(&recording.samples(1), &units(&video), 90_000);
    assert_eq!((recording.report.packets_lost, recording.report.packets_dropped), (0, twice as u64));
}

#[test]
fn what_is_lost_costs_only_its_own_pictures() {
    let video = h264(BBB);
    let mut camera = sent(&video, H264_PAY);
    let lost: Vec<usize> = (40..camera.packets.len()).step_by(50).collect();
    let times: Vec<u32> = lost.iter().map(|&index| camera.time(index)).collect();
    let kept = (0..camera.packets.len()).filter(|index| !lost.contains(index));
    let touched = |time: u32| times.contains(&time);
    let whole: Vec<bool> = {
        let mut seen: Vec<u32> = (0..camera.packets.len()).map(|index| camera.time(index)).collect();
        seen.dedup();
        seen.into_iter().map(|time| !touched(time)).collect()
    };
    camera.packets = kept.map(|index| camera.packets[index].clone()).collect();
    for carriage in [Carriage::Tcp, Carriage::Udp] {
        let recording = record(carriage, &[&camera]);
        assert_eq!(recording.report.packets_lost, lost.len() as u64);
        let recorded: Vec<Bytes> = recording.samples(1).into_iter().map(|sample| sample.data).collect();
        let sent = units(&video);
        assert_eq!(sent.len(), whole.len());
        let missing = |(unit, whole): (&Unit, &bool)| *whole && !recorded.contains(&unit.data);
        assert!(!sent.iter().zip(&whole).any(missing), "a picture is missing that lost nothing");
    }
}

#[test]
fn parameters_that_change_make_a_new_beginning() {
    let (first, second) = (plain(320, 240), plain(192, 128));
    let mut camera = sent(&first, "rtph264pay pt=96 mtu=1200 config-interval=-1");
    camera.go_on_with(&sent(&second, "rtph264pay pt=96 mtu=1200 config-interval=-1"), 90_000 * 2);
    let recording = record(Carriage::Tcp, &[&camera]);
    let parts = recording.parts();
    let sides: Vec<_> = parts.iter().map(|(init, _)| (init.tracks[0].width, init.tracks[0].height)).collect();
    assert_eq!(sides, [(320, 240), (192, 128)]);
    let samples = recording.samples(1);
    let sent = [units(&first), units(&second)].concat();
    assert!(samples.iter().map(|sample| coded(&sample.data)).eq(sent.iter().map(|unit| coded(&unit.data))));
    assert!(samples.windows(2).all(|pair| pair[0].dts < pair[1].dts), "time goes on");
}

#[test]
fn a_camera_is_recorded_from_its_first_key_frame_with_parameters() {
    let source = plain(320, 240);
    let mut camera = sent(&source, "rtph264pay pt=96 mtu=1200 config-interval=-1");
    camera.track.fmtp.clear();
    // Joined after the third picture: the next key frame is the eleventh.
    let time = camera.time(0).wrapping_add(3 * 3_600);
    let joined = (0..camera.packets.len()).find(|&index| camera.time(index) == time).unwrap();
    camera.packets.drain(..joined);
    let recording = record(Carriage::Tcp, &[&camera]);
    let strip_unit = |unit: Unit| Unit { data: coded(&unit.data), ..unit };
    let strip_sample = |sample: Recorded| Recorded { data: coded(&sample.data), ..sample };
    let sent: Vec<Unit> = units(&source).into_iter().map(strip_unit).collect();
    let recorded: Vec<Recorded> = recording.samples(1).into_iter().map(strip_sample).collect();
    compare(&recorded, &sent[10..], 90_000);

    // Without any there is nothing to record, and it is said why.
    camera.packets.truncate(5);
    let recording = record(Carriage::Tcp, &[&camera]);
    assert!(recording.ended && recording.media.is_empty());
    assert!(recording.report.warning.unwrap().contains("parameters"));
}

/// Tells when each chunk was captured, and when it had arrived, in microseconds after the sender began; with the time at
/// which the chunk begins and ends on the timeline.
fn dates(recording: &Recording) -> Vec<(Option<i64>, i64, i64, i64)> {
    let parts = recording.parts();
    let [(init, chunks)] = &parts[..] else { panic!("{} initialisation segments", parts.len()) };
    let since = |prft: Prft| prft.unix_us() - BEGIN_US as i64;
    let dates = chunks.iter().map(|chunk| {
        let captured = chunk.prft.filter(|prft| !prft.is_of_writing()).map(since);
        let (start_ms, end_ms) = (chunk.info.start_ms(init), chunk.info.end_ms(init));
        (captured, since(chunk.written.unwrap()), start_ms * 1_000, end_ms * 1_000)
    });
    dates.collect()
}

#[test]
fn what_is_held_back_for_reports_is_dated_by_its_arrival() {
    let mut camera = sent(&plain(320, 240), "rtph264pay pt=96 mtu=1200 config-interval=-1");
    camera.go_on_with(&camera.clone(), 90_000 * 2);
    let recording = record(Carriage::Tcp, &[&camera]);
    let chunks = dates(&recording);
    assert!(chunks.len() >= 12, "{} chunks", chunks.len());
    // Packets of 20 ms go together; nobody knows how long the last picture lasts.
    for (captured, arrived, _, end) in chunks {
        assert_eq!(captured, None);
        assert!((end - 40_000..=end + 20_000).contains(&arrived), "{arrived} for {end}");
    }
}

#[test]
fn a_report_dates_what_came_before_it() {
    let camera = sent(&plain(320, 240), "rtph264pay pt=96 mtu=1200 config-interval=-1");
    let mut all = messages(&[&camera]);
    let ticks_after = |index: usize| camera.time(index).wrapping_sub(camera.time(0));
    let later = (0..camera.packets.len()).find(|&index| ticks_after(index) >= 90_000).unwrap();
    // The camera's clock is 700 ms slow.
    let said_us = BEGIN_US + u64::from(ticks_after(later)) * 100 / 9 - 700_000;
    let mut report = BatchBuilder::default();
    assert!(report.push(0, PacketKind::Rtcp, &camera.report(later, said_us)));
    all.insert(all.len() / 2 + 2, report.take(BEGIN_US + 1_100_000));
    let recording = Worker::start().record(&open(Carriage::Tcp, &[&camera]), all);
    for (captured, arrived, start, end) in dates(&recording) {
        let off = captured.unwrap() + 700_000 - start;
        assert!(off.abs() <= 20, "{off} µs");
        assert!((end - 40_000..=end + 20_000).contains(&arrived), "{arrived} for {end}");
    }
}

#[test]
fn garbage_is_counted_and_harms_nobody() {
    let video = h264(BBB);
    let mut camera = sent(&video, H264_PAY);
    let garbage: Vec<Bytes> = vec![
        Bytes::new(),
        Bytes::from_static(b"\x80"),
        Bytes::from_static(&[0xff; 700]),
        Bytes::from_static(&[0x80, 33, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9]),
    ];
    let mut packets = Vec::new();
    for (index, packet) in camera.packets.iter().enumerate() {
        packets.push((packet.0, garbage[index % garbage.len()].clone()));
        packets.push(packet.clone());
    }
    camera.packets = packets;
    for carriage in [Carriage::Tcp, Carriage::Udp] {
        let recording = record(carriage, &[&camera]);
        compare(&recording.samples(1), &units(&video), 90_000);
        assert_eq!(recording.report.packets_dropped, camera.packets.len() as u64 / 2);
    }
}

#[test]
fn what_cannot_be_opened_is_refused_with_a_reason() {
    let mut nothing = open(Carriage::Tcp, &[]);
    let worker = Worker::start();
    let (code, detail) = worker.record(&nothing, Vec::new()).failed.unwrap();
    assert_eq!(code, CameraFailure::BadRequest, "{detail}");
    let camera = sent(&plain(320, 240), H264_PAY);
    nothing.tracks = vec![camera.track.clone(); 9];
    assert!(worker.record(&nothing, Vec::new()).failed.is_some());
    let again = worker.record(&open(Carriage::Tcp, &[&camera]), messages(&[&camera]));
    assert!(again.ended, "the others go on: {:?}", again.failed);
}
