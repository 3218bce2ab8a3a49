//! HLS playlists (RFC 8216bis): values, their text, and the rules they must keep. Low-Latency HLS (parts) will come beside
//! [`Segment`].

mod media;
mod multivariant;
mod text;

pub use media::{MediaPlaylist, PlaylistType, Segment};
pub use multivariant::{MultivariantPlaylist, Variant};
