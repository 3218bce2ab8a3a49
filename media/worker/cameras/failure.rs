//! Why a camera is given up.

use crate::failure::Failure;
use media::MediaError;
use media::worker_protocol::ErrorCode;
use media::worker_protocol::camera::CameraFailure;

/// The reason, as the server is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaveUp {
    /// What kind.
    pub(crate) code: CameraFailure,
    /// For people.
    pub(crate) detail: String,
}

impl GaveUp {
    /// A reason.
    pub(crate) fn new(code: CameraFailure, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// Why work on a camera ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server has closed the socket, or cannot be written to: nobody is there to be told.
    Gone,
    /// The server is told.
    GaveUp(GaveUp),
}

impl From<GaveUp> for Stop {
    fn from(gave_up: GaveUp) -> Self {
        Self::GaveUp(gave_up)
    }
}

impl From<MediaError> for GaveUp {
    fn from(error: MediaError) -> Self {
        Self::new(CameraFailure::Unsupported, error.to_string())
    }
}

impl From<Failure> for GaveUp {
    /// Only making elements fails so, of all that is shared with the frames.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(ErrorCode::MissingElement, detail) => {
                Self::new(CameraFailure::MissingElement, detail)
            }
            Failure::Refused(_, detail) => Self::new(CameraFailure::Unsupported, detail),
            Failure::Gone(error) => Self::new(CameraFailure::Broken, error.to_string()),
            Failure::Timeout => Self::new(CameraFailure::Broken, "an element hangs"),
        }
    }
}
