//! H.264 that is decoded from somewhere else than an IDR picture, as open groups of pictures and intra refresh need.
//!
//! libav takes it for a loss that the first frame number it sees is not 0, and makes up the frames "before" it. GStreamer's
//! wrapper of libav has no place for more than two or three of those: it then loses the real picture, and gives grey ones from
//! there on without a word. So the numbers are changed on the way: every slice's `frame_num` is moved by the same amount,
//! modulo their range, such that the first picture has number 0. A decoder uses only differences between frame numbers,
//! so nothing else changes. From the next IDR picture on, which is number 0 anyway, everything stays as it is.

use crate::footage::Unit;
use bytes::Bytes;
use media::fmp4::nal::{Bits, nal_units, signed, unescape};
use media::fmp4::{Codec, Key, Track};

/// Profiles whose parameter sets say how chroma is coded.
pub(crate) const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const NAL_SLICE: u8 = 1;
const NAL_PARTITION_A: u8 = 2;
const NAL_PARAMETER_SET: u8 = 7;

/// Moves frame numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renumber {
    /// Bytes of the length before each NAL unit.
    length_bytes: u8,
    format: Format,
    /// What is subtracted.
    by: u32,
}

/// Where in a slice its frame number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    /// Bits of a frame number: 4 to 16.
    bits: usize,
    /// Whether a colour plane is named before it.
    colour_planes: bool,
}

impl Renumber {
    /// For decoding that starts at `first`; `None` when the numbers are right as they are.
    pub(crate) fn new(track: &Track, first: &Unit) -> Option<Self> {
        if track.codec != Codec::H264 || first.key == Key::Clean {
            return None;
        }
        let length_bytes = track.nal_length_bytes.max(1);
        let configured = parameter_sets(&track.extradata);
        let in_band = nal_units(&first.data, length_bytes);
        let format = configured.chain(in_band).find_map(format)?;
        let number = nal_units(&first.data, length_bytes).find_map(|unit| {
            let (_, number) = frame_number(&slice(unit)?, format)?;
            Some(number)
        })?;
        // A picture that is not coded for itself needs one to refer to: libav makes up exactly one for number 1.
        let start = u32::from(first.key != Key::Open);
        let by = number.wrapping_sub(start) & mask(format.bits);
        (by != 0).then_some(Self { length_bytes, format, by })
    }

    /// The picture with its frame number moved.
    pub(crate) fn apply(&self, picture: &Bytes) -> Bytes {
        let mut out = Vec::with_capacity(picture.len() + 16);
        for unit in nal_units(picture, self.length_bytes) {
            let moved = self.moved(unit);
            let unit = moved.as_deref().unwrap_or(unit);
            let len = (unit.len() as u64).to_be_bytes();
            out.extend_from_slice(&len[8 - usize::from(self.length_bytes)..]);
            out.extend_from_slice(unit);
        }
        out.into()
    }

    fn moved(&self, unit: &[u8]) -> Option<Vec<u8>> {
        let mut payload = slice(unit)?;
        let (at, number) = frame_number(&payload, self.format)?;
        let number = number.wrapping_sub(self.by) & mask(self.format.bits);
        for bit in 0..self.format.bits {
            let value = number >> (self.format.bits - 1 - bit) & 1;
            set(&mut payload, at + bit, value == 1);
        }
        let moved = escape(unit[0], &payload);
        // One byte more may not fit the length field where that is one byte wide.
        (moved.len() as u64 >> (8 * self.length_bytes.min(7)) == 0).then_some(moved)
    }
}

fn mask(bits: usize) -> u32 {
    (1 << bits) - 1
}

/// The payload of a slice, without emulation prevention; `None` for other NAL units.
fn slice(unit: &[u8]) -> Option<Vec<u8>> {
    let (header, payload) = unit.split_first()?;
    matches!(header & 0x1f, NAL_SLICE | NAL_PARTITION_A).then(|| unescape(payload, usize::MAX))
}

