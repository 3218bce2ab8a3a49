//! Fragmented MP4 (ISO/IEC 14496-12, CMAF).
//!
//! The way in: bytes → [`Scanner`] → [`Piece::Init`] and [`Piece::Chunk`]. A [`Chunk`] is already in the canonical form
//! that is stored: one `moof` directly followed by one `mdat`, offsets relative to the `moof`
//! (default-base-is-moof), every `traf` with a 64-bit `tfdt`, nothing but tracks of its [`Init`]. Read back, it is
//! [`Chunk::parse`]d, or [`ChunkInfo::parse`]d when only its head is at hand.
//!
//! Times are in ticks of a track's own timescale unless a name ends in `_ms` or `_us`.

pub(crate) mod boxes;
mod chunk;
mod codec;
mod init;
mod init_writer;
pub(crate) mod key_frame;
mod moof;
pub mod nal;
mod normalise;
mod prft;
mod scanner;
mod split;
mod writer;

pub use chunk::{Chunk, ChunkInfo, Sample, TrackChunk};
pub use codec::Codec;
pub use init::{Init, Track, TrackKind};
pub use init_writer::{TrackConfig, flac_config, opus_config, write_init};
pub use key_frame::Key;
pub(crate) use prft::ntp_to_unix_us;
pub use prft::{Prft, PrftClock};
pub use scanner::{Piece, ScanLimits, Scanner};
pub use writer::{NewSample, NewTrack, retime, write_chunk, write_dated_chunk};
