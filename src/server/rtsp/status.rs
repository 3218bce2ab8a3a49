//! How RTSP is doing, for people and scrapers.

use super::ending::Ending;
use super::refusal::{Refusal, Refusals, Refused};
use crate::app::App;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where RTSP is taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Listening {
    /// Nowhere, as it was set.
    #[default]
    Off,
    /// There.
    On(SocketAddr),
    /// Nowhere: the address was not to be had.
    Failed(String),
}

/// RTSP as the rest of the server sees it.
#[derive(Default)]
pub struct Rtsp {
    listening: Mutex<Listening>,
    connections: AtomicU64,
    recording: AtomicU64,
    refused: AtomicU64,
    stray: AtomicU64,
    refusals: Refusals,
    ending: Ending,
}

/// What can be told of it.
#[derive(Debug, Serialize)]
pub struct RtspView {
    /// The address cameras push to; `None` when there is none.
    pub listen: Option<String>,
    /// Why there is none, if there should be one.
    pub error: Option<String>,
    /// Whether `rtsps://` is spoken there.
    pub tls: bool,
    /// Connections, recording or not.
    pub connections: u64,
    /// Cameras that record.
    pub sessions: u64,
    /// Refusals since the start.
    pub refused_total: u64,
    /// Packets on channels that nobody had set up, since the start.
    pub stray_packets_total: u64,
    /// The newest refusals, newest last.
    pub refused: Vec<Refused>,
}

impl Rtsp {
    /// The server listens, or does not.
    pub fn set_listening(&self, listening: Listening) {
        *self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = listening;
    }

    /// Everything, at this moment.
    pub fn view(&self, tls: bool) -> RtspView {
        let listening = self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let (listen, error) = match listening {
            Listening::Off => (None, None),
            Listening::On(address) => (Some(address.to_string()), None),
            Listening::Failed(reason) => (None, Some(reason)),
        };
        RtspView {
            tls: tls && listen.is_some(),
            listen,
            error,
            connections: self.connections.load(Ordering::Relaxed),
            sessions: self.recording.load(Ordering::Relaxed),
            refused_total: self.refused.load(Ordering::Relaxed),
            stray_packets_total: self.stray.load(Ordering::Relaxed),
            refused: self.refusals.list(),
        }
    }

    /// Counts a connection for as long as the answer lives.
    pub(super) fn connection(app: &App) -> Counted {
        Counted::new(app, |rtsp| &rtsp.connections)
    }

    /// Counts a recording for as long as the answer lives.
    pub(super) fn recording(app: &App) -> Counted {
        Counted::new(app, |rtsp| &rtsp.recording)
    }

    pub(super) fn add_stray(&self, packets: u64) {
        self.stray.fetch_add(packets, Ordering::Relaxed);
    }

    /// Recordings whose cameras have gone.
    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Logs and remembers that something was refused.
    pub(super) fn refuse(&self, at_ms: u64, peer: SocketAddr, stream: Option<&str>, refusal: &Refusal) {
        let (status, reason) = (refusal.status, refusal.phrase());
        self.refused.fetch_add(1, Ordering::Relaxed);
        // Cameras never tire of trying: the log hears of the 1st, 2nd, 4th, 8th… time.
        let times = self.refusals.remember(at_ms, peer, stream, refusal);
        if times.is_power_of_two() {
            tracing::warn!(%peer, stream, status, reason, times, "refused a camera over RTSP");
        }
    }
}

/// Something that is counted while it lasts.
pub(super) struct Counted(App, fn(&Rtsp) -> &AtomicU64);

impl Counted {
    fn new(app: &App, which: fn(&Rtsp) -> &AtomicU64) -> Self {
        which(&app.rtsp).fetch_add(1, Ordering::Relaxed);
        Self(app.clone(), which)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0.rtsp).fetch_sub(1, Ordering::Relaxed);
    }
}
