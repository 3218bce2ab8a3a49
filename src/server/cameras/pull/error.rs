//! Why a camera that we call for does not come.

use crate::cameras::RecordError;
use std::time::Duration;
use video::IngestError;

/// Why a pull did not begin, or ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PullError {
    /// Nobody answers.
    #[error("the camera cannot be reached: {0}")]
    Unreachable(String),
    /// The camera wants another user or password.
    #[error("the camera does not let us in: {0}")]
    Unauthorized(String),
    /// The camera shows a certificate that is not trusted.
    #[error("the camera's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The camera has no such stream, or nothing in it that can be recorded.
    #[error("the camera has no media for us: {0}")]
    NoMedia(String),
    /// The camera's media is in a form that is not taken.
    #[error("{0}")]
    Unsupported(String),
    /// The camera talks in a way that is not understood.
    #[error("the camera is not understood: {0}")]
    Protocol(String),
    /// The camera ended the connection.
    #[error("the connection to the camera ended: {0}")]
    Ended(String),
    /// The camera is connected and sends nothing.
    #[error("the camera sent nothing for {0:?}")]
    Silent(Duration),
    /// The recording did not begin, or is over.
    #[error(transparent)]
    Record(RecordError),
    /// As many cameras are being looked at as may be.
    #[error("too many cameras are being looked at")]
    Busy,
    /// A fault of ours.
    #[error("reading from the camera failed; the server's log says more")]
    Internal,
}

impl PullError {
    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Protocol(_) | Self::Ended(_) => "SOURCE_UNREACHABLE",
            Self::Unauthorized(_) => "SOURCE_UNAUTHORIZED",
            Self::Untrusted(_) => "SOURCE_UNTRUSTED",
            Self::NoMedia(_) | Self::Silent(_) => "SOURCE_NO_MEDIA",
            Self::Unsupported(_) => "UNSUPPORTED_CODEC",
            Self::Record(error) => error.code(),
            Self::Busy => "BUSY",
            Self::Internal => "INTERNAL",
        }
    }

    /// What can be done about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Ended(_) => {
                "check the address and port, and that the camera is switched on"
            }
            Self::Protocol(_) => "check that the address is that of an RTSP camera",
            Self::Unauthorized(_) => "check user name and password",
            Self::Untrusted(_) => {
                "have this machine trust who signed the certificate, or set \"verify_certificate\" to false"
            }
            Self::NoMedia(_) | Self::Silent(_) => {
                "check the path of the address; cameras name it in their manual"
            }
            Self::Unsupported(_) => "set the camera to H.264 or H.265, and AAC, Opus or G.711",
            Self::Record(error) => error.hint(),
            Self::Busy => "try again",
            Self::Internal => "",
        }
    }

    /// What an error of the RTSP client means, at a point where `began` says whether media was flowing.
    pub(super) fn of_client(error: &retina::Error, began: bool) -> Self {
        // The first line says it; the others are positions in the connection.
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default().to_owned();
        match error.status_code() {
            Some(401 | 403) => Self::Unauthorized(text),
            Some(404 | 454) => Self::NoMedia(text),
            // Accepted, and then not understood.
            Some(200..300) => Self::Protocol(text),
            Some(_) => Self::Unreachable(text),
            None if text.starts_with("Unable to connect") => Self::Unreachable(text),
            None if text.starts_with("RTSP framing error") => Self::Protocol(text),
            None if began => Self::Ended(text),
            None => Self::Unreachable(text),
        }
    }

    /// There is no use in trying again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Record(RecordError::Ingest(IngestError::NotFound(_) | IngestError::Deleted)))
    }
}

impl From<RecordError> for PullError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unreachable(detail) => Self::Unreachable(detail),
            RecordError::Unauthorized(detail) => Self::Unauthorized(detail),
            RecordError::Untrusted(detail) => Self::Untrusted(detail),
            RecordError::Unsupported(detail) => Self::Unsupported(detail),
            RecordError::SourceEnded => Self::Ended("it was closed".to_owned()),
            error => Self::Record(error),
        }
    }
}
