//! Errors of ingest.

use super::{ErrorKind, ReadError};
use crate::reason::Reason;
use media::MediaError;
use streams::{AppendError, StreamNotFound};

/// Why an ingest session was not begun, or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// The stream holds something else than video.
    #[error("stream {name} is not a video stream")]
    NotVideo {
        /// The stream.
        name: String,
    },
    /// Another publisher is sending to the stream.
    #[error("{peer} is sending to this stream since {since_ms} (milliseconds since the Unix epoch)")]
    PublisherActive {
        /// Who.
        peer: String,
        /// Since when, in milliseconds since the Unix epoch.
        since_ms: u64,
    },
    /// What was sent is not taken.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// More tracks than a chunk may have.
    #[error("a chunk has {tracks} tracks; at most {max} are taken")]
    TooManyTracks {
        /// What was sent.
        tracks: usize,
        /// What is taken.
        max: usize,
    },
    /// A start in the future.
    #[error("the start given, {start_ms} (milliseconds since the Unix epoch), is more than a day ahead")]
    StartInFuture {
        /// What was given.
        start_ms: u64,
    },
    /// Tags that do not fit.
    #[error("the tags take {bytes} bytes; at most {max} are taken, 255 tags and 255 bytes of a name")]
    TagsTooLarge {
        /// What was sent.
        bytes: usize,
        /// What is taken.
        max: usize,
    },
    /// Another publisher took over after this one had been silent.
    #[error("another publisher took over after this one had sent nothing for a while")]
    TakenOver,
    /// The stream was deleted.
    #[error("the stream was deleted")]
    Deleted,
    /// The server is being shut down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The session's task was cut off: the runtime is going down, or a fault of ours.
    #[error("the session was cut off")]
    Interrupted,
    /// The log did not take it.
    #[error("the media could not be stored: {0}")]
    Append(AppendError),
    /// What the stream already has could not be read.
    #[error("the stream could not be read: {0}")]
    Read(ReadError),
}

impl IngestError {
    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) | Self::Deleted => ErrorKind::NotFound,
            Self::PublisherActive { .. } | Self::TakenOver => ErrorKind::Conflict,
            Self::Media(MediaError::BoxTooLarge { .. } | MediaError::Absurd { .. })
            | Self::TagsTooLarge { .. } => ErrorKind::TooLarge,
            Self::NotVideo { .. }
            | Self::Media(_)
            | Self::TooManyTracks { .. }
            | Self::StartInFuture { .. } => ErrorKind::Invalid,
            Self::ShuttingDown | Self::Interrupted => ErrorKind::Unavailable,
            Self::Append(error) => match error {
                AppendError::Deleted => ErrorKind::NotFound,
                AppendError::Full(_) => ErrorKind::Full,
                AppendError::ShuttingDown
                | AppendError::Fenced { .. }
                | AppendError::Unavailable(_)
                | AppendError::Unknown(_) => ErrorKind::Unavailable,
                _ => ErrorKind::Internal,
            },
            Self::Read(error) => error.kind(),
        }
    }

    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "STREAM_NOT_FOUND",
            Self::NotVideo { .. } => "NOT_A_VIDEO_STREAM",
            Self::PublisherActive { .. } => "PUBLISHER_ACTIVE",
            Self::Media(error) => error.code(),
            Self::TooManyTracks { .. } => "TOO_MANY_TRACKS",
            Self::StartInFuture { .. } => "INVALID_START",
            Self::TagsTooLarge { .. } => "TAGS_TOO_LARGE",
            Self::TakenOver => "TAKEN_OVER",
            Self::Deleted | Self::Append(AppendError::Deleted) => "STREAM_DELETED",
            Self::ShuttingDown | Self::Append(AppendError::ShuttingDown) => "SHUTTING_DOWN",
            Self::Interrupted => "INTERRUPTED",
            Self::Append(AppendError::Full(_)) => "DISK_FULL",
            Self::Append(_) => "STORAGE_FAILED",
            Self::Read(error) => error.code(),
        }
    }

    /// What the sender can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "create the stream first, or leave out auto_create=false",
            Self::NotVideo { .. } => "choose another stream name",
            Self::PublisherActive { .. } => {
                "stop the other publisher, or wait until it has been silent for ten seconds"
            }
            Self::Media(error) => error.hint(),
            Self::TooManyTracks { .. } => "send fewer tracks",
            Self::StartInFuture { .. } => {
                "give the time of the first frame, in seconds since the Unix epoch or RFC 3339"
            }
            Self::TagsTooLarge { .. } => "send fewer or shorter tags",
            Self::TakenOver => "let only one camera send to a stream",
            Self::Deleted | Self::Append(AppendError::Deleted) => "create the stream again",
            Self::Append(AppendError::Full(_)) => {
                "delete streams or footage that is no longer needed, or set \"when_full\":\"drop_oldest\"; then connect again"
            }
            Self::ShuttingDown | Self::Interrupted | Self::Append(_) => {
                "connect again and send what was not acknowledged"
            }
            Self::Read(error) => error.hint(),
        }
    }

    /// The reason that the end of the session's footage gets.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::TakenOver => Reason::TakenOver,
            Self::ShuttingDown => Reason::ServerStopped,
            Self::Media(_) | Self::TooManyTracks { .. } => Reason::BadMedia,
            Self::Append(AppendError::Full(_)) => Reason::DiskFull,
            Self::Append(_) | Self::Read(_) => Reason::StorageFailed,
            _ => Reason::CameraDisconnected,
        }
    }
}
