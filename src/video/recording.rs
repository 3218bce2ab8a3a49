//! One video stream as this process holds it.

use crate::config::{INITS_IN_MEMORY, VideoConfig};
use crate::error::ReadError;
use crate::head::{InitHead, InitId};
use crate::ingest::Live;
use crate::reason::Reason;
use crate::timeline::{Fragment, StreamEnd, Timeline, TrailingGap, head_at};
use bytes::Bytes;
use media::fmp4::Init;
use shardlog::Seq;
use shardlog::env::Env;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streams::{AppendError, Appended, Record, Shard, Unbroken};

/// A camera that has sent nothing for this long is silent: what is missing since is a gap.
const SILENT_MS: u64 = 10_000;

/// One video stream: its log, its timeline, and who is sending.
pub(crate) struct Recording {
    /// Names the stream for ever.
    pub(crate) id: u128,
    pub(crate) shard: Shard,
    pub(crate) env: Env,
    pub(crate) config: VideoConfig,
    pub(crate) timeline: Timeline,
    writer: tokio::sync::Mutex<Writer>,
    live: Mutex<Option<Arc<Live>>>,
    /// How the session ended that has the newest chunk, if that could not be written down. Known while the server runs.
    unwritten_end: Mutex<Option<(u128, Reason)>>,
    inits: Mutex<VecDeque<(InitId, Arc<Init>)>>,
}

/// What whoever appends must know. Its lock is held during an append, so that every head names the newest
/// initialisation segment before it, and the chain of those has no fork.
#[derive(Default)]
struct Writer {
    /// `None`: to be looked up.
    newest_init: Option<Option<Seq>>,
}

impl Recording {
    pub(crate) fn new(shard: Shard, env: Env, config: VideoConfig) -> Self {
        Self {
            id: shard.stream().id,
            timeline: Timeline::new(shard.clone(), config.fragments_in_memory),
            shard,
            env,
            config,
            writer: tokio::sync::Mutex::default(),
            live: Mutex::new(None),
            unwritten_end: Mutex::new(None),
            inits: Mutex::default(),
        }
    }

    /// Who is sending, if anybody.
    pub(crate) fn live(&self) -> MutexGuard<'_, Option<Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the stream's newest fragment may still grow: its session is alive here, and the log does not say that it
    /// ended.
    pub(crate) fn growing(&self, end: &StreamEnd) -> bool {
        let Some((_, _, last)) = &end.last_chunk else { return false };
        let live = self.live().as_ref().and_then(|live| live.session());
        end.ended.is_none() && live == Some(last.position.session)
    }

    /// Every fragment before this record is complete. To be asked before fragments are looked up: those that begin
    /// afterwards are not covered.
    pub(crate) fn complete_before(&self, end: &StreamEnd) -> Seq {
        let newest = end.newest.last().map(|fragment| fragment.seq);
        match newest {
            Some(newest) if self.growing(end) => newest,
            Some(newest) => newest.plus(1),
            None => Seq(0),
        }
    }

    /// Why there is nothing after the newest fragment.
    pub(crate) fn trailing(&self, end: &StreamEnd, now_ms: u64) -> TrailingGap {
        if self.growing(end) {
            let arrived_ms = end.last_chunk.as_ref().map_or(0, |(_, arrival, _)| arrival.0);
            return (now_ms.saturating_sub(arrived_ms) >= SILENT_MS).then_some(Reason::NoData);
        }
        Some(self.ended(end))
    }

    /// How the newest session ended.
    pub(crate) fn ended(&self, end: &StreamEnd) -> Reason {
        if let Some((_, ended)) = &end.ended {
            return ended.reason;
        }
        let newest = end.last_chunk.as_ref().map(|(_, _, head)| head.position.session);
        let unwritten = *self.unwritten_end.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten
            .filter(|(session, _)| Some(*session) == newest)
            .map_or(Reason::ServerRestarted, |(_, reason)| reason)
    }

    /// A session has ended, which could not be written down; only the one that has the newest chunk counts.
    pub(crate) async fn remember_end(&self, session: u128, reason: Reason) {
        let Ok(end) = self.timeline.end().await else { return };
        if end.last_chunk.is_some_and(|(_, _, head)| head.position.session == session) {
            *self.unwritten_end.lock().unwrap_or_else(PoisonError::into_inner) = Some((session, reason));
        }
    }

