//! RTCP: what a sender reports about its streams.

use super::RtpError;
use super::ntp::NtpTime;

/// Sender report (RFC 3550, section 6.4.1).
const SENDER_REPORT: u8 = 200;
/// Goodbye (section 6.6).
const GOODBYE: u8 = 203;
/// Packet types of RTCP; see [`is_rtcp`].
const TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// What is of use in an RTCP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The sender ties its media's clock to its own.
    Sender {
        /// The synchronisation source that it is about.
        ssrc: u32,
        /// The time of the report; `None` when the sender has no clock.
        ntp: Option<NtpTime>,
        /// The same instant in ticks of the media, modulo 2³².
        timestamp: u32,
    },
    /// These synchronisation sources send nothing more.
    Goodbye {
        /// The sources.
        ssrcs: Vec<u32>,
    },
}

/// Whether a packet on a channel that carries both is RTCP (RFC 5761, section 4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| TYPES.contains(kind))
}

/// Reads a compound packet: packets one after the other, of which those that are of use are given. Others are passed over
/// by their length, and so is what is wrong within one; an error ends the reading and spoils nothing before it.
///
/// ```text
/// 0                   1
/// +---+-+-----+---------------+---------------+
/// |V=2|P|count| packet type   | length u16    |  length in words, less one
/// +---+-+-----+---------------+---------------+
/// | sender report: ssrc u32 | NTP u64 | timestamp u32 | packets u32 | octets u32 | …
/// | goodbye:       count × ssrc u32 | …
/// ```
pub fn reports(packet: &[u8]) -> impl Iterator<Item = Result<Report, RtpError>> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            match split(rest) {
                Ok((one, after)) => {
                    rest = after;
                    if let Some(report) = read(one) {
                        return Some(Ok(report));
                    }
                }
                Err(error) => {
                    rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    })
}

/// The first packet, and what follows it.
fn split(compound: &[u8]) -> Result<(&[u8], &[u8]), RtpError> {
    let head = compound.first_chunk::<4>().ok_or(RtpError::Truncated)?;
    if head[0] >> 6 != 2 {
        return Err(RtpError::Version(head[0] >> 6));
    }
    let len = 4 * (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1);
    compound.split_at_checked(len).ok_or(RtpError::Truncated)
}

fn read(packet: &[u8]) -> Option<Report> {
    let word =
        |at: usize| packet.get(4 * at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
    match *packet.get(1)? {
        SENDER_REPORT => {
            let ntp = u64::from(word(2)?) << 32 | u64::from(word(3)?);
            Some(Report::Sender { ssrc: word(1)?, ntp: NtpTime::said(ntp), timestamp: word(4)? })
        }
        GOODBYE => {
            let count = usize::from(packet.first()? & 0x1f);
            Some(Report::Goodbye { ssrcs: (1..=count).map_while(word).collect() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NTP: u64 = (2_208_988_800 + 1_700_000_000) << 32;

    fn compound() -> Vec<u8> {
        let mut out = vec![0x80, 200, 0, 6, 0, 0, 0, 9];
        out.extend_from_slice(&NTP.to_be_bytes());
        out.extend_from_slice(&[0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
        out.extend_from_slice(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 1, b'x', 0]); // SDES
        out.extend_from_slice(&[0x82, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 10]);
        out
    }

    #[test]
    fn a_compound_packet_says_what_is_of_use() {
        let packet = compound();
        assert!(is_rtcp(&packet) && !is_rtcp(&[0x80, 0x80 | 96]) && !is_rtcp(&[0x80]));
        let found: Vec<_> = reports(&packet).collect();
        let sender = Report::Sender { ssrc: 9, ntp: NtpTime::said(NTP), timestamp: 256 };
        let goodbye = Report::Goodbye { ssrcs: vec![9, 10] };
        assert_eq!(found, [Ok(sender.clone()), Ok(goodbye)]);
        // Wherever it is cut, what came whole before stands.
        for len in 0..packet.len() {
            let found: Vec<_> = reports(&packet[..len]).collect();
            let whole = [0, 28, 40].contains(&len);
            assert_eq!(found.last().is_some_and(Result::is_err), !whole, "cut at {len}");
            assert_eq!(found.first() == Some(&Ok(sender.clone())), len >= 28, "cut at {len}");
        }
    }

    #[test]
    fn what_is_wrong_is_passed_over_or_ends_the_reading() {
        // A sender report that is too short for what it must hold, then one without a clock.
        let mut packet = vec![0x80, 200, 0, 1, 0, 0, 0, 9];
        packet.extend_from_slice(&compound()[..28]);
        packet[16..24].fill(0);
        let found: Vec<_> = reports(&packet).collect();
        assert_eq!(found, [Ok(Report::Sender { ssrc: 9, ntp: None, timestamp: 256 })]);
        assert_eq!(reports(&[0x40, 200, 0, 0]).collect::<Vec<_>>(), [Err(RtpError::Version(1))]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(reports(&bytes).count() <= bytes.len() / 4 + 1);
        }
    }
}
