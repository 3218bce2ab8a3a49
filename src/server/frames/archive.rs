//! `GET /v1/video/{stream}/frames.tar`: pictures of a range, made while they are sent.
//!
//! Pictures that are made and not yet taken by the client are held, up to [`AHEAD_KIB`]. Beyond that the media-worker is
//! let go and asked anew for the rest once the client has caught up: a slow reader costs itself time, and nobody else a
//! worker.

use super::manifest::{self, Manifest};
use super::query::{ArchiveQuery, ImageQuery, Selection};
use super::sample::{Sample, key};
use super::work;
use crate::app::App;
use crate::auth::GetImages;
use crate::error::{ApiError, Causes};
use crate::http::Query;
use crate::native::range::end_ms;
use crate::workers::{Frames as Made, Item, Pool, WorkerError};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use media::worker_protocol::Frame;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;
use video::{FrameBatch, FramePlan, ReadError, WantedFrame};

/// KiB of an archive that may wait for the client.
const AHEAD_KIB: u32 = 16 << 10;
/// Archives made at a time; with [`AHEAD_KIB`] this bounds their memory.
pub const ARCHIVES_MAX: usize = 64;
/// How long a full queue of the media-workers is waited for, in steps of [`BUSY_PAUSE`].
const BUSY_TRIES: u32 = 600;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Why an archive breaks off. The connection is cut, so that nobody takes it for complete.
#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error("the client has gone")]
    Gone,
}

type Batches = BoxStream<'static, Result<FrameBatch, ReadError>>;

/// Answers with the archive; the same query gives the same bytes.
pub async fn archive(
    State(app): State<App>,
    camera: GetImages,
    Query(query): Query<ArchiveQuery>,
    Query(image): Query<ImageQuery>,
) -> Result<Response, ApiError> {
    let pool = app.pool.as_ref().map_err(Clone::clone)?.clone();
    let end_ms = end_ms(&app, &camera.stream).await?;
    let selection = query.select(image, end_ms.saturating_mul(1000))?;
    let busy = |_| ApiError::busy(format!("{ARCHIVES_MAX} archives are being made"));
    let slot = app.archives.clone().try_acquire_owned().map_err(busy)?;
    let Selection { from_us, to_us, .. } = selection;
    let batches = app.video.frames(&camera.stream, from_us, to_us, selection.sampling()).await?;
    let (output, entries) = Output::new();
    let archive = Archive {
        manifest: Manifest::new(camera.stream.clone(), selection),
        stream: camera.stream,
        selection,
        last_us: None,
        output,
        pool,
        app: app.clone(),
    };
    tokio::spawn(async move {
        archive.run(batches).await;
        drop(slot);
    });
    let headers = [(CONTENT_TYPE, "application/x-tar"), (CACHE_CONTROL, "private, no-cache")];
    Ok((headers, Body::from_stream(entries)).into_response())
}

/// Where entries go: to the client, no further ahead of it than allowed.
struct Output {
    entries: mpsc::UnboundedSender<io::Result<(Bytes, OwnedSemaphorePermit)>>,
    room: Arc<Semaphore>,
}

impl Output {
    fn new() -> (Self, BoxStream<'static, io::Result<Bytes>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
        // The permit goes with the entry when the connection takes it.
        let entries = UnboundedReceiverStream::new(receiver);
        let entries = entries.map(|entry: io::Result<(Bytes, OwnedSemaphorePermit)>| Ok(entry?.0)).boxed();
        (Self { entries: sender, room }, entries)
    }

    fn kib(bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, AHEAD_KIB)
    }

    /// Whether there is room for so many bytes now.
    fn has_room(&self, bytes: usize) -> bool {
        self.room.available_permits() >= Self::kib(bytes) as usize
    }

    /// Waits until there is room for so many bytes, and at least half of all room is free.
    async fn catch_up(&self, bytes: usize) -> Result<(), ArchiveError> {
        tokio::select! {
            _ = self.room.acquire_many(Self::kib(bytes).max(AHEAD_KIB / 2)) => Ok(()),
            () = self.entries.closed() => Err(ArchiveError::Gone),
        }
    }

    async fn send(&self, entry: Bytes) -> Result<(), ArchiveError> {
        let permit = tokio::select! {
            permit = self.room.clone().acquire_many_owned(Self::kib(entry.len())) => permit,
            () = self.entries.closed() => return Err(ArchiveError::Gone),
        };
        let permit = permit.map_err(|_| ArchiveError::Gone)?;
        self.entries.send(Ok((entry, permit))).map_err(|_| ArchiveError::Gone)
    }
}

struct Archive {
    app: App,
    pool: Pool,
    stream: String,
    selection: Selection,
    manifest: Manifest,
    /// Time of the last sample or failed picture, by the camera's clock.
    last_us: Option<u64>,
    output: Output,
}

