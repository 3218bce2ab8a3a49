//! Randomness that can be replayed.

use crate::env::Random;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A generator whose output follows from its seed (SplitMix64). For tests: its output can be foretold, so it is not fit
/// for keys. Clones draw from the same sequence.
#[derive(Clone)]
pub struct SeededRandom {
    state: Arc<AtomicU64>,
}

impl SeededRandom {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(AtomicU64::new(seed)) }
    }

    /// The next number.
    pub fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True every other time.
    pub fn coin(&self) -> bool {
        self.next_u64() & 1 == 0
    }

    /// A number below `bound`, or 0 when that is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut first = [0; 100];
        let mut again = [0; 100];
        let mut other = [0; 100];
        SeededRandom::new(1).fill(&mut first);
        SeededRandom::new(1).fill(&mut again);
        SeededRandom::new(2).fill(&mut other);
        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
