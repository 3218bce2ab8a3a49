//! RTP packets and their header extensions.

use super::ntp::NtpTime;
use bytes::Bytes;

/// Header extension with NTP time that ONVIF's replay uses (ONVIF Streaming Specification, section 6.3).
const PROFILE_ONVIF: u16 = 0xabac;
/// Header extensions with one-byte heads (RFC 8285, section 4.2).
const PROFILE_ONE_BYTE: u16 = 0xbede;
/// Header extensions with two-byte heads, less its four application bits (RFC 8285, section 4.3).
const PROFILE_TWO_BYTE: u16 = 0x1000;

/// Why something is no RTP packet or no RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// It ends within what it says it holds.
    #[error("the packet is cut off")]
    Truncated,
    /// Not version 2.
    #[error("the packet is of RTP version {0}, not 2")]
    Version(u8),
    /// More padding than packet.
    #[error("the packet's padding is longer than the packet")]
    Padding,
}

/// An RTP packet (RFC 3550, section 5.1).
///
/// ```text
/// 0                   1                   2                   3
/// +---+-+-+-------+-+-------------+-------------------------------+
/// |V=2|P|X|  CC   |M| payload type|        sequence number        |
/// +---+-+-+-------+-+-------------+-------------------------------+
/// |                           timestamp                           |
/// +---------------------------------------------------------------+
/// |                    synchronisation source                     |
/// +---------------------------------------------------------------+
/// |  CC contributing sources; with X: profile u16, words u16, …   |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpPacket {
    /// Last packet of a picture, first after silence: as the payload format says.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Counts packets, modulo 2¹⁶.
    pub sequence: u16,
    /// Time of the media in ticks of the track's clock, modulo 2³².
    pub timestamp: u32,
    /// Synchronisation source: whose clock and count these are.
    pub ssrc: u32,
    /// Profile and contents of the header extension, if there is one.
    pub extension: Option<(u16, Bytes)>,
    /// What it carries, without padding.
    pub payload: Bytes,
}

impl RtpPacket {
    /// Reads a packet; nothing is copied.
    pub fn parse(packet: &Bytes) -> Result<Self, RtpError> {
        let head = packet.first_chunk::<12>().ok_or(RtpError::Truncated)?;
        if head[0] >> 6 != 2 {
            return Err(RtpError::Version(head[0] >> 6));
        }
        let mut rest = packet.slice(12..);
        let mut take = |len: usize| {
            if len > rest.len() { Err(RtpError::Truncated) } else { Ok(rest.split_to(len)) }
        };
        take(4 * usize::from(head[0] & 0x0f))?;
        let extension = if head[0] & 0x10 == 0 {
            None
        } else {
            let of = take(4)?;
            let words = u16::from_be_bytes([of[2], of[3]]);
            Some((u16::from_be_bytes([of[0], of[1]]), take(4 * usize::from(words))?))
        };
        if head[0] & 0x20 != 0 {
            let padding = rest.last().map_or(0, |&last| usize::from(last));
            if padding == 0 || padding > rest.len() {
                return Err(RtpError::Padding);
            }
            rest.truncate(rest.len() - padding);
        }
        Ok(Self {
            marker: head[1] & 0x80 != 0,
            payload_type: head[1] & 0x7f,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            extension,
            payload: rest,
        })
    }

    /// Contents of the header extension element with this id (RFC 8285); the first, if there are several.
    pub fn element(&self, id: u8) -> Option<&[u8]> {
        let (profile, bytes) = self.extension.as_ref()?;
        let one_byte = *profile == PROFILE_ONE_BYTE;
        if !one_byte && profile & 0xfff0 != PROFILE_TWO_BYTE {
            return None;
        }
        let mut rest = &bytes[..];
        loop {
            let (&first, after) = rest.split_first()?;
            if first == 0 {
                rest = after; // padding
                continue;
            }
            let (found, len, after) = if one_byte {
                if first >> 4 == 15 {
                    return None; // to be ignored, and all that follows
                }
                (first >> 4, usize::from(first & 0x0f) + 1, after)
            } else {
                let (&len, after) = after.split_first()?;
                (first, usize::from(len), after)
            };
            let (element, after) = after.split_at_checked(len)?;
            if found == id {
                return Some(element);
            }
            rest = after;
        }
    }

