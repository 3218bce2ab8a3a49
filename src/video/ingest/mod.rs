//! Ingest: from a camera's bytes to durable chunks.
//!
//! A session runs in its own task, fed through a bounded channel, so that it outlives the request that feeds it: a camera
//! may hang up right after its last byte and a web server may drop its handler, yet everything that arrived complete is
//! stored. Each chunk is appended as soon as the last byte of its media data has come. What is unfinished at the end is
//! thrown away and reported.
//!
//! ```text
//! push ─► channel ─► scanner ─► split at key frames and ─► place: time, ─► append ─► on disk: PERSISTED,
//!         (bounded)            at the target duration      numbers          │        when all chunks of
//!                                                                     BUFFERING      the fragment are there
//! ```
//!
//! **Memory.** A session holds at most one chunk (32 MiB of media by default), eight pieces of input of 256 KiB, 1024
//! events, and what the log has admitted and not yet written (bounded by `streams`, over all sessions). When the log is
//! behind, the session waits, then whoever pushes, then the camera.
//!
//! **Sessions.** A connection is a new session, with a discontinuity, unless it goes on exactly where the stream ended:
//! same initialisation segment (or none), decoding times that continue. So a sender that makes one request per fragment
//! records one session. Every connection that stored something ends with an *end* record, which says why; a stream
//! without one was cut off together with the server.
//!
//! **One publisher.** A second one is refused while the first sends, and takes over when the first has been silent, or
//! when it was told to.

mod events;
mod live;
mod media_clock;
#[cfg(test)]
mod media_clock_tests;
mod numbering;
mod place;
mod session;
mod steering;
#[cfg(test)]
mod steering_tests;

pub use events::{Event, FragmentRef};
pub(crate) use live::{Live, Slot, Stop};

use crate::clock::ProducerClock;
use crate::config::{EVENT_QUEUE, INPUT_PIECE_BYTES, INPUT_QUEUE};
use crate::error::IngestError;
use crate::head::{TAGS_BYTES_MAX, Tag};
use crate::reason::Reason;
use crate::recording::Recording;
use bytes::Bytes;
use session::Session;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A start may lie this far ahead of our clock: all later footage is dated after it.
const START_AHEAD_MS_MAX: u64 = 24 * 3600 * 1000;

/// What a session is to know from the beginning.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The camera's time of the first frame, in milliseconds since the Unix epoch, when the sender knows it. Earlier
    /// times than the stream's end so far become that end.
    pub start_ms: Option<u64>,
    /// Who is sending, for people: an address or a name.
    pub peer: String,
    /// Kept with the session's first chunk. At most 255 of them, and 1 KiB together.
    pub tags: BTreeMap<String, String>,
    /// Whether [`IngestSession::take_events`] will be read. An event that nobody reads holds the session up.
    pub events: bool,
    /// Whose word the producer reference times (`prft`) in the media are: [`ProducerClock::Prft`], the encoder's, or
    /// [`ProducerClock::Rtcp`], those of a camera's sender reports, which we wrote into the media ourselves; one of the
    /// time of writing then tells when the chunk reached us. Any other value is taken for the first.
    pub prft: ProducerClock,
    /// Takes over from a publisher that is sending. Without it, that one has to be silent for a while.
    pub takeover: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            start_ms: None,
            peer: String::new(),
            tags: BTreeMap::new(),
            events: false,
            prft: ProducerClock::Prft,
            takeover: false,
        }
    }
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sender ended it.
    Eof,
    /// The connection broke.
    Disconnected,
    /// The server is being shut down.
    Shutdown,
    /// Whoever feeds the session cannot go on, for this reason. What came is stored, like that of a connection that
    /// breaks.
    Failed(Reason),
}

