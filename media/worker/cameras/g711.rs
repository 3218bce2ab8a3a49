//! G.711 as FLAC: browsers play no G.711, and FLAC keeps every bit of it.

use super::chain::{Chain, Out};
use super::failure::GaveUp;
use super::track::{Taken, bytes_of};
use crate::elements;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use media::fmp4::{Codec, TrackConfig, flac_config};
use media::g711::Law;
use media::rtp::{Encoding, RtpTrack};
use std::collections::VecDeque;

/// Samples in a FLAC frame: 64 ms at 8 kHz, so that sound keeps up with the chunks.
const FRAME_SAMPLES: u64 = 512;
const CHANNELS_MAX: u16 = 2;

/// Wraps one track's sound.
pub(crate) struct Wrapper {
    chain: Chain,
    law: Law,
    rate: u32,
    channels: u16,
    /// Samples given to the encoder, of each channel.
    given: u64,
    /// Samples that it has given up.
    done: u64,
    /// Which sample has which RTP time, wherever the two do not go on together; in order.
    ties: VecDeque<(u64, i64)>,
}

impl Wrapper {
    /// Starts the encoder.
    pub(crate) fn start(track: &RtpTrack) -> Result<Self, GaveUp> {
        let law = if track.encoding == Encoding::Pcma { Law::A } else { Law::Mu };
        let channels = track.channels.clamp(1, CHANNELS_MAX);
        let given = gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", i32::try_from(track.clock_rate).unwrap_or(8_000))
            .field("channels", i32::from(channels));
        let given = if channels == 2 {
            given.field("channel-mask", gst::Bitmask::new(3)).build()
        } else {
            given.build()
        };
        let encoder = elements::make(elements::FLAC)?;
        encoder.set_property("blocksize", FRAME_SAMPLES as u32);
        let chain = Chain::start(&given, vec![encoder], &gst::Caps::new_empty_simple("audio/x-flac"))?;
        Ok(Self { chain, law, rate: track.clock_rate, channels, given: 0, done: 0, ties: VecDeque::new() })
    }

    /// Takes the samples of a packet, and hands over the frames that are complete.
    pub(crate) fn push(&mut self, ticks: i64, samples: &[u8], take: impl FnMut(Taken)) -> Result<(), GaveUp> {
        let count = samples.len() as u64 / u64::from(self.channels);
        if self.ties.back().is_none_or(|&(sample, tied)| tied + (self.given - sample) as i64 != ticks) {
            self.ties.push_back((self.given, ticks));
        }
        let pcm: Vec<u8> = samples.iter().flat_map(|&byte| self.law.decode(byte).to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_slice(Bytes::from(pcm));
        if let Some(buffer) = buffer.get_mut() {
            // For the encoder all samples follow each other.
            let at = u128::from(self.given) * 1_000_000_000 / u128::from(self.rate);
            buffer.set_pts(gst::ClockTime::from_nseconds(at as u64));
        }
        self.given += count;
        self.chain.push(std::iter::once(buffer).collect())?;
        self.drain(take);
        Ok(())
    }

    /// Hands over what is held back.
    pub(crate) fn end(&mut self, take: impl FnMut(Taken)) {
        self.chain.end();
        self.drain(take);
    }

    /// What the encoder has complained about since the last time.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.chain.complaint()
    }

    fn drain(&mut self, mut take: impl FnMut(Taken)) {
        for out in self.chain.take() {
            match out {
                Out::Caps(caps) => {
                    if let Some(config) = self.config(&caps) {
                        take(Taken::Config { config, depth: 0, step: 0 });
                    }
                }
                Out::Buffer(buffer) if buffer.flags().contains(gst::BufferFlags::HEADER) => {}
                Out::Buffer(buffer) => {
                    let ticks = self.ticks(self.done);
                    self.done += FRAME_SAMPLES;
                    if let Some((ticks, data)) = ticks.zip(bytes_of(buffer)) {
                        take(Taken::Unit { ticks, data, sync: true });
                    }
                }
            }
        }
    }

    /// RTP time of a sample; asked for in order.
    fn ticks(&mut self, sample: u64) -> Option<i64> {
        while self.ties.get(1).is_some_and(|(next, _)| *next <= sample) {
            self.ties.pop_front();
        }
        self.ties.front().map(|(at, ticks)| ticks + (sample - at) as i64)
    }

    fn config(&self, caps: &gst::Caps) -> Option<TrackConfig> {
        let headers = caps.structure(0)?.get::<gst::ArrayRef<'_>>("streamheader").ok()?;
        let first = headers.first()?.get::<gst::Buffer>().ok()?;
        let extradata = flac_config(&first.map_readable().ok()?)?;
        Some(TrackConfig {
            codec: Codec::Flac,
            extradata,
            timescale: self.rate,
            width: 0,
            height: 0,
            sample_rate: self.rate,
            channels: self.channels,
        })
    }
}
