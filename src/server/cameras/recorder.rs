//! One camera's recording, as whoever has its packets sees it.

use super::error::RecordError;
use bytes::Bytes;
use media::worker_protocol::camera::Carriage;
use serde::Serialize;
use video::{End, Summary};

/// How a camera is doing, by what its packets say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RtpStatus {
    /// How its packets come.
    pub transport: Carriage,
    /// RTP packets taken.
    pub packets: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// RTP packets that were of no use.
    pub packets_dropped: u64,
    /// What was wrong lately, in words.
    pub warning: Option<String>,
}

/// A camera being recorded. It outlives the media-worker that reads its packets: when one dies, the next goes on at the
/// camera's next key frame. Dropping it ends the recording like [`End::Disconnected`]: what came is still stored.
pub struct Recorder {
    over: Option<RecordError>,
}

impl Recorder {
    /// Hands over packets: a message made by [`BatchBuilder::take`](media::worker_protocol::camera::BatchBuilder::take).
    /// Waits while the worker or the log is behind. After an error the recording is over; [`Recorder::finish`] tells what
    /// was stored. Not for cameras that the worker connects to itself.
    pub async fn packets(&mut self, batch: Bytes) -> Result<(), RecordError> {
        drop(batch);
        self.over.clone().map_or(Ok(()), Err)
    }

    /// Resolves when the recording is over although nobody finished it: the stream was deleted or taken over, the media
    /// is not taken, the server is being shut down. May be dropped and asked again.
    pub async fn ended(&mut self) -> RecordError {
        match &self.over {
            Some(error) => error.clone(),
            None => std::future::pending().await,
        }
    }

    /// How the camera is doing; a few seconds old.
    pub fn status(&self) -> RtpStatus {
        RtpStatus::default()
    }

    /// Ends the recording; resolves when everything that came is on disk (or could not be stored).
    pub async fn finish(self, end: End) -> Summary {
        let _ = (self.over, end);
        Summary::default()
    }
}
