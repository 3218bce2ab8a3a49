//! What parameter sets tell: the size of the pictures, how many can be decoded before, and presented after, another one,
//! and the time between two.

use crate::h264::{self, Chroma};
use media::fmp4::nal::Bits;

/// Pictures of another profile than these with `constraint_set3` can depend on others.
const INTRA_PROFILES: [u32; 6] = [44, 86, 100, 110, 122, 244];

/// What a sequence parameter set tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Of what is shown.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How many pictures can be decoded before, and presented after, another one; `None` if it does not say.
    pub(crate) depth: Option<u32>,
    /// Time from picture to picture: so many units, of which a second has so many.
    pub(crate) step: Option<(u64, u64)>,
    pub(crate) chroma: Chroma,
}

/// Reads a sequence parameter set of H.264 (ITU-T H.264, 7.3.2.1.1 and E.1.1); `None` if it is cut off.
pub(crate) fn h264(unit: &[u8]) -> Option<Sequence> {
    let mut bits = Bits::unescaped(unit.get(1..)?);
    let profile = bits.number(8)?;
    let constraints = bits.number(8)?;
    bits.number(8)?; // level
    let intra = constraints & 0x10 != 0 && INTRA_PROFILES.contains(&profile);
    let mut depth = (profile == 66 || intra).then_some(0);
    let chroma = h264::read_to_frame_numbers(&mut bits, u8::try_from(profile).ok()?)?;
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
        _ => depth = Some(0),
    }
    bits.golomb()?; // reference frames
    bits.skip(1)?;
    let (columns, rows) = (bits.golomb()?, bits.golomb()?);
    let fields = 2 - bits.number(1)?;
    if fields == 2 {
        bits.skip(1)?; // fields in frames
    }
    bits.skip(1)?;
    let cropped = cropping(&mut bits)?;
    let (across, down) = subsampling(chroma);
    let mut found = Sequence {
        width: side(columns.checked_add(1)?.checked_mul(16)?, cropped[0], across)?,
        height: side(rows.checked_add(1)?.checked_mul(16 * fields)?, cropped[1], down * fields)?,
        depth,
        step: None,
        chroma,
    };
    // The rest is often left out, and what is wrong in it is no reason not to record.
    let _ = h264_usability(&mut bits, &mut found);
    Some(found)
}

/// The video usability information (E.1.1).
fn h264_usability(bits: &mut Bits<'_>, found: &mut Sequence) -> Option<()> {
    const EXTENDED_ASPECT: u32 = 255;
    if bits.number(1)? == 0 {
        return None;
    }
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
        // A unit is a field's time.
        found.step = Some((2 * u64::from(bits.number(32)?), bits.number(32)?.into()));
        bits.skip(1)?;
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
    bits.skip(1)?; // how pictures are structured
    if bits.number(1)? == 1 {
        bits.skip(1)?;
        (0..4).try_for_each(|_| bits.golomb().map(|_| ()))?;
        let depth = bits.golomb()?;
        found.depth = found.depth.or(Some(depth));
    }
    Some(())
}

/// Reads a sequence parameter set of H.265 (ITU-T H.265, 7.3.2.2.1); `None` if it is cut off.
pub(crate) fn h265(unit: &[u8]) -> Option<Sequence> {
    let mut bits = Bits::unescaped(unit.get(2..)?);
    bits.skip(4)?;
    let layers = bits.number(3)?;
    bits.skip(1)?;
    skip_levels(&mut bits, layers)?;
    bits.golomb()?; // its id
    let mut chroma = Chroma { format: bits.golomb()?, colour_planes: false, depths: [0; 2] };
    if chroma.format == 3 {
        chroma.colour_planes = bits.number(1)? == 1;
    }
    let (width, height) = (bits.golomb()?, bits.golomb()?);
    let cropped = cropping(&mut bits)?;
    let (across, down) = subsampling(chroma);
    chroma.depths = [bits.golomb()?, bits.golomb()?];
    bits.golomb()?; // bits of picture order counts
    let depth = deepest(&mut bits, layers)?;
    Some(Sequence {
        width: side(width, cropped[0], across)?,
        height: side(height, cropped[1], down)?,
        depth: Some(depth),
        step: None,
        chroma,
    })
}

