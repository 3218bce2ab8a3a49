//! Where decoding can start.

use super::chunk::Chunk;
use super::codec::Codec;
use super::init::Init;
use super::nal::{h264_slice_is_intra, nal_units, recovery_point};

/// Whether decoding can start at a sample, and how cleanly.
///
/// The sample flags alone are not believed: ffmpeg flags the recovery points of open GOPs and of intra refresh as sync
/// samples, other muxers flag only IDR pictures, and some cameras flag everything. For H.264 and H.265 the NAL units
/// decide; for AV1 and audio the flags do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// Not a place to start.
    #[default]
    No,
    /// Start here and every picture from here on is right (IDR, BLA, AV1 key frame, any audio sample).
    Clean,
    /// Start here and every picture from this one's presentation time on is right, but pictures that follow it in decoding
    /// order and precede it in presentation (leading pictures of an open GOP: CRA, recovery point of zero frames) need
    /// the previous GOP.
    Open,
    /// Start here and pictures become right after this many further ones (intra refresh). To show this picture itself
    /// exactly, start at an earlier key.
    Gradual {
        /// Pictures, in decoding order, until recovery.
        frames: u32,
    },
}

impl Key {
    /// Whether decoding can start here at all.
    pub fn is_key(self) -> bool {
        self != Self::No
    }

    /// What a sample's flags alone say.
    pub(crate) fn from_flags(sync: bool) -> Self {
        if sync { Self::Clean } else { Self::No }
    }
}

/// Looks into every sample of the chunk and sets its key.
pub(crate) fn find_keys(init: &Init, chunk: &mut Chunk) {
    for part in &mut chunk.info.tracks {
        let Some(track) = init.track(part.track_id) else { continue };
        for sample in &mut part.samples {
            let start = sample.offset as usize;
            let data = chunk.bytes.get(start..start + sample.size as usize).unwrap_or_default();
            sample.key = sample_key(track.codec, track.nal_length_bytes, sample.sync(), data);
        }
    }
}

/// Whether decoding can start at a sample, given its bytes and whether it is flagged as a sync sample.
pub(crate) fn sample_key(codec: Codec, nal_length_bytes: u8, sync: bool, data: &[u8]) -> Key {
    match codec {
        Codec::H264 => h264(data, nal_length_bytes, sync),
        Codec::H265 => h265(data, nal_length_bytes),
        Codec::Av1 => Key::from_flags(sync),
        Codec::Aac | Codec::Opus | Codec::Flac => Key::Clean,
    }
}

fn h264(data: &[u8], length_bytes: u8, sync: bool) -> Key {
    let mut recovery = None;
    let mut slices = 0;
    let mut all_intra = true;
    for unit in nal_units(data, length_bytes) {
        let Some((&header, rest)) = unit.split_first() else { continue };
        match header & 0x1f {
            5 => return Key::Clean,
            6 if recovery.is_none() => recovery = recovery_point(rest, false),
            // Looked at only where it can matter: a sync sample without IDR and without recovery point.
            1 | 2 if sync && recovery.is_none() => {
                slices += 1;
                all_intra &= h264_slice_is_intra(rest) == Some(true);
            }
            _ => {}
        }
    }
    match recovery {
        Some(count) => gradual(count),
        None if slices > 0 && all_intra => Key::Open,
        None => Key::No,
    }
}

fn h265(data: &[u8], length_bytes: u8) -> Key {
    let mut recovery = None;
    for unit in nal_units(data, length_bytes) {
        let Some((&header, rest)) = unit.split_first() else { continue };
        match header >> 1 & 0x3f {
            16..=20 => return Key::Clean, // BLA: its leading pictures are meant to be dropped; IDR
            21..=23 => return Key::Open,  // CRA and what is reserved for its like
            39 if recovery.is_none() => recovery = rest.get(1..).and_then(|sei| recovery_point(sei, true)),
            _ => {}
        }
    }
    recovery.map_or(Key::No, gradual)
}

fn gradual(count: i64) -> Key {
    match u32::try_from(count.max(0)) {
        Ok(0) => Key::Open,
        Ok(frames) => Key::Gradual { frames },
        Err(_) => Key::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(units: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for unit in units {
            out.extend_from_slice(&(unit.len() as u32).to_be_bytes());
            out.extend_from_slice(unit);
        }
        out
    }

    const RECOVERY_0: &[u8] = &[0x06, 6, 1, 0b1100_0000, 0x80];
    const RECOVERY_5: &[u8] = &[0x06, 6, 1, 0b0011_0100, 0x80];
    const SLICE_I: &[u8] = &[0x41, 0b1000_1000];
    const SLICE_P: &[u8] = &[0x41, 0b1001_1000];

    #[test]
    fn h264_believes_the_nal_units_over_the_flags() {
        let idr: &[u8] = &[0x65, 0x88];
        for sync in [false, true] {
            assert_eq!(h264(&sample(&[&[0x09, 0xf0], idr]), 4, sync), Key::Clean);
            assert_eq!(h264(&sample(&[RECOVERY_0, SLICE_I]), 4, sync), Key::Open);
            assert_eq!(h264(&sample(&[RECOVERY_5, SLICE_P]), 4, sync), Key::Gradual { frames: 5 });
            assert_eq!(h264(&sample(&[SLICE_P]), 4, sync), Key::No);
            assert_eq!(h264(&sample(&[SLICE_I, SLICE_P]), 4, sync), Key::No);
            assert_eq!(h264(&[], 4, sync), Key::No);
        }
        assert_eq!(h264(&sample(&[SLICE_I]), 4, true), Key::Open);
        assert_eq!(h264(&sample(&[SLICE_I]), 4, false), Key::No);
    }

    #[test]
    fn h265_knows_its_random_access_pictures() {
        let unit = |kind: u8| [kind << 1, 1, 0x80];
        for (kind, key) in
            [(1, Key::No), (16, Key::Clean), (19, Key::Clean), (20, Key::Clean), (21, Key::Open)]
        {
            assert_eq!(h265(&sample(&[&unit(35), &unit(kind)]), 4), key, "nal unit type {kind}");
        }
        let sei: &[u8] = &[39 << 1, 1, 6, 1, 0b0011_0100, 0x80];
        assert_eq!(h265(&sample(&[sei, &unit(1)]), 4), Key::Gradual { frames: 3 });
    }
}
