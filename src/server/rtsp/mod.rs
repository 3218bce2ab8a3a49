//! Cameras that push over RTSP (RFC 2326): ANNOUNCE, SETUP, RECORD, then RTP in the same connection or in datagrams.
//!
//! ```text
//! server ─► connection ─► framing ─► requests ─► sign_in (digest) ─► session (what may come next)
//! (accepts,  (reads)          │                                           │ RECORD
//!  TLS, room)                 └─► packets, and udp's datagrams ─► cameras::Recorder ─► media-worker ─► the stream
//! ```
//! The stream's name is the URL's path. A connection is one camera and has one session, which ends with it. Playing over
//! RTSP is not offered; players take HLS.

mod connection;
mod digest;
mod ending;
mod framing;
mod refusal;
mod requests;
mod server;
mod session;
mod sign_in;
mod status;
mod target;
mod transport;
mod udp;

pub use refusal::Refused;
pub use server::RtspServer;
pub use status::{Listening, Rtsp, RtspView};
