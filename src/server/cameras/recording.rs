//! The task behind a [`Recorder`](super::Recorder): one worker after the other, one ingest session for each.

use super::attend::{Attending, Left, attend};
use super::error::RecordError;
use super::process::Attachment;
use super::recorder::Input;
use super::status::Status;
use super::{Inner, RecordOptions};
use media::worker_protocol::camera::Open;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use video::{End, IngestError, IngestSession, Reason, Summary};

/// A worker that had a camera for this long did not fail because of it.
const QUICK: Duration = Duration::from_secs(30);
/// Failures in a row after which the camera goes to the next worker at once.
const AT_ONCE: u32 = 2;
/// Wait after the first failure beyond those; doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// Longest wait. A camera that kills its workers hurts others the less the longer it goes on.
const BACKOFF_MAX: Duration = Duration::from_secs(32);
/// Failures in a row, none of them with media, after which the recording is given up.
const BARREN_MAX: u32 = 4;

/// A camera's recording.
pub(super) struct Recording {
    pub(super) cameras: Arc<Inner>,
    pub(super) stream: String,
    pub(super) open: Open,
    pub(super) options: RecordOptions,
    pub(super) input: mpsc::Receiver<Input>,
    pub(super) over: watch::Sender<Option<RecordError>>,
    pub(super) status: Arc<Status>,
    /// Workers lost in a row, each soon after it had been given the camera.
    pub(super) losses: u32,
    /// Workers lost in a row without any media.
    pub(super) barren: u32,
}

/// Why there is no next worker.
enum NoMore {
    /// Nothing more comes.
    End,
    Over(RecordError),
}

impl Recording {
    /// Records until the camera, the stream or the server ends it.
    pub(super) async fn run(mut self, mut session: IngestSession, mut attachment: Attachment) -> Summary {
        self.cameras.ingest.sessions.inc();
        let mut total = Summary::default();
        loop {
            let since = self.cameras.clock.monotonic();
            let has_media = AtomicBool::new(false);
            let left = self.attend(&mut session, &mut attachment, &has_media).await;
            let has_media = has_media.into_inner();
            let lasted = self.cameras.clock.monotonic().saturating_sub(since);
            let (end, over) = match left {
                Left::Finished(end) => (end, true),
                Left::SessionOver => (End::Disconnected, true),
                Left::Over(error) => {
                    tracing::info!(stream = self.stream, %error, "a recording over RTP is over");
                    self.tell_over(error);
                    (End::Disconnected, true)
                }
                Left::Lost(how) => {
                    self.lost(&how, lasted, has_media, &attachment).await;
                    (End::Failed(Reason::MediaWorkerFailed), false)
                }
                Left::Bad(how) => {
                    self.lost(&how, lasted, has_media, &attachment).await;
                    self.cameras.workers.give_up(&attachment.process);
                    (End::Failed(Reason::MediaWorkerFailed), false)
                }
                Left::Moved => (End::Failed(Reason::MediaWorkerFailed), false),
            };
            drop(attachment);
            let summary = session.finish(end).await;
            if over {
                if let Some(error) = summary.error.clone() {
                    self.tell_over(error.into());
                }
                add(&mut total, summary);
                return self.close(total);
            }
            add(&mut total, summary);
            (session, attachment) = match self.next_worker().await {
                Ok(next) => next,
                Err(NoMore::End) => return self.close(total),
                Err(NoMore::Over(error)) => {
                    self.tell_over(error);
                    return self.close(total);
                }
            };
        }
    }

    async fn attend(
        &mut self,
        session: &mut IngestSession,
        attachment: &mut Attachment,
        has_media: &AtomicBool,
    ) -> Left {
        self.status.begin();
        let attending = Attending {
            open: &self.open,
            session,
            input: &mut self.input,
            status: &self.status,
            clock: &*self.cameras.clock,
            stop: &self.cameras.stop,
            bytes: &self.cameras.ingest.bytes,
            has_media,
        };
        attend(attending, attachment).await
    }

    /// A worker failed.
    async fn lost(&mut self, how: &str, lasted: Duration, has_media: bool, attachment: &Attachment) {
        let process = &attachment.process;
        // Whether the whole process has ended is known a moment after its sockets are closed.
        let ended = crate::workers::process::within(
            &*self.cameras.clock,
            Duration::from_millis(100),
            process.gone.cancelled(),
        );
        let how = if ended.await.is_some() { process.how() } else { how.to_owned() };
        self.losses = if lasted < QUICK { self.losses + 1 } else { 1 };
        self.barren = if has_media { 0 } else { self.barren + 1 };
        tracing::warn!(
            stream = self.stream,
            pid = process.pid,
            how,
            losses = self.losses,
            "a media worker lost a camera"
        );
        self.status.warn(format!("a media worker failed: {how}"));
    }

    /// Begins a new session and hands the camera to the next worker, after a while if there have been many.
    async fn next_worker(&mut self) -> Result<(IngestSession, Attachment), NoMore> {
        let session = self.cameras.begin(&self.stream, &self.options).await.map_err(NoMore::Over)?;
        loop {
            if self.barren > BARREN_MAX {
                let detail = self.status.shown().warning.unwrap_or_default();
                return Err(NoMore::Over(RecordError::NoWorker(detail)));
            }
            self.wait().await?;
            match self.cameras.attach() {
                Ok(attachment) => return Ok((session, attachment)),
                Err(how) => {
                    tracing::error!(stream = self.stream, how, "no media worker takes a camera");
                    self.status.warn(format!("no media worker: {how}"));
                    self.losses += 1;
                    self.barren += 1;
                }
            }
        }
    }

    /// Waits before the next worker is tried. What comes meanwhile is lost: a camera that is not listened to would be
    /// minutes behind in the end.
    async fn wait(&mut self) -> Result<(), NoMore> {
        let Some(doublings) = self.losses.checked_sub(AT_ONCE + 1) else { return Ok(()) };
        let wait = BACKOFF_MIN.saturating_mul(1 << doublings.min(16)).min(BACKOFF_MAX);
        let clock = self.cameras.clock.clone();
        let mut wait = clock.sleep(wait);
        loop {
            tokio::select! {
                biased;
                () = &mut wait => return Ok(()),
                () = self.cameras.stop.cancelled() => return Err(NoMore::End),
                input = self.input.recv() => match input {
                    Some(Input::Packets(_)) => {}
                    Some(Input::End(_)) | None => return Err(NoMore::End),
                },
            }
        }
    }

    /// The first word counts.
    fn tell_over(&self, error: RecordError) {
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            if first {
                *over = Some(error);
            }
            first
        });
    }

    fn close(self, total: Summary) -> Summary {
        if self.cameras.stop.is_cancelled() {
            self.tell_over(IngestError::ShuttingDown.into());
        }
        let ingest = &self.cameras.ingest;
        ingest.sessions.dec();
        ingest.fragments.inc_by(total.persisted);
        if total.error.is_some() {
            ingest.errors.inc();
        }
        self.cameras.board.take_down(&self.status);
        total
    }
}

/// Adds up what one session after the other stored.
fn add(total: &mut Summary, next: Summary) {
    *total = Summary {
        fragments: total.fragments + next.fragments,
        persisted: total.persisted + next.persisted,
        chunks: total.chunks + next.chunks,
        stored_bytes: total.stored_bytes + next.stored_bytes,
        received_bytes: total.received_bytes + next.received_bytes,
        first_fragment: total.first_fragment.or(next.first_fragment),
        last_fragment: next.last_fragment.or(total.last_fragment),
        end_ms: next.end_ms.or(total.end_ms),
        ..next
    };
}
