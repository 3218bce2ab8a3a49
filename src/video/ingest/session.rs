//! A session's task: takes bytes, appends chunks, tells what became of them.

use super::events::{Event, FragmentRef, Teller};
use super::live::{Live, Slot, Stop, stopped};
use super::place::{Dated, Placer};
use super::{End, Input, SessionOptions, Summary};
use crate::config::CHUNKS_IN_FLIGHT;
use crate::error::IngestError;
use crate::head::{InitId, Tag};
use crate::reason::Reason;
use crate::recording::{PlaceError, Purpose, Recording};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use media::MediaError;
use media::fmp4::{Chunk, Init, Piece, Scanner};
use std::collections::VecDeque;
use std::sync::Arc;
use streams::{AppendError, Appended, Unbroken};
use tokio::sync::mpsc;

/// What was admitted and is not known to be on disk.
enum InFlight {
    Chunk(BoxFuture<'static, Result<(), AppendError>>),
    Other(BoxFuture<'static, Result<(), AppendError>>),
}

/// A session.
pub(super) struct Session {
    recording: Arc<Recording>,
    scanner: Scanner,
    /// The initialisation segment of the chunks that come now.
    init: Option<(InitId, Arc<Init>)>,
    placer: Placer,
    in_flight: VecDeque<InFlight>,
    /// What the first append was answered with: nothing must be stored when a batch was lost since.
    unbroken: Option<Unbroken>,
    /// Something that had a place in the stream did not become durable.
    lost: bool,
    teller: Teller,
    summary: Summary,
    /// Given back last: then everything is stored.
    slot: Slot,
}

impl Session {
    pub(super) async fn new(
        recording: Arc<Recording>,
        slot: Slot,
        options: &SessionOptions,
        tags: Vec<Tag>,
        events: Option<mpsc::Sender<Event>>,
    ) -> Result<Self, IngestError> {
        let end = recording.timeline.end().await.map_err(read_failed)?;
        let last_init = end.last_chunk.as_ref().map(|(_, _, head)| head.init);
        let init = match last_init {
            Some(id) => Some((id, recording.init(id).await.map_err(read_failed)?)),
            None => None,
        };
        let limits = recording.config.scan;
        let scanner = match &init {
            Some((_, init)) => Scanner::resume(limits, init.clone()),
            None => Scanner::new(limits),
        };
        let mut random = [0; 16];
        recording.env.random.fill(&mut random);
        let (ended, session) = (recording.ended(&end), u128::from_le_bytes(random));
        let placer = Placer::new(end, ended, session, recording.config, options, tags);
        let teller = Teller::new(events, slot.live.stops());
        let (in_flight, summary) = (VecDeque::new(), Summary::default());
        Ok(Self {
            recording,
            scanner,
            init,
            placer,
            in_flight,
            unbroken: None,
            lost: false,
            teller,
            summary,
            slot,
        })
    }

    /// Works until the upload is over, then until everything is on disk.
    pub(super) async fn run(mut self, mut input: mpsc::Receiver<Input>) -> Summary {
        let ended = self.feed(&mut input).await;
        // Whoever pushes is told at once.
        input.close();
        drop(input);
        self.live().end_input();
        let (reason, error) = match ended {
            Ok(end) => {
                let error = self.check_end(end);
                let reason = match end {
                    End::Eof | End::Disconnected => Reason::CameraDisconnected,
                    End::Shutdown => Reason::ServerStopped,
                    End::Failed(reason) => reason,
                };
                (error.as_ref().map_or(reason, IngestError::reason), error)
            }
            Err(error) => (error.reason(), Some(error)),
        };
        self.close(reason, error).await
    }

    fn live(&self) -> &Live {
        &self.slot.live
    }

    async fn feed(&mut self, input: &mut mpsc::Receiver<Input>) -> Result<End, IngestError> {
        let mut stops = self.live().stops();
        loop {
            self.live().waits(self.recording.env.clock.monotonic());
            tokio::select! {
                stop = stopped(&mut stops) => return self.drain(input, stop).await,
                settled = settle(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    self.live().works();
                    self.settled(settled).await?;
                }
                received = input.recv() => {
                    self.live().works();
                    match received {
                        Some(Input::Bytes(bytes)) => self.push(bytes).await?,
                        Some(Input::End(end)) => return Ok(end),
                        None => return Ok(End::Disconnected),
                    }
                }
            }
        }
    }

    /// Asked to stop: what has arrived is still taken.
    async fn drain(&mut self, input: &mut mpsc::Receiver<Input>, stop: Stop) -> Result<End, IngestError> {
        self.live().works();
        input.close();
        while let Some(received) = input.recv().await {
            match received {
                Input::Bytes(bytes) => self.push(bytes).await?,
                Input::End(end) => return Ok(end),
            }
        }
        Err(match stop {
            Stop::TakenOver => IngestError::TakenOver,
            Stop::Deleted => IngestError::Deleted,
            Stop::Shutdown => IngestError::ShuttingDown,
        })
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), IngestError> {
        self.summary.received_bytes += bytes.len() as u64;
        self.scanner.push(bytes);
        while let Some(piece) = self.scanner.next()? {
            match piece {
                Piece::Init(init) => {
                    self.placer.restated();
                    self.init = Some((InitId::of(&init.bytes), init));
                }
                Piece::Chunk(chunk) => self.chunk(chunk).await?,
            }
        }
        Ok(())
    }

    async fn chunk(&mut self, chunk: Chunk) -> Result<(), IngestError> {
        let Some((id, init)) = self.init.clone() else { return Err(MediaError::NoInit.into()) };
        let mut hints = self.placer.hints(&init, &chunk, self.recording.now_ms())?;
        let longest_ms = self.recording.config.fragment_us_max() / 1000;
        for part in chunk.split(&init, longest_ms)? {
            self.recording.shard.room().await.map_err(IngestError::Append)?;
            self.store_init(id, &init).await?;
            let dated = self.placer.date(id, &init, &part, &hints);
            self.live().set_status(self.placer.status());
            self.append(dated, part.bytes).await?;
            // The parts follow the first one.
            hints.prft_ms = None;
            hints.first_part = false;
        }
        Ok(())
    }

    /// States the initialisation segment, unless it is the one of the chunk before.
    async fn store_init(&mut self, id: InitId, init: &Init) -> Result<(), IngestError> {
        if self.placer.in_force() == Some(id) {
            return Ok(());
        }
        let appended =
            self.recording.append_init(id, init.bytes.clone(), Purpose::Media, self.unbroken).await?;
        self.unbroken.get_or_insert(appended.unbroken);
        self.in_flight.push_back(InFlight::Other(appended.durable));
        self.placer.stated(id);
        Ok(())
    }

    async fn append(&mut self, dated: Dated, body: Bytes) -> Result<(), IngestError> {
        while self.in_flight.len() >= CHUNKS_IN_FLIGHT {
            let settled = settle(&mut self.in_flight).await;
            self.settled(settled).await?;
        }
        let (len, has_lead) = (body.len() as u64, dated.has_lead());
        let place = self.recording.next_place(Purpose::Media).await?;
        let Some(head) = self.placer.head(dated, place.newest_init) else {
            return Err(IngestError::Interrupted);
        };
        let appended = place.append(head.encode(), body, self.unbroken).await?;
        let Appended { first, arrival, unbroken, durable } = appended;
        self.unbroken.get_or_insert(unbroken);
        self.in_flight.push_back(InFlight::Chunk(durable));
        self.summary.chunks += 1;
        self.summary.stored_bytes += len;
        self.summary.end_ms = Some(self.summary.end_ms.unwrap_or(0).max(head.end_us() / 1000));
        if let Some(begun) = self.placer.admitted(&head, has_lead, first, arrival, len) {
            let fragment = FragmentRef { number: begun.seq.0, producer_ms: begun.producer_us / 1000 };
            self.summary.fragments += 1;
            self.summary.first_fragment.get_or_insert(fragment);
            self.summary.last_fragment = Some(fragment);
            self.teller.begin(fragment).await;
        }
        self.teller.admitted();
        Ok(())
    }

    async fn settled(&mut self, settled: Result<bool, AppendError>) -> Result<(), IngestError> {
        match settled {
            Ok(true) => self.teller.settled().await,
            Ok(false) => {}
            Err(error) => {
                self.recording.forget_admitted().await;
                self.lost = true;
                return Err(IngestError::Append(error));
            }
        }
        Ok(())
    }

    /// What is wrong with the end of the input, if anything. A connection that breaks within a chunk is an accident; an
    /// upload that ends there on purpose is a mistake.
    fn check_end(&mut self, end: End) -> Option<IngestError> {
        let error = self.scanner.finish().err()?;
        self.summary.truncated = matches!(error, MediaError::TruncatedChunk | MediaError::TruncatedInit);
        let accident = end != End::Eof && self.summary.chunks > 0;
        (!accident).then_some(IngestError::Media(error))
    }

    async fn close(mut self, reason: Reason, mut error: Option<IngestError>) -> Summary {
        let can_append = match &error {
            // The end may come after what was sent before it if all of that is stored: then what was refused had not been
            // given a place.
            Some(IngestError::Append(AppendError::Full(_))) => self.settle_all().await.is_ok() && !self.lost,
            Some(IngestError::Append(_) | IngestError::Deleted) => false,
            _ => true,
        };
        let mut written = can_append;
        if can_append && let Err(failed) = self.append_end(reason).await {
            written = false;
            error = error.or(Some(failed));
        }
        self.teller.complete().await;
        if let Err(failed) = self.settle_all().await {
            written = false;
            error = match error {
                // What came after a batch that did not happen is refused for coming after it; the batch itself says why.
                Some(IngestError::Append(_)) | None => Some(failed),
                other => other,
            };
        }
        if let Some(error) = &error {
            tracing::warn!(peer = self.live().peer, code = error.code(), %error, "ingest session ended early");
            self.teller.error(error.clone()).await;
        }
        let status = self.placer.status();
        if let Some(session) = status.session.filter(|_| !written) {
            let reason = error.as_ref().map_or(reason, IngestError::reason);
            self.recording.remember_end(session, reason).await;
        }
        self.summary.persisted = self.teller.persisted;
        self.summary.clock = status.clock;
        self.summary.offset_ms = status.offset_ms;
        self.summary.drift_ms = status.drift_ms;
        self.summary.camera_offset_ms = status.camera_offset_ms;
        self.summary.error = error;
        self.summary
    }

    /// Waits until all that was sent is on disk.
    async fn settle_all(&mut self) -> Result<(), IngestError> {
        while !self.in_flight.is_empty() {
            let settled = settle(&mut self.in_flight).await;
            if let Err(failed) = self.settled(settled).await {
                // What follows a batch that failed fails as well.
                self.in_flight.clear();
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Proves how the connection ended.
    async fn append_end(&mut self, reason: Reason) -> Result<(), IngestError> {
        let place = self.recording.next_place(Purpose::Upkeep).await?;
        let Some(head) = self.placer.end(reason, place.newest_init) else { return Ok(()) };
        let appended = place.append(head.encode(), Bytes::new(), self.unbroken).await?;
        self.in_flight.push_back(InFlight::Other(appended.durable));
        Ok(())
    }
}

/// Waits until the oldest of these is on disk; whether it is a chunk.
async fn settle(in_flight: &mut VecDeque<InFlight>) -> Result<bool, AppendError> {
    let (durable, chunk) = match in_flight.front_mut() {
        Some(InFlight::Chunk(durable)) => (durable, true),
        Some(InFlight::Other(durable)) => (durable, false),
        None => return Ok(false),
    };
    let settled = durable.await;
    in_flight.pop_front();
    settled.map(|()| chunk)
}

fn read_failed(error: crate::error::ReadError) -> IngestError {
    IngestError::Read(error)
}

impl From<PlaceError> for IngestError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Append(error) => Self::Append(error),
            PlaceError::Read(error) => Self::Read(error),
        }
    }
}
