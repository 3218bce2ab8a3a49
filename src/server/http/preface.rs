//! Telling HTTP/2 from HTTP/1 by how a connection begins.
//!
//! Clients of the Java and JavaScript SDKs begin with the preface of HTTP/2 on plain connections, and some on TLS ones on which
//! they agreed on no protocol.

use bytes::Bytes;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client that knows that the server speaks HTTP/2 sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection begins.
pub(super) struct Opening {
    /// With the preface.
    pub(super) h2: bool,
    /// Bytes that were read to find out, for whoever serves the connection.
    pub(super) taken: Bytes,
}

/// Reads up to where it is decided. Takes never more bytes than the preface has, and has no time limit of its own.
pub(super) async fn read_opening<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<Opening> {
    let mut buffer = [0; PREFACE.len()];
    let mut len = 0;
    while len < PREFACE.len() && buffer[..len] == PREFACE[..len] {
        match stream.read(&mut buffer[len..]).await? {
            0 => break,
            read => len += read,
        }
    }
    Ok(Opening { h2: buffer == *PREFACE, taken: Bytes::copy_from_slice(&buffer[..len]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// What is made of bytes that come one by one.
    async fn opening(bytes: &'static [u8]) -> (bool, Bytes) {
        let (mut client, mut server) = tokio::io::duplex(1);
        let sending = tokio::spawn(async move {
            // The server may have heard enough.
            let _ = client.write_all(bytes).await;
        });
        let opening = read_opening(&mut server).await.unwrap();
        drop(server);
        sending.await.unwrap();
        (opening.h2, opening.taken)
    }

    #[tokio::test]
    async fn no_more_is_read_than_it_takes_to_decide() {
        assert_eq!(opening(b"GET / HTTP/1.1\r\n").await, (false, Bytes::from_static(b"G")));
        assert_eq!(opening(b"POST / HTTP/1.1\r\n").await, (false, Bytes::from_static(b"PO")));
        assert!(!opening(b"PRI * HTTP/2.0\r\n\r\nSX").await.0);
        let (h2, taken) = opening(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest").await;
        assert_eq!((h2, &taken[..]), (true, &PREFACE[..]));
    }

    #[tokio::test]
    async fn an_end_is_no_preface() {
        assert_eq!(opening(b"").await, (false, Bytes::new()));
        assert_eq!(opening(b"PRI * HT").await, (false, Bytes::from_static(b"PRI * HT")));
    }
}
