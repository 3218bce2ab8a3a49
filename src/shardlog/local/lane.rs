//! A lane's thread: takes what waits, writes it with one write, syncs once, publishes, answers.
//!
//! ```text
//! queue ──► group of frames ──► write ──► sync ──► indexes, watchers ──► roll if due ──► answers
//!                                 │         │
//!                        disk full: cut    any other failure: the lane is dead
//!                        back and sync;
//!                        nothing happened
//! ```
//! A write that fails leaves the file in a state nobody knows, and after a failed sync the kernel may have dropped what it
//! could not write while reads still show it. So both end the lane: its waiters are told that the outcome is unknown, and
//! it takes no writes until the store is opened again, which looks at the file afresh. A full disk alone is different: the
//! file is cut back to its durable end and the cut synced, after which it is sure that nothing happened.

use super::block::Entry;
use super::context::{Context, LaneHandle, Refusal, lock, unavailable};
use super::frame::{Header, Kind};
use super::group::{Decided, Effect, Frames, Group};
use super::name::LaneName;
use super::queue::{Action, Op, Queue};
use super::segment::{OpenSegment, Segment};
use super::shard::Shard;
use super::stats::LaneCounts;
use crate::env::Signal;
use crate::error::{Source, StoreError};
use crate::types::{Epoch, ShardId};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The part of a lane that others see.
pub(super) struct LaneShared {
    pub(super) name: LaneName,
    pub(super) queue: Queue,
    /// Closed segments of which nothing is readable any more.
    pub(super) dead_segments: Mutex<Vec<Arc<Segment>>>,
    /// Closed segments of which so much has died that it is to be given back.
    pub(super) due_segments: Mutex<Vec<Arc<Segment>>>,
    /// How much of a segment must have died for that.
    sweep_bytes: u64,
    pub(super) counted: LaneCounts,
    pub(super) tip: Mutex<Tip>,
}

/// How far a lane is.
#[derive(Clone, Copy, Default)]
pub(super) struct Tip {
    /// Number of the open segment.
    pub(super) segment: u64,
    /// Up to where it is durable.
    pub(super) end: u64,
}

impl LaneShared {
    pub(super) fn new(name: LaneName, context: &Context) -> Self {
        Self {
            name,
            queue: Queue::new(name, &context.env),
            dead_segments: Mutex::default(),
            due_segments: Mutex::default(),
            sweep_bytes: context.options.sweep_bytes(),
            counted: LaneCounts::default(),
            tip: Mutex::default(),
        }
    }

    /// Notes that about so many bytes of records of a closed segment have died.
    pub(super) fn died(&self, segment: &Arc<Segment>, bytes: u64) {
        let dead = segment.dead.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if dead >= self.sweep_bytes && !segment.due.swap(true, Ordering::Relaxed) {
            lock(&self.due_segments).push(segment.clone());
        }
    }

    /// Notes how many bytes the file system has given a closed segment; none once it is removed.
    pub(super) fn recount(&self, segment: &Segment, bytes: u64) {
        let set = |bytes: u64| {
            let before = segment.bytes.swap(bytes, Ordering::SeqCst);
            self.counted.bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        };
        set(bytes);
        // Who removes it sets the flag first: whichever of us is later takes the bytes out.
        if segment.removed.load(Ordering::SeqCst) {
            set(0);
        }
    }
}

/// The part that the thread alone has.
pub(super) struct Lane {
    pub(super) context: Arc<Context>,
    pub(super) shared: Arc<LaneShared>,
    pub(super) shards: BTreeMap<ShardId, Arc<Shard>>,
    pub(super) open: OpenSegment,
}

/// What became of writing a group.
enum Written {
    Durable,
    /// It did not happen, and the file is as it was.
    DiskFull(Source),
    /// It may have happened.
    Failed(Source),
}