impl Archive {
    async fn run(mut self, batches: Batches) {
        let entries = self.output.entries.clone();
        let stop = self.app.stop.clone();
        let outcome = tokio::select! {
            outcome = self.fill(batches) => outcome,
            () = stop.cancelled() => Err(WorkerError::ShuttingDown.into()),
        };
        match outcome {
            Ok(()) => {}
            Err(ArchiveError::Gone) => {
                tracing::debug!(stream = self.stream, "the reader of an archive has gone");
            }
            Err(error) => {
                tracing::error!(stream = self.stream, cause = %Causes(&error), "an archive of frames was cut off");
                // Cuts the connection.
                let _ = entries.send(Err(io::Error::other(error)));
            }
        }
    }

    async fn fill(&mut self, mut batches: Batches) -> Result<(), ArchiveError> {
        while let Some(batch) = batches.next().await {
            match batch? {
                FrameBatch::Missing(frames) => frames.iter().for_each(|frame| self.manifest.absent(frame)),
                FrameBatch::Plan(plan) => self.pictures(&plan).await?,
            }
        }
        let unused = Manifest::new(String::new(), self.selection);
        let manifest = std::mem::replace(&mut self.manifest, unused);
        // Half a million missing pictures take a moment to write down.
        let written = tokio::task::spawn_blocking(move || serde_json::to_vec(&manifest)).await;
        let manifest = written.map_err(io::Error::other)?.map_err(io::Error::from)?;
        self.output.send(super::tar::file(manifest::NAME, &manifest)?).await?;
        self.output.send(super::tar::end()).await
    }

    /// Makes the pictures of a plan, asking the workers as often as the client makes it necessary.
    async fn pictures(&mut self, plan: &FramePlan) -> Result<(), ArchiveError> {
        let wanted = self.without_repeated(&plan.wanted);
        let mut left = wanted.as_slice();
        while !left.is_empty() {
            let mut made = self.submit(plan, left).await?;
            let mut room_bytes = 0;
            while let Some(item) = made.next().await {
                let Some((first, rest)) = left.split_first() else { break };
                match item {
                    Ok(Item::Frame(frame)) => {
                        room_bytes = 2 * frame.image.len();
                        if !self.output.has_room(room_bytes) {
                            break;
                        }
                        self.sample(plan, first, &frame).await?;
                    }
                    Ok(Item::Missing(missing)) => {
                        self.manifest.undecodable(first.requested_us, &missing.detail);
                    }
                    Err(WorkerError::NotTaken { .. }) => break,
                    Err(error) if is_about_footage(&error) => {
                        let text = error.to_string();
                        left.iter().for_each(|wanted| self.manifest.undecodable(wanted.requested_us, &text));
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                }
                left = rest;
            }
            self.manifest.decoder(made.decoder());
            drop(made);
            if !left.is_empty() {
                self.output.catch_up(room_bytes).await?;
            }
        }
        Ok(())
    }

    /// Pictures that are not on screen since an earlier instant already.
    fn without_repeated(&mut self, wanted: &[WantedFrame]) -> Vec<WantedFrame> {
        let mut new = Vec::with_capacity(wanted.len());
        for frame in wanted {
            match self.last_us {
                Some(last_us) if frame.producer_us <= last_us => {
                    self.manifest.repeated(frame.requested_us, last_us);
                }
                _ => {
                    self.last_us = Some(frame.producer_us);
                    new.push(frame.clone());
                }
            }
        }
        new
    }

    async fn submit(&self, plan: &FramePlan, wanted: &[WantedFrame]) -> Result<Made, ArchiveError> {
        let mut tries = 0;
        loop {
            match self.pool.frames(work(plan, wanted, self.selection.image)) {
                Err(WorkerError::Busy { .. }) if tries < BUSY_TRIES => tries += 1,
                outcome => return Ok(outcome?),
            }
            tokio::select! {
                () = self.app.env.clock.sleep(BUSY_PAUSE) => {}
                () = self.output.entries.closed() => return Err(ArchiveError::Gone),
            }
        }
    }

    async fn sample(
        &mut self,
        plan: &FramePlan,
        wanted: &WantedFrame,
        frame: &Frame,
    ) -> Result<(), ArchiveError> {
        let key = key(&self.stream, wanted.producer_us);
        let json = serde_json::to_vec(&Sample::new(&self.stream, &key, plan, wanted, frame))
            .map_err(io::Error::from)?;
        self.output
            .send(super::tar::file(&format!("{key}.{}", self.selection.extension()), &frame.image)?)
            .await?;
        self.output.send(super::tar::file(&format!("{key}.json"), &json)?).await?;
        self.manifest.sample();
        Ok(())
    }
}

/// Errors that the same footage would give again; the others pass.
fn is_about_footage(error: &WorkerError) -> bool {
    matches!(
        error,
        WorkerError::Refused { .. }
            | WorkerError::Missing(_)
            | WorkerError::TimedOut { .. }
            | WorkerError::Died { .. }
            | WorkerError::Garbage(_)
    )
}
