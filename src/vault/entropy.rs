//! Where randomness comes in, so that a test can replay it.

/// A source of randomness fit for keys.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buffer`. There is no going on without randomness, so a source that fails must not return.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system gives no randomness.
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gave no randomness");
    }
}
