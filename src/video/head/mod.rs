//! The head of a record of a video stream: everything that lists, playlists and the timeline need to know, so that they
//! never touch a body.
//!
//! Heads are sealed with the record. Numbers are little-endian; the first two bytes never change their meaning.
//!
//! ```text
//! every head   version u8 = 1 | kind u8 | flags u16
//!
//! kind 1       a chunk (body: moof + mdat)
//!   position   session u128 | index u64 | fragment_ordinal u64 | discontinuity_ordinal u64 | fragment_seq u64
//!              | directory_seq u64 | init_seq u64 | producer_us u64
//!   media      clock u8 | reason u8 | 0 u16 | timescale u32 | decode_time u64 | duration u64 | presentation_offset i64
//!              | init id [16] | head_len u32
//!   counts     tracks u8 | tags u8 | directory u8 | 0 u8
//!   tracks     × (track_id u32 | samples u32 | decode_time u64 | duration u64)
//!   tags       × (name_len u8 | value_len u16 | name | value)           UTF-8
//!   directory  × (seq u64 | producer_us u64 | server_ms u64 | bytes u64 | duration_us u32 | chunks u32
//!                | flags u16 | reason u8 | 0 u8 | init id [16])         oldest first
//!
//! kind 2       an initialisation segment (body: ftyp + moov)
//!              init id [16] | previous_init_seq u64
//!
//! kind 3       the end of a connection (no body)
//!   position   as above; index counts the chunks of the session, producer_us is the end of its media
//!              reason u8 | 0 [3]
//!
//! flags        1 starts a fragment · 2 begins after a discontinuity · 4 decodes on its own · 8 open GOP
//!              16 gradual refresh · 32 begins a connection
//! ```
//! A sequence of all ones means "none"; for `fragment_seq` of a chunk that starts a fragment it means the record itself,
//! whose sequence is not known when the head is written.
//!
//! **Numbers.** `fragment_ordinal` and `discontinuity_ordinal` count from the stream's first fragment and are never
//! reset: `MEDIA-SEQUENCE` and `DISCONTINUITY-SEQUENCE` come from them, so neither a restart nor retention can change
//! them. `session` and `index` (0, 1, 2 …) prove that nothing is missing inside a session.
//!
//! **Directories.** The first chunk of every 32nd fragment lists the 32 fragments before it, and every head names the
//! newest record with a directory (`directory_seq`; a record with a directory names the one before). So a day of footage
//! is known after reading one head per 32 fragments. In the same way `init_seq` and `previous_init_seq` chain every
//! statement of an initialisation segment.

mod chunk;
mod directory;
mod end;
mod init;
mod init_id;
mod position;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use chunk::{ChunkHead, Tag, TrackHead, ticks_to_us};
pub(crate) use directory::{DIRECTORY_FRAGMENTS, DirectoryEntry};
pub(crate) use end::EndHead;
pub(crate) use init::InitHead;
pub use init_id::{InitId, NotAnInitId};
pub(crate) use position::{Flags, Position};

use wire::Reader;

/// Version of the layout above.
const VERSION: u8 = 1;
/// Most tracks of one chunk.
pub(crate) const TRACKS_MAX: usize = 8;
/// Most bytes of tags in one head, lengths included.
pub(crate) const TAGS_BYTES_MAX: usize = 1024;
/// Most bytes of a head; must fit what `streams` takes.
pub(crate) const HEAD_BYTES_MAX: usize = 3584;

/// Why a head could not be read. Heads are authenticated, so this means a fault of ours or a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It ends too early.
    #[error("the head is cut short")]
    Truncated,
    /// It goes on after its last field.
    #[error("{0} bytes follow the head")]
    Trailing(usize),
    /// Written by a newer version of this program.
    #[error("head version {0} is not known")]
    Version(u8),
    /// A field holds what it cannot hold.
    #[error("head field {field} cannot be {value}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
}

/// A record's head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Head {
    /// Of a chunk.
    Chunk(Box<ChunkHead>),
    /// Of an initialisation segment.
    Init(InitHead),
    /// Of the end of a connection.
    End(EndHead),
}

impl Head {
    /// The bytes as they are sealed.
    #[cfg(test)]
    pub(crate) fn encode(&self) -> bytes::Bytes {
        match self {
            Self::Chunk(head) => head.encode(),
            Self::Init(head) => head.encode(),
            Self::End(head) => head.encode(),
        }
    }

    /// Reads a head.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(HeadError::Version(version));
        }
        let kind = reader.u8()?;
        let flags = Flags::from_bits(reader.u16()?)?;
        match kind {
            chunk::KIND => Ok(Self::Chunk(Box::new(ChunkHead::read(flags, reader)?))),
            init::KIND => Ok(Self::Init(InitHead::read(reader)?)),
            end::KIND => Ok(Self::End(EndHead::read(reader)?)),
            _ => Err(HeadError::Field { field: "kind", value: kind.into() }),
        }
    }

    /// Where the stream stands after this record; an initialisation segment does not say.
    pub(crate) fn position(&self) -> Option<&Position> {
        match self {
            Self::Chunk(head) => Some(&head.position),
            Self::End(head) => Some(&head.position),
            Self::Init(_) => None,
        }
    }
}
