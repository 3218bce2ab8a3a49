//! Why a camera is not recorded, or no longer.

use media::worker_protocol::camera::CameraFailure;
use video::{ErrorKind, IngestError, ManageError};

/// Why a recording was not begun, or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecordError {
    /// The stream does not take it: there is none, somebody else is sending, it was deleted, the disk is full…
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The stream was not there and could not be made.
    #[error(transparent)]
    Create(#[from] ManageError),
    /// The media is in a form that is not taken.
    #[error("{0}")]
    Unsupported(String),
    /// No media-worker takes the camera: none starts, or one is missing something.
    #[error("no media worker takes the camera: {0}")]
    NoWorker(String),
    /// The worker's own connection to the camera failed.
    #[error("the camera cannot be reached: {0}")]
    Unreachable(String),
    /// The camera does not let the worker in.
    #[error("the camera does not let us in: {0}")]
    Unauthorized(String),
    /// The camera shows the worker a certificate that is not trusted.
    #[error("the camera's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The worker's own connection to the camera is over.
    #[error("the camera ended the connection")]
    SourceEnded,
}

impl RecordError {
    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Ingest(error) => error.kind(),
            Self::Create(error) => error.kind(),
            Self::Unsupported(_) => ErrorKind::Invalid,
            Self::NoWorker(_)
            | Self::Unreachable(_)
            | Self::Unauthorized(_)
            | Self::Untrusted(_)
            | Self::SourceEnded => ErrorKind::Unavailable,
        }
    }

    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ingest(error) => error.code(),
            Self::Create(error) => error.code(),
            Self::Unsupported(_) => "UNSUPPORTED_CODEC",
            Self::NoWorker(_) => "NO_WORKER",
            Self::Unreachable(_) | Self::SourceEnded => "SOURCE_UNREACHABLE",
            Self::Unauthorized(_) => "SOURCE_UNAUTHORIZED",
            Self::Untrusted(_) => "SOURCE_UNTRUSTED",
        }
    }

    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Ingest(error) => error.hint(),
            Self::Create(error) => error.hint(),
            Self::Unsupported(_) => "send H.264 or H.265, and AAC, Opus or G.711",
            Self::NoWorker(_) => {
                "the server's log says more; frames and cameras over RTSP need the media-worker"
            }
            Self::Unreachable(_) | Self::SourceEnded => {
                "check the camera's address, and that it is switched on"
            }
            Self::Unauthorized(_) => "check user name and password",
            Self::Untrusted(_) => {
                "have this machine trust who signed the certificate, or set \"verify_certificate\" to false"
            }
        }
    }

    /// What a worker that gives a camera up means by it.
    pub(super) fn failed(code: CameraFailure, detail: String) -> Self {
        match code {
            CameraFailure::Unsupported => Self::Unsupported(detail),
            CameraFailure::Unreachable => Self::Unreachable(detail),
            CameraFailure::Unauthorized => Self::Unauthorized(detail),
            CameraFailure::Untrusted => Self::Untrusted(detail),
            CameraFailure::BadRequest | CameraFailure::MissingElement | CameraFailure::Broken => {
                Self::NoWorker(detail)
            }
        }
    }
}
