//! From parameter sets to what the fragmenter is told of the pictures: `avcC` and `hvcC` (ISO/IEC 14496-15).

use super::parameters::{self, Sequence};
use super::track::Taken;
use crate::h264::HIGH_PROFILES;
use bytes::Bytes;
use media::fmp4::nal::Bits;
use media::fmp4::{Codec, TrackConfig};
use media::rtp::depay::ParameterSets;
use media::rtp::{Encoding, RtpTrack};

/// Longest time from picture to picture that is believed, in seconds.
const STEP_S_MAX: u64 = 10;
/// Lengths before NAL units have four bytes.
const LENGTH_BYTES: u8 = 4;

/// Describes pictures of these parameter sets; `None` when they cannot be read.
pub(crate) fn of_pictures(track: &RtpTrack, sets: &ParameterSets) -> Option<Taken> {
    let first = sets.sequence().next()?;
    let (codec, sequence, extradata) = match track.encoding {
        Encoding::H264 => {
            let sequence = parameters::h264(first)?;
            let avcc = avcc(sets, &sequence)?;
            (Codec::H264, sequence, avcc)
        }
        Encoding::H265 => {
            let step = sets.video().next().and_then(|set| parameters::h265_step(set));
            let sequence = Sequence { step, ..parameters::h265(first)? };
            let hvcc = hvcc(sets, &sequence)?;
            (Codec::H265, sequence, hvcc)
        }
        _ => return None,
    };
    let config = TrackConfig {
        codec,
        extradata,
        timescale: track.clock_rate,
        width: sequence.width,
        height: sequence.height,
        sample_rate: 0,
        channels: 0,
    };
    let depth = usize::try_from(sequence.depth.unwrap_or(0)).ok()?;
    Some(Taken::Config { config, depth, step: step(sequence.step, track.clock_rate) })
}

/// The time from picture to picture in ticks; 1/30 s when it is not told, or cannot be.
fn step(told: Option<(u64, u64)>, clock_rate: u32) -> i64 {
    let rate = u64::from(clock_rate);
    let ticks = told.and_then(|(units, per_second)| units.checked_mul(rate)?.checked_div(per_second));
    let believed = ticks.filter(|ticks| (1..=STEP_S_MAX * rate).contains(ticks));
    believed.unwrap_or((rate / 30).max(1)) as i64
}

/// An `avcC`.
///
/// ```text
/// version 1 | profile | constraints | level | 63 << 2, bytes of length - 1 (2 bits)
/// 7 << 5, count (5 bits) | (length u16 | SPS)… | count u8 | (length u16 | PPS)…
/// high profiles: 63 << 2, chroma format (2 bits) | 31 << 3, luma bits - 8 | 31 << 3, chroma bits - 8 | 0
/// ```
fn avcc(sets: &ParameterSets, sequence: &Sequence) -> Option<Bytes> {
    const SEQUENCE_SETS_MAX: usize = 31;
    let level = sets.sequence().next()?.get(1..4)?;
    let mut out = vec![1, level[0], level[1], level[2], 0xfc | (LENGTH_BYTES - 1)];
    put_sets(&mut out, 0xe0, 1, &sets.sequence().take(SEQUENCE_SETS_MAX).collect::<Vec<_>>())?;
    put_sets(&mut out, 0, 1, &sets.picture().collect::<Vec<_>>())?;
    if HIGH_PROFILES.contains(&level[0]) {
        let [luma, chroma] = sequence.chroma.depths.map(|depth| depth as u8 & 7);
        out.extend([0xfc | sequence.chroma.format as u8 & 3, 0xf8 | luma, 0xf8 | chroma, 0]);
    }
    Some(out.into())
}

/// An `hvcC`.
///
/// ```text
/// version 1 | profile, tier and level (12 bytes, as in the SPS) | 15 << 12 (u16) | 63 << 2 | 63 << 2, chroma format (2 bits)
/// 31 << 3, luma bits - 8 | 31 << 3, chroma bits - 8 | 0 (u16) | temporal layers (3 bits from bit 3), nested (1), bytes of length - 1 (2)
/// arrays u8 | (1 << 7, type (6 bits) | count u16 | (length u16 | set)…)…
/// ```
fn hvcc(sets: &ParameterSets, sequence: &Sequence) -> Option<Bytes> {
    let arrays: [(u8, Vec<&Bytes>); 3] =
        [(32, sets.video().collect()), (33, sets.sequence().collect()), (34, sets.picture().collect())];
    let mut bits = Bits::unescaped(sets.sequence().next()?.get(2..)?);
    bits.skip(4)?;
    let (layers, nested) = (bits.number(3)? as u8 + 1, bits.number(1)? as u8);
    let mut out = vec![1];
    for _ in 0..12 {
        out.push(bits.number(8)? as u8);
    }
    let [luma, chroma] = sequence.chroma.depths.map(|depth| depth as u8 & 7);
    out.extend([0xf0, 0, 0xfc, 0xfc | sequence.chroma.format as u8 & 3, 0xf8 | luma, 0xf8 | chroma, 0, 0]);
    out.extend([(layers & 7) << 3 | nested << 2 | (LENGTH_BYTES - 1), arrays.len() as u8]);
    for (kind, sets) in arrays {
        out.push(0x80 | kind);
        put_sets(&mut out, 0, 2, &sets)?;
    }
    Some(out.into())
}

/// A count of so many bytes, with other bits set, and NAL units behind their lengths.
fn put_sets(out: &mut Vec<u8>, bits: u8, count_bytes: usize, sets: &[&Bytes]) -> Option<()> {
    let count = u16::try_from(sets.len()).ok()?.to_be_bytes();
    out.extend_from_slice(&count[2 - count_bytes..]);
    let at = out.len() - count_bytes;
    out[at] |= bits;
    for set in sets {
        out.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
        out.extend_from_slice(set);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_cannot_be_are_not_believed() {
        assert_eq!(step(Some((2, 50)), 90_000), 3_600);
        for told in
            [None, Some((0, 50)), Some((1, 0)), Some((11, 1)), Some((1, u64::MAX)), Some((u64::MAX, 1))]
        {
            assert_eq!(step(told, 90_000), 3_000, "{told:?}");
        }
    }
}
