//! Why a request ended without being answered in full.

use media::worker_protocol::ErrorCode;

/// A request's failure, beyond single frames that are missing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server does not take answers any more.
    Gone(std::io::Error),
    /// The request cannot be served; the worker goes on.
    Refused(ErrorCode, String),
    /// No frame in time. Some thread may be stuck in a codec: the process has to end.
    Timeout,
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error)
    }
}

/// Why a pipeline stopped before it was at its end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// An element reported an error.
    Error(String),
    /// Nothing came in time.
    Timeout,
}
