//! A camera's tracks, taken in together.

use super::clock::SessionClock;
use super::receiver::{Counts, Dropped, Received, Receiver};
use super::track::RtpTrack;
use bytes::Bytes;

/// Takes a camera's RTP and RTCP packets, track by track, and keeps the time that they share.
///
/// ```text
/// rtp(track, packet, arrival) → Received: its ticks go along with its media
/// rtcp(track, packet)
/// clock().is_settled()          until then, hold the media back
/// clock().media_ticks(track, ticks), clock().unix_us(track, ticks)
/// ```
#[derive(Debug)]
pub struct RtpSession {
    receivers: Vec<Receiver>,
    clock: SessionClock,
}

impl RtpSession {
    /// For a camera's tracks.
    pub fn new(tracks: &[RtpTrack]) -> Self {
        Self { receivers: tracks.iter().map(Receiver::new).collect(), clock: SessionClock::new(tracks) }
    }

    /// Takes an RTP packet that arrived at `arrival_us`, in microseconds since the Unix epoch.
    pub fn rtp(&mut self, track: usize, packet: &Bytes, arrival_us: u64) -> Result<Received, Dropped> {
        let receiver = self.receivers.get_mut(track).ok_or(Dropped::Track(track))?;
        let received = receiver.rtp(packet, arrival_us)?;
        self.clock.packet(track, &received, arrival_us);
        Ok(received)
    }

    /// Takes an RTCP packet. What cannot be read is passed over.
    pub fn rtcp(&mut self, track: usize, packet: &[u8]) {
        let Some(receiver) = self.receivers.get_mut(track) else { return };
        for tie in receiver.rtcp(packet) {
            self.clock.tie(track, tie);
        }
    }

    /// The time that the tracks share.
    pub fn clock(&mut self) -> &mut SessionClock {
        &mut self.clock
    }

    /// Packets of all tracks.
    pub fn counts(&self) -> Counts {
        self.receivers.iter().map(Receiver::counts).fold(Counts::default(), |sum, counts| Counts {
            packets: sum.packets + counts.packets,
            lost: sum.lost + counts.lost,
            dropped: sum.dropped + counts.dropped,
        })
    }
}
