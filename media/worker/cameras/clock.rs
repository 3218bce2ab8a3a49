//! Stands in for the packets and the clock of `media::rtp`: no sender reports, no jumps.

use bytes::Bytes;

/// What is needed of an RTP packet.
pub(crate) struct RtpPacket {
    pub(crate) payload_type: u8,
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

impl RtpPacket {
    /// Reads a packet (RFC 3550, section 5.1).
    pub(crate) fn parse(packet: &Bytes) -> Option<Self> {
        let head = packet.first_chunk::<12>().filter(|head| head[0] >> 6 == 2)?;
        let mut at = 12 + 4 * usize::from(head[0] & 15);
        if head[0] & 0x10 != 0 {
            let words = packet.get(at + 2..)?.first_chunk::<2>()?;
            at += 4 + 4 * usize::from(u16::from_be_bytes(*words));
        }
        let padding = if head[0] & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
        let end = packet.len().checked_sub(padding)?;
        let timestamp = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        (at <= end).then(|| Self { payload_type: head[1] & 0x7f, timestamp, payload: packet.slice(at..end) })
    }
}

/// Times of the tracks, each from its first packet's arrival.
pub(crate) struct Clock {
    tracks: Vec<TrackClock>,
    first_us: Option<u64>,
}

struct TrackClock {
    rate: u32,
    last: Option<u64>,
    offset: i64,
}

impl Clock {
    /// For tracks of these clock rates.
    pub(crate) fn new(rates: &[u32]) -> Self {
        let tracks = rates.iter().map(|&rate| TrackClock { rate, last: None, offset: 0 });
        Self { tracks: tracks.collect(), first_us: None }
    }

    /// RTP time, extended.
    pub(crate) fn ticks(&mut self, track: usize, timestamp: u32, arrival_us: u64) -> u64 {
        let first_us = *self.first_us.get_or_insert(arrival_us);
        let clock = &mut self.tracks[track];
        let ticks = match clock.last {
            None => {
                let ticks = (1 << 32) + u64::from(timestamp);
                let late_us = arrival_us.saturating_sub(first_us) as i64;
                clock.offset = late_us * i64::from(clock.rate) / 1_000_000 - ticks as i64;
                ticks
            }
            Some(last) => {
                let moved = i64::from(timestamp.wrapping_sub(last as u32).cast_signed());
                last.saturating_add_signed(moved)
            }
        };
        clock.last = Some(ticks);
        ticks
    }

    /// Time on the timeline that all tracks share.
    pub(crate) fn media(&self, track: usize, ticks: u64) -> i64 {
        (ticks as i64).saturating_add(self.tracks[track].offset)
    }
}
