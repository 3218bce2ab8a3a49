//! Parameter sets: kept by what they are and by their ids, so that the latest of each is known.

use super::nal::Form;
use crate::fmp4::nal::{Bits, unescape};
use crate::rtp::track::{Encoding, RtpTrack};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Longest parameter set that is taken.
const SET_BYTES_MAX: usize = 8 << 10;

/// An id is found within so many bytes: of H.265's, behind the levels of seven layers.
const HEAD_BYTES_MAX: usize = 128;

/// Parameter sets in force, each a NAL unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// By type and id: both codecs number the types in the order in which the sets refer to each other.
    sets: BTreeMap<(u8, u8), Bytes>,
}

const H264_SEQUENCE: u8 = 7;
const H264_PICTURE: u8 = 8;
const H265_VIDEO: u8 = 32;
const H265_SEQUENCE: u8 = 33;
const H265_PICTURE: u8 = 34;

impl ParameterSets {
    /// Video parameter sets; H.264 has none.
    pub fn video(&self) -> impl Iterator<Item = &Bytes> {
        self.of([H265_VIDEO, H265_VIDEO])
    }

    /// Sequence parameter sets.
    pub fn sequence(&self) -> impl Iterator<Item = &Bytes> {
        self.of([H264_SEQUENCE, H265_SEQUENCE])
    }

    /// Picture parameter sets.
    pub fn picture(&self) -> impl Iterator<Item = &Bytes> {
        self.of([H264_PICTURE, H265_PICTURE])
    }

    fn of(&self, kinds: [u8; 2]) -> impl Iterator<Item = &Bytes> {
        self.sets.iter().filter(move |((kind, _), _)| kinds.contains(kind)).map(|(_, set)| set)
    }

    /// Takes a parameter set, unless it cannot be read; whether that changes anything.
    pub(super) fn keep(&mut self, form: Form, nal: &[u8]) -> bool {
        let Some(key) = key(form, nal).filter(|_| nal.len() <= SET_BYTES_MAX) else { return false };
        if self.sets.get(&key).is_some_and(|set| set == nal) {
            return false;
        }
        self.sets.insert(key, Bytes::copy_from_slice(nal));
        true
    }

    /// Whether there is one of each kind, as decoding needs.
    pub(super) fn is_complete(&self, form: Form) -> bool {
        let pictures = self.sequence().next().is_some() && self.picture().next().is_some();
        pictures && (form == Form::H264 || self.video().next().is_some())
    }
}

/// Type and id of a parameter set; `None` for what is none, or has an id that none can have.
fn key(form: Form, nal: &[u8]) -> Option<(u8, u8)> {
    let kind = form.kind(nal.get(..form.head_bytes())?);
    let payload = &unescape(&nal[form.head_bytes()..], HEAD_BYTES_MAX)[..];
    let (id, ids) = match (form, kind) {
        (Form::H264, H264_SEQUENCE) => (golomb(payload.get(3..)?)?, 32),
        (Form::H264, H264_PICTURE) => (golomb(payload)?, 255), // as many as fit into an avcC
        (Form::H265, H265_VIDEO) => (u32::from(payload.first()? >> 4), 16),
        (Form::H265, H265_SEQUENCE) => (golomb(payload.get(h265_levels_bytes(payload)?..)?)?, 16),
        (Form::H265, H265_PICTURE) => (golomb(payload)?, 64),
        _ => return None,
    };
    (id < ids).then_some((kind, id as u8))
}

fn golomb(bytes: &[u8]) -> Option<u32> {
    Bits::new(bytes).golomb()
}

/// Bytes before the id of a sequence parameter set of H.265: one, profile and level, and those of lower temporal layers
/// (ITU-T H.265, 7.3.2.2.1 and 7.3.3).
fn h265_levels_bytes(payload: &[u8]) -> Option<usize> {
    const GENERAL_BYTES: usize = 1 + 12;
    let layers = usize::from(payload.first()? >> 1 & 7);
    if layers == 0 {
        return Some(GENERAL_BYTES);
    }
    // Two bits for each of eight layers, the last two of which are never used.
    let flags = u16::from_be_bytes(*payload.get(GENERAL_BYTES..)?.first_chunk()?);
    let bytes = |layer: usize| {
        let coded = flags >> (14 - 2 * layer);
        usize::from(coded >> 1 & 1) * 11 + usize::from(coded & 1)
    };
    Some(GENERAL_BYTES + 2 + (0..layers).map(bytes).sum::<usize>())
}

/// The parameter sets of a track's description (RFC 6184, section 8.1; RFC 7798, section 7.1). What cannot be read is left out:
/// they come with the pictures, too.
pub(super) fn described(track: &RtpTrack) -> impl Iterator<Item = Vec<u8>> {
    let names: &[&str] = match track.encoding {
        Encoding::H264 => &["sprop-parameter-sets"],
        _ => &["sprop-vps", "sprop-sps", "sprop-pps"],
    };
    let texts = names.iter().filter_map(|name| track.fmtp.get(*name));
    texts.flat_map(|text| text.split(',')).filter_map(|text| STANDARD.decode(text.trim()).ok())
}
