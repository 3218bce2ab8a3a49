//! G.711: a byte for each sample of sound, at 8,000 samples a second (ITU-T G.711).
//!
//! Decoding is such that it can be undone: µ-law has two zeros, of which the negative one becomes −1 here, so that every
//! byte has a sample of its own.

/// Which of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// µ-law, in America and Japan.
    Mu,
    /// A-law, elsewhere.
    A,
}

const MU: [i16; 256] = table(Law::Mu);
const A: [i16; 256] = table(Law::A);

impl Law {
    /// The sample of 16 bits that a byte stands for.
    pub fn decode(self, byte: u8) -> i16 {
        self.samples()[usize::from(byte)]
    }

    /// The byte that stands for exactly this sample; `None` for samples that no byte stands for.
    pub fn encode(self, sample: i16) -> Option<u8> {
        let byte = self.samples().iter().position(|&one| one == sample)?;
        u8::try_from(byte).ok()
    }

    fn samples(self) -> &'static [i16; 256] {
        match self {
            Self::Mu => &MU,
            Self::A => &A,
        }
    }
}

const fn table(law: Law) -> [i16; 256] {
    let mut samples = [0; 256];
    let mut byte = 0;
    while byte < samples.len() {
        samples[byte] = match law {
            Law::Mu => mu(byte as u8),
            Law::A => a(byte as u8),
        };
        byte += 1;
    }
    samples
}

/// Table 2a of the recommendation, in steps of 16 bits.
const fn mu(byte: u8) -> i16 {
    const BIAS: i16 = 0x84;
    if byte == 0x7f {
        return -1;
    }
    let bits = !byte;
    let step = ((bits & 0x0f) as i16) << 3;
    let size = ((step + BIAS) << ((bits >> 4) & 7)) - BIAS;
    if bits & 0x80 == 0 { size } else { -size }
}

/// Table 1a of the recommendation, in steps of 16 bits.
const fn a(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let step = ((bits & 0x0f) as i16) << 4;
    let size = match (bits >> 4) & 7 {
        0 => step + 8,
        segment => (step + 0x108) << (segment - 1),
    };
    if bits & 0x80 == 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        for law in [Law::Mu, Law::A] {
            for byte in 0..=255 {
                assert_eq!(law.encode(law.decode(byte)), Some(byte), "{law:?}");
            }
        }
        assert_eq!(Law::Mu.encode(1), None);
    }

    #[test]
    fn samples_are_those_of_the_recommendation() {
        let mu =
            [(0x00, -32_124), (0x80, 32_124), (0xff, 0), (0x7f, -1), (0xfe, 8), (0xef, 132), (0x8f, 16_764)];
        for (byte, sample) in mu {
            assert_eq!(Law::Mu.decode(byte), sample, "{byte:#x}");
        }
        let a = [(0x2a, -32_256), (0xaa, 32_256), (0xd5, 8), (0x55, -8), (0xc5, 264), (0x80, 5_504)];
        for (byte, sample) in a {
            assert_eq!(Law::A.decode(byte), sample, "{byte:#x}");
        }
    }
}