impl Lane {
    /// Starts the thread. It ends when the queue is closed and empty.
    pub(super) fn start(self) -> Result<LaneHandle, StoreError> {
        self.show_tip();
        let shared = self.shared.clone();
        let threads = self.context.env.threads.clone();
        let ended = threads.signal();
        let ending = RaiseWhenDropped(ended.clone());
        let work = Box::new(move || {
            let _ending = ending; // dropped last, also by a panic
            self.run();
        });
        threads.spawn(format!("log {}", shared.name), work).map_err(unavailable)?;
        Ok(LaneHandle { shared, ended: Some(ended) })
    }

    /// Says how far the lane is.
    pub(super) fn show_tip(&self) {
        *lock(&self.shared.tip) = Tip { segment: self.open.segment.number, end: self.open.end };
    }

    fn run(mut self) {
        let _panics = DieOnPanic(self.shared.clone());
        while let Some(ops) = self.shared.queue.take(self.context.options.group_bytes) {
            self.commit(ops);
        }
        if !self.shared.queue.is_dead() {
            self.mark();
        }
    }

    fn commit(&mut self, ops: Vec<Op>) {
        let full = self.disk_full();
        if let Some((changes, full)) = self.commit_group(ops, full.as_ref()) {
            // The records did not fit. What makes room must not suffer for having been in one group with them.
            if let Some((changes, full)) = self.commit_group(changes, Some(&full)) {
                for op in changes {
                    op.answer(Err(StoreError::Full(full.clone())));
                }
            }
        }
    }

    /// Decides, writes and answers; but if the disk was found full, the changes of shards that could not be written for it
    /// are returned, unanswered.
    fn commit_group(&mut self, ops: Vec<Op>, full: Option<&Source>) -> Option<(Vec<Op>, Source)> {
        let segment = &self.open.segment;
        let mut group = Group::new(self.shared.name, segment.number, self.open.end, self.shards.len());
        for op in ops {
            group.add(op, full);
        }
        let Group { mut frames, effects, decided, records, .. } = group;
        let written = if frames.len() == 0 { Written::Durable } else { self.write(&mut frames) };
        match written {
            Written::Durable => {
                self.context.counters.records_written.fetch_add(records, Ordering::Relaxed);
                let (segment, bodies) = frames.into_bodies();
                self.context.recent.add(self.shared.name, segment, bodies); // before anybody can ask for them
                self.publish(effects);
                // Who trims wants the space too, and a roll may be what sets it free. Nobody else need wait for it.
                let frees = |decided: &Decided| matches!(decided.op.action, Action::Trim(_) | Action::Delete);
                let (freeing, others) = decided.into_iter().partition(frees);
                answer(others, None);
                self.roll_if_due();
                answer(freeing, None);
            }
            Written::DiskFull(source) => {
                let is_change = |decided: &Decided| {
                    decided.refused.is_none() && !matches!(decided.op.action, Action::Append { .. })
                };
                let (changes, others) = decided.into_iter().partition(is_change);
                answer(others, Some(&StoreError::Full(source.clone())));
                return Some((
                    Vec::from_iter(changes.into_iter().map(|decided: Decided| decided.op)),
                    source,
                ));
            }
            Written::Failed(source) => {
                self.die("write", &source);
                answer(decided, Some(&StoreError::Unknown(source)));
            }
        }
        None
    }

    /// Why no records may be written, if so. Other changes may: a trim is how room is made.
    fn disk_full(&self) -> Option<Source> {
        let reserve = self.context.options.reserve_bytes;
        match self.context.env.files.space(&self.context.dir) {
            Ok(space) if space.free < reserve => {
                Some(Arc::new(Refusal::DiskFull { free: space.free, reserve }) as Source)
            }
            _ => None, // if it cannot be asked, the write will tell
        }
    }