    /// When the media was captured, by the sender's clock: from the `ntp-64` extension (RFC 6051, section 3.3) under the id
    /// that the session description gave it, or from ONVIF's replay extension.
    pub fn captured(&self, ntp_extension: Option<u8>) -> Option<NtpTime> {
        let of = |bytes: &[u8]| NtpTime::said(u64::from_be_bytes(*bytes.first_chunk()?));
        match &self.extension {
            Some((PROFILE_ONVIF, bytes)) => of(bytes),
            _ => of(self.element(ntp_extension?)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet as a sender would write it; extension contents are whole words.
    fn write(packet: &RtpPacket, contributing: u8, padding: u8) -> Bytes {
        let mut out = vec![0x80 | contributing & 0x0f, packet.payload_type | u8::from(packet.marker) << 7];
        out.extend_from_slice(&packet.sequence.to_be_bytes());
        out.extend_from_slice(&packet.timestamp.to_be_bytes());
        out.extend_from_slice(&packet.ssrc.to_be_bytes());
        out.resize(out.len() + 4 * usize::from(contributing & 0x0f), 7);
        if let Some((profile, bytes)) = &packet.extension {
            out[0] |= 0x10;
            out.extend_from_slice(&profile.to_be_bytes());
            out.extend_from_slice(&((bytes.len() / 4) as u16).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        out.extend_from_slice(&packet.payload);
        if padding > 0 {
            out[0] |= 0x20;
            out.resize(out.len() + usize::from(padding) - 1, 0);
            out.push(padding);
        }
        out.into()
    }

    fn packet(extension: Option<(u16, &[u8])>) -> RtpPacket {
        RtpPacket {
            marker: true,
            payload_type: 96,
            sequence: 65_535,
            timestamp: 4_000_000_000,
            ssrc: 0xdead_beef,
            extension: extension.map(|(profile, bytes)| (profile, Bytes::copy_from_slice(bytes))),
            payload: Bytes::from_static(b"payload"),
        }
    }

    proptest! {
        #[test]
        fn packets_round_trip(
            contributing in 0_u8..16, padding in 0_u8..=255, words in proptest::option::of(0_usize..20),
            payload in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut packet = packet(None);
            packet.extension = words.map(|words| (0xbede, vec![1; 4 * words].into()));
            packet.payload = payload.into();
            let written = write(&packet, contributing, padding);
            prop_assert_eq!(RtpPacket::parse(&written), Ok(packet.clone()));
            let head = written.len() - packet.payload.len() - usize::from(padding);
            for len in 0..head {
                prop_assert_eq!(RtpPacket::parse(&written.slice(..len)), Err(RtpError::Truncated));
            }
        }

        #[test]
        fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..80), id in any::<u8>()) {
            if let Ok(packet) = RtpPacket::parse(&bytes.into()) {
                packet.element(id);
                packet.captured(Some(id));
            }
        }
    }

    #[test]
    fn other_versions_and_impossible_padding_are_refused() {
        assert_eq!(RtpPacket::parse(&vec![0x40; 12].into()), Err(RtpError::Version(1)));
        let mut bytes = vec![0xa0; 12];
        assert_eq!(RtpPacket::parse(&bytes.clone().into()), Err(RtpError::Padding));
        bytes.extend_from_slice(&[0, 3]);
        assert_eq!(RtpPacket::parse(&bytes.clone().into()), Err(RtpError::Padding));
        bytes[13] = 0;
        assert_eq!(RtpPacket::parse(&bytes.into()), Err(RtpError::Padding));
    }

    #[test]
    fn header_extensions_are_found_among_others() {
        let ntp = (2_208_988_800_u64 + 1_700_000_000) << 32 | 1 << 31;
        let stamp = ntp.to_be_bytes();
        let one_byte = [&[0x10, 9, 0, 0x37][..], &stamp, &[0, 0, 0]].concat();
        let two_byte = [&[1, 0, 0, 3, 8][..], &stamp, &[0, 0, 0]].concat();
        let onvif = [&stamp[..], &[0; 4]].concat();
        for (profile, bytes) in [(0xbede, &one_byte), (0x1003, &two_byte), (0xabac, &onvif)] {
            let found = packet(Some((profile, bytes))).captured(Some(3)).unwrap();
            assert_eq!(found.unix_us(), Some(1_700_000_000_500_000), "profile {profile:x}");
        }
        assert_eq!(packet(Some((0xbede, &one_byte))).element(1), Some(&[9][..]));
        assert_eq!(packet(Some((0x1000, &two_byte))).element(1), Some(&[][..]));
        assert_eq!(packet(Some((0xbede, &one_byte))).captured(Some(4)), None);
        assert_eq!(packet(Some((0xbede, &one_byte))).captured(None), None);
        // An element that is longer than the rest, id 15, another profile.
        assert_eq!(packet(Some((0xbede, &[0x3f, 1, 1, 1]))).element(3), None);
        assert_eq!(packet(Some((0xbede, &[0xf0, 1, 0x30, 1]))).element(3), None);
        assert_eq!(packet(Some((0x9999, &one_byte))).element(3), None);
    }
}
