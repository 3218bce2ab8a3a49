//! Telling requests and packets apart in a connection's bytes.
//!
//! A connection carries requests (text, perhaps with a body) and, between them, packets:
//!
//! ```text
//! `$` | channel u8 | length u16 (big-endian) | packet          RFC 2326, section 10.12
//! ```

use bytes::{Buf, BytesMut};
use rtsp_types::{Message, Request};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Longest body of a request: a session description, most of the time.
const BODY_BYTES_MAX: usize = 64 << 10;
const PACKET_HEAD_BYTES: usize = 4;

/// What a connection carries next.
#[derive(Debug, PartialEq)]
pub(super) enum Frame<'a> {
    /// A packet on a channel.
    Packet { channel: u8, data: &'a [u8] },
    /// A request.
    Request(Request<Vec<u8>>),
    /// An answer to something that we never asked.
    Answer,
}

/// The connection carries something else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("not RTSP")]
    Garbage,
    #[error("a request's head is longer than {HEAD_BYTES_MAX} bytes")]
    HeadTooLong,
    #[error("a request's body is longer than {BODY_BYTES_MAX} bytes")]
    BodyTooLong,
}

/// Takes a connection's bytes apart. Holds at most one incomplete frame and what was read in one go.
#[derive(Default)]
pub(super) struct Framer {
    buffer: BytesMut,
    /// Where the next frame begins.
    at: usize,
    /// Bytes of the next frame in which the end of its head has been looked for: a client that sends byte by byte must
    /// not make us search from the start each time.
    searched: usize,
}

impl Framer {
    /// Reads about `bytes` at most; 0 means that the connection has ended. Nothing is lost if this is dropped.
    pub(super) async fn read(
        &mut self,
        io: &mut (impl AsyncRead + Unpin),
        bytes: usize,
    ) -> io::Result<usize> {
        self.buffer.advance(self.at);
        self.at = 0;
        self.buffer.reserve(bytes);
        io.read_buf(&mut self.buffer).await
    }

    /// The next frame, if it is complete. After an error nothing more can be told apart.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>, FramingError> {
        while let Some(b'\r' | b'\n') = self.buffer.get(self.at) {
            self.at += 1;
        }
        match self.buffer.get(self.at) {
            None => Ok(None),
            Some(b'$') => {
                let rest = &self.buffer[self.at..];
                let len = match rest.get(2..PACKET_HEAD_BYTES) {
                    Some(len) => usize::from(u16::from_be_bytes([len[0], len[1]])),
                    None => return Ok(None),
                };
                let Some(data) = rest.get(PACKET_HEAD_BYTES..PACKET_HEAD_BYTES + len) else {
                    return Ok(None);
                };
                self.at += PACKET_HEAD_BYTES + len;
                Ok(Some(Frame::Packet { channel: rest[1], data }))
            }
            Some(first) if first.is_ascii_alphabetic() => self.message(),
            Some(_) => Err(FramingError::Garbage),
        }
    }

    fn message(&mut self) -> Result<Option<Frame<'_>>, FramingError> {
        let rest = &self.buffer[self.at..];
        // The four bytes may stand across the border of what was searched.
        let from = self.searched.saturating_sub(3);
        let Some(end) = rest[from..].windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            self.searched = rest.len();
            return if rest.len() > HEAD_BYTES_MAX { Err(FramingError::HeadTooLong) } else { Ok(None) };
        };
        let head = from + end + 4;
        if head > HEAD_BYTES_MAX {
            return Err(FramingError::HeadTooLong);
        }
        self.searched = from + end;
        let body = content_length(&rest[..head])?;
        if body > BODY_BYTES_MAX {
            return Err(FramingError::BodyTooLong);
        }
        let Some(whole) = rest.get(..head + body) else { return Ok(None) };
        let parsed = Message::<Vec<u8>>::parse(whole).map_err(|_| FramingError::Garbage)?;
        self.at += whole.len();
        self.searched = 0;
        match parsed {
            // Read differently by us than by the parser, and so perhaps by a proxy in between.
            (_, consumed) if consumed != head + body => Err(FramingError::Garbage),
            (Message::Request(request), _) => Ok(Some(Frame::Request(request))),
            (Message::Response(_), _) => Ok(Some(Frame::Answer)),
            (Message::Data(_), _) => Err(FramingError::Garbage),
        }
    }
}

