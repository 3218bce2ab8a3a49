//! The two clocks, and ranges of time.

use crate::head::HeadError;
use serde::{Deserialize, Serialize};

/// Which clock a time is meant by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The camera's. May be wrong, but never goes back within a stream.
    #[default]
    Producer,
    /// Ours: when a fragment's first chunk reached us.
    Server,
}

/// A span of time, from its start up to but not including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// In milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// In milliseconds since the Unix epoch; `u64::MAX` for "whatever there is".
    pub to_ms: u64,
    /// By which clock.
    pub clock: Clock,
}

impl TimeRange {
    /// A range by the camera's clock.
    pub fn producer(from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms, clock: Clock::Producer }
    }

    /// A range by the server's clock.
    pub fn server(from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms, clock: Clock::Server }
    }
}

/// Where a session's producer time comes from. The numbers are on disk and are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProducerClock {
    /// From when its first chunk reached us, less that chunk's duration.
    Arrival,
    /// From the producer reference times (`prft`) in the media.
    Prft,
    /// From the start that the uploader gave.
    Start,
    /// From the media's decoding times, which are Unix time.
    Media,
    /// From the sender reports (RTCP) or the RTP header extensions of a camera, which tie its media to its clock.
    Rtcp,
}

impl ProducerClock {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Prft => "prft",
            Self::Start => "start",
            Self::Media => "media",
            Self::Rtcp => "rtcp",
        }
    }

    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Arrival => 1,
            Self::Prft => 2,
            Self::Start => 3,
            Self::Media => 4,
            Self::Rtcp => 5,
        }
    }

    pub(crate) fn from_wire(value: u8) -> Result<Self, HeadError> {
        Ok(match value {
            1 => Self::Arrival,
            2 => Self::Prft,
            3 => Self::Start,
            4 => Self::Media,
            5 => Self::Rtcp,
            _ => return Err(HeadError::Field { field: "clock", value: value.into() }),
        })
    }
}
