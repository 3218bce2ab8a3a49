//! HLS playlists (RFC 8216bis): values, their text, and the rules they must keep.

mod media;
mod multivariant;

pub use media::{MediaPlaylist, PlaylistType, Segment};
pub use multivariant::{MultivariantPlaylist, Variant};