/// Bytes of body that a head announces.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let head = std::str::from_utf8(head).map_err(|_| FramingError::Garbage)?;
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    match lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        Some((_, value)) => value.trim().parse().map_err(|_| FramingError::Garbage),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtsp_types::Method;

    const ANNOUNCE: &[u8] = b"ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\ncontent-length: 5\r\n\r\nv=0\r\n";
    const PACKET: &[u8] = b"$\x02\x00\x03abc";

    fn feed(framer: &mut Framer, bytes: &[u8]) {
        let at = std::mem::take(&mut framer.at);
        framer.buffer.advance(at);
        framer.buffer.extend_from_slice(bytes);
    }

    /// What came, in short.
    fn drain(framer: &mut Framer) -> Result<Vec<String>, FramingError> {
        let mut found = Vec::new();
        while let Some(frame) = framer.next()? {
            found.push(match frame {
                Frame::Packet { channel, data } => format!("{channel}:{}", data.escape_ascii()),
                Frame::Request(request) => format!("{:?}+{}", request.method(), request.body().len()),
                Frame::Answer => "answer".to_owned(),
            });
        }
        Ok(found)
    }

    #[test]
    fn requests_and_packets_come_apart_wherever_the_reads_fall() {
        let bytes = [ANNOUNCE, PACKET, b"\r\n", PACKET, b"RTSP/1.0 200 OK\r\n\r\n", ANNOUNCE].concat();
        let expected = ["Announce+5", "2:abc", "2:abc", "answer", "Announce+5"];
        for step in 1..bytes.len() {
            let mut framer = Framer::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(step) {
                feed(&mut framer, piece);
                found.extend(drain(&mut framer).unwrap());
            }
            assert_eq!(found, expected, "in steps of {step}");
        }
    }

    #[tokio::test]
    async fn reads_what_there_is_and_says_when_it_ends() {
        let mut framer = Framer::default();
        let mut io = PACKET;
        assert_eq!(framer.read(&mut io, 1024).await.unwrap(), PACKET.len());
        assert_eq!(framer.next(), Ok(Some(Frame::Packet { channel: 2, data: b"abc" })));
        assert_eq!(framer.read(&mut io, 1024).await.unwrap(), 0);
        assert_eq!(framer.next(), Ok(None));
    }

    #[test]
    fn nothing_grows_without_bound() {
        let cases: [(Vec<u8>, FramingError); 5] = [
            ([b"OPTIONS ", &[b'a'; HEAD_BYTES_MAX][..]].concat(), FramingError::HeadTooLong),
            (b"ANNOUNCE * RTSP/1.0\r\nContent-Length: 65537\r\n\r\n".to_vec(), FramingError::BodyTooLong),
            (b"ANNOUNCE * RTSP/1.0\r\nContent-Length: -1\r\n\r\n".to_vec(), FramingError::Garbage),
            (b"\x16\x03\x01".to_vec(), FramingError::Garbage),
            (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), FramingError::Garbage),
        ];
        for (bytes, error) in cases {
            let mut framer = Framer::default();
            feed(&mut framer, &bytes);
            assert_eq!(drain(&mut framer), Err(error), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_and_never_more(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..80usize) {
            let mut framer = Framer::default();
            feed(&mut framer, &ANNOUNCE[..cut.min(ANNOUNCE.len())]);
            feed(&mut framer, &bytes);
            let _ = drain(&mut framer);
        }
    }

    #[test]
    fn the_method_is_read() {
        let mut framer = Framer::default();
        feed(&mut framer, b"TEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 9\r\n\r\n");
        let Ok(Some(Frame::Request(request))) = framer.next() else { panic!() };
        assert_eq!(*request.method(), Method::Teardown);
    }
}
