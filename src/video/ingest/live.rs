//! Who is sending to a stream: one publisher at a time.

use crate::clock::ProducerClock;
use crate::error::IngestError;
use crate::recording::Recording;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Stands for "not waiting" in [`Live::waiting_since`].
const BUSY: u64 = u64::MAX;

/// Why a session is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Another publisher takes over.
    TakenOver,
    /// The stream is being deleted.
    Deleted,
    /// The server is being shut down.
    Shutdown,
}

/// A publisher.
pub(crate) struct Live {
    /// Who it is, for people.
    pub(crate) peer: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
    /// Since when the session waits for input, in milliseconds of the monotonic clock; [`BUSY`] while it works.
    waiting_since: AtomicU64,
    /// Nothing more will come from the publisher; the session only works off what came.
    input_over: AtomicBool,
    stop: watch::Sender<Option<Stop>>,
    done: watch::Sender<bool>,
    status: Mutex<LiveStatus>,
}

/// What is known of a session once it has media.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LiveStatus {
    /// The session's id.
    pub(crate) session: Option<u128>,
    /// Where its producer time comes from.
    pub(crate) clock: Option<ProducerClock>,
    /// Arrival less producer time, at the end of the latest chunk, in milliseconds.
    pub(crate) offset_ms: i64,
    /// How much its media clock has lost against ours since the session began.
    pub(crate) drift_ms: i64,
    /// Arrival less the camera's own time, in milliseconds, if its media tells one.
    pub(crate) camera_offset_ms: Option<i64>,
}

impl Live {
    fn new(peer: String, since_ms: u64, now: Duration) -> Self {
        Self {
            peer,
            since_ms,
            waiting_since: AtomicU64::new(millis(now)),
            input_over: AtomicBool::new(false),
            stop: watch::Sender::new(None),
            done: watch::Sender::new(false),
            status: Mutex::default(),
        }
    }

    /// The session that appends, once it has a chunk to append.
    pub(crate) fn session(&self) -> Option<u128> {
        self.status().session
    }

    /// What is known of the session.
    pub(crate) fn status(&self) -> LiveStatus {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_status(&self, status: LiveStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    pub(super) fn waits(&self, now: Duration) {
        self.waiting_since.store(millis(now), Ordering::Relaxed);
    }

    pub(super) fn works(&self) {
        self.waiting_since.store(BUSY, Ordering::Relaxed);
    }

    pub(super) fn end_input(&self) {
        self.input_over.store(true, Ordering::Relaxed);
    }

    /// Asks the session to end. What has arrived is still stored.
    pub(crate) fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(why);
            }
            first
        });
    }

    pub(super) fn stops(&self) -> watch::Receiver<Option<Stop>> {
        self.stop.subscribe()
    }

    /// Resolves when the session has stored everything it will store.
    pub(crate) async fn done(&self) {
        // The sender is in `self`, so waiting cannot fail.
        let _ = self.done.subscribe().wait_for(|done| *done).await;
    }

    fn silent(&self, now: Duration, limit_ms: u64) -> bool {
        let since = self.waiting_since.load(Ordering::Relaxed);
        since != BUSY && millis(now).saturating_sub(since) >= limit_ms
    }
}

/// Resolves when the session is asked to end.
pub(super) async fn stopped(stops: &mut watch::Receiver<Option<Stop>>) -> Stop {
    match stops.wait_for(Option::is_some).await {
        Ok(stop) => stop.unwrap_or(Stop::Shutdown),
        Err(_) => Stop::Shutdown,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(BUSY - 1).min(BUSY - 1)
}

/// The right to send to a stream; given back when dropped.
pub(crate) struct Slot {
    recording: Arc<Recording>,
    pub(super) live: Arc<Live>,
}

impl Slot {
    /// Takes the right to send. A publisher whose input is over is waited for, one that has been silent for too long is
    /// ended, any other one is a conflict, unless `takeover` ends that one as well.
    pub(super) async fn take(
        recording: &Arc<Recording>,
        peer: &str,
        takeover: bool,
    ) -> Result<Self, IngestError> {
        loop {
            let now = recording.env.clock.monotonic();
            let other = match Self::take_free(recording, peer) {
                Ok(slot) => return Ok(slot),
                Err(other) => other,
            };
            let ending = other.input_over.load(Ordering::Relaxed) || other.stop.borrow().is_some();
            if other.silent(now, recording.config.silent_publisher_ms) {
                tracing::warn!(peer, silent_peer = other.peer, "taking over from a silent publisher");
                other.stop(Stop::TakenOver);
            } else if takeover && !ending {
                tracing::warn!(peer, other_peer = other.peer, "taking over from a publisher that sends");
                other.stop(Stop::TakenOver);
            } else if !ending {
                return Err(IngestError::PublisherActive {
                    peer: other.peer.clone(),
                    since_ms: other.since_ms,
                });
            }
            other.done().await;
        }
    }
}

impl Slot {
    /// Takes the right to send if nobody has it; else says who.
    fn take_free(recording: &Arc<Recording>, peer: &str) -> Result<Self, Arc<Live>> {
        let mut live = recording.live();
        if let Some(other) = live.as_ref() {
            return Err(other.clone());
        }
        let new = Arc::new(Live::new(peer.to_owned(), recording.now_ms(), recording.env.clock.monotonic()));
        *live = Some(new.clone());
        Ok(Self { recording: recording.clone(), live: new })
    }

    /// Keeps publishers waiting for a moment, if there is none now.
    pub(crate) fn take_idle(recording: &Arc<Recording>) -> Option<Self> {
        let slot = Self::take_free(recording, "").ok()?;
        slot.live.end_input();
        Some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut live = self.recording.live();
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, &self.live)) {
            *live = None;
        }
        drop(live);
        self.live.done.send_replace(true);
    }
}
