//! What the operator may tune, and the bounds that nobody may.

use media::fmp4::ScanLimits;

/// What the operator may tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    /// Longest fragment in seconds, at least 1, and the `EXT-X-TARGETDURATION` of every playlist: change it only while
    /// nobody plays. A longer group of pictures is cut into several fragments.
    pub target_duration_s: u32,
    /// A key frame begins a new fragment only when the current one has at least this many milliseconds, so that footage
    /// of nothing but key frames does not become a fragment per picture.
    pub fragment_min_ms: u32,
    /// The same for sound without pictures, where every sample is a key.
    pub sound_fragment_ms: u32,
    /// A publisher that has sent nothing for this many milliseconds gives way to another one.
    pub silent_publisher_ms: u64,
    /// Bounds of one box and one chunk.
    pub scan: ScanLimits,
    /// Fragments of each stream that are kept in memory, newest first, once somebody asks for them: about 80 bytes each.
    pub fragments_in_memory: usize,
    /// Most fragments in one playlist, clip or listing.
    pub fragments_per_answer_max: usize,
    /// Most samples in one clip: about 150 bytes of memory each while it is laid out.
    pub clip_samples_max: u64,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            target_duration_s: 10,
            fragment_min_ms: 200,
            sound_fragment_ms: 2_000,
            silent_publisher_ms: 10_000,
            scan: ScanLimits::default(),
            fragments_in_memory: 65_536,
            fragments_per_answer_max: 50_000,
            clip_samples_max: 1_000_000,
        }
    }
}

impl VideoConfig {
    /// Longest fragment in microseconds: what still rounds to the target duration.
    pub(crate) fn fragment_us_max(&self) -> u64 {
        u64::from(self.target_duration_s) * 1_000_000 + 499_000
    }
}

/// Pieces of input that may wait for an ingest session.
pub(crate) const INPUT_QUEUE: usize = 8;
/// Largest piece of input taken at once; larger ones are cut, so that a session never queues more than
/// [`INPUT_QUEUE`] times this.
pub(crate) const INPUT_PIECE_BYTES: usize = 256 << 10;
/// Events that may wait for their reader. Then the session waits.
pub(crate) const EVENT_QUEUE: usize = 1024;
/// Chunks of a session that may wait to become durable.
pub(crate) const CHUNKS_IN_FLIGHT: usize = 1024;
/// Heads fetched by one read of the log.
pub(crate) const HEADS_PER_READ: usize = 1024;
/// Bytes of heads or bodies fetched by one read of the log.
pub(crate) const BYTES_PER_READ: usize = 4 << 20;
/// Parsed initialisation segments kept per stream.
pub(crate) const INITS_IN_MEMORY: usize = 8;
