//! Any packets as those of a track of pictures, H.265 if the first byte is odd and else H.264. The rest is cut into payloads
//! by a length and a byte of flags before each. What comes out is made of whole NAL units.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::rtp::depay::{Depayloaded, Depayloader};
use media::rtp::{Encoding, Received, RtpPacket, RtpTrack};
use std::collections::BTreeMap;

fuzz_target!(|data: &[u8]| {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let encoding = if first & 1 == 1 { Encoding::H265 } else { Encoding::H264 };
    let track = RtpTrack {
        encoding,
        payload_type: 96,
        clock_rate: 90_000,
        channels: 0,
        fmtp: BTreeMap::new(),
        ntp_extension: None,
        control: String::new(),
    };
    let mut depayloader = Depayloader::new(&track).expect("an encoding of pictures");
    let empty = RtpPacket::parse(&Bytes::from_static(&[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).expect("a head");
    let mut ticks = 0;
    while let Some((&[len, flags], after)) = rest.split_first_chunk() {
        let (payload, after) = after.split_at(after.len().min(len.into()));
        rest = after;
        ticks += i64::from(flags & 1);
        depayloader.push(&Received {
            packet: RtpPacket {
                marker: flags & 2 != 0,
                payload: Bytes::copy_from_slice(payload),
                ..empty.clone()
            },
            ticks,
            sequence: 0,
            lost: u32::from(flags & 4 != 0),
            late: flags & 8 != 0,
            restarted: flags & 16 != 0,
            tie: None,
        });
    }
    depayloader.end();
    let mut bytes = 0;
    for out in depayloader.take() {
        match out {
            Depayloaded::Parameters(sets) => {
                assert!(sets.sequence().count() > 0 && sets.picture().count() > 0);
                assert_eq!(sets.video().count() > 0, encoding == Encoding::H265);
            }
            Depayloaded::Unit { data, .. } => {
                bytes += data.len();
                let mut rest = &data[..];
                while let Some((&len, after)) = rest.split_first_chunk() {
                    rest = &after[u32::from_be_bytes(len) as usize..];
                }
                assert!(rest.is_empty() && !data.is_empty());
            }
        }
    }
    // A length of four bytes in place of one of two, or of none.
    assert!(bytes <= 5 * data.len());
});
