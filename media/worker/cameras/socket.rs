//! One camera's socket: requests in, responses out, both blocking.

use bytes::{Buf, Bytes};
use media::worker_protocol::camera::{
    CAMERA_REQUEST_BYTES_MAX, CameraFailure, CameraRequest, CameraResponse,
};
use media::worker_protocol::{PREFIX_BYTES, ProtocolError, message_len};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use std::io::{self, IoSlice, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::failure::{GaveUp, Stop};

/// Room for one read. The packets of a message stay in this memory until their picture is complete.
const READ_BYTES: usize = 32 << 10;

/// What a read brought.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A request.
    Request(CameraRequest),
    /// Nothing within the time set by [`CameraSocket::wait_at_most`].
    Silence,
}

/// The socket, with what has been read from it and is not worked off.
pub(crate) struct CameraSocket {
    stream: UnixStream,
    unread: Bytes,
}

impl CameraSocket {
    /// Nothing is read yet.
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Bytes::new() }
    }

    /// Makes [`Self::hear`] return after this time even when there is nothing to hear.
    pub(crate) fn wait_at_most(&self, time: Duration) {
        // Fails for a time of zero only.
        let _ = self.stream.set_read_timeout(Some(time));
    }

    /// The next request.
    pub(crate) fn hear(&mut self) -> Result<Heard, Stop> {
        loop {
            let needed = match self.unread.first_chunk() {
                Some(&prefix) => PREFIX_BYTES + message_len(prefix, CAMERA_REQUEST_BYTES_MAX).map_err(bad)?,
                None => PREFIX_BYTES,
            };
            if needed > PREFIX_BYTES && self.unread.len() >= needed {
                let mut message = self.unread.split_to(needed);
                message.advance(PREFIX_BYTES);
                return CameraRequest::decode(message).map(Heard::Request).map_err(bad);
            }
            if !self.read(needed)? {
                return Ok(Heard::Silence);
            }
        }
    }

    /// Reads once, such that there is room for `needed` unread bytes. `false` when nothing came in time.
    fn read(&mut self, needed: usize) -> Result<bool, Stop> {
        let mut bytes = Vec::with_capacity(needed.max(self.unread.len() + READ_BYTES / 2).max(READ_BYTES));
        bytes.extend_from_slice(&self.unread);
        loop {
            return match rustix::io::read(&self.stream, spare_capacity(&mut bytes)) {
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => Ok(false),
                Ok(0) | Err(_) => Err(Stop::Gone),
                Ok(_) => {
                    self.unread = bytes.into();
                    Ok(true)
                }
            };
        }
    }

    /// Sends a response, waiting while the server is behind.
    pub(crate) fn say(&mut self, response: &CameraResponse) -> Result<(), Stop> {
        let parts = response.encode().map_err(bad)?;
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = &mut slices[..];
        while !left.is_empty() {
            match self.stream.write_vectored(left) {
                Ok(0) => return Err(Stop::Gone),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Stop::Gone),
            }
        }
        Ok(())
    }
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn bad(error: ProtocolError) -> Stop {
    GaveUp::new(CameraFailure::BadRequest, error.to_string()).into()
}