/// The bit at which a slice's frame number starts, and the number.
fn frame_number(slice: &[u8], format: Format) -> Option<(usize, u32)> {
    let mut bits = Bits::new(slice);
    for _ in ["first_mb_in_slice", "slice_type", "pic_parameter_set_id"] {
        bits.golomb()?;
    }
    if format.colour_planes {
        bits.number(2)?;
    }
    Some((bits.at(), bits.number(format.bits)?))
}

/// Sets a bit that there is.
fn set(bytes: &mut [u8], at: usize, value: bool) {
    let one = 1 << (7 - at % 8);
    if value {
        bytes[at / 8] |= one;
    } else {
        bytes[at / 8] &= !one;
    }
}

/// Reads a sequence parameter set as far as the frame numbers' size; `None` for other NAL units.
fn format(unit: &[u8]) -> Option<Format> {
    let (header, payload) = unit.split_first()?;
    if header & 0x1f != NAL_PARAMETER_SET {
        return None;
    }
    let mut bits = Bits::unescaped(payload);
    let profile = u8::try_from(bits.number(8)?).ok()?;
    bits.number(16)?; // constraints and level
    let Chroma { colour_planes, .. } = read_to_frame_numbers(&mut bits, profile)?;
    let width = bits.golomb()? as usize + 4;
    (width <= 16).then_some(Format { bits: width, colour_planes })
}

/// How chroma is coded beside luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chroma {
    /// `chroma_format_idc`: 0 for none, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub(crate) format: u32,
    /// Whether the three planes are coded apart.
    pub(crate) colour_planes: bool,
    /// Bits of a sample of luma and of chroma, less 8.
    pub(crate) depths: [u32; 2],
}

