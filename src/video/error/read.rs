//! Errors of reading.

use super::ErrorKind;
use crate::head::HeadError;
use crate::reason::Reason;
use media::MediaError;
use shardlog::Seq;
use streams::{ShardError, StreamNotFound};

/// Errors of reading: timeline, playlists, media, frames.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// The stream holds something else than video.
    #[error("stream {name} is not a video stream")]
    NotVideo {
        /// The stream.
        name: String,
    },
    /// The stream has no media (any more).
    #[error("the stream has no media")]
    Empty,
    /// Nothing was recorded then.
    #[error("nothing was recorded in that time: {}", .reason.text())]
    NoMedia {
        /// Why not.
        reason: Reason,
    },
    /// There is no such fragment.
    #[error("there is no fragment {number}")]
    NoFragment {
        /// The number asked for.
        number: u64,
    },
    /// The fragment is still being sent.
    #[error("fragment {number} is not complete yet")]
    Unfinished {
        /// The number asked for.
        number: u64,
    },
    /// There is no such initialisation segment.
    #[error("there is no such init segment")]
    NoInit,
    /// Retention has removed it.
    #[error("the footage is older than what the stream keeps")]
    Expired,
    /// The range ends before it begins.
    #[error("the range ends before it begins")]
    Backwards,
    /// There is more in the range than one answer holds.
    #[error("more than {max} fragments lie in the range")]
    TooManyFragments {
        /// What one answer holds.
        max: usize,
    },
    /// There is more in the range than one clip holds.
    #[error("more than {max} samples lie in the range")]
    TooManySamples {
        /// What one clip holds.
        max: u64,
    },
    /// Codec, size or tracks change within the range, and one file cannot hold both.
    #[error("codec, size or tracks change at {at_ms} (milliseconds since the Unix epoch, camera's clock)")]
    CodecChange {
        /// Where the change is: by the camera's clock, in milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// A sampling rate that is not above 0 and at most 1000 per second.
    #[error("the rate is not above 0 and at most 1000 frames per second")]
    InvalidRate,
    /// More footage is needed for one picture than a decoder is given at once.
    #[error("{bytes} bytes of footage are needed at once; at most {max} are given to a decoder")]
    TooLarge {
        /// What is needed.
        bytes: u64,
        /// What is given.
        max: u64,
    },
    /// The stream has no pictures.
    #[error("the stream has no video track")]
    NoVideo,
    /// The stored media cannot be used in this way.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A head cannot be read.
    #[error("record {seq}: {error}")]
    Head {
        /// The record.
        seq: Seq,
        /// What is wrong.
        error: HeadError,
    },
    /// Records do not fit together.
    #[error("record {seq}: {what}")]
    Damaged {
        /// The record.
        seq: Seq,
        /// What does not hold.
        what: &'static str,
    },
    /// The log did not answer.
    #[error(transparent)]
    Log(streams::ReadError),
}

impl ReadError {
    pub(crate) fn damaged(seq: Seq, what: &'static str) -> Self {
        Self::Damaged { seq, what }
    }

    pub(crate) fn is_trimmed(&self) -> bool {
        matches!(self, Self::Log(streams::ReadError::Trimmed { .. }))
    }

    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_)
            | Self::Empty
            | Self::NoMedia { .. }
            | Self::NoFragment { .. }
            | Self::Unfinished { .. }
            | Self::NoInit => ErrorKind::NotFound,
            Self::Expired => ErrorKind::Gone,
            Self::NotVideo { .. }
            | Self::Backwards
            | Self::InvalidRate
            | Self::CodecChange { .. }
            | Self::NoVideo => ErrorKind::Invalid,
            Self::TooManyFragments { .. } | Self::TooManySamples { .. } | Self::TooLarge { .. } => {
                ErrorKind::TooLarge
            }
            Self::Media(_) | Self::Head { .. } | Self::Damaged { .. } => ErrorKind::Internal,
            Self::Log(error) => match error {
                streams::ReadError::Deleted => ErrorKind::NotFound,
                streams::ReadError::Trimmed { .. } => ErrorKind::Gone,
                streams::ReadError::Unavailable(_) => ErrorKind::Unavailable,
                _ => ErrorKind::Internal,
            },
        }
    }

    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::Log(streams::ReadError::Deleted) => "STREAM_NOT_FOUND",
            Self::NotVideo { .. } => "NOT_A_VIDEO_STREAM",
            Self::Empty | Self::NoMedia { .. } => "NO_MEDIA",
            Self::NoFragment { .. } => "FRAGMENT_NOT_FOUND",
            Self::Unfinished { .. } => "FRAGMENT_UNFINISHED",
            Self::NoInit => "INIT_NOT_FOUND",
            Self::Expired | Self::Log(streams::ReadError::Trimmed { .. }) => "EXPIRED",
            Self::Backwards => "INVALID_RANGE",
            Self::InvalidRate => "INVALID_RATE",
            Self::TooLarge { .. } => "FRAGMENT_TOO_LARGE",
            Self::TooManyFragments { .. } | Self::TooManySamples { .. } => "RANGE_TOO_LONG",
            Self::CodecChange { .. } => "CODEC_CHANGE",
            Self::NoVideo => "NO_VIDEO_TRACK",
            Self::Media(error) => error.code(),
            Self::Head { .. } | Self::Damaged { .. } => "DAMAGED",
            Self::Log(error) => match error {
                streams::ReadError::Unavailable(_) => "UNAVAILABLE",
                streams::ReadError::Forged { .. } | streams::ReadError::Corrupt(_) => "DAMAGED",
                _ => "INTERNAL",
            },
        }
    }

    /// What the caller can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::Log(streams::ReadError::Deleted) => {
                "list the streams with GET /v1/video"
            }
            Self::Empty => "push something to the stream first",
            Self::NoMedia { .. } | Self::Expired | Self::Log(streams::ReadError::Trimmed { .. }) => {
                "the stream's timeline says what there is"
            }
            Self::NoFragment { .. } | Self::NoInit => "take the numbers from a fresh playlist or listing",
            Self::Unfinished { .. } => "ask again when the camera has begun the next fragment",
            Self::Backwards => "give a `from` that is before `to`",
            Self::TooManyFragments { .. } | Self::TooManySamples { .. } => "ask for a shorter range",
            Self::CodecChange { .. } => "ask for a range that ends or begins at that time",
            Self::InvalidRate => "give an fps above 0 and up to 1000",
            Self::TooLarge { .. } => "use mode=keyframe, or send shorter groups of pictures",
            Self::NotVideo { .. } | Self::NoVideo => "",
            Self::Media(_) | Self::Head { .. } | Self::Damaged { .. } | Self::Log(_) => {
                "the server's log says more"
            }
        }
    }
}

impl From<streams::ReadError> for ReadError {
    fn from(error: streams::ReadError) -> Self {
        Self::Log(error)
    }
}

impl From<ShardError> for ReadError {
    fn from(error: ShardError) -> Self {
        match error {
            ShardError::NotFound(error) => Self::NotFound(error),
            ShardError::NoSuchShard { name, .. } => Self::NotVideo { name },
            ShardError::Read(error) => Self::Log(error),
        }
    }
}
