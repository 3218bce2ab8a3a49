//! What can go wrong with the pool and with a request to it.

use media::worker_protocol::{ErrorCode, Missing, ProtocolError};
use std::time::Duration;

/// Why the pool does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The worker's executable.
    #[error("the media-worker executable {path} cannot be used: {reason}")]
    Binary {
        /// Where it was looked for.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The directory for GStreamer's list of plugins.
    #[error("the workers' cache directory {path} cannot be used: {reason}")]
    CacheDir {
        /// Which.
        path: String,
        /// Why not.
        reason: String,
    },
}

/// Why a request gave no (further) frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// Too much is waiting; later it may work.
    #[error("all media workers are busy and {waiting} requests are waiting")]
    Busy {
        /// How many requests wait.
        waiting: usize,
    },
    /// The request itself exceeds a limit.
    #[error("the request for frames is not acceptable: {0}")]
    Invalid(#[source] ProtocolError),
    /// The worker refused, and would do so again.
    #[error("{detail}")]
    Refused {
        /// What kind of refusal.
        code: ErrorCode,
        /// The worker's words.
        detail: String,
    },
    /// The one frame asked for cannot be made.
    #[error("the frame cannot be made: {}", .0.detail)]
    Missing(Missing),
    /// No frame came in time, on two workers.
    #[error("a media worker made no frame within {limit:?}")]
    TimedOut {
        /// The time allowed.
        limit: Duration,
    },
    /// The whole request took too long.
    #[error("the request for frames was not done within {limit:?}")]
    TookTooLong {
        /// The time allowed.
        limit: Duration,
    },
    /// The worker died, twice.
    #[error("a media worker died: {how}")]
    Died {
        /// Signal or exit code.
        how: String,
    },
    /// The worker's answers made no sense, twice.
    #[error("a media worker answered nonsense: {0}")]
    Garbage(String),
    /// No worker can be started.
    #[error("no media worker can be started: {reason}")]
    Unavailable {
        /// What the last attempt said.
        reason: String,
    },
    /// The caller took no frame for too long.
    #[error("the frames were not taken within {limit:?}")]
    NotTaken {
        /// The time allowed.
        limit: Duration,
    },
    /// The pool is being shut down.
    #[error("the media workers are shutting down")]
    ShuttingDown,
}