/// The time from picture to picture that a video parameter set of H.265 tells (7.3.2.1), like [`Sequence::step`].
pub(crate) fn h265_step(unit: &[u8]) -> Option<(u64, u64)> {
    let mut bits = Bits::unescaped(unit.get(2..)?);
    bits.skip(4 + 2 + 6)?;
    let layers = bits.number(3)?;
    bits.skip(1 + 16)?;
    skip_levels(&mut bits, layers)?;
    deepest(&mut bits, layers)?;
    let highest = bits.number(6)? as usize;
    let sets = bits.golomb()?.min(1023) as usize;
    bits.skip(sets * (highest + 1))?;
    if bits.number(1)? == 0 {
        return None;
    }
    Some((bits.number(32)?.into(), bits.number(32)?.into()))
}

/// Profile, tier and level of H.265, for the whole and for lower temporal layers (7.3.3).
fn skip_levels(bits: &mut Bits<'_>, layers: u32) -> Option<()> {
    bits.skip(96)?;
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
    Some(())
}

/// `max_num_reorder_pics` of the highest temporal layer of H.265.
fn deepest(bits: &mut Bits<'_>, layers: u32) -> Option<u32> {
    let every_layer = bits.number(1)? == 1;
    let mut depth = 0;
    for _ in 0..if every_layer { layers + 1 } else { 1 } {
        bits.golomb()?; // pictures buffered
        depth = bits.golomb()?;
        bits.golomb()?; // latency
    }
    Some(depth)
}

/// What is cut off, across and down, in the units of [`subsampling`].
fn cropping(bits: &mut Bits<'_>) -> Option<[u32; 2]> {
    if bits.number(1)? == 0 {
        return Some([0, 0]);
    }
    let mut both = || bits.golomb()?.checked_add(bits.golomb()?);
    Some([both()?, both()?])
}

/// Samples of luma for one of chroma, across and down.
fn subsampling(chroma: Chroma) -> (u32, u32) {
    match chroma.format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    }
}

/// What is shown of a side.
fn side(coded: u32, cropped: u32, unit: u32) -> Option<u32> {
    coded.checked_sub(cropped.checked_mul(unit)?).filter(|side| *side > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As x264 and x265 write them for 1920 × 1080 pictures at 25 Hz, of which two wait for a later one.
    const H264: [u8; 27] = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
        0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
    ];
    const H265: [u8; 42] = [
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x78, 0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x59, 0x24, 0xca, 0xf0, 0x16, 0x80, 0x80, 0x00,
        0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x0c, 0x84,
    ];
    const H265_VIDEO: [u8; 24] = [
        0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00,
        0x00, 0x03, 0x00, 0x78, 0x95, 0x94, 0x09,
    ];
    const CHROMA: Chroma = Chroma { format: 1, colour_planes: false, depths: [0; 2] };

    #[test]
    fn parameter_sets_are_read() {
        let read = h264(&H264).unwrap();
        let expected =
            Sequence { width: 1920, height: 1080, depth: Some(2), step: Some((2, 50)), chroma: CHROMA };
        assert_eq!(read, expected);
        let read = h265(&H265).unwrap();
        let expected = Sequence { width: 1920, height: 1080, depth: Some(2), step: None, chroma: CHROMA };
        assert_eq!(read, expected);
        assert_eq!(h265_step(&H265_VIDEO), None, "it tells none");
    }

    #[test]
    fn a_set_that_is_cut_off_is_none_or_tells_less() {
        for len in 0..H264.len() {
            let read = h264(&H264[..len]);
            assert!(read.is_none_or(|read| (read.width, read.height) == (1920, 1080)));
        }
        for len in 0..H265.len() {
            let _ = (h265(&H265[..len]), h265_step(&H265_VIDEO[..len.min(H265_VIDEO.len())]));
        }
        // More is cut off than there is.
        assert_eq!(side(16, 9, 2), None);
        assert_eq!(side(16, 7, 2), Some(2));
    }
}
