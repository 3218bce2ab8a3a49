//! RTP, as cameras send it (RFC 3550), and the session descriptions that announce it (RFC 8866).
//!
//! Nothing here decodes media: packets are told apart, ordered and dated, H.264 and H.265 pictures are put together, and what
//! a description promises is checked against what can be stored. All of it is done in the `media-worker` process, where
//! GStreamer takes out of the packets whatever else they carry.
//!
//! Three kinds of time, all in ticks of a track's own clock:
//! - *RTP timestamps* are what packets say: 32 bits from any start.
//! - *Ticks* ([`Received::ticks`]) are those without end, from 0 at the track's first packet, never leaping back.
//! - *Media time* ([`SessionClock::media_ticks`]) is on the one timeline that all tracks of a camera share.

mod clock;
pub mod depay;
mod ntp;
mod packet;
mod receiver;
mod rtcp;
pub mod sdp;
mod session;
mod track;

pub use clock::{SLIDE_PER_MILLE, SessionClock, WAIT_US, ns_to_ticks, ticks_to_ns};
pub use ntp::NtpTime;
pub use packet::{RtpError, RtpPacket};
pub use receiver::{Counts, Dropped, Received, Receiver, Tie};
pub use rtcp::{Report, is_rtcp, reports};
pub use session::RtpSession;
pub use track::{Encoding, RtpTrack};
