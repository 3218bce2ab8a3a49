//! What a session tells while it goes on.

use super::live::{Stop, stopped};
use crate::error::IngestError;
use std::collections::VecDeque;
use tokio::sync::{mpsc, watch};

/// A fragment, as events name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentRef {
    /// Decimal of its first chunk's sequence.
    pub number: u64,
    /// Its start by the camera's clock, in milliseconds since the Unix epoch.
    pub producer_ms: u64,
}

/// What happened to a fragment. For each one `Buffering`, `Received` and `Persisted` come in this order, and every kind
/// comes in the order of the fragments.
#[derive(Clone, Debug)]
pub enum Event {
    /// Its first chunk has come and has its place.
    Buffering(FragmentRef),
    /// It is complete: the next one has begun, or the upload is over.
    Received(FragmentRef),
    /// Every chunk of it is on disk.
    Persisted(FragmentRef),
    /// The session ends early. What was stored stays.
    Error {
        /// The newest fragment, if there is one.
        fragment: Option<FragmentRef>,
        /// Why.
        error: IngestError,
    },
}

/// Tells a session's events, each in its order.
pub(super) struct Teller {
    events: Option<mpsc::Sender<Event>>,
    /// Whoever ends the session does not wait for a reader that is behind.
    stops: watch::Receiver<Option<Stop>>,
    /// Fragments that are not persisted yet, oldest first.
    fragments: VecDeque<Progress>,
    latest: Option<FragmentRef>,
    /// How many have been persisted.
    pub(super) persisted: u64,
}

struct Progress {
    fragment: FragmentRef,
    /// Chunks that are not on disk yet.
    waiting: u64,
    complete: bool,
}

impl Teller {
    pub(super) fn new(events: Option<mpsc::Sender<Event>>, stops: watch::Receiver<Option<Stop>>) -> Self {
        Self { events, stops, fragments: VecDeque::new(), latest: None, persisted: 0 }
    }

    /// Waits while the reader is behind, unless it has gone or the session is being ended.
    async fn tell(&mut self, event: Event) {
        let Some(events) = &self.events else { return };
        let told = tokio::select! {
            biased;
            sent = events.send(event) => sent.is_ok(),
            _ = stopped(&mut self.stops) => false,
        };
        if !told {
            self.events = None;
        }
    }

    /// A fragment's first chunk has its place; the one before is complete.
    pub(super) async fn begin(&mut self, fragment: FragmentRef) {
        self.complete().await;
        self.fragments.push_back(Progress { fragment, waiting: 0, complete: false });
        self.latest = Some(fragment);
        self.tell(Event::Buffering(fragment)).await;
    }

    /// A chunk of the newest fragment is on its way.
    pub(super) fn admitted(&mut self) {
        if let Some(newest) = self.fragments.back_mut() {
            newest.waiting += 1;
        }
    }

    /// The newest fragment is complete.
    pub(super) async fn complete(&mut self) {
        if let Some(newest) = self.fragments.back_mut()
            && !newest.complete
        {
            newest.complete = true;
            let fragment = newest.fragment;
            self.tell(Event::Received(fragment)).await;
        }
        self.persisted().await;
    }

    /// The oldest chunk that was not on disk is.
    pub(super) async fn settled(&mut self) {
        if let Some(oldest) = self.fragments.iter_mut().find(|progress| progress.waiting > 0) {
            oldest.waiting -= 1;
        }
        self.persisted().await;
    }

    async fn persisted(&mut self) {
        while let Some(oldest) = self.fragments.front()
            && oldest.complete
            && oldest.waiting == 0
        {
            let fragment = oldest.fragment;
            self.fragments.pop_front();
            self.persisted += 1;
            self.tell(Event::Persisted(fragment)).await;
        }
    }

    /// The session ends early.
    pub(super) async fn error(&mut self, error: IngestError) {
        let fragment = self.latest;
        self.tell(Event::Error { fragment, error }).await;
    }
}
