//! The words of the seam.

use crate::env::Env;
use bytes::Bytes;
use std::fmt;

/// Names a shard for ever: a UUIDv7, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u128);

impl ShardId {
    /// A new id from the environment's clock and randomness.
    pub fn new(env: &Env) -> Self {
        let mut random = [0; 10];
        env.random.fill(&mut random);
        Self(uuid::Builder::from_unix_timestamp_millis(env.clock.now_ms(), &random).into_uuid().as_u128())
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).fmt(f)
    }
}

impl fmt::Debug for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardId({self})")
    }
}

/// Position of a record in its shard: 0, 1, 2 … with none skipped, so that loss is visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The sequence `count` places further on.
    pub fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a record reached us: milliseconds since the Unix epoch. Never decreases within a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(pub u64);

/// Generation of a shard's owner; a larger one fences every smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Shards that expect to keep data for a similar time share a class, hence segment files: a file goes when all of it
/// has expired, so mixing an hour with a year would keep the hour for a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetentionClass(pub u8);

impl RetentionClass {
    /// Of what the service knows about its own shards. Small and kept for ever, so it has segment files of its own.
    pub const METADATA: Self = Self(0xff);
}

/// A record to append. Ciphertext only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord {
    /// Must not be smaller than that of any earlier record of the shard.
    pub arrival: Arrival,
    /// At most [`Limits::head_bytes_max`].
    pub head: Bytes,
    /// At most [`Limits::body_bytes_max`].
    pub body: Bytes,
}

/// A record as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the shard.
    pub seq: Seq,
    /// When it reached us.
    pub arrival: Arrival,
    /// The sealed head.
    pub head: Bytes,
    /// Length of the sealed body in bytes.
    pub body_len: u64,
    /// The sealed body, when [`Parts::Whole`] was asked for.
    pub body: Option<Bytes>,
}

/// How much of each record a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Heads without bodies; must not touch the bodies' bytes on disk.
    Heads,
    /// Heads and bodies.
    Whole,
}

/// Bounds of one read. A read returns at least one record, however large, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most this many records.
    pub records: usize,
    /// At most this many bytes of heads and (for [`Parts::Whole`]) bodies.
    pub bytes: usize,
}

/// The moving ends of a shard, as readers may see them: only what is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The sequence that the next record will get; everything before it is durable.
    pub next: Seq,
    /// The oldest record still readable, or `next` when there is none.
    pub first: Seq,
    /// No more records will come.
    pub sealed: bool,
    /// Arrival of the newest record, if there ever was one.
    pub last_arrival: Option<Arrival>,
}

/// What a shard looks like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardState {
    /// The ends of the shard.
    pub tail: Tail,
    /// The generation of the latest owner; zero before the first claim.
    pub epoch: Epoch,
    /// Bytes the shard's readable records take on disk, heads and bodies and their framing. Exact as
    /// [`LogStore::state`](crate::LogStore::state) gives it, an estimate where the shard is claimed.
    pub stored_bytes: u64,
}

/// What an engine can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest head in bytes.
    pub head_bytes_max: usize,
    /// Largest body in bytes.
    pub body_bytes_max: usize,
    /// Most records in one append.
    pub batch_records_max: usize,
    /// Most bytes of heads and bodies in one append.
    pub batch_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 4 << 10,
            body_bytes_max: 65 << 20, // 64 MiB of plaintext and the tags of its sealed pieces
            batch_records_max: 1024,
            batch_bytes_max: 96 << 20,
        }
    }
}
