//! Why a request is not granted, and what is remembered of it.

use crate::error::ApiError;
use http::StatusCode;
use serde::Serialize;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

/// Refusals that are remembered.
const REMEMBERED_MAX: usize = 32;
/// Of what a client says, at most so many characters are repeated.
const TEXT_CHARS_MAX: usize = 256;

/// An answer that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// An RTSP status; they are HTTP's where HTTP has one.
    pub(super) status: u16,
    /// Stands in the answer, for people.
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// 455: what was asked does not fit what was said so far.
    pub(super) fn out_of_order(reason: &str) -> Self {
        Self::new(455, reason)
    }

    /// The reason as it may stand in an answer's first line.
    pub(super) fn phrase(&self) -> String {
        let visible = |character: char| if (' '..='~').contains(&character) { character } else { '?' };
        self.reason.chars().take(TEXT_CHARS_MAX).map(visible).collect()
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        // RTSP knows no 507; what it has for "not now" makes cameras come again.
        let status = if error.status() == StatusCode::INSUFFICIENT_STORAGE {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            error.status()
        };
        Self::new(status.as_u16(), error.message())
    }
}

/// A refusal as it is remembered, for people who wonder why a camera does not appear.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// When it last happened, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The client's address.
    pub peer: String,
    /// The stream it was about, if the client got that far. As the client wrote it.
    pub stream: Option<String>,
    /// The RTSP status of the answer.
    pub status: u16,
    /// For people.
    pub reason: String,
    /// How often, since it was first remembered.
    pub times: u64,
}

/// The newest refusals, newest last. A camera that tries again and again takes one place.
#[derive(Default)]
pub(super) struct Refusals(Mutex<VecDeque<Refused>>);

impl Refusals {
    /// Says how often it has been the same.
    pub(super) fn remember(
        &self,
        at_ms: u64,
        peer: SocketAddr,
        stream: Option<&str>,
        refusal: &Refusal,
    ) -> u64 {
        let peer = peer.ip().to_string();
        let stream = stream.map(|stream| stream.chars().take(TEXT_CHARS_MAX).collect::<String>());
        let reason = refusal.phrase();
        let mut refused = self.lock();
        let same = refused.iter().position(|earlier| {
            earlier.peer == peer
                && earlier.stream == stream
                && earlier.status == refusal.status
                && earlier.reason == reason
        });
        let times = 1 + same.and_then(|at| refused.remove(at)).map_or(0, |earlier| earlier.times);
        if refused.len() == REMEMBERED_MAX {
            refused.pop_front();
        }
        refused.push_back(Refused { at_ms, peer, stream, status: refusal.status, reason, times });
        times
    }

    pub(super) fn list(&self) -> Vec<Refused> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Refused>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_same_counted() {
        let refusals = Refusals::default();
        let peer = |last: u8| SocketAddr::from(([10, 0, 0, last], 1000 + u16::from(last)));
        let refusal = Refusal::new(403, "no");
        for last in 0..40 {
            refusals.remember(u64::from(last), peer(last), Some("cam"), &refusal);
        }
        refusals.remember(50, ([10, 0, 0, 20], 7).into(), Some("cam"), &refusal);
        let kept = refusals.list();
        assert_eq!((kept.len(), kept[0].peer.as_str()), (REMEMBERED_MAX, "10.0.0.8"));
        let last = &kept[REMEMBERED_MAX - 1];
        assert_eq!((last.peer.as_str(), last.at_ms, last.times), ("10.0.0.20", 50, 2));
    }

    #[test]
    fn a_reason_cannot_break_out_of_its_line() {
        assert_eq!(Refusal::new(415, "a\r\nb: \u{e9}").phrase(), "a??b: ?");
        assert_eq!(Refusal::new(415, "x".repeat(1000)).phrase().len(), TEXT_CHARS_MAX);
    }
}