/// From behind the level of a sequence parameter set to the size of frame numbers.
pub(crate) fn read_to_frame_numbers(bits: &mut Bits<'_>, profile: u8) -> Option<Chroma> {
    bits.golomb()?; // its id
    let mut found = Chroma { format: 1, colour_planes: false, depths: [0; 2] };
    if HIGH_PROFILES.contains(&profile) {
        found.format = bits.golomb()?;
        if found.format == 3 {
            found.colour_planes = bits.number(1)? == 1;
        }
        found.depths = [bits.golomb()?, bits.golomb()?];
        bits.number(1)?; // lossless
        if bits.number(1)? == 1 {
            for list in 0..if found.format == 3 { 12 } else { 8 } {
                if bits.number(1)? == 1 {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    Some(found)
}

/// The sequence parameter sets of an `avcC`.
pub(crate) fn parameter_sets(avcc: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (count, sets) = match avcc.get(5..) {
        Some([count, sets @ ..]) => (usize::from(count & 0x1f), sets),
        _ => (0, &[][..]),
    };
    nal_units(sets, 2).take(count)
}

/// A NAL unit with emulation prevention: 00 00 is followed by nothing less than 3, and does not end it.
fn escape(header: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 64 + 8);
    out.push(header);
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    if zeros >= 2 {
        out.push(3);
    }
    out
}

fn skip_scaling_list(bits: &mut Bits<'_>, entries: usize) -> Option<()> {
    let mut last = 8;
    for _ in 0..entries {
        last = (last + signed(bits.golomb()?)).rem_euclid(256);
        if last == 0 {
            // The rest of the list repeats the last scale and is not coded.
            return Some(());
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a high-profile parameter set as x264 writes it: frame numbers of 4 bits.
    const PARAMETER_SET: [u8; 12] = [0x67, 0x64, 0x00, 0x0b, 0xac, 0xd9, 0x41, 0x02, 0x6c, 0x04, 0x40, 0x00];
    const FOUR_BITS: Format = Format { bits: 4, colour_planes: false };

    /// A text of 0 and 1, blanks left out, as bytes; a stop bit ends it.
    fn bits(text: &str) -> Vec<u8> {
        let mut digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte - b'0').collect();
        digits.push(1);
        let byte = |eight: &[u8]| (0..8).fold(0, |sum, at| sum << 1 | eight.get(at).copied().unwrap_or(0));
        digits.chunks(8).map(byte).collect()
    }

    /// A slice with the given frame number in four bits.
    fn slice(number: u32, data: &[u8]) -> Vec<u8> {
        // First macroblock 0, slice type 2, parameter set 0, frame number.
        let mut payload = bits(&format!("1 011 1 {number:04b} 000 1111"));
        payload.extend_from_slice(data);
        escape(0x41, &payload)
    }

    fn sample(units: &[Vec<u8>]) -> Bytes {
        units.iter().flat_map(|unit| [&(unit.len() as u32).to_be_bytes(), &unit[..]].concat()).collect()
    }

    fn renumber(by: u32) -> Renumber {
        Renumber { length_bytes: 4, format: FOUR_BITS, by }
    }

    #[test]
    fn numbers_move_and_wrap_and_nothing_else_changes() {
        let data = [0, 0, 0, 0, 1, 0, 0, 3, 7, 0];
        let parts =
            |number| sample(&[vec![0x06, 1, 2], slice(number, &data), slice(number, &[9]), vec![0x65, 0x88]]);
        for number in 0..16 {
            for by in 1..16 {
                assert_eq!(renumber(by).apply(&parts(number)), parts((number + 16 - by) % 16));
            }
        }
    }

    #[test]
    fn escaping_is_undone_by_unescaping() {
        for payload in [&[0, 0, 0][..], &[0, 0, 3, 0, 0, 1], &[1, 0, 0, 2, 0, 0, 0, 0], &[], &[0, 0, 4]] {
            let escaped = escape(0x41, payload);
            for three in escaped.windows(3) {
                assert!(three[0] != 0 || three[1] != 0 || three[2] >= 3, "{escaped:?}");
            }
            assert!(!escaped.ends_with(&[0, 0]));
            assert_eq!(unescape(&escaped[1..], usize::MAX), payload);
        }
    }

    #[test]
    fn parameter_sets_tell_the_size_of_frame_numbers() {
        assert_eq!(format(&PARAMETER_SET), Some(FOUR_BITS));
        assert_eq!(format(&[0x68, 0xeb]), None, "a picture parameter set");
        // Baseline profile, set 0, 4 + 3 bits.
        let baseline = [&[0x67][..], &bits("01000010 00000000 00001011 1 00100")].concat();
        assert_eq!(format(&baseline), Some(Format { bits: 7, colour_planes: false }));
        // Profile 244, 4:4:4 with planes apart, depths 8, one scaling list that ends after its first entry (8 - 8 = 0).
        let header = "11110100 00000000 00001011 1 00100 1 1 1 0 1";
        let planes = [&[0x67][..], &bits(&format!("{header} 1 000010001 {} 011", "0".repeat(11)))].concat();
        assert_eq!(format(&planes), Some(Format { bits: 6, colour_planes: true }));
        for len in 0..8 {
            let _ = format(&planes[..len]);
        }
        let absurd = [&[0x67][..], &bits("01000010 00000000 00001011 1 0001110")].concat();
        assert_eq!(format(&absurd), None, "17 bits");
    }

    #[test]
    fn configurations_give_their_parameter_sets() {
        let mut avcc = vec![1, 0x64, 0, 0x0b, 0xff, 0xe1, 0, 12];
        avcc.extend_from_slice(&PARAMETER_SET);
        avcc.extend_from_slice(&[1, 0, 2, 0x68, 0xeb]);
        assert_eq!(parameter_sets(&avcc).collect::<Vec<_>>(), [&PARAMETER_SET[..]]);
        for len in 0..avcc.len() {
            let _ = parameter_sets(&avcc[..len]).count();
        }
    }

    #[test]
    fn what_is_cut_off_stays_as_it_is() {
        let whole = sample(&[slice(9, &[1, 2, 3])]);
        for len in 0..whole.len() {
            let cut = whole.slice(..len);
            assert!(renumber(3).apply(&cut).len() <= cut.len());
        }
        let short = sample(&[vec![0x41], vec![0x41, 0x01], Vec::new()]);
        assert_eq!(renumber(3).apply(&short), short);
    }
}
