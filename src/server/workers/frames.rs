//! A request on its way: the job that a runner takes, and the frames that its caller gets.

use super::error::WorkerError;
use futures_util::Stream;
use media::worker_protocol::{Frame, Missing, Work};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Frames that may wait for their caller.
const WAITING_MAX: usize = 2;

/// The answer to one entry of a request. They come in the order asked for, none left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The frame.
    Frame(Frame),
    /// Why there is none.
    Missing(Missing),
}

impl Item {
    /// Which entry of the request this answers.
    pub fn index(&self) -> u32 {
        match self {
            Self::Frame(frame) => frame.index,
            Self::Missing(missing) => missing.index,
        }
    }
}

/// A request in the queue.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) work: Work,
    pub(super) items: mpsc::Sender<Item>,
    /// The decoder's name, once every entry is answered, or why not. Apart from the items, so that the last word does not
    /// have to wait for a caller who takes none.
    pub(super) end: oneshot::Sender<Result<String, WorkerError>>,
    /// The footage counts against the pool's limit until the job is dropped.
    _admitted: OwnedSemaphorePermit,
}

impl Job {
    pub(super) fn new(id: u64, work: Work, admitted: OwnedSemaphorePermit) -> (Self, Frames) {
        let (items, receiver) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let frames = Frames { items: receiver, end: Some(ended), decoder: None };
        (Self { id, work, items, end, _admitted: admitted }, frames)
    }

    /// Says the last word. A caller that has gone does not hear it.
    pub(super) fn finish(self, result: Result<String, WorkerError>) {
        let _ = self.end.send(result);
    }
}

/// The frames of a request, as they are made. Ends after the last one, or after an error.
#[derive(Debug)]
pub struct Frames {
    items: mpsc::Receiver<Item>,
    /// `None` after the end.
    end: Option<oneshot::Receiver<Result<String, WorkerError>>>,
    decoder: Option<String>,
}

impl Frames {
    /// The next frame; `None` when every entry of the request has been answered.
    pub async fn next(&mut self) -> Option<Result<Item, WorkerError>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// The decoder that made the frames, with its version; known at the end.
    pub fn decoder(&self) -> Option<&str> {
        self.decoder.as_deref()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Item, WorkerError>>> {
        if let Some(item) = ready!(self.items.poll_recv(context)) {
            return Poll::Ready(Some(Ok(item)));
        }
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        // A request that was dropped without a word is never taken for one that is complete.
        let result = ready!(Pin::new(end).poll(context)).unwrap_or(Err(WorkerError::ShuttingDown));
        self.end = None;
        match result {
            Ok(decoder) => {
                self.decoder = Some(decoder);
                Poll::Ready(None)
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl Stream for Frames {
    type Item = Result<Item, WorkerError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}
