//! Changes of streams' settings, one after the other for each stream.

use super::Sources;
use super::settings::Source;
use super::status::SourceState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// The turns that are waited for, by the stream's name.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, stream: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let known = turns.get(stream).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            turns.insert(stream.to_owned(), Arc::downgrade(&turn));
            turn
        })
    }
}

/// The turn to change a stream's settings. Of what users give, much stands for what there is already: between reading that
/// and writing it anew nobody else may write.
pub struct Changing {
    sources: Sources,
    stream: String,
    _turn: OwnedMutexGuard<()>,
}

impl Changing {
    pub(super) async fn begin(sources: Sources, stream: &str) -> Self {
        let turn = sources.inner.turns.of(stream).lock_owned().await;
        Self { sources, stream: stream.to_owned(), _turn: turn }
    }

    /// Does what the stream's settings say now, after they have been changed or the stream deleted. Resolves when what
    /// was recorded until now is on disk, if the recording ends. With `again`, a camera that is being waited for is
    /// called now. Must not be dropped half-way: the camera would not be called any more.
    pub async fn apply(self, again: bool) {
        let (inner, stream) = (&self.sources.inner, &self.stream);
        let settings = inner.video.settings(stream).ok();
        let wanted =
            settings.as_ref().and_then(|stream| Some((stream.clone(), Source::of(&stream.sealed_settings)?)));
        let old = {
            let mut tasks = inner.tasks();
            let stays = tasks.get(stream).zip(wanted.as_ref()).is_some_and(|(task, (stream, source))| {
                let waits = task.status.get().state != SourceState::Recording;
                task.id == stream.id && task.source == *source && !(again && waits)
            });
            if stays {
                return;
            }
            tasks.remove(stream)
        };
        if let Some(task) = old {
            task.cancel.cancel();
            if let Some(running) = task.running
                && let Err(error) = running.await
            {
                tracing::error!(stream, %error, "a source's task panicked");
            }
        }
        if let Some((stream, source)) = wanted {
            inner.begin(&stream, source);
        }
    }
}
