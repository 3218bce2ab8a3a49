//! Errors of the catalogue of streams.

use super::{ErrorKind, ReadError};
use streams::{CatalogueError, CreateError, DeleteError, InvalidSetting, StreamNotFound, UpdateError};

/// Errors of creating, changing and deleting streams.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ManageError {
    /// A setting is not allowed.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// The name is taken.
    #[error("stream {name} already exists")]
    AlreadyExists {
        /// The name.
        name: String,
    },
    /// There are as many streams as this server takes.
    #[error("no more than {max} streams")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
    /// The stream is held; nothing was deleted.
    #[error("the stream is held: hold {hold}{}", match holds { 1 => String::new(), holds => format!(" and {} more", holds - 1) })]
    Held {
        /// One of the holds.
        hold: String,
        /// How many there are.
        holds: usize,
    },
    /// The stream has no such hold.
    #[error("the stream has no hold {name}")]
    NoSuchHold {
        /// The name that was asked for.
        name: String,
    },
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// The stream holds something else than video.
    #[error("stream {name} is not a video stream")]
    NotVideo {
        /// The stream.
        name: String,
    },
    /// The catalogue did not take the change.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The change was made, but the stream cannot be described.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ManageError {
    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) | Self::NotVideo { .. } => ErrorKind::Invalid,
            Self::AlreadyExists { .. } | Self::Held { .. } => ErrorKind::Conflict,
            Self::TooMany { .. } => ErrorKind::TooLarge,
            Self::NotFound(_) | Self::NoSuchHold { .. } => ErrorKind::NotFound,
            Self::Catalogue(_) => ErrorKind::Unavailable,
            Self::Read(error) => error.kind(),
        }
    }

    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_SETTING",
            Self::AlreadyExists { .. } => "STREAM_EXISTS",
            Self::TooMany { .. } => "TOO_MANY_STREAMS",
            Self::Held { .. } => "STREAM_HELD",
            Self::NoSuchHold { .. } => "HOLD_NOT_FOUND",
            Self::NotFound(_) => "STREAM_NOT_FOUND",
            Self::NotVideo { .. } => "NOT_A_VIDEO_STREAM",
            Self::Catalogue(_) => "CATALOGUE_FAILED",
            Self::Read(error) => error.code(),
        }
    }

    /// What the caller can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::NotVideo { .. } => "",
            Self::AlreadyExists { .. } => "change it with PATCH, or choose another name",
            Self::TooMany { .. } => "delete a stream first",
            Self::Held { .. } => "release its holds first: GET and DELETE /v1/video/{stream}/holds/{name}",
            Self::NoSuchHold { .. } => "list them with GET /v1/video/{stream}/holds",
            Self::NotFound(_) => "list the streams with GET /v1/video",
            Self::Catalogue(_) => "the server's log says more; trying again is safe",
            Self::Read(error) => error.hint(),
        }
    }
}

impl From<CreateError> for ManageError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Invalid(error) => Self::Invalid(error),
            CreateError::AlreadyExists { name } => Self::AlreadyExists { name },
            CreateError::TooMany { max } => Self::TooMany { max },
            CreateError::Catalogue(error) => Self::Catalogue(error),
        }
    }
}

impl From<UpdateError> for ManageError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Invalid(error) => Self::Invalid(error),
            UpdateError::NotFound(error) => Self::NotFound(error),
            UpdateError::NoSuchHold { name } => Self::NoSuchHold { name },
            UpdateError::Catalogue(error) => Self::Catalogue(error),
        }
    }
}

impl From<DeleteError> for ManageError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::NotFound(error) => Self::NotFound(error),
            DeleteError::Held { hold, holds } => Self::Held { hold, holds },
            DeleteError::Catalogue(error) => Self::Catalogue(error),
        }
    }
}
