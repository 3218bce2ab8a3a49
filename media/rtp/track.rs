//! What a camera announces for one track.

use crate::fmp4::TrackKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a track's media is coded, and put into RTP packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// AAC as `MPEG4-GENERIC` (RFC 3640).
    Aac,
    /// AAC as `MP4A-LATM` (RFC 6416).
    AacLatm,
    /// RFC 7587.
    Opus,
    /// G.711 µ-law (RFC 3551).
    Pcmu,
    /// G.711 A-law (RFC 3551).
    Pcma,
}

impl Encoding {
    /// All of them.
    const ALL: [Self; 7] =
        [Self::H264, Self::H265, Self::Aac, Self::AacLatm, Self::Opus, Self::Pcmu, Self::Pcma];

    /// Its name in descriptions (`a=rtpmap`), as registered.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::H265 => "H265",
            Self::Aac => "MPEG4-GENERIC",
            Self::AacLatm => "MP4A-LATM",
            Self::Opus => "OPUS",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The encoding of this name; case does not matter (RFC 4855). `None` for those that are not taken.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("HEVC") {
            return Some(Self::H265); // what some cameras say
        }
        Self::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// Pictures or sound.
    pub fn kind(self) -> TrackKind {
        match self {
            Self::H264 | Self::H265 => TrackKind::Video,
            Self::Aac | Self::AacLatm | Self::Opus | Self::Pcmu | Self::Pcma => TrackKind::Audio,
        }
    }
}

/// A track that a session description announces, and that can be stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RtpTrack {
    /// How it is coded.
    pub encoding: Encoding,
    /// RTP payload type of its packets; others are not its own.
    pub payload_type: u8,
    /// RTP ticks per second; never zero.
    pub clock_rate: u32,
    /// Sound channels; 0 for pictures.
    pub channels: u16,
    /// Format parameters (`a=fmtp`), names in lower case.
    pub fmtp: BTreeMap<String, String>,
    /// Id of the header extension that carries NTP time (RFC 6051, `urn:ietf:params:rtp-hdrext:ntp-64`).
    pub ntp_extension: Option<u8>,
    /// Which of the description's media this is (`a=control`), for SETUP; empty when it has none.
    pub control: String,
}
