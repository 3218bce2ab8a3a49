//! One track's packets as they arrive: whose they are, which are missing, and their time without wrapping around.

use super::ntp::NtpTime;
use super::packet::{RtpError, RtpPacket};
use super::rtcp::{Report, reports};
use super::track::RtpTrack;
use bytes::Bytes;

/// A packet this far behind the newest is late; one further behind begins a new count.
const LATE_MAX: i64 = 3_000;
/// Packets missing in a row that are believed to be lost; more, and the sender has begun a new count.
const LOST_MAX: i64 = 3_000;
/// Timestamps go back this far, in seconds, where pictures are sent in decoding order.
const BACK_S: i64 = 2;
/// Timestamps go ahead this far, in seconds, whenever the packets arrive; further only if so much time has passed here.
const AHEAD_S: i64 = 10;
/// So far, in seconds, the clock of a new source may be from where the one before would be, to be the same.
const SAME_CLOCK_S: i64 = 2;

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// It is no RTP packet.
    #[error(transparent)]
    NotRtp(#[from] RtpError),
    /// It has another payload type than the track's.
    #[error("the packet has payload type {0}, which is not the track's")]
    PayloadType(u8),
    /// The camera has announced fewer tracks.
    #[error("there is no track {0}")]
    Track(usize),
    /// It came before.
    #[error("the packet came twice")]
    Duplicate,
}

/// A packet that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The packet.
    pub packet: RtpPacket,
    /// Its time, counted from the track's first packet: its timestamp without wrapping around. Of a packet before that one,
    /// below 0. When the sender's clock leaps, it goes on by the time of arrival instead.
    pub ticks: i64,
    /// Its sequence number without wrapping around.
    pub sequence: i64,
    /// Packets missing right before it. It may still be that they come late.
    pub lost: u32,
    /// Whether it is older than one before it.
    pub late: bool,
    /// Whether the sender has begun anew: another source, count or clock.
    pub restarted: bool,
    /// When it was captured by the sender's clock, if the packet itself says so, or a report that came before all packets.
    pub tie: Option<Tie>,
}

/// An instant both in ticks of a track and by the sender's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    /// In ticks as [`Received::ticks`] counts them.
    pub ticks: i64,
    /// By the sender's clock.
    pub ntp: NtpTime,
}

/// Counts of a track's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken.
    pub packets: u64,
    /// Missing, by their sequence numbers.
    pub lost: u64,
    /// Not taken.
    pub dropped: u64,
}

/// Takes one track's packets. It does not put them in order: that is what a jitter buffer before it does, over UDP.
#[derive(Debug)]
pub struct Receiver {
    payload_type: u8,
    ntp_extension: Option<u8>,
    rate: i64,
    newest: Option<Newest>,
    /// Of a source that has sent no packet yet.
    early: Option<Report>,
    counts: Counts,
}

/// Of the newest packet, by sequence number.
#[derive(Clone, Copy, Debug)]
struct Newest {
    ssrc: u32,
    sequence: i64,
    /// Which of the 64 packets up to it have come, the lowest bit being itself.
    seen: u64,
    timestamp: u32,
    ticks: i64,
    /// The highest ticks so far.
    ticks_max: i64,
    arrival_us: u64,
}

impl Receiver {
    /// For a track.
    pub fn new(track: &RtpTrack) -> Self {
        Self {
            payload_type: track.payload_type,
            ntp_extension: track.ntp_extension,
            rate: i64::from(track.clock_rate.max(1)),
            newest: None,
            early: None,
            counts: Counts::default(),
        }
    }

    /// What has come so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a packet that came at `arrival_us`, in microseconds of a clock that does not leap.
    pub fn rtp(&mut self, packet: &Bytes, arrival_us: u64) -> Result<Received, Dropped> {
        let taken = self.take(packet, arrival_us);
        match &taken {
            Ok(received) => {
                self.counts.packets += 1;
                let found = u64::from(received.late && !received.restarted);
                self.counts.lost = (self.counts.lost + u64::from(received.lost)).saturating_sub(found);
            }
            Err(_) => self.counts.dropped += 1,
        }
        taken
    }

