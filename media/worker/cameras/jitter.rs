//! Packets that came over UDP, in order: GStreamer's jitter buffer.
//!
//! It waits for packets that overtook others, gives up waiting after [`LATENCY_MS`], and drops what comes twice. It has a
//! thread of its own to do so, which leaves packets for us to fetch.

use super::chain::{Chain, Out};
use super::failure::GaveUp;
use super::form;
use super::track::bytes_of;
use crate::elements;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use media::rtp::RtpTrack;
use std::time::Duration;

/// How long a missing packet is waited for, in milliseconds.
const LATENCY_MS: u32 = 200;
/// How long the buffer is waited for at the end; it takes no longer than [`LATENCY_MS`] unless it hangs.
const END_MAX: Duration = Duration::from_secs(2);

/// One track's buffer.
pub(crate) struct Jitter {
    chain: Chain,
    element: gst::Element,
}

impl Jitter {
    /// Starts the buffer of a track.
    pub(crate) fn start(track: &RtpTrack) -> Result<Self, GaveUp> {
        let element = elements::make(elements::JITTER)?;
        element.set_property("latency", LATENCY_MS);
        // Times are by the packets' own clock: making them fit the arrivals is not its business here.
        element.set_property_from_str("mode", "none");
        let clock = gst::SystemClock::obtain();
        let set = element.set_clock(Some(&clock));
        debug_assert!(set.is_ok());
        element.set_base_time(clock.time());
        let packets = form::packets(track)?;
        let chain = Chain::start(&packets, vec![element.clone()], &gst::Caps::new_any())?;
        Ok(Self { chain, element })
    }

    /// Takes a packet as it came.
    pub(crate) fn push(&self, packet: Bytes) -> Result<(), GaveUp> {
        self.chain.push_one(gst::Buffer::from_slice(packet))
    }

    /// Packets that are in order now.
    pub(crate) fn take(&self) -> impl Iterator<Item = Bytes> + use<> {
        self.chain.take().into_iter().filter_map(|out| match out {
            Out::Buffer(buffer) => bytes_of(buffer),
            Out::Caps(_) => None,
        })
    }

    /// Nothing more comes: waits until everything held back is to be had.
    pub(crate) fn end(&self) {
        self.chain.end();
        self.chain.wait_for_end(END_MAX);
    }

    /// Packets that came twice or too late.
    pub(crate) fn dropped(&self) -> u64 {
        let stats = self.element.property::<gst::Structure>("stats");
        let count = |name| stats.get::<u64>(name).unwrap_or(0);
        count("num-duplicates").saturating_add(count("num-late"))
    }
}
