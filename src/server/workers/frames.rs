//! A request on its way: the job that a runner takes, and the frames that its caller gets.

use super::error::WorkerError;
use futures_util::Stream;
use media::worker_protocol::{Frame, Missing, Work};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

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

/// What a runner sends to the caller.
pub(super) enum Event {
    Item(Item),
    /// The end, so that a request that was given up is never taken for one that is complete.
    Done {
        decoder: String,
    },
    Failed(WorkerError),
}

/// A request in the queue.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) work: Work,
    pub(super) events: mpsc::Sender<Event>,
    /// The footage counts against the pool's limit until the job is dropped.
    _admitted: OwnedSemaphorePermit,
}

impl Job {
    pub(super) fn new(id: u64, work: Work, admitted: OwnedSemaphorePermit) -> (Self, Frames) {
        let (events, receiver) = mpsc::channel(WAITING_MAX);
        let frames = Frames { events: receiver, decoder: None, ended: false };
        (Self { id, work, events, _admitted: admitted }, frames)
    }
}

/// The frames of a request, as they are made. Ends after the last one, or after an error.
#[derive(Debug)]
pub struct Frames {
    events: mpsc::Receiver<Event>,
    decoder: Option<String>,
    ended: bool,
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
        if self.ended {
            return Poll::Ready(None);
        }
        let event = ready!(self.events.poll_recv(context));
        self.ended = !matches!(event, Some(Event::Item(_)));
        Poll::Ready(match event {
            Some(Event::Item(item)) => Some(Ok(item)),
            Some(Event::Done { decoder }) => {
                self.decoder = Some(decoder);
                None
            }
            Some(Event::Failed(error)) => Some(Err(error)),
            None => Some(Err(WorkerError::ShuttingDown)),
        })
    }
}

impl Stream for Frames {
    type Item = Result<Item, WorkerError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}
