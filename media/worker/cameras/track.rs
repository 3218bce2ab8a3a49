//! One track: its packets in, its coded pictures or packets of sound out.

use super::chain::{Chain, Out};
use super::failure::GaveUp;
use super::form::{self, Form, Sound};
use super::g711::Wrapper;
use bytes::Bytes;
use gstreamer as gst;
use media::fmp4::{TrackConfig, TrackKind};
use media::rtp::{Encoding, RtpTrack};

/// Added to RTP times within GStreamer, which knows no negative ones: a track can begin with a picture that is shown before
/// the one that comes first.
pub(crate) const BASE_TICKS: u64 = 1 << 40;

/// What comes out of a track.
#[derive(Debug)]
pub(crate) enum Taken {
    /// How the units that follow are coded.
    Config {
        /// For the fragmenter.
        config: TrackConfig,
        /// From picture to picture, in ticks.
        step: i64,
    },
    /// A coded picture or a packet of sound.
    Unit {
        /// RTP time, as its packets were dated.
        ticks: u64,
        /// Its bytes.
        data: Bytes,
        /// Whether GStreamer takes it for a key frame.
        sync: bool,
    },
}

/// A packet for a track.
#[derive(Debug)]
pub(crate) struct Dated {
    /// Its RTP time without wrapping around, plus [`BASE_TICKS`].
    pub(crate) ticks: u64,
    /// The whole packet.
    pub(crate) packet: Bytes,
    /// What it carries.
    pub(crate) payload: Bytes,
}

/// A track at work.
pub(crate) struct Track {
    announced: RtpTrack,
    way: Way,
    /// Packets that belong to pictures are handed on together.
    waiting: Vec<Dated>,
}

/// How media comes out of packets.
enum Way {
    /// By GStreamer.
    Depay {
        chain: Chain,
        /// How long a packet of sound lasts; 0 until its configuration says so, and for pictures.
        lasts: u64,
        /// When the next packet of sound begins.
        next: Option<u64>,
        /// Whether it has been said how the media is coded.
        configured: bool,
        /// Whether any media has come out.
        begun: bool,
    },
    /// Samples of G.711, wrapped without loss.
    Wrap(Box<Wrapper>),
}

impl Track {
    /// Makes the elements and starts them.
    pub(crate) fn start(announced: RtpTrack) -> Result<Self, GaveUp> {
        let way = match announced.encoding {
            Encoding::Pcmu | Encoding::Pcma => Way::Wrap(Box::new(Wrapper::start(&announced)?)),
            encoding => {
                let form = Form::of(encoding)?;
                let chain = Chain::start(&form::packets(&announced)?, form.elements, &form.wanted)?;
                Way::Depay { chain, lasts: 0, next: None, configured: false, begun: false }
            }
        };
        Ok(Self { announced, way, waiting: Vec::new() })
    }

    /// As it was announced.
    pub(crate) fn announced(&self) -> &RtpTrack {
        &self.announced
    }

    /// Hands over what is known before the first packet: how the media is coded, if the announcement says it.
    pub(crate) fn announce(&mut self, take: impl FnMut(Taken)) {
        self.drain(take);
    }

    /// Takes a packet. What comes of it is to be had from [`Self::work`], at the latest when the batch is over.
    pub(crate) fn push(&mut self, packet: Dated) {
        self.waiting.push(packet);
    }

    /// Works off the packets pushed, and hands over what came of them.
    pub(crate) fn work(&mut self, mut take: impl FnMut(Taken)) -> Result<(), GaveUp> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let packets = std::mem::take(&mut self.waiting);
        match &mut self.way {
            Way::Wrap(wrapper) => {
                for packet in packets {
                    wrapper.push(packet.ticks, &packet.payload, &mut take)?;
                }
            }
            Way::Depay { chain, .. } if self.announced.encoding.kind() == TrackKind::Video => {
                chain.push(packets.into_iter().map(buffer).collect())?;
                self.drain(&mut take);
            }
            Way::Depay { .. } => {
                // One by one: of the packets of sound in an RTP packet only the first has a time.
                for packet in packets {
                    if let Way::Depay { chain, .. } = &self.way {
                        chain.push(std::iter::once(buffer(packet)).collect())?;
                    }
                    self.drain(&mut take);
                }
            }
        }
        Ok(())
    }

    /// Gives up what is held back. Nothing may be pushed afterwards.
    pub(crate) fn end(&mut self, mut take: impl FnMut(Taken)) -> Result<(), GaveUp> {
        self.work(&mut take)?;
        match &mut self.way {
            Way::Wrap(wrapper) => wrapper.end(&mut take),
            Way::Depay { chain, .. } => {
                chain.end();
                self.drain(&mut take);
            }
        }
        Ok(())
    }

    /// What elements have complained about since the last time.
    pub(crate) fn complaint(&self) -> Option<String> {
        match &self.way {
            Way::Depay { chain, configured, .. } => chain
                .complaint()
                .or_else(|| (!configured).then(|| "no parameters of the codec have come yet".to_owned())),
            Way::Wrap(wrapper) => wrapper.complaint(),
        }
    }

    fn drain(&mut self, mut take: impl FnMut(Taken)) {
        let Way::Depay { chain, lasts, next, configured, begun } = &mut self.way else { return };
        let video = self.announced.encoding.kind() == TrackKind::Video;
        // Of one packet, the first packet of sound has the packet's time, and the others follow.
        let mut first = true;
        for out in chain.take() {
            match out {
                Out::Caps(caps) => {
                    let Some(config) = form::config(&self.announced, &caps) else { continue };
                    if let Some(sound) = Sound::read(&config.extradata).filter(|_| is_aac(&self.announced)) {
                        *lasts = sound.ticks(self.announced.clock_rate);
                    }
                    *configured = true;
                    take(Taken::Config { config, step: form::picture_step(&self.announced, &caps) });
                }
                Out::Buffer(buffer) => {
                    let dated = buffer.pts().map(gst::ClockTime::nseconds);
                    let ticks = if video || first { dated.or(*next) } else { next.or(dated) };
                    // Senders round their times; packets of sound last as long as they do.
                    let ticks = ticks.map(|ticks| next.filter(|next| near(*next, ticks)).unwrap_or(ticks));
                    let Some(ticks) = ticks else { continue };
                    first = false;
                    *next = (!video).then_some(ticks + *lasts);
                    let sync = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                    // GStreamer 1.22 leaves the first one's length before it.
                    let wrong =
                        self.announced.encoding == Encoding::AacLatm && !std::mem::replace(begun, true);
                    if let Some(data) = bytes_of(buffer).filter(|_| !wrong) {
                        take(Taken::Unit { ticks, data, sync });
                    }
                }
            }
        }
    }
}

/// Whether the difference is a matter of rounding.
fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= 2
}

fn is_aac(track: &RtpTrack) -> bool {
    matches!(track.encoding, Encoding::Aac | Encoding::AacLatm)
}

/// A packet for GStreamer. Its time is the RTP time, one tick as a nanosecond, so that it comes back exactly.
fn buffer(dated: Dated) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(dated.packet);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::from_nseconds(dated.ticks));
    }
    buffer
}

/// A buffer's bytes, copied only if they are in several places.
pub(crate) fn bytes_of(buffer: gst::Buffer) -> Option<Bytes> {
    buffer.into_mapped_buffer_readable().ok().map(Bytes::from_owner)
}