    fn take(&mut self, packet: &Bytes, arrival_us: u64) -> Result<Received, Dropped> {
        let packet = RtpPacket::parse(packet)?;
        if packet.payload_type != self.payload_type {
            return Err(Dropped::PayloadType(packet.payload_type));
        }
        let captured = packet.captured(self.ntp_extension);
        let mut received = self.place(packet, arrival_us)?;
        received.tie = captured.map(|ntp| Tie { ticks: received.ticks, ntp });
        if let Some(early) = self.early.take_if(|_| received.tie.is_none()) {
            received.tie = self.tie(&early);
        }
        Ok(received)
    }

    /// Gives a packet its place behind those before it.
    fn place(&mut self, packet: RtpPacket, arrival_us: u64) -> Result<Received, Dropped> {
        let mut received =
            Received { packet, ticks: 0, sequence: 0, lost: 0, late: false, restarted: false, tie: None };
        let packet = &received.packet;
        let Some(newest) = &mut self.newest else {
            received.sequence = packet.sequence.into();
            self.newest = Some(Newest::of(&received, arrival_us));
            return Ok(received);
        };
        let same_source = packet.ssrc == newest.ssrc;
        let step = i64::from(packet.sequence.wrapping_sub(newest.sequence as u16) as i16);
        let same_count = same_source && (-LATE_MAX..=LOST_MAX + 1).contains(&step);
        if same_count && step <= 0 {
            let seen = 1_u64.checked_shl(step.unsigned_abs() as u32).unwrap_or(0);
            if newest.seen & seen != 0 {
                return Err(Dropped::Duplicate);
            }
            newest.seen |= seen;
            received.late = true;
            received.sequence = newest.sequence + step;
            let back = i64::from(packet.timestamp.wrapping_sub(newest.timestamp) as i32);
            received.ticks = newest.ticks + back.clamp(-BACK_S * self.rate, BACK_S * self.rate);
            return Ok(received);
        }
        let (ticks, leapt) = newest.go_on(packet.timestamp, same_source, self.rate, arrival_us);
        received.ticks = ticks;
        received.restarted = leapt || !same_count;
        let mut seen = 1;
        if same_count {
            received.sequence = newest.sequence + step;
            received.lost = u32::try_from(step - 1).unwrap_or(0);
            seen |= newest.seen.checked_shl(step as u32).unwrap_or(0);
        } else {
            // The next number that has the new count's lower 16 bits.
            let next = newest.sequence + 1;
            received.sequence = next + i64::from(packet.sequence.wrapping_sub(next as u16));
        }
        let ticks_max = newest.ticks_max.max(ticks);
        *newest = Newest { seen, ticks_max, ..Newest::of(&received, arrival_us) };
        Ok(received)
    }

    /// Takes an RTCP packet of the track: the ties that it gives. A report that comes before the first packet of its source
    /// is kept for that.
    pub fn rtcp(&mut self, packet: &[u8]) -> Vec<Tie> {
        let mut ties = Vec::new();
        for report in reports(packet).map_while(Result::ok) {
            match (self.tie(&report), &report) {
                (Some(tie), _) => ties.push(tie),
                (None, Report::Sender { .. }) => self.early = Some(report),
                (None, Report::Goodbye { .. }) => {}
            }
        }
        ties
    }

    fn tie(&self, report: &Report) -> Option<Tie> {
        let (Report::Sender { ssrc, ntp: Some(ntp), timestamp }, Some(newest)) = (report, &self.newest)
        else {
            return None;
        };
        let since = i64::from(timestamp.wrapping_sub(newest.timestamp) as i32);
        (*ssrc == newest.ssrc).then_some(Tie { ticks: newest.ticks + since, ntp: *ntp })
    }
}

