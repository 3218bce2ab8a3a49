//! The task behind a source: calls for the camera, records it, calls again.

use super::PULL_SILENCE;
use super::client::Client;
use super::error::PullError;
use super::settings::Source;
use super::status::{Shared, SourceState};
use crate::cameras::{CHUNK_MS, Cameras, RecordError, RecordOptions, Recorder};
use media::worker_protocol::camera::{Carriage, Open, WorkerSource};
use shardlog::env::Env;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use video::{End, Reason};

/// First wait before a camera is called again; doubles with each further failure.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Shortest wait after a camera did not let us in: many lock everybody out who tries too often.
const WAIT_UNAUTHORIZED: Duration = Duration::from_secs(10);
/// A camera that sent for this long is called again as soon as one that was never called before.
const STEADY: Duration = Duration::from_secs(60);
/// How often it is looked at whether a camera that a worker calls for sends anything.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks without a packet after which such a camera is called again: workers report what came every five seconds.
const SILENT_LOOKS: u32 = 5 + PULL_SILENCE.as_secs() as u32;

/// A source's task.
#[derive(Clone)]
pub(super) struct Supervisor {
    pub(super) cameras: Cameras,
    pub(super) env: Env,
    pub(super) stream: String,
    pub(super) source: Source,
    pub(super) status: Shared,
    /// Cancelled when the camera is not to be recorded any more.
    pub(super) cancel: CancellationToken,
    /// Cancelled when the server is being shut down.
    pub(super) stop: CancellationToken,
}

/// How a call ended.
struct Call {
    /// `None`: it was to end.
    error: Option<PullError>,
    /// For how long media came in.
    recorded: Duration,
}

impl Supervisor {
    /// Calls for the camera again and again, until it is not to be recorded any more.
    pub(super) async fn run(self) {
        let mut failures = 0;
        // What the other client does not speak, GStreamer may.
        let mut through_worker = self.source.tls();
        loop {
            self.status.enter(SourceState::Connecting, self.now_ms());
            self.status.change(|status| status.attempts = status.attempts.saturating_add(1));
            // In a task of its own: a panic in what reads from a camera is that camera's alone.
            let call = self.cameras.pace().handle().spawn(self.clone().call(through_worker));
            let call = call.await.unwrap_or_else(|error| {
                tracing::error!(stream = self.stream, %error, "calling for a camera panicked");
                Call { error: Some(PullError::Internal), recorded: Duration::ZERO }
            });
            let Some(error) = call.error else { break };
            tracing::info!(stream = self.stream, source = ?self.source, %error, "a camera is not recorded");
            self.status.change(|status| {
                status.error = Some(error.to_string());
                status.error_code = Some(error.code());
                status.warning = None;
            });
            if error.is_final() {
                break;
            }
            if !self.source.tls() && call.recorded < STEADY {
                through_worker = match error {
                    PullError::Protocol(_) => true,
                    PullError::Record(RecordError::NoWorker(_)) => false,
                    _ => through_worker,
                };
            }
            failures = if call.recorded >= STEADY { 0 } else { failures + 1 };
            let unauthorized = matches!(error, PullError::Unauthorized(_));
            let wait = self.wait(failures).max(if unauthorized { WAIT_UNAUTHORIZED } else { WAIT_MIN / 2 });
            self.status.enter(SourceState::Waiting, self.now_ms());
            let next_ms = self.now_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            self.status.change(|status| status.next_try_ms = Some(next_ms));
            tokio::select! {
                () = self.cancel.cancelled() => break,
                () = self.env.clock.sleep(wait) => {}
            }
        }
        self.status.enter(SourceState::Stopped, self.now_ms());
    }

    fn now_ms(&self) -> u64 {
        self.env.clock.now_ms()
    }

