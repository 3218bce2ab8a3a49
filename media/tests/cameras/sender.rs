//! Cameras made of GStreamer: files through its payloaders.

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use media::rtp::{Encoding, RtpTrack};
use media::worker_protocol::camera::{BatchBuilder, Carriage, Open, PacketKind};
use std::collections::BTreeMap;

/// A coded picture or packet of sound, and its presentation time in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub pts_ns: u64,
    pub data: Bytes,
}

/// What a pipeline's `appsink name=out` gets.
pub fn pulled(pipeline: &str) -> (gst::Caps, Vec<gst::Buffer>) {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<gst_app::AppSink>().unwrap();
    let (mut caps, mut all) = (None, Vec::new());
    while let Ok(sample) = sink.pull_sample() {
        caps = sample.caps_owned();
        match sample.buffer_list() {
            Some(list) => all.extend(list.iter_owned()),
            None => all.extend(sample.buffer_owned()),
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    (caps.unwrap(), all)
}

/// A track of a camera: what its packets are, and when each is sent, in nanoseconds.
#[derive(Clone)]
pub struct Sent {
    pub track: RtpTrack,
    pub packets: Vec<(u64, Bytes)>,
}

/// Sends what a pipeline makes: its text up to the payloader, which is given.
pub fn sent(source: &str, payloader: &str) -> Sent {
    let (caps, buffers) = pulled(&format!("{source} ! {payloader} ! appsink name=out sync=false"));
    let caps = caps.structure(0).unwrap();
    let text = |name: &str| caps.get::<String>(name).unwrap_or_default();
    let fmtp = caps.iter().filter_map(|(name, value)| {
        value.get::<String>().ok().map(|value| (name.as_str().to_owned(), value))
    });
    let encoding = match text("encoding-name").as_str() {
        "H264" => Encoding::H264,
        "H265" => Encoding::H265,
        "MPEG4-GENERIC" => Encoding::Aac,
        "MP4A-LATM" => Encoding::AacLatm,
        "OPUS" => Encoding::Opus,
        "PCMU" => Encoding::Pcmu,
        "PCMA" => Encoding::Pcma,
        other => panic!("{other}"),
    };
    let channels = text("encoding-params").parse().unwrap_or(u16::from(text("media") == "audio"));
    let track = RtpTrack {
        encoding,
        payload_type: caps.get::<i32>("payload").unwrap() as u8,
        clock_rate: caps.get::<i32>("clock-rate").unwrap() as u32,
        channels,
        fmtp: fmtp.collect::<BTreeMap<_, _>>(),
        ntp_extension: None,
        control: String::new(),
    };
    let packets = buffers.into_iter().map(|buffer| {
        let at = buffer.dts_or_pts().unwrap_or_default().nseconds();
        (at, Bytes::copy_from_slice(&buffer.map_readable().unwrap()))
    });
    Sent { track, packets: packets.collect() }
}

/// The units that go into the payloader.
pub fn units(source: &str) -> Vec<Unit> {
    let (_, buffers) = pulled(&format!("{source} ! appsink name=out sync=false"));
    let unit = |buffer: gst::Buffer| Unit {
        pts_ns: buffer.pts().unwrap().nseconds(),
        data: Bytes::copy_from_slice(&buffer.map_readable().unwrap()),
    };
    buffers.into_iter().map(unit).collect()
}

impl Sent {
    /// Moves all RTP times, modulo 2³².
    pub fn shift(&mut self, by: u32) {
        for (_, packet) in &mut self.packets {
            let mut bytes = packet.to_vec();
            let time = u32::from_be_bytes(bytes[4..8].try_into().unwrap()).wrapping_add(by);
            bytes[4..8].copy_from_slice(&time.to_be_bytes());
            *packet = bytes.into();
        }
    }

    /// Appends another sender's packets: numbered on, `ticks` after the first one's first packet, from the same source.
    pub fn go_on_with(&mut self, next: &Sent, ticks: u32) {
        let first = &self.packets[0];
        let last = &self.packets[self.packets.len() - 1].1;
        let mut sequence = u16::from_be_bytes(last[2..4].try_into().unwrap());
        let (source, begun_ns) = (first.1.slice(8..12), first.0);
        let (time, next_time) = (self.time(0).wrapping_add(ticks), next.time(0));
        let next_ns = next.packets[0].0;
        for (at, packet) in &next.packets {
            sequence = sequence.wrapping_add(1);
            let mut bytes = packet.to_vec();
            let since = u32::from_be_bytes(bytes[4..8].try_into().unwrap()).wrapping_sub(next_time);
            bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
            bytes[4..8].copy_from_slice(&time.wrapping_add(since).to_be_bytes());
            bytes[8..12].copy_from_slice(&source);
            let ahead_ns = u64::from(ticks) * 1_000_000_000 / u64::from(self.track.clock_rate);
            self.packets.push((begun_ns + ahead_ns + (at - next_ns), bytes.into()));
        }
    }

    /// A sender report: that this packet's time is so many microseconds after the Unix epoch by the sender's clock.
    pub fn report(&self, index: usize, unix_us: u64) -> Vec<u8> {
        let (seconds, rest_us) = (unix_us / 1_000_000 + 2_208_988_800, unix_us % 1_000_000);
        let ntp = seconds << 32 | ((rest_us << 32) / 1_000_000);
        let mut report = vec![0x80, 200, 0, 6];
        report.extend_from_slice(&self.packets[index].1[8..12]);
        report.extend_from_slice(&ntp.to_be_bytes());
        report.extend_from_slice(&self.time(index).to_be_bytes());
        report.extend_from_slice(&[0; 8]);
        report
    }

    /// RTP time of a packet.
    pub fn time(&self, index: usize) -> u32 {
        u32::from_be_bytes(self.packets[index].1[4..8].try_into().unwrap())
    }
}

/// Arrival of the first packet, in microseconds since the Unix epoch.
pub const BEGIN_US: u64 = 1_795_000_000_000_000;

/// An opening for these tracks.
pub fn open(carriage: Carriage, tracks: &[&Sent]) -> Open {
    let tracks = tracks.iter().map(|sent| sent.track.clone()).collect();
    Open { tracks, carriage, chunk_ms: 250, source: None }
}

/// The tracks' packets in messages, in the order in which they are sent; those of 20 ms go together.
pub fn messages(tracks: &[&Sent]) -> Vec<Bytes> {
    let mut all: Vec<(u64, u8, &Bytes)> = Vec::new();
    for (sent, index) in tracks.iter().zip(0..) {
        all.extend(sent.packets.iter().map(|(at, packet)| (*at, index, packet)));
    }
    all.sort_by_key(|(at, ..)| *at);
    let begun = all.first().map_or(0, |(at, ..)| *at);
    let mut messages = Vec::new();
    for together in all.chunk_by(|a, b| a.0 / 20_000_000 == b.0 / 20_000_000) {
        let mut builder = BatchBuilder::default();
        let arrival = |at: u64| BEGIN_US + (at - begun) / 1_000;
        for (at, track, packet) in together {
            if !builder.push(*track, PacketKind::Rtp, packet) {
                messages.push(builder.take(arrival(*at)));
                assert!(builder.push(*track, PacketKind::Rtp, packet));
            }
        }
        messages.push(builder.take(arrival(together[together.len() - 1].0)));
    }
    messages
}