impl Newest {
    fn of(received: &Received, arrival_us: u64) -> Self {
        let Received { packet, ticks, sequence, .. } = received;
        Self {
            ssrc: packet.ssrc,
            sequence: *sequence,
            seen: 1,
            timestamp: packet.timestamp,
            ticks: *ticks,
            ticks_max: *ticks,
            arrival_us,
        }
    }

    /// The ticks of a packet that follows, and whether its timestamp leapt, so that the ticks are by its arrival instead.
    fn go_on(&self, timestamp: u32, same_source: bool, rate: i64, arrival_us: u64) -> (i64, bool) {
        let step = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let waited_us = arrival_us.saturating_sub(self.arrival_us).min(1 << 52);
        let waited = (i128::from(waited_us) * i128::from(rate) / 1_000_000) as i64;
        let off = |most_s: i64| step > 0 && step.abs_diff(waited) <= (most_s * rate).unsigned_abs();
        let goes_on = if same_source {
            // Back from the highest, so that steps back do not add up.
            let back = self.ticks_max.saturating_sub(self.ticks.saturating_add(step));
            (back <= BACK_S * rate && step <= AHEAD_S * rate) || off(AHEAD_S)
        } else {
            off(SAME_CLOCK_S)
        };
        if goes_on {
            return (self.ticks + step, false);
        }
        // At least a little ahead of everything before.
        (self.ticks_max + waited.max(rate / 50).max(1), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Encoding;
    use proptest::prelude::*;

    fn receiver() -> Receiver {
        Receiver::new(&RtpTrack {
            encoding: Encoding::H264,
            payload_type: 96,
            clock_rate: 90_000,
            channels: 0,
            fmtp: Default::default(),
            ntp_extension: None,
            control: String::new(),
        })
    }

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Bytes {
        let mut out = vec![0x80, 96];
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.into()
    }

    fn report(ssrc: u32, unix_s: u64, timestamp: u32) -> Vec<u8> {
        let mut out = vec![0x80, 200, 0, 6];
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.extend_from_slice(&((2_208_988_800 + unix_s) << 32).to_be_bytes());
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        out
    }

    const UNIX_S: u64 = 1_700_000_000;

    #[test]
    fn numbers_and_times_go_on_where_they_wrap_around() {
        let mut receiver = receiver();
        let start = u32::MAX - 4_000;
        for index in 0..100_u32 {
            let (sequence, timestamp) =
                (65_500_u16.wrapping_add(index as u16), start.wrapping_add(index * 3_000));
            let came = receiver.rtp(&packet(1, sequence, timestamp), u64::from(index) * 33_333).unwrap();
            assert_eq!((came.ticks, came.sequence), (i64::from(index) * 3_000, 65_500 + i64::from(index)));
            assert!(!came.late && !came.restarted && came.lost == 0);
        }
        assert_eq!(receiver.counts(), Counts { packets: 100, lost: 0, dropped: 0 });
    }

    #[test]
    fn missing_late_and_repeated_packets_are_told_apart() {
        let mut receiver = receiver();
        let mut push = |sequence| receiver.rtp(&packet(1, sequence, 0), 0);
        push(10).unwrap();
        assert_eq!(push(13).unwrap().lost, 2);
        let late = push(11).unwrap();
        assert!(late.late && late.sequence == 11);
        assert_eq!(push(11), Err(Dropped::Duplicate));
        assert_eq!(push(13), Err(Dropped::Duplicate));
        assert_eq!(push(10), Err(Dropped::Duplicate));
        assert!(push(9).unwrap().late, "before the first of all");
        let other = Bytes::from_static(&[0x80, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(receiver.rtp(&other, 0), Err(Dropped::PayloadType(97)));
        assert!(matches!(receiver.rtp(&Bytes::new(), 0), Err(Dropped::NotRtp(_))));
        // 9 was never counted as missing; that it makes up for 12 is the price of a simple count.
        assert_eq!(receiver.counts(), Counts { packets: 4, lost: 0, dropped: 5 });
    }

    #[test]
    fn pictures_in_decoding_order_go_back_a_little() {
        let mut receiver = receiver();
        let ticks: Vec<i64> = [(1, 0), (2, 9_000), (3, 3_000), (4, 6_000)]
            .map(|(sequence, timestamp)| receiver.rtp(&packet(1, sequence, timestamp), 0).unwrap().ticks)
            .to_vec();
        assert_eq!(ticks, [0, 9_000, 3_000, 6_000]);
    }

    #[test]
    fn a_clock_that_leaps_goes_on_by_arrival() {
        for (ssrc, sequence, timestamp) in
            [(1, 2, 50_000_000), (1, 2, 3_000_000_000), (2, 900, 77), (1, 30_000, 4_000_000_000)]
        {
            let mut receiver = receiver();
            receiver.rtp(&packet(1, 1, 9_000_000), 1_000_000).unwrap();
            let came = receiver.rtp(&packet(ssrc, sequence, timestamp), 1_500_000).unwrap();
            assert_eq!((came.ticks, came.restarted), (45_000, true));
            let next = receiver.rtp(&packet(ssrc, sequence + 1, timestamp + 3_000), 1_533_000).unwrap();
            assert_eq!((next.ticks, next.restarted, next.lost), (48_000, false, 0));
            assert_eq!(next.sequence, came.sequence + 1);
        }
        // A camera that was silent for as long as its timestamps say has not leapt, nor has one that sends a backlog.
        let mut receiver = receiver();
        receiver.rtp(&packet(1, 1, 0), 0).unwrap();
        let came = receiver.rtp(&packet(1, 2, 90_000 * 60), 58_000_000).unwrap();
        assert_eq!((came.ticks, came.restarted), (90_000 * 60, false));
        let came = receiver.rtp(&packet(1, 3, 90_000 * 61), 158_000_000).unwrap();
        assert_eq!((came.ticks, came.restarted), (90_000 * 61, false));
    }

    #[test]
    fn reports_tie_ticks_to_the_senders_clock() {
        let mut receiver = receiver();
        // One that comes before all packets is not lost.
        assert_eq!(receiver.rtcp(&report(1, UNIX_S, 5_000)), []);
        let came = receiver.rtp(&packet(1, 1, 5_900), 0).unwrap();
        let ntp = NtpTime::at_unix_us(UNIX_S as i64 * 1_000_000);
        assert_eq!(came.tie, Some(Tie { ticks: -900, ntp }));
        let ties = receiver.rtcp(&report(1, UNIX_S + 1, 95_900));
        assert_eq!(ties, [Tie { ticks: 90_000, ntp: NtpTime::at_unix_us((UNIX_S as i64 + 1) * 1_000_000) }]);
        assert_eq!(receiver.rtcp(&report(2, UNIX_S, 0)), [], "another source");
    }

    proptest! {
        /// Whatever comes, time does not go back further than pictures in decoding order do.
        #[test]
        fn ticks_never_leap_back(
            steps in prop::collection::vec((
                0_u32..3, any::<u16>(), prop_oneof![any::<u32>(), 0_u32..500_000], any::<bool>(), 0_u64..100_000_000,
            ), 1..60),
        ) {
            let mut receiver = receiver();
            let (mut highest, mut arrival_us, mut last) = (0, 0, 0_u32);
            for (ssrc, sequence, step, back, waited_us) in steps {
                let timestamp = if back { last.wrapping_sub(step) } else { last.wrapping_add(step) };
                last = timestamp;
                arrival_us += waited_us;
                if let Ok(came) = receiver.rtp(&packet(ssrc, sequence, timestamp), arrival_us) {
                    prop_assert!(came.late || came.ticks >= highest - BACK_S * 90_000);
                    if !came.late {
                        highest = highest.max(came.ticks);
                    }
                }
            }
        }
    }
}
