//! How many pictures can be decoded before, and presented after, another one: read from the parameter sets.

use crate::h264::{self, Bits, parameter_sets};
use media::rtp::Encoding;

/// Pictures of another profile than these with `constraint_set3` can depend on others.
const INTRA_PROFILES: [u32; 6] = [44, 86, 100, 110, 122, 244];
const HEVC_PARAMETER_SET: u8 = 33;

/// The depth that an `avcC` or `hvcC` tells; `None` if it says nothing about it, or cannot be read.
pub(crate) fn told(encoding: Encoding, codec_data: &[u8]) -> Option<usize> {
    let depth = match encoding {
        Encoding::H264 => parameter_sets(codec_data).next().and_then(h264_depth)?,
        Encoding::H265 => h265_parameter_set(codec_data).and_then(h265_depth)?,
        _ => return None,
    };
    usize::try_from(depth).ok()
}

/// `max_num_reorder_frames` (ITU-T H.264, 7.3.2.1.1 and E.1.1), or what the profile means for it.
fn h264_depth(unit: &[u8]) -> Option<u32> {
    let mut bits = Bits::unescaped(unit.get(1..)?);
    let profile = bits.number(8)?;
    let constraints = bits.number(8)?;
    bits.number(8)?; // level
    let intra = constraints & 0x10 != 0 && INTRA_PROFILES.contains(&profile);
    if profile == 66 || intra {
        return Some(0);
    }
    h264::skip_to_frame_numbers(&mut bits, u8::try_from(profile).ok()?)?;
    bits.golomb()?; // bits of frame numbers
    match bits.golomb()? {
        0 => {
            bits.golomb()?; // bits of picture order counts
        }
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        // Presented in the order of decoding.
        _ => return Some(0),
    }
    bits.golomb()?; // reference frames
    bits.skip(1)?;
    bits.golomb()?; // width
    bits.golomb()?; // height
    if bits.number(1)? == 0 {
        bits.skip(1)?; // fields in frames
    }
    bits.skip(1)?;
    if bits.number(1)? == 1 {
        (0..4).try_for_each(|_| bits.golomb().map(|_| ()))?; // cropping
    }
    if bits.number(1)? == 0 {
        return None;
    }
    skip_to_bitstream_restriction(&mut bits)?;
    if bits.number(1)? == 0 {
        return None;
    }
    bits.skip(1)?;
    (0..4).try_for_each(|_| bits.golomb().map(|_| ()))?;
    bits.golomb()
}

/// What stands before it in the VUI (E.1.1).
fn skip_to_bitstream_restriction(bits: &mut Bits) -> Option<()> {
    const EXTENDED_ASPECT: u32 = 255;
    if bits.number(1)? == 1 && bits.number(8)? == EXTENDED_ASPECT {
        bits.skip(32)?;
    }
    if bits.number(1)? == 1 {
        bits.skip(1)?; // overscan
    }
    if bits.number(1)? == 1 {
        bits.skip(4)?; // format and range
        if bits.number(1)? == 1 {
            bits.skip(24)?; // colours
        }
    }
    if bits.number(1)? == 1 {
        bits.golomb()?; // where chroma is sampled
        bits.golomb()?;
    }
    if bits.number(1)? == 1 {
        bits.skip(65)?; // time of a picture
    }
    let mut buffered = false;
    for _ in ["NAL units", "video coding layer"] {
        if bits.number(1)? == 1 {
            buffered = true;
            let buffers = bits.golomb()?.min(31) + 1;
            bits.skip(8)?;
            for _ in 0..buffers {
                bits.golomb()?;
                bits.golomb()?;
                bits.skip(1)?;
            }
            bits.skip(20)?;
        }
    }
    if buffered {
        bits.skip(1)?;
    }
    bits.skip(1) // how pictures are structured
}

/// The first sequence parameter set of an `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
fn h265_parameter_set(hvcc: &[u8]) -> Option<&[u8]> {
    let (&arrays, mut rest) = hvcc.get(22..)?.split_first()?;
    for _ in 0..arrays {
        let (head, after) = rest.split_first_chunk::<3>()?;
        let count = u16::from_be_bytes([head[1], head[2]]);
        rest = after;
        for _ in 0..count {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (unit, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            if head[0] & 0x3f == HEVC_PARAMETER_SET {
                return Some(unit);
            }
            rest = after;
        }
    }
    None
}

/// `sps_max_num_reorder_pics` of the highest layer (ITU-T H.265, 7.3.2.2.1).
fn h265_depth(unit: &[u8]) -> Option<u32> {
    let mut bits = Bits::unescaped(unit.get(2..)?);
    bits.skip(4)?;
    let layers = bits.number(3)?;
    bits.skip(1 + 96)?; // profile and level
    let mut coded = Vec::new();
    for _ in 0..layers {
        coded.push((bits.number(1)?, bits.number(1)?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize))?;
    }
    for (profile, level) in coded {
        bits.skip(if profile == 1 { 88 } else { 0 } + if level == 1 { 8 } else { 0 })?;
    }
    bits.golomb()?; // its id
    if bits.golomb()? == 3 {
        bits.skip(1)?; // colour planes apart
    }
    bits.golomb()?; // width
    bits.golomb()?; // height
    if bits.number(1)? == 1 {
        (0..4).try_for_each(|_| bits.golomb().map(|_| ()))?; // cropping
    }
    (0..3).try_for_each(|_| bits.golomb().map(|_| ()))?; // bit depths, picture order counts
    let every_layer = bits.number(1)? == 1;
    let mut depth = 0;
    for _ in 0..if every_layer { layers + 1 } else { 1 } {
        bits.golomb()?; // pictures buffered
        depth = bits.golomb()?;
        bits.golomb()?; // latency
    }
    Some(depth)
}
