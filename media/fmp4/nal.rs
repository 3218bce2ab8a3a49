//! NAL units of H.264 and H.265 samples, and the bits in them.

use std::borrow::Cow;

/// The NAL units of a sample, each behind a big-endian length of `length_bytes`. Ends early at a length that does not fit.
pub fn nal_units(sample: &[u8], length_bytes: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = sample;
    let width = usize::from(length_bytes).max(1);
    std::iter::from_fn(move || {
        let (length, after) = rest.split_at_checked(width)?;
        let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
        let (unit, after) = after.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

/// Most bytes of an SEI message that are looked at.
const SEI_BYTES_MAX: usize = 4096;
/// SEI payload type of a recovery point, in H.264 and H.265 alike.
const RECOVERY_POINT: u32 = 6;

/// The recovery count of the recovery point in an SEI NAL unit (without its header): frames in H.264, picture order count,
/// which may be negative, in H.265.
pub(crate) fn recovery_point(sei: &[u8], h265: bool) -> Option<i64> {
    let bytes = unescape(sei, SEI_BYTES_MAX);
    let mut rest = &bytes[..];
    while rest.len() > 1 {
        let kind = ff_coded(&mut rest)?;
        let size = ff_coded(&mut rest)? as usize;
        let payload = rest.get(..size.min(rest.len()))?;
        if kind == RECOVERY_POINT {
            let code = Bits::new(payload).golomb()?;
            return Some(if h265 { signed(code) } else { i64::from(code) });
        }
        rest = rest.get(size..)?;
    }
    None
}

/// Exponential Golomb code as a signed number: 1, -1, 2, -2 …
pub fn signed(code: u32) -> i64 {
    let half = i64::from(code).div_euclid(2);
    if code % 2 == 1 { half + 1 } else { -half }
}

/// A number coded as a run of 255s and a last byte.
fn ff_coded(rest: &mut &[u8]) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        sum = sum.checked_add(u32::from(byte))?;
        if byte != 255 {
            return Some(sum);
        }
    }
}

/// Whether an H.264 slice (without its NAL header) is of type I or SI.
pub(crate) fn h264_slice_is_intra(slice: &[u8]) -> Option<bool> {
    let bytes = unescape(slice, 16);
    let mut bits = Bits::new(&bytes);
    bits.golomb()?; // first_mb_in_slice
    let kind = bits.golomb()?;
    Some(matches!(kind % 5, 2 | 4))
}

/// The first bytes of a NAL unit without its emulation prevention (00 00 03 stands for 00 00).
pub fn unescape(unit: &[u8], bytes_max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len().min(bytes_max));
    let mut zeros = 0;
    for &byte in unit {
        if out.len() == bytes_max {
            break;
        }
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Reads single bits, first the highest of the first byte.
pub struct Bits<'a> {
    bytes: Cow<'a, [u8]>,
    at: usize,
}

impl<'a> Bits<'a> {
    /// The bits of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), at: 0 }
    }

    /// The bits of a NAL unit's payload without its emulation prevention.
    pub fn unescaped(payload: &[u8]) -> Self {
        Self { bytes: Cow::Owned(unescape(payload, usize::MAX)), at: 0 }
    }

    /// How many have been read.
    pub fn at(&self) -> usize {
        self.at
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    /// A number of so many bits, at most 32.
    pub fn number(&mut self, bits: usize) -> Option<u32> {
        (0..bits).try_fold(0, |sum, _| Some(sum << 1 | self.bit()?))
    }

    /// Goes on behind so many bits.
    pub fn skip(&mut self, bits: usize) -> Option<()> {
        self.at = self.at.checked_add(bits)?;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }

    /// An unsigned exponential Golomb code of at most 31 bits.
    pub fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some(self.number(zeros)? + ((1_u64 << zeros) - 1) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_end_at_a_length_that_does_not_fit() {
        let sample = [0, 0, 0, 2, 9, 9, 0, 0, 0, 1, 7, 0, 0, 0, 9, 1];
        let units: Vec<&[u8]> = nal_units(&sample, 4).collect();
        assert_eq!(units, [&[9_u8, 9][..], &[7]]);
        assert_eq!(nal_units(&[], 4).count(), 0);
        assert_eq!(nal_units(&[1, 5, 0], 1).collect::<Vec<_>>(), [&[5_u8][..], &[]]);
    }

    #[test]
    fn golomb_codes() {
        // 1 010 011 00100 and padding.
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!(
            [bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        assert_eq!(Bits::new(&[0; 8]).golomb(), None);
        assert_eq!([signed(0), signed(1), signed(2), signed(3)], [0, 1, -1, 2]);
    }

    #[test]
    fn recovery_points_are_found_behind_other_messages() {
        // Type 5 of 2 bytes, then type 6 of 1 byte: golomb 0, then the stop bit.
        assert_eq!(recovery_point(&[5, 2, 1, 1, 6, 1, 0b1100_0000, 0x80], false), Some(0));
        // golomb 5 = 00110
        assert_eq!(recovery_point(&[6, 1, 0b0011_0100, 0x80], false), Some(5));
        assert_eq!(recovery_point(&[6, 1, 0b0011_0100, 0x80], true), Some(3));
        assert_eq!(recovery_point(&[4, 255, 255], false), None);
        assert_eq!(recovery_point(&[], false), None);
    }

    #[test]
    fn emulation_prevention_is_taken_out() {
        assert_eq!(unescape(&[0, 0, 3, 1, 0, 0, 3], 16), [0, 0, 1, 0, 0]);
        assert_eq!(unescape(&[1, 2, 3], 2), [1, 2]);
    }

    #[test]
    fn slice_types() {
        // first_mb 0 = 1, slice type 7 (I) = 0001000, then 5 (P) = 00110.
        assert_eq!(h264_slice_is_intra(&[0b1000_1000]), Some(true));
        assert_eq!(h264_slice_is_intra(&[0b1001_1000]), Some(false));
        assert_eq!(h264_slice_is_intra(&[]), None);
    }
}
