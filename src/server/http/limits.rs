//! Bounds of the HTTP server that settings do not change, and those that they do.

use crate::config::Config;
use std::time::Duration;

/// About how much is read from a connection at a time.
pub const READ_BUFFER_BYTES: usize = 256 << 10;
/// Most bytes of a request's header (HTTP/2 counts the decoded list).
pub const HEADER_BYTES_MAX: usize = 32 << 10;
/// Most fields in a request's header.
pub const HEADERS_MAX: usize = 100;
/// Most requests at a time on one HTTP/2 connection.
pub const H2_STREAMS_MAX: u32 = 64;
/// Bytes that an HTTP/2 peer may send ahead in one request; enough for an upload not to wait for us.
pub const H2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all requests of a connection.
pub const H2_WINDOW_BYTES: u32 = 4 << 20;
/// HTTP/2 peers that answer no ping for this long are gone.
pub const H2_PING: Duration = Duration::from_secs(20);
/// A client that takes none of the bytes it asked for is cut off after this.
pub const WRITE_STALL: Duration = Duration::from_secs(60);
/// Most bytes of a JSON request body.
pub const JSON_BYTES_MAX: usize = 64 << 10;
/// A JSON body must be there after this.
pub const JSON_TIMEOUT: Duration = Duration::from_secs(20);
/// After an answer that did not wait for the request's body: how long and how much of it is still taken, so that the
/// client gets to read the answer instead of a reset.
pub const LINGER: Duration = Duration::from_secs(2);
/// See [`LINGER`].
pub const LINGER_BYTES_MAX: usize = 4 << 20;

/// Bounds that come from the settings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most connections at a time.
    pub connections_max: usize,
    /// A request's header must be complete after this; also bounds a TLS handshake and the wait for a next request.
    pub header_timeout: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            connections_max: usize::try_from(config.connections_max).unwrap_or(usize::MAX),
            header_timeout: Duration::from_secs(config.header_timeout_s),
        }
    }
}
