//! Which elements take sound out of packets, and how what they give is described to the fragmenter.

use super::failure::GaveUp;
use crate::elements;
use bytes::Bytes;
use gstreamer as gst;
use media::fmp4::nal::Bits;
use media::fmp4::{Codec, TrackConfig, TrackKind, opus_config};
use media::rtp::{Encoding, RtpTrack};
use media::worker_protocol::camera::CameraFailure;

/// Format parameters that depayloaders read.
const PARAMETERS: [&str; 20] = [
    "packetization-mode",
    "profile-level-id",
    "sprop-parameter-sets",
    "sprop-vps",
    "sprop-sps",
    "sprop-pps",
    "mode",
    "config",
    "streamtype",
    "sizelength",
    "indexlength",
    "indexdeltalength",
    "ctsdeltalength",
    "dtsdeltalength",
    "randomaccessindication",
    "streamstateindication",
    "auxiliarydatasizelength",
    "constantsize",
    "cpresent",
    "sprop-stereo",
];

/// The element that takes a track's sound out of its packets, and what it is asked for. Not for pictures, and not for G.711,
/// whose packets hold the samples as they are.
pub(crate) fn depayloader(encoding: Encoding) -> Result<(gst::Element, gst::Caps), GaveUp> {
    let (kind, wanted) = match encoding {
        Encoding::Aac => (elements::AAC_DEPAY, raw_aac()),
        Encoding::AacLatm => (elements::LATM_DEPAY, raw_aac()),
        Encoding::Opus => (elements::OPUS_DEPAY, gst::Caps::builder("audio/x-opus")),
        Encoding::H264 | Encoding::H265 | Encoding::Pcmu | Encoding::Pcma => {
            return Err(unsupported(format!("no element for {}", encoding.name())));
        }
    };
    Ok((elements::make(kind)?, wanted.build()))
}

fn raw_aac() -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("audio/mpeg").field("mpegversion", 4i32).field("stream-format", "raw")
}

/// The packets of a track, as GStreamer describes them. Format parameters become fields of their own.
pub(crate) fn packets(track: &RtpTrack) -> Result<gst::Caps, GaveUp> {
    let media = match track.encoding.kind() {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    };
    let rate = i32::try_from(track.clock_rate)
        .map_err(|_| unsupported(format!("a clock of {} Hz", track.clock_rate)))?;
    let mut caps = gst::Structure::builder("application/x-rtp")
        .field("media", media)
        .field("clock-rate", rate)
        .field("encoding-name", track.encoding.name())
        .field("payload", i32::from(track.payload_type));
    if media == "audio" {
        caps = caps.field("encoding-params", track.channels.max(1).to_string());
    }
    let mut caps = caps.build();
    for name in PARAMETERS {
        // GStreamer's strings end at a NUL.
        if let Some(value) = track.fmtp.get(name).filter(|value| !value.contains('\0')) {
            caps.set(name, value.as_str());
        }
    }
    Ok(gst::Caps::from(caps))
}

/// The track that GStreamer describes so; `None` when it is of a kind that is not taken.
pub(crate) fn track(caps: &gst::CapsRef) -> Option<RtpTrack> {
    let caps = caps.structure(0)?;
    let text = |name: &str| caps.get::<String>(name).ok();
    let encoding = Encoding::named(&text("encoding-name")?)?;
    let fmtp = PARAMETERS.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?)));
    let channels = match encoding.kind() {
        TrackKind::Video => 0,
        TrackKind::Audio => text("encoding-params").and_then(|text| text.parse().ok()).unwrap_or(1),
    };
    Some(RtpTrack {
        encoding,
        payload_type: caps.get::<i32>("payload").ok().and_then(|kind| u8::try_from(kind).ok())?,
        clock_rate: caps.get::<i32>("clock-rate").ok().and_then(|rate| u32::try_from(rate).ok())?.max(1),
        channels,
        fmtp: fmtp.collect(),
        ntp_extension: None,
        control: String::new(),
    })
}

/// What the fragmenter is told of sound that GStreamer describes so. `None` while parameters are missing.
pub(crate) fn config(track: &RtpTrack, caps: &gst::Caps) -> Option<TrackConfig> {
    let caps = caps.structure(0)?;
    let codec_data = || {
        let buffer = caps.get::<gst::Buffer>("codec_data").ok()?;
        Some(Bytes::copy_from_slice(&buffer.map_readable().ok()?))
    };
    let sound = |codec, extradata, sample_rate, channels| TrackConfig {
        codec,
        extradata,
        timescale: track.clock_rate,
        width: 0,
        height: 0,
        sample_rate,
        channels,
    };
    Some(match track.encoding {
        Encoding::Aac | Encoding::AacLatm => {
            let specific = codec_data()?;
            let Sound { rate, channels, .. } = Sound::read(&specific)?;
            sound(Codec::Aac, specific, rate, channels)
        }
        Encoding::Opus => {
            let channels = if mono(track) { 1 } else { 2 };
            sound(Codec::Opus, opus_config(channels, 48_000), 48_000, channels)
        }
        Encoding::H264 | Encoding::H265 | Encoding::Pcmu | Encoding::Pcma => return None,
    })
}

/// Opus is announced with two channels always (RFC 7587, section 7). Only who says so holds one: playing one as two is
/// harmless, and the other way round is not.
fn mono(track: &RtpTrack) -> bool {
    track.channels == 1 || track.fmtp.get("sprop-stereo").is_some_and(|stereo| stereo.trim() == "0")
}

/// What an AudioSpecificConfig tells (ISO/IEC 14496-3, 1.6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sound {
    /// Samples per second of the core codec.
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// Samples per packet, at that rate.
    pub(crate) samples: u32,
}

impl Sound {
    /// `None` when it is cut off, or has no fixed number of channels.
    pub(crate) fn read(specific: &[u8]) -> Option<Self> {
        const RATES: [u32; 13] = [
            96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
            7_350,
        ];
        const EXPLICIT: usize = 15;
        let mut bits = Bits::new(specific);
        let object = |bits: &mut Bits<'_>| match bits.number(5)? {
            31 => bits.number(6).map(|more| more + 32),
            kind => Some(kind),
        };
        let rate = |bits: &mut Bits<'_>| match bits.number(4)? as usize {
            EXPLICIT => bits.number(24),
            index => RATES.get(index).copied(),
        };
        let kind = object(&mut bits)?;
        let core = rate(&mut bits)?;
        let channels = match bits.number(4)? {
            7 => 8,
            count => u16::try_from(count).ok()?,
        };
        if matches!(kind, 5 | 29) {
            rate(&mut bits)?; // of what is made from the core
            object(&mut bits)?;
        }
        let short = bits.number(1)? == 1;
        (core > 0 && channels > 0).then_some(Self {
            rate: core,
            channels,
            samples: if short { 960 } else { 1_024 },
        })
    }

    /// How long a packet of sound lasts, in ticks of this rate.
    pub(crate) fn ticks(self, clock_rate: u32) -> u64 {
        u64::from(self.samples) * u64::from(clock_rate) / u64::from(self.rate)
    }
}

fn unsupported(detail: String) -> GaveUp {
    GaveUp::new(CameraFailure::Unsupported, detail)
}
