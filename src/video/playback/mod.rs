//! Playing what was recorded: playlists, segments, clips, and media from an instant on.
//!
//! Nothing here exists only in memory: every number in a playlist comes from the heads in the log, and a live playlist is
//! the end of the log, so a restart shows in neither.

mod body;
mod clip;
mod multivariant;
mod playlist;
mod segment;
mod stream;

pub use body::BodyStream;
pub(crate) use body::chunk_bodies;
pub use clip::Clip;
pub(crate) use clip::clip;
pub(crate) use multivariant::multivariant;
pub use playlist::Uris;
pub(crate) use playlist::{archive, live};
pub use segment::Segment;
pub(crate) use segment::segment;
pub(crate) use stream::media_from;
