//! RTP, as cameras send it (RFC 3550), and the session descriptions that announce it (RFC 8866).
//!
//! Nothing here decodes media: packets are told apart, ordered and dated, and what a description promises is checked
//! against what can be stored. Taking pictures and sound out of the packets is the work of GStreamer, in the
//! `media-worker` process.

mod track;

pub use track::{Encoding, RtpTrack};