    /// Appends an initialisation segment; `purpose`: what for.
    pub(crate) async fn append_init(
        &self,
        id: InitId,
        body: Bytes,
        purpose: Purpose,
        behind: Option<Unbroken>,
    ) -> Result<Appended, PlaceError> {
        let mut place = self.next_place(purpose).await?;
        let head = InitHead { id, previous: place.newest_init };
        place.states_init = true;
        place.append(head.encode(), body, behind).await
    }

    /// Waits for the right to append the next record.
    pub(crate) async fn next_place(&self, purpose: Purpose) -> Result<NextPlace<'_>, PlaceError> {
        let mut writer = self.writer.lock().await;
        let newest_init = self.newest_init(&mut writer).await?;
        Ok(NextPlace { shard: &self.shard, writer, newest_init, states_init: false, purpose })
    }

    async fn newest_init(&self, writer: &mut Writer) -> Result<Option<Seq>, ReadError> {
        if let Some(newest) = writer.newest_init {
            return Ok(newest);
        }
        let newest = self.timeline.end().await?.newest_init;
        writer.newest_init = Some(newest);
        Ok(newest)
    }

    /// To be called when something that was admitted did not become durable: what was known may not be so.
    pub(crate) async fn forget_admitted(&self) {
        self.writer.lock().await.newest_init = None;
    }

    /// An initialisation segment, parsed.
    pub(crate) async fn init(&self, id: InitId) -> Result<Arc<Init>, ReadError> {
        if let Some(init) = self.cached_init(id) {
            return Ok(init);
        }
        let body = self.init_bytes(id).await?;
        let init = Arc::new(Init::parse(&body)?);
        let mut inits = self.inits.lock().unwrap_or_else(PoisonError::into_inner);
        inits.retain(|(known, _)| *known != id);
        inits.push_back((id, init.clone()));
        if inits.len() > INITS_IN_MEMORY {
            inits.pop_front();
        }
        Ok(init)
    }

    fn cached_init(&self, id: InitId) -> Option<Arc<Init>> {
        let inits = self.inits.lock().unwrap_or_else(PoisonError::into_inner);
        inits.iter().find(|(known, _)| *known == id).map(|(_, init)| init.clone())
    }

    async fn init_bytes(&self, id: InitId) -> Result<Bytes, ReadError> {
        let seq = self.timeline.find_init(id).await?.ok_or(ReadError::NoInit)?;
        let len = head_at(&self.shard, seq).await?.body_len;
        Ok(self.shard.body(seq, 0..len).await?)
    }

    /// The initialisation segment of a fragment.
    pub(crate) async fn init_of(&self, fragment: &Fragment) -> Result<Arc<Init>, ReadError> {
        match self.init(fragment.init).await {
            Err(ReadError::NoInit) => Err(ReadError::damaged(fragment.seq, "its init segment is not there")),
            answer => answer,
        }
    }

    /// The time by the server's clock, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.env.clock.now_ms()
    }
}

/// What a record is appended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is media. Whoever appends it has asked for [room](Shard::room) before, without which it waits for nothing:
    /// nobody may wait for room while others wait for the right to append what makes it.
    Media,
    /// It is small, and needed so that older records can go or to say what became of others: also on a full disk.
    Upkeep,
}

/// The right to append the next record.
pub(crate) struct NextPlace<'a> {
    shard: &'a Shard,
    writer: tokio::sync::MutexGuard<'a, Writer>,
    /// The newest initialisation segment before it.
    pub(crate) newest_init: Option<Seq>,
    states_init: bool,
    purpose: Purpose,
}

impl NextPlace<'_> {
    /// Appends the record; what a session says only `behind` all that it said before.
    pub(crate) async fn append(
        mut self,
        head: Bytes,
        body: Bytes,
        behind: Option<Unbroken>,
    ) -> Result<Appended, PlaceError> {
        // Should this be cut short, what stands in the log is to be looked up.
        self.writer.newest_init = None;
        let records = vec![Record { head, body }];
        let appended = match self.purpose {
            Purpose::Media => self.shard.append_admitted(records, behind).await?,
            Purpose::Upkeep => self.shard.append_upkeep(records, behind).await?,
        };
        self.writer.newest_init =
            Some(if self.states_init { Some(appended.first) } else { self.newest_init });
        Ok(appended)
    }
}

/// Errors of appending to a recording.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What stands in the log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}
