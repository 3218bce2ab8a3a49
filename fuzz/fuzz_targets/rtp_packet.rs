//! Any bytes as an RTP packet, as an RTCP packet, and as a sequence of both that one receiver and its clock take. The
//! input is cut into packets by a length byte before each; the length's lowest bit says RTCP.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::rtp::{Encoding, RtpPacket, RtpSession, RtpTrack, is_rtcp, reports};
use std::collections::BTreeMap;

fn track(encoding: Encoding, payload_type: u8, clock_rate: u32) -> RtpTrack {
    RtpTrack {
        encoding,
        payload_type,
        clock_rate,
        channels: 0,
        fmtp: BTreeMap::new(),
        ntp_extension: Some(1),
        control: String::new(),
    }
}

fuzz_target!(|data: &[u8]| {
    let data = Bytes::copy_from_slice(data);
    let _ = RtpPacket::parse(&data).map(|packet| (packet.element(1), packet.captured(Some(1))).0.is_some());
    is_rtcp(&data);
    assert!(reports(&data).count() <= data.len() / 4 + 1);

    let tracks = [track(Encoding::H264, 96, 90_000), track(Encoding::Opus, 97, 48_000)];
    let mut session = RtpSession::new(&tracks);
    let (mut rest, mut arrival_us, mut last) = (data, 1_700_000_000_000_000, [i64::MIN; 2]);
    while let Some(&len) = rest.first() {
        let end = rest.len().min(1 + usize::from(len));
        let packet = rest.split_to(end).slice(1..);
        arrival_us += u64::from(len) * 10_000;
        if len & 1 == 1 {
            session.rtcp(usize::from(len >> 1 & 1), &packet);
            continue;
        }
        let index = usize::from(len >> 1 & 1);
        let Ok(received) = session.rtp(index, &packet, arrival_us) else { continue };
        let settled = session.clock().is_settled();
        let media = session.clock().media_ticks(index, received.ticks);
        assert!(!settled || media.is_some());
        // Time stays within what a packet may go back.
        if let Some(media) = media.filter(|_| !received.late) {
            assert!(media > last[index].saturating_sub(3 * i64::from(tracks[index].clock_rate)));
            last[index] = last[index].max(media);
        }
    }
});
