//! Chance that can be had again.

use super::time::now_ms;

/// Small and seeded (xorshift64); the seed is printed, and `KINETOSCOPE_TEST_SEED` sets it.
pub struct Seed(u64);

impl Seed {
    /// A new one, for something that is named in what is printed.
    pub fn new(what: &str) -> Self {
        let given = std::env::var("KINETOSCOPE_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or(now_ms().unsigned_abs() | 1);
        println!("{what}: KINETOSCOPE_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