    fn write(&mut self, frames: &mut Frames) -> Written {
        let len = frames.len();
        if let Err(error) = self.open.file.write_all_at(&frames.slices(), self.open.end) {
            let full = is_disk_full(&error);
            let source: Source = Arc::new(error);
            return if full && self.open.cut().is_ok() {
                Written::DiskFull(source)
            } else {
                Written::Failed(source)
            };
        }
        let file = &self.open.file;
        if let Err(error) = self.context.counters.timed_sync(&self.context.env, || file.sync_data()) {
            return Written::Failed(Arc::new(error));
        }
        self.open.end += len;
        self.show_tip();
        self.context.counters.bytes_written.fetch_add(len, Ordering::Relaxed);
        self.shared.counted.bytes.fetch_add(len, Ordering::Relaxed);
        Written::Durable
    }

    /// Lets everybody see what is now durable.
    fn publish(&mut self, effects: Vec<(Arc<Shard>, Effect)>) {
        for (shard, effect) in effects {
            match &effect {
                Effect::Create => {
                    self.shards.insert(shard.id, shard.clone());
                    let mut all = self.context.shards.write().unwrap_or_else(PoisonError::into_inner);
                    all.insert(shard.id, shard.clone());
                }
                Effect::Delete => {
                    self.shards.remove(&shard.id);
                    self.context.shards.write().unwrap_or_else(PoisonError::into_inner).remove(&shard.id);
                }
                _ => {}
            }
            apply(&mut self.open, &shard, effect);
        }
    }

    pub(super) fn die(&self, doing: &'static str, cause: &Source) {
        let segment = self.open.segment.path.display();
        tracing::error!(lane = %self.shared.name, %segment, doing, error = %cause, "the log lane takes no more writes");
        self.shared.queue.die(cause);
    }

    /// Writes, as the last frame, that everything before it is durable: whatever is found damaged there at the next start
    /// is then known to be damage, and not a torn end.
    fn mark(&mut self) {
        let mut frames = Frames::new(self.shared.name, self.open.segment.number, self.open.end);
        frames.push(Header::change(Kind::Mark, ShardId(0), 0, Epoch(0).0), &[], bytes::Bytes::new());
        if let Written::Failed(source) | Written::DiskFull(source) = self.write(&mut frames) {
            tracing::warn!(lane = %self.shared.name, error = %source, "the log lane was closed without a mark");
        }
    }
}

/// Makes a durable change of a shard in memory and shows it.
pub(super) fn apply(open: &mut OpenSegment, shard: &Shard, effect: Effect) {
    let mut guard = shard.index();
    let index = &mut *guard;
    match effect {
        Effect::Create => index.create(open.segment.clone()),
        Effect::Append(entries) => {
            open.records += entries.len() as u64;
            open.records_live += entries.len() as u64;
            open.table_bytes += entries.iter().map(Entry::len_in_block).sum::<usize>();
            index.append(entries);
        }
        Effect::Claim(epoch) => index.epoch = epoch,
        Effect::Trim(before) => open.forget(&index.trim(before)),
        Effect::Seal => index.tail.sealed = true,
        Effect::Delete => open.forget(&index.delete()),
    }
    let (tail, watchers) = (index.tail, index.watchers());
    // Whoever looks at what they watch holds this up, and may be about to ask for the index.
    drop(guard);
    if let Some(watchers) = watchers {
        watchers.send_if_modified(|shown| std::mem::replace(shown, tail) != tail);
    }
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn answer(decided: Vec<Decided>, failed: Option<&StoreError>) {
    for Decided { op, refused, by_earlier } in decided {
        let result = match (refused, failed) {
            // What it was refused for has not come to be; it may ask again.
            (Some(_), Some(_)) if by_earlier => Err(Refusal::EarlierNotWritten.into()),
            (Some(refused), _) => Err(refused),
            (None, Some(failed)) => Err(failed.clone()),
            (None, None) => Ok(()),
        };
        op.answer(result);
    }
}

struct RaiseWhenDropped(Arc<dyn Signal>);

impl Drop for RaiseWhenDropped {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Answers what waits if the thread breaks off.
struct DieOnPanic(Arc<LaneShared>);

impl Drop for DieOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue.die(&(Arc::new(Refusal::LaneEnded(self.0.name)) as Source));
        }
    }
}
