//! One track: its packets in, its coded pictures or packets of sound out.
//!
//! Pictures are put together here: they come in hundreds of packets a second, and to have GStreamer's depayloaders and parsers
//! take each in hand costs several times as much. What is read of them are heads and parameter sets, in safe Rust. Sound,
//! in far fewer packets and more forms, goes through GStreamer.

use super::chain::{Chain, Out};
use super::description;
use super::failure::GaveUp;
use super::form::{self, Sound};
use super::g711::Wrapper;
use bytes::Bytes;
use gstreamer as gst;
use media::fmp4::TrackConfig;
use media::rtp::depay::{Depayloaded, Depayloader};
use media::rtp::{Encoding, Received, RtpTrack};

/// Added to RTP times within GStreamer, which knows no negative ones: a track can begin with a picture that is shown before
/// the one that comes first.
const BASE_TICKS: u64 = 1 << 40;

/// What comes out of a track.
#[derive(Debug)]
pub(crate) enum Taken {
    /// How the units that follow are coded.
    Config {
        /// For the fragmenter.
        config: TrackConfig,
        /// How many pictures can be decoded before, and presented after, another one.
        depth: usize,
        /// From picture to picture, in ticks; of no use for sound.
        step: i64,
    },
    /// A coded picture or a packet of sound.
    Unit {
        /// Its time, as its packets' [`Received::ticks`] count it.
        ticks: i64,
        /// Its bytes.
        data: Bytes,
        /// Whether it is said that decoding can start here; of pictures their NAL units decide.
        sync: bool,
    },
}

/// A packet for a track.
#[derive(Debug)]
pub(crate) struct Dated {
    /// The whole packet.
    pub(crate) packet: Bytes,
    /// What was read of it.
    pub(crate) received: Received,
}

/// A track at work.
pub(crate) struct Track {
    announced: RtpTrack,
    way: Way,
    /// Packets that are to be worked off.
    waiting: Vec<Dated>,
}

/// How media comes out of packets.
enum Way {
    /// Pictures.
    Assemble {
        depayloader: Box<Depayloader>,
        /// Whether it has been said how the media is coded.
        configured: bool,
    },
    /// Sound, by GStreamer.
    Depay {
        chain: Chain,
        /// How long a packet of sound lasts; 0 until its configuration says so.
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
            encoding => match Depayloader::new(&announced) {
                Some(depayloader) => Way::Assemble { depayloader: Box::new(depayloader), configured: false },
                None => {
                    let (element, wanted) = form::depayloader(encoding)?;
                    let chain = Chain::start(&form::packets(&announced)?, vec![element], &wanted)?;
                    Way::Depay { chain, lasts: 0, next: None, configured: false, begun: false }
                }
            },
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
                    wrapper.push(packet.received.ticks, &packet.received.packet.payload, &mut take)?;
                }
            }
            Way::Assemble { depayloader, .. } => {
                packets.iter().for_each(|packet| depayloader.push(&packet.received));
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
            Way::Assemble { depayloader, .. } => {
                depayloader.end();
                self.drain(&mut take);
            }
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
            Way::Assemble { depayloader, configured } => {
                unconfigured(*configured).or_else(|| (depayloader.foreign() > 0).then(|| FOREIGN.to_owned()))
            }
            Way::Depay { chain, configured, .. } => chain.complaint().or_else(|| unconfigured(*configured)),
            Way::Wrap(wrapper) => wrapper.complaint(),
        }
    }

    fn drain(&mut self, take: impl FnMut(Taken)) {
        match &mut self.way {
            Way::Assemble { depayloader, configured } => {
                let described = |taken| pictures(&self.announced, configured, taken);
                depayloader.take().into_iter().filter_map(described).for_each(take);
            }
            Way::Depay { .. } => self.drain_sound(take),
            Way::Wrap(_) => {}
        }
    }

    fn drain_sound(&mut self, mut take: impl FnMut(Taken)) {
        let Way::Depay { chain, lasts, next, configured, begun } = &mut self.way else { return };
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
                    take(Taken::Config { config, depth: 0, step: 0 });
                }
                Out::Buffer(buffer) => {
                    let dated = buffer.pts().map(gst::ClockTime::nseconds);
                    let ticks = if first { dated.or(*next) } else { next.or(dated) };
                    // Senders round their times; packets of sound last as long as they do.
                    let ticks = ticks.map(|ticks| next.filter(|next| near(*next, ticks)).unwrap_or(ticks));
                    let Some(ticks) = ticks else { continue };
                    first = false;
                    *next = Some(ticks + *lasts);
                    let sync = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                    // GStreamer 1.22 leaves the first one's length before it.
                    let wrong =
                        self.announced.encoding == Encoding::AacLatm && !std::mem::replace(begun, true);
                    if let Some(data) = bytes_of(buffer).filter(|_| !wrong) {
                        take(Taken::Unit { ticks: unbase(ticks), data, sync });
                    }
                }
            }
        }
    }
}

/// What is handed over of what has come out of the packets of pictures.
fn pictures(announced: &RtpTrack, configured: &mut bool, taken: Depayloaded) -> Option<Taken> {
    match taken {
        Depayloaded::Parameters(sets) => {
            let config = description::of_pictures(announced, &sets)?;
            *configured = true;
            Some(config)
        }
        Depayloaded::Unit { ticks, data } => Some(Taken::Unit { ticks, data, sync: true }),
    }
}

const FOREIGN: &str = "packets of pictures are cut off or in a form that is not taken";

fn unconfigured(configured: bool) -> Option<String> {
    (!configured).then(|| "no parameters of the codec have come yet".to_owned())
}

/// An RTP time for GStreamer, and back.
fn base(ticks: i64) -> u64 {
    BASE_TICKS.saturating_add_signed(ticks)
}

fn unbase(ticks: u64) -> i64 {
    ticks as i64 - BASE_TICKS as i64
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
        buffer.set_pts(gst::ClockTime::from_nseconds(base(dated.received.ticks)));
    }
    buffer
}

/// A buffer's bytes, copied only if they are in several places.
pub(crate) fn bytes_of(buffer: gst::Buffer) -> Option<Bytes> {
    buffer.into_mapped_buffer_readable().ok().map(Bytes::from_owner)
}
