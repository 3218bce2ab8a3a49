//! Recordings whose cameras have gone, while what they sent is still being stored. A camera that comes back at once must
//! find its stream free.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The streams of such recordings.
#[derive(Default)]
pub(super) struct Ending {
    streams: Mutex<HashMap<String, usize>>,
    changed: Notify,
}

impl Ending {
    /// The recording into `stream` ends, for as long as the answer lives.
    pub(super) fn begin(&self, stream: &str) -> Guard<'_> {
        *self.lock().entry(stream.to_owned()).or_default() += 1;
        Guard(self, stream.to_owned())
    }

    /// Whether a recording into `stream` is ending.
    pub(super) fn contains(&self, stream: &str) -> bool {
        self.lock().contains_key(stream)
    }

    /// Resolves when any has ended after this call.
    pub(super) fn ended(&self) -> Notified<'_> {
        self.changed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Ending::begin`].
pub(super) struct Guard<'a>(&'a Ending, String);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut streams = self.0.lock();
        if let Some(count) = streams.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.1);
            }
        }
        drop(streams);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_one_counts() {
        let ending = Ending::default();
        let (first, second) = (ending.begin("cam"), ending.begin("cam"));
        drop(first);
        let ended = ending.ended();
        assert!(ending.contains("cam") && !ending.contains("other"));
        drop(second);
        ended.await;
        assert!(!ending.contains("cam"));
    }
}
