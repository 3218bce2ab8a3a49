//! Bytes and codecs, without any input or output of its own.
//!
//! - [`fmp4`]: fragmented MP4. A scanner that cuts initialisation segments and chunks off an endless byte stream, what
//!   is known about them (tracks, codecs, samples, key frames, producer time), and writing, splitting, shifting them.
//! - [`fragmenter`]: coded pictures and packets of sound as fragmented MP4.
//! - [`g711`]: the sound of telephones, and of many cameras.
//! - [`clip`]: the layout of one progressive MP4 file made of stored chunks, so that any byte range can be served.
//! - [`rtp`]: what cameras say over RTSP: session descriptions, packets, clocks.
//! - [`playlist`]: HLS playlists as values, their text, and a check of the rules they must keep.
//!
//! Everything here may be given hostile bytes: sizes are checked against limits before memory is taken, nesting is
//! walked and never recursed into, and every refusal is a [`MediaError`] with a stable code. Leaf boxes are decoded with
//! `mp4-atom`; the `mp4` crate only writes (its reader can be made to loop for ever and must not see outside bytes).

pub mod clip;
mod error;
pub mod fmp4;
pub mod fragmenter;
pub mod g711;
pub mod playlist;
pub mod rtp;
pub mod worker_protocol;

pub use error::{BoxName, MediaError};
