//! One camera's recording, as whoever has its packets sees it.

use super::error::RecordError;
use super::status::{RtpStatus, Status};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use video::{End, IngestError, Summary};

/// What a recording is given.
pub(super) enum Input {
    /// A message of packets.
    Packets(Bytes),
    /// Nothing more comes.
    End(End),
}

/// A camera being recorded. It outlives the media-worker that reads its packets: when one dies, the next goes on at the
/// camera's next key frame. Dropping it ends the recording like [`End::Disconnected`]: what came is still stored.
pub struct Recorder {
    pub(super) input: mpsc::Sender<Input>,
    pub(super) over: watch::Receiver<Option<RecordError>>,
    pub(super) status: Arc<Status>,
    pub(super) task: JoinHandle<Summary>,
}

impl Recorder {
    /// Hands over packets: a message made by [`BatchBuilder::take`](media::worker_protocol::camera::BatchBuilder::take).
    /// Waits while the worker or the log is behind. After an error the recording is over; [`Recorder::finish`] tells what
    /// was stored. Not for cameras that the worker connects to itself.
    pub async fn packets(&mut self, batch: Bytes) -> Result<(), RecordError> {
        match self.input.send(Input::Packets(batch)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended().await),
        }
    }

    /// Resolves when the recording is over although nobody finished it: the stream was deleted or taken over, the media
    /// is not taken, the server is being shut down. May be dropped and asked again.
    pub async fn ended(&mut self) -> RecordError {
        // Without a word only a recording ends that was finished or cut off.
        let interrupted = || IngestError::Interrupted.into();
        self.over
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|over| over.clone())
            .unwrap_or_else(interrupted)
    }

    /// How the camera is doing; a few seconds old.
    pub fn status(&self) -> RtpStatus {
        self.status.shown()
    }

    /// Ends the recording; resolves when everything that came is on disk (or could not be stored).
    pub async fn finish(self, end: End) -> Summary {
        // A recording that is over does not listen any more; its summary says why.
        let _ = self.input.send(Input::End(end)).await;
        let cut_off = |_| Summary { error: Some(IngestError::Interrupted), ..Summary::default() };
        self.task.await.unwrap_or_else(cut_off)
    }
}
