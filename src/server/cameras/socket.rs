//! Messages from a worker, on a camera's socket.

use bytes::{Bytes, BytesMut};
use media::worker_protocol::camera::{CAMERA_RESPONSE_BYTES_MAX, CameraResponse};
use media::worker_protocol::{PREFIX_BYTES, message_len};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Read at once, in bytes; more when it is known that more comes.
const READ_BYTES: usize = 16 << 10;
const READ_BYTES_MAX: usize = 512 << 10;

/// Why no message came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The socket is closed.
    Gone,
    /// What came is not a message.
    Garbage(String),
}

/// Takes messages off a socket.
pub(super) struct Messages<R> {
    socket: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    pub(super) fn new(socket: R) -> Self {
        Self { socket, buffer: BytesMut::new() }
    }

    /// The next message. May be dropped and asked again: nothing is lost. After an error there is no next one.
    pub(super) async fn next(&mut self) -> Result<CameraResponse, Fault> {
        loop {
            if let Some(message) = self.take().map_err(Fault::Garbage)? {
                return CameraResponse::decode(message).map_err(|error| Fault::Garbage(error.to_string()));
            }
            // A length alone costs little memory: beyond a point it grows with what really comes.
            self.buffer.reserve(self.missing().clamp(READ_BYTES, READ_BYTES_MAX));
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Err(Fault::Gone),
            }
        }
    }

    /// Bytes of the message that are still to come, as far as is known.
    fn missing(&self) -> usize {
        let len = self.buffer.first_chunk::<PREFIX_BYTES>().map_or(0, |prefix| u32::from_le_bytes(*prefix));
        (PREFIX_BYTES + len as usize).saturating_sub(self.buffer.len())
    }

    /// A message that has come whole, without its prefix.
    fn take(&mut self) -> Result<Option<Bytes>, String> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        let len = message_len(*prefix, CAMERA_RESPONSE_BYTES_MAX).map_err(|error| error.to_string())?;
        if self.buffer.len() - PREFIX_BYTES < len {
            return Ok(None);
        }
        let mut message = self.buffer.split_to(PREFIX_BYTES + len).freeze();
        Ok(Some(message.split_off(PREFIX_BYTES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::worker_protocol::camera::CameraFailure;

    fn message(response: &CameraResponse) -> Vec<u8> {
        response.encode().unwrap().concat()
    }

    #[tokio::test]
    async fn messages_come_whole_however_they_are_cut() {
        let failed = CameraResponse::Failed { code: CameraFailure::Broken, detail: "because".to_owned() };
        let media = CameraResponse::Media(Bytes::from(vec![7; 100_000]));
        let all = [message(&media), message(&failed), message(&CameraResponse::Ended)].concat();
        for size in [1, 5, 4096, all.len()] {
            let mut reader = tokio_test_pieces(&all, size);
            assert_eq!(reader.next().await.unwrap(), media);
            assert_eq!(reader.next().await.unwrap(), failed);
            assert_eq!(reader.next().await.unwrap(), CameraResponse::Ended);
            assert_eq!(reader.next().await.unwrap_err(), Fault::Gone);
        }
    }

    /// The bytes, in pieces of at most `size`.
    fn tokio_test_pieces(all: &[u8], size: usize) -> Messages<impl AsyncRead + Unpin> {
        let pieces: Vec<_> =
            all.chunks(size).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
        Messages::new(tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces)))
    }

    #[tokio::test]
    async fn a_length_that_cannot_be_is_refused_and_a_cut_message_is_none() {
        let huge = u32::MAX.to_le_bytes();
        assert!(matches!(Messages::new(&huge[..]).next().await, Err(Fault::Garbage(_))));
        let all = message(&CameraResponse::Ended);
        assert_eq!(Messages::new(&all[..all.len() - 1]).next().await, Err(Fault::Gone));
    }
}
