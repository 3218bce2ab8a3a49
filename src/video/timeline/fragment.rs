//! A fragment as the timeline keeps it.

use crate::clock::Clock;
use crate::head::{ChunkHead, DirectoryEntry, Flags, InitId};
use crate::reason::Reason;
use serde::Serialize;
use shardlog::{Arrival, Seq};

/// The end of a fragment may lie this far before the start of the next without anything missing.
const GUESSED_US: u64 = 100_000;

/// A fragment: the run of chunks from one key frame up to the next. About 80 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Its first chunk, hence its number.
    pub(crate) seq: Seq,
    /// Fragments before it since the stream began.
    pub(crate) ordinal: u64,
    /// Discontinuities up to it since the stream began.
    pub(crate) discontinuity_ordinal: u64,
    /// Start by the camera's clock.
    pub(crate) producer_us: u64,
    /// When its first chunk reached us.
    pub(crate) server_ms: u64,
    /// Bytes of its chunks.
    pub(crate) bytes: u64,
    /// How long it lasts.
    pub(crate) duration_us: u32,
    /// How many chunks it has.
    pub(crate) chunks: u32,
    /// What its chunks say of it.
    pub(crate) flags: Flags,
    /// Why there is a discontinuity before it.
    pub(crate) reason: Reason,
    /// Its initialisation segment.
    pub(crate) init: InitId,
}

impl Fragment {
    /// A fragment that begins with this chunk.
    pub(crate) fn begin(seq: Seq, arrival: Arrival, head: &ChunkHead, body_len: u64) -> Self {
        let mut fragment = Self {
            seq,
            ordinal: head.position.fragment_ordinal,
            discontinuity_ordinal: head.position.discontinuity_ordinal,
            producer_us: head.position.producer_us,
            server_ms: arrival.0,
            bytes: 0,
            duration_us: 0,
            chunks: 0,
            flags: head.flags,
            reason: head.reason,
            init: head.init,
        };
        fragment.add(head, body_len);
        fragment
    }

    /// Takes in a further chunk (or the first).
    pub(crate) fn add(&mut self, head: &ChunkHead, body_len: u64) {
        self.bytes = self.bytes.saturating_add(body_len);
        self.chunks = self.chunks.saturating_add(1);
        let lasted = head.end_us().saturating_sub(self.producer_us);
        self.duration_us = self.duration_us.max(u32::try_from(lasted).unwrap_or(u32::MAX));
        // The key frame may stand in a later chunk, after some of sound.
        for flag in [Flags::INDEPENDENT, Flags::OPEN_GOP, Flags::GRADUAL] {
            self.flags = self.flags.with(flag, head.flags.has(flag));
        }
    }

    /// Settles how long it lasts, once it is known when the next one of the same connection begins: up to there, unless
    /// something is missing in between. Durations of last samples are guesses. (At the end of a connection the guess
    /// stands: a playlist may have shown it.)
    pub(crate) fn followed_at(&mut self, next_us: u64) {
        let until_next = next_us.saturating_sub(self.producer_us);
        if until_next <= u64::from(self.duration_us) + GUESSED_US {
            self.duration_us = u32::try_from(until_next).unwrap_or(u32::MAX);
        }
    }

    /// The fragment before the one that has these ordinals, out of a directory.
    pub(crate) fn from_entry(entry: &DirectoryEntry, ordinal: u64, discontinuity_ordinal: u64) -> Self {
        Self {
            seq: entry.seq,
            ordinal,
            discontinuity_ordinal,
            producer_us: entry.producer_us,
            server_ms: entry.server_ms,
            bytes: entry.bytes,
            duration_us: entry.duration_us,
            chunks: entry.chunks,
            flags: entry.flags,
            reason: entry.reason,
            init: entry.init,
        }
    }

    /// What a directory says of it.
    pub(crate) fn to_entry(&self) -> DirectoryEntry {
        DirectoryEntry {
            seq: self.seq,
            producer_us: self.producer_us,
            server_ms: self.server_ms,
            bytes: self.bytes,
            duration_us: self.duration_us,
            chunks: self.chunks,
            flags: self.flags,
            reason: self.reason,
            init: self.init,
        }
    }

    /// Start by a clock, in microseconds.
    pub(crate) fn start_us(&self, clock: Clock) -> u64 {
        match clock {
            Clock::Producer => self.producer_us,
            Clock::Server => self.server_ms.saturating_mul(1000),
        }
    }

    /// End by a clock, in microseconds.
    pub(crate) fn end_us(&self, clock: Clock) -> u64 {
        self.start_us(clock).saturating_add(self.duration_us.into())
    }

    /// Whether decoding can start here.
    pub(crate) fn independent(&self) -> bool {
        self.flags.has(Flags::INDEPENDENT)
    }

    /// Whether every picture of it can be decoded without the fragment before it.
    pub(crate) fn stands_alone(&self) -> bool {
        self.independent() && !self.flags.has(Flags::OPEN_GOP) && !self.flags.has(Flags::GRADUAL)
    }

    /// Whether it goes on without a break where the one before ended.
    pub(crate) fn continues(&self) -> bool {
        !self.flags.has(Flags::DISCONTINUITY) && !self.flags.has(Flags::CONNECTION)
    }

    /// Whether something changes before it.
    pub(crate) fn discontinuity(&self) -> bool {
        self.flags.has(Flags::DISCONTINUITY)
    }
}

/// A fragment as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FragmentInfo {
    /// Decimal of its first chunk's sequence. Grows by arrival; never reused.
    #[serde(serialize_with = "decimal")]
    pub fragment_number: u64,
    /// Start by the camera's clock, in milliseconds since the Unix epoch.
    pub producer_ms: u64,
    /// When its first chunk reached us, in milliseconds since the Unix epoch.
    pub server_ms: u64,
    /// How long it lasts in milliseconds.
    pub duration_ms: u64,
    /// Bytes of its media.
    pub bytes: u64,
    /// How many chunks it was sent in.
    pub chunks: u32,
}

fn decimal<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl From<&Fragment> for FragmentInfo {
    fn from(fragment: &Fragment) -> Self {
        Self {
            fragment_number: fragment.seq.0,
            producer_ms: fragment.producer_us / 1000,
            server_ms: fragment.server_ms,
            duration_ms: u64::from(fragment.duration_us).div_ceil(1000),
            bytes: fragment.bytes,
            chunks: fragment.chunks,
        }
    }
}
