//! Why the recording breaks off or begins anew.

use crate::head::HeadError;
use serde::Serialize;

/// Why there is a discontinuity, an end or a gap. The numbers are on disk and are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// There is none: the recording goes on.
    #[default]
    None,
    /// The camera ended its upload or was cut off.
    CameraDisconnected,
    /// The camera stayed connected and sent nothing, or its media left a hole.
    NoData,
    /// The server was shut down.
    ServerStopped,
    /// The server came up again after it had been killed or had lost power.
    ServerRestarted,
    /// Another publisher took over from a silent one.
    TakenOver,
    /// The camera's media clock jumped.
    ClockJump,
    /// Codec, size or tracks changed.
    CodecChanged,
    /// The camera sent something that is not media; the connection was ended.
    BadMedia,
    /// The record log did not take the media.
    StorageFailed,
    /// The disk was full.
    DiskFull,
    /// The media worker that a camera's packets went through died or was stopped; another one went on.
    MediaWorkerFailed,
    /// Older than the stream's retention. Only in answers.
    Retention,
    /// Before the stream's first fragment. Only in answers.
    NotRecorded,
}

impl Reason {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::None => 0,
            Self::CameraDisconnected => 1,
            Self::NoData => 2,
            Self::ServerStopped => 3,
            Self::ServerRestarted => 4,
            Self::TakenOver => 5,
            Self::ClockJump => 6,
            Self::CodecChanged => 7,
            Self::BadMedia => 8,
            Self::StorageFailed => 9,
            Self::Retention => 10,
            Self::NotRecorded => 11,
            Self::MediaWorkerFailed => 12,
            Self::DiskFull => 13,
        }
    }

    pub(crate) fn from_wire(value: u8) -> Result<Self, HeadError> {
        Ok(match value {
            0 => Self::None,
            1 => Self::CameraDisconnected,
            2 => Self::NoData,
            3 => Self::ServerStopped,
            4 => Self::ServerRestarted,
            5 => Self::TakenOver,
            6 => Self::ClockJump,
            7 => Self::CodecChanged,
            8 => Self::BadMedia,
            9 => Self::StorageFailed,
            10 => Self::Retention,
            11 => Self::NotRecorded,
            12 => Self::MediaWorkerFailed,
            13 => Self::DiskFull,
            _ => return Err(HeadError::Field { field: "reason", value: value.into() }),
        })
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "no reason known",
            Self::CameraDisconnected => "the camera was not connected",
            Self::NoData => "the camera sent nothing",
            Self::ServerStopped => "the server was shut down",
            Self::ServerRestarted => "the server was down",
            Self::TakenOver => "another publisher had taken over",
            Self::ClockJump => "the camera's clock jumped",
            Self::CodecChanged => "the codec changed",
            Self::BadMedia => "the camera sent something that is not media",
            Self::StorageFailed => "the media could not be stored",
            Self::DiskFull => "the disk was full",
            Self::MediaWorkerFailed => "the media worker failed",
            Self::Retention => "it is older than what the stream keeps",
            Self::NotRecorded => "it was before the stream's first fragment",
        }
    }
}