    /// How long to wait after so many failures in a row: up to a quarter more or less than its turn, so that cameras that
    /// went at the same time do not all come back at the same time.
    fn wait(&self, failures: u32) -> Duration {
        let turn = WAIT_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(WAIT_MAX);
        let mut random = [0; 2];
        self.env.random.fill(&mut random);
        let share = f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX);
        turn.mul_f64(0.75 + share / 2.0)
    }

    async fn call(self, through_worker: bool) -> Call {
        let mut since = None;
        let called = if through_worker {
            self.through_worker(&mut since).await
        } else {
            self.direct(&mut since).await
        };
        let recorded = since.map_or(Duration::ZERO, |since| self.env.clock.monotonic().saturating_sub(since));
        Call { error: called.err(), recorded }
    }

    /// Calls with our own client.
    async fn direct(&self, since: &mut Option<Duration>) -> Result<(), PullError> {
        let clock = &*self.env.clock;
        let mut client = tokio::select! {
            () = self.cancel.cancelled() => return Ok(()),
            client = Client::connect(&self.source, clock, self.cameras.pace()) => client?,
        };
        let warning = client.warnings.join("; ");
        let mut recorder = self.record(client.open.clone()).await?;
        let error = tokio::select! {
            () = self.cancel.cancelled() => None,
            error = async {
                match client.packets(clock).await {
                    Ok(batch) => {
                        self.begun(since, warning);
                        match recorder.packets(batch).await {
                            Ok(()) => client.record(&mut recorder, clock).await,
                            Err(error) => error.into(),
                        }
                    }
                    Err(error) => error,
                }
            } => Some(error),
        };
        self.finish(recorder, error).await
    }

    /// Has a worker call.
    async fn through_worker(&self, since: &mut Option<Duration>) -> Result<(), PullError> {
        let mut recorder = self.record(worker_open(&self.source)).await?;
        let error = tokio::select! {
            () = self.cancel.cancelled() => None,
            error = self.look(&mut recorder, since) => Some(error),
        };
        self.finish(recorder, error).await
    }

    /// Looks after a camera that a worker calls for.
    async fn look(&self, recorder: &mut Recorder, since: &mut Option<Duration>) -> PullError {
        let (mut packets, mut looks) = (0, 0);
        loop {
            tokio::select! {
                ended = recorder.ended() => return ended.into(),
                () = self.env.clock.sleep(LOOK_INTERVAL) => {}
            }
            let status = recorder.status();
            looks = if status.packets == packets { looks + 1 } else { 0 };
            packets = status.packets;
            if packets > 0 && since.is_none() {
                self.begun(since, status.warning.unwrap_or_default());
            }
            if looks > SILENT_LOOKS {
                return PullError::Silent(PULL_SILENCE);
            }
        }
    }

    async fn record(&self, open: Open) -> Result<Recorder, PullError> {
        let options = RecordOptions { peer: self.source.place(), auto_create: false };
        Ok(self.cameras.record(&self.stream, open, options).await?)
    }

    /// Media comes in.
    fn begun(&self, since: &mut Option<Duration>, warning: String) {
        *since = Some(self.env.clock.monotonic());
        self.status.enter(SourceState::Recording, self.now_ms());
        self.status.change(|status| {
            (status.error, status.error_code, status.attempts) = (None, None, 0);
            status.warning = Some(warning).filter(|warning| !warning.is_empty());
        });
    }

    async fn finish(&self, recorder: Recorder, error: Option<PullError>) -> Result<(), PullError> {
        let end = match &error {
            None if self.stop.is_cancelled() => End::Shutdown,
            None => End::Eof,
            Some(PullError::Silent(_)) => End::Failed(Reason::NoData),
            Some(_) => End::Disconnected,
        };
        recorder.finish(end).await;
        error.map_or(Ok(()), Err)
    }
}

/// A camera that the worker is to call for itself.
pub(super) fn worker_open(source: &Source) -> Open {
    let credentials = source.credentials();
    let source = WorkerSource {
        url: source.url().to_string(),
        user: credentials.map(|(user, _)| user.to_owned()),
        password: credentials.map(|(_, password)| password.to_owned()),
        verify_certificate: source.verify_certificate,
    };
    Open { tracks: Vec::new(), carriage: Carriage::Tcp, chunk_ms: CHUNK_MS, source: Some(source) }
}