/// What a session stored.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Fragments it began.
    pub fragments: u64,
    /// Fragments of which every chunk is on disk.
    pub persisted: u64,
    /// Chunks it stored.
    pub chunks: u64,
    /// Bytes of them.
    pub stored_bytes: u64,
    /// Bytes that came.
    pub received_bytes: u64,
    /// The first of its fragments.
    pub first_fragment: Option<FragmentRef>,
    /// The last of its fragments.
    pub last_fragment: Option<FragmentRef>,
    /// End of its media by the camera's clock, in milliseconds since the Unix epoch.
    pub end_ms: Option<u64>,
    /// Where its producer time came from.
    pub clock: Option<ProducerClock>,
    /// Arrival less producer time at the end of its media, in milliseconds: how late the camera's clock, and the way
    /// here, were.
    pub offset_ms: i64,
    /// How much its media clock lost against ours during the session.
    pub drift_ms: i64,
    /// Arrival less the camera's own time, in milliseconds, if its media told one, believed or not.
    pub camera_offset_ms: Option<i64>,
    /// The input ended within a chunk, which was thrown away.
    pub truncated: bool,
    /// Why the session ended early, or what was wrong with the end of its input. What is counted above is stored.
    pub error: Option<IngestError>,
}

enum Input {
    Bytes(Bytes),
    End(End),
}

/// An upload. Dropping it ends the upload like [`End::Disconnected`]: what was pushed is still stored.
pub struct IngestSession {
    input: mpsc::Sender<Input>,
    events: Option<mpsc::Receiver<Event>>,
    live: Arc<Live>,
    task: Option<JoinHandle<Summary>>,
    summary: Option<Summary>,
}

impl IngestSession {
    pub(crate) async fn begin(
        recording: Arc<Recording>,
        options: SessionOptions,
    ) -> Result<Self, IngestError> {
        let tags = checked_tags(&options.tags)?;
        let latest_ms = recording.now_ms().saturating_add(START_AHEAD_MS_MAX);
        if let Some(start_ms) = options.start_ms.filter(|start_ms| *start_ms > latest_ms) {
            return Err(IngestError::StartInFuture { start_ms });
        }
        let slot = Slot::take(&recording, &options.peer, options.takeover).await?;
        let live = slot.live.clone();
        let (tell, events) = match options.events {
            true => {
                let (tell, events) = mpsc::channel(EVENT_QUEUE);
                (Some(tell), Some(events))
            }
            false => (None, None),
        };
        let session = Session::new(recording, slot, &options, tags, tell).await?;
        let (input, received) = mpsc::channel(INPUT_QUEUE);
        let task = tokio::spawn(session.run(received));
        Ok(Self { input, events, live, task: Some(task), summary: None })
    }

    /// The session's events. Once, and only if [`SessionOptions::events`] asked for them.
    pub fn take_events(&mut self) -> Option<mpsc::Receiver<Event>> {
        self.events.take()
    }

    /// Hands over the next bytes of the upload; waits while the session is behind. After an error the session is over:
    /// [`IngestSession::finish`] tells what was stored.
    pub async fn push(&mut self, mut bytes: Bytes) -> Result<(), IngestError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(INPUT_PIECE_BYTES));
            if self.input.send(Input::Bytes(piece)).await.is_err() {
                return Err(self.summary().await.error.clone().unwrap_or(IngestError::Interrupted));
            }
        }
        Ok(())
    }

    /// Resolves when the session takes nothing more, for its own reasons; [`IngestSession::finish`] tells them.
    pub async fn closed(&self) {
        self.input.closed().await;
    }

    /// Ends the upload; resolves when everything that arrived complete is on disk (or could not be stored).
    pub async fn finish(mut self, end: End) -> Summary {
        self.live.end_input();
        // A session that is over does not listen any more; its summary says why.
        let _ = self.input.send(Input::End(end)).await;
        self.summary().await.clone()
    }

    async fn summary(&mut self) -> &Summary {
        if let Some(task) = self.task.take() {
            let cut_off = |_| Summary { error: Some(IngestError::Interrupted), ..Summary::default() };
            self.summary = Some(task.await.unwrap_or_else(cut_off));
        }
        self.summary.get_or_insert_default()
    }
}

impl Drop for IngestSession {
    fn drop(&mut self) {
        self.live.end_input();
    }
}

fn checked_tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, IngestError> {
    let tags: Vec<_> =
        tags.iter().map(|(name, value)| Tag { name: name.clone(), value: value.clone() }).collect();
    let bytes = tags.iter().map(Tag::encoded_len).sum();
    let countable = |len: usize| len <= usize::from(u8::MAX);
    if bytes > TAGS_BYTES_MAX || !countable(tags.len()) || !tags.iter().all(|tag| countable(tag.name.len())) {
        return Err(IngestError::TagsTooLarge { bytes, max: TAGS_BYTES_MAX });
    }
    Ok(tags)
}
