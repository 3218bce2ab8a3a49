//! The timeline: which fragments there are, by both clocks.
//!
//! Built from heads alone, and from nothing that ingest knows privately, so that it shows durable media only and is the
//! same after a restart. Nothing is read until somebody asks. Then the newest fragments are read chunk by chunk (at most
//! the last 64), and older ones 32 at a time from the directories in heads, as far back as was asked; every further
//! question first reads the heads that have become durable since.
//!
//! **Memory.** At most [`fragments_in_memory`](crate::VideoConfig::fragments_in_memory) fragments of 80 bytes per stream
//! (by default 5 MiB: 36 hours of two-second fragments), counted back from the newest, plus up to 4096 names of
//! initialisation segments (about 200 KiB, in practice one or two names). Questions about older footage walk its
//! directories and keep nothing.

mod fragment;
mod gaps;
mod inits;
mod locate;
mod records;
mod run;
mod walk;

pub(crate) use fragment::Fragment;
pub use fragment::FragmentInfo;
pub use gaps::{Gap, Span, TimelineView};
pub(crate) use gaps::{TrailingGap, view};
pub(crate) use records::{Read, head_at, read_heads};
pub(crate) use walk::Walk;

use crate::clock::Clock;
use crate::error::ReadError;
use crate::head::{ChunkHead, DIRECTORY_FRAGMENTS, DirectoryEntry, EndHead, InitId};
use run::Run;
use shardlog::{Arrival, Seq, Tail};
use streams::Shard;
use tokio::sync::Mutex;

/// So many heads behind, the timeline is loaded anew instead of being brought up to date.
const FOLLOW_MAX: u64 = 16_384;
/// How often a question is asked again when retention trims the log under it.
const TRIM_RETRIES: u32 = 4;

/// A stream's timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    shard: Shard,
    fragments_max: usize,
    run: Mutex<Option<Run>>,
}

/// How the stream ends now.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamEnd {
    /// The newest chunk, if it is still there.
    pub(crate) last_chunk: Option<(Seq, Arrival, ChunkHead)>,
    /// How the newest connection ended, if it did and said so.
    pub(crate) ended: Option<(Seq, EndHead)>,
    /// The newest statement of an initialisation segment.
    pub(crate) newest_init: Option<Seq>,
    /// Fragments since the newest directory, with the fragment that has it.
    pub(crate) since_directory: Vec<DirectoryEntry>,
    /// The newest record with a directory.
    pub(crate) directory_seq: Option<Seq>,
    /// The newest fragments, at most 64, oldest first.
    pub(crate) newest: Vec<Fragment>,
}

impl Timeline {
    pub(crate) fn new(shard: Shard, fragments_max: usize) -> Self {
        // Below a few directories, cutting back and reading on would alternate.
        Self {
            shard,
            fragments_max: fragments_max.max(4 * DIRECTORY_FRAGMENTS as usize),
            run: Mutex::new(None),
        }
    }

    /// The ends of the log now.
    pub(crate) fn tail(&self) -> Result<Tail, ReadError> {
        let watch = self.shard.watch()?;
        let tail = *watch.borrow();
        Ok(tail)
    }

    /// Brings a run up to date with the log; returns the log's ends.
    async fn refresh(&self, held: &mut Option<Run>) -> Result<Tail, ReadError> {
        let mut tries = 0;
        loop {
            let tail = self.tail()?;
            match self.try_refresh(held, tail).await {
                Err(error) if error.is_trimmed() && tries < TRIM_RETRIES => {
                    *held = None;
                    tries += 1;
                }
                Err(error) => {
                    *held = None;
                    return Err(error);
                }
                Ok(()) => return Ok(tail),
            }
        }
    }

    async fn try_refresh(&self, held: &mut Option<Run>, tail: Tail) -> Result<(), ReadError> {
        let stale = |run: &Run| run.next < tail.first || tail.next.0.saturating_sub(run.next.0) > FOLLOW_MAX;
        if held.as_ref().is_none_or(stale) {
            *held = Some(Run::load(&self.shard, tail.first, tail.next).await?);
        }
        if let Some(run) = held {
            run.follow(&self.shard, tail.first, tail.next).await?;
            run.trim(tail.first);
            run.bound(self.fragments_max);
        }
        Ok(())
    }

    /// How the stream ends.
    pub(crate) async fn end(&self) -> Result<StreamEnd, ReadError> {
        let mut held = self.run.lock().await;
        self.refresh(&mut held).await?;
        let Some(run) = held.as_ref() else { return Ok(StreamEnd::default()) };
        let mut since_directory: Vec<DirectoryEntry> = Vec::new();
        let mut directory_seq = None;
        for fragment in run.fragments.iter().rev().take(DIRECTORY_FRAGMENTS as usize) {
            since_directory.insert(0, fragment.to_entry());
            if fragment.ordinal > 0 && fragment.ordinal.is_multiple_of(DIRECTORY_FRAGMENTS) {
                directory_seq = Some(fragment.seq);
                break;
            }
        }
        let newest_from = run.fragments.len().saturating_sub(2 * DIRECTORY_FRAGMENTS as usize);
        Ok(StreamEnd {
            last_chunk: run.last_chunk.clone(),
            ended: run.ended().cloned(),
            newest_init: run.inits.newest(),
            since_directory,
            directory_seq,
            newest: run.fragments.range(newest_from..).cloned().collect(),
        })
    }

    /// The oldest fragment that is still there.
    pub(crate) async fn oldest(&self) -> Result<Option<Fragment>, ReadError> {
        Ok(self.forward(Clock::Server, 0, None, 1).await?.into_iter().next())
    }

    /// The newest record that states an initialisation segment.
    pub(crate) async fn find_init(&self, id: InitId) -> Result<Option<Seq>, ReadError> {
        let mut held = self.run.lock().await;
        let tail = self.refresh(&mut held).await?;
        match held.as_mut() {
            Some(run) => run.inits.find(&self.shard, tail.first, id).await,
            None => Ok(None),
        }
    }
}
