//! The Transport header (RFC 2326, section 12.39): how a client wants to send a track.
//!
//! Read here and not by `rtsp-types`, whose reader indexes into strings that a client writes.

/// A way that a client offers and that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// In the connection itself, on these channels if the client says so: the first, and the one for reports.
    Interleaved(Option<(u8, u8)>),
    /// In datagrams, from these ports of the client's, if it says so.
    Udp(Option<(u16, u16)>),
}

/// Alternatives that are read, and parts of each.
const PARTS_MAX: usize = 32;

/// What the header offers that we know, in the client's order.
pub(super) fn offers(header: &str) -> Vec<Offer> {
    split(header, ',').into_iter().filter_map(offer).collect()
}

fn offer(alternative: &str) -> Option<Offer> {
    let mut parts = split(alternative, ';').into_iter();
    let protocol = parts.next()?.trim().to_ascii_uppercase();
    let (mut channels, mut ports, mut interleaved) = (None, None, false);
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "multicast" => return None,
            "interleaved" => (interleaved, channels) = (true, pair::<u8>(value)),
            "client_port" => ports = pair::<u16>(value),
            _ => {}
        }
    }
    match protocol.as_str() {
        "RTP/AVP/TCP" | "RTP/AVPF/TCP" => Some(Offer::Interleaved(channels)),
        // Seen from cameras whose authors read the standard quickly.
        "RTP/AVP" | "RTP/AVPF" if interleaved => Some(Offer::Interleaved(channels)),
        "RTP/AVP" | "RTP/AVPF" | "RTP/AVP/UDP" | "RTP/AVPF/UDP" => Some(Offer::Udp(ports)),
        _ => None,
    }
}

/// `4-5`, or `4` alone, which means the same.
fn pair<T: std::str::FromStr + Copy + PartialOrd + TryFrom<u32>>(text: &str) -> Option<(T, T)>
where
    u32: From<T>,
{
    let text = text.trim();
    let (first, second) = text.split_once('-').unwrap_or((text, ""));
    let first = first.parse::<T>().ok()?;
    let second = match second {
        "" => T::try_from(u32::from(first) + 1).ok()?,
        second => second.parse::<T>().ok()?,
    };
    (first < second).then_some((first, second))
}

/// Splits outside of quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(|character| {
        quoted ^= character == '"';
        character == at && !quoted
    });
    parts.take(PARTS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_clients_send() {
        let cases: [(&str, &[Offer]); 9] = [
            ("RTP/AVP/TCP;unicast;interleaved=0-1;mode=record", &[Offer::Interleaved(Some((0, 1)))]),
            ("RTP/AVP/UDP;unicast;client_port=5000-5001;mode=record", &[Offer::Udp(Some((5000, 5001)))]),
            ("RTP/AVP;unicast;client_port=6970", &[Offer::Udp(Some((6970, 6971)))]),
            ("rtp/avp/tcp;unicast", &[Offer::Interleaved(None)]),
            (
                "RTP/AVP;multicast;port=1-2,RTP/AVPF;unicast;client_port=8-9;mode=\"PLAY,RECORD\",RTP/AVP/TCP;interleaved=254",
                &[Offer::Udp(Some((8, 9))), Offer::Interleaved(Some((254, 255)))],
            ),
            ("RTP/SAVP;unicast;client_port=1-2", &[]),
            ("RTP/AVP/TCP;interleaved=255", &[Offer::Interleaved(None)]),
            ("RTP/AVP/TCP;interleaved=3-2", &[Offer::Interleaved(None)]),
            ("", &[]),
        ];
        for (header, expected) in cases {
            assert_eq!(offers(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\\PC\",;=-]{0,200}") {
            offers(&text);
            offers(&format!("RTP/AVP;interleaved={text}"));
        }
    }
}
