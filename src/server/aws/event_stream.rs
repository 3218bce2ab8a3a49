//! Frames of `application/vnd.amazon.eventstream`: what an operation answers that goes on answering.
//!
//! ```text
//! +-----------+-------------+---------+---------+---------+---------+
//! | total u32 | headers u32 | CRC u32 | headers | payload | CRC u32 |
//! +-----------+-------------+---------+---------+---------+---------+
//!                            of the                        of all
//!                            8 before                      before
//! a header:  name's length u8 | name | 7 (a text) u8 | value's length u16 | value
//! ```
//! Numbers are big-endian; `total` counts the whole frame; the CRC is that of zlib (CRC-32/ISO-HDLC).

use bytes::{BufMut, Bytes, BytesMut};

/// Content type of the answer.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";
/// What stands before the headers.
const PRELUDE_BYTES: usize = 12;
const CRC_BYTES: usize = 4;
/// The type of a header whose value is a text.
const TEXT: u8 = 7;

/// A message of a kind.
pub(crate) fn event(kind: &str, content_type: &str, payload: &[u8]) -> Bytes {
    frame(&[(":message-type", "event"), (":event-type", kind), (":content-type", content_type)], payload)
}

/// The end of the stream, for a reason that clients branch on.
pub(crate) fn exception(code: &str, content_type: &str, payload: &[u8]) -> Bytes {
    frame(
        &[(":message-type", "exception"), (":exception-type", code), (":content-type", content_type)],
        payload,
    )
}

/// A frame. Headers are our own: short names and values.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let header_bytes: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let total = PRELUDE_BYTES + header_bytes + payload.len() + CRC_BYTES;
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u32(u32::try_from(total).unwrap_or(u32::MAX));
    frame.put_u32(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    frame.put_u32(crc32fast::hash(&frame));
    for (name, value) in headers {
        frame.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        frame.put_slice(name.as_bytes());
        frame.put_u8(TEXT);
        frame.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        frame.put_slice(value.as_bytes());
    }
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;
    use proptest::prelude::*;

    type Parsed = (Vec<(String, String)>, Vec<u8>);

    /// Reads a frame as the format says it, all of it.
    fn parse(mut frame: &[u8]) -> Option<Parsed> {
        let all = frame;
        let (total, header_bytes) = (frame.try_get_u32().ok()?, frame.try_get_u32().ok()? as usize);
        if total as usize != all.len() || frame.try_get_u32().ok()? != crc32fast::hash(&all[..8]) {
            return None;
        }
        let (body, crc) = all.split_at(all.len().checked_sub(CRC_BYTES)?);
        if crc != crc32fast::hash(body).to_be_bytes() {
            return None;
        }
        let mut headers = body.get(PRELUDE_BYTES..PRELUDE_BYTES + header_bytes)?;
        let mut found = Vec::new();
        while headers.has_remaining() {
            let mut text = |len: usize| {
                let (text, rest) = headers.split_at_checked(len)?;
                headers = rest;
                String::from_utf8(text.to_vec()).ok()
            };
            let len = text(1)?.into_bytes()[0];
            let name = text(len.into())?;
            assert_eq!(text(1)?.into_bytes(), [TEXT]);
            let len = text(2)?.into_bytes();
            found.push((name, text(u16::from_be_bytes([len[0], len[1]]).into())?));
        }
        Some((found, body[PRELUDE_BYTES + header_bytes..].to_vec()))
    }

    /// A frame as it was put together by hand.
    #[test]
    fn a_frame_has_this_layout() {
        let found = frame(&[("a", "bc")], b"{}");
        assert_eq!(found[..8], [0, 0, 0, 25, 0, 0, 0, 7]);
        assert_eq!(found[12..21], [1, b'a', 7, 0, 2, b'b', b'c', b'{', b'}']);
        // The CRC of nine digits is known.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn kinds() {
        let (headers, payload) = parse(&event("initial-response", "text/plain", b"")).unwrap();
        assert_eq!(payload, b"");
        let names: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            (":message-type", "event"),
            (":event-type", "initial-response"),
            (":content-type", "text/plain"),
        ];
        assert_eq!(names, expected);
        let (headers, _) = parse(&exception("ResourceInUseException", "text/plain", b"x")).unwrap();
        assert_eq!(headers[0].1, "exception");
        assert_eq!(headers[1], (":exception-type".to_owned(), "ResourceInUseException".to_owned()));
    }

    proptest! {
        #[test]
        fn round_trip_and_truncation(
            headers in proptest::collection::vec(("[a-z:-]{1,40}", "[ -~]{0,100}"), 0..6),
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            flip in any::<prop::sample::Index>(),
        ) {
            let borrowed: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let frame = frame(&borrowed, &payload);
            prop_assert_eq!(parse(&frame), Some((headers, payload)));
            for len in 0..frame.len() {
                prop_assert_eq!(parse(&frame[..len]), None);
            }
            let mut altered = frame.to_vec();
            altered[flip.index(frame.len())] ^= 1;
            prop_assert_eq!(parse(&altered), None);
        }
    }
}
