//! Opening a lane: what its files say, and what of them to believe.
//!
//! 1. The newest segment's statement gives every shard as it was when that segment was made. Damage there is fatal.
//! 2. Older segments give records: from their footers, or, where a footer is lost, by a scan. Records that neither can
//!    give are reported here, and as [`Corrupt`](StoreError::Corrupt) to whoever reads them.
//! 3. The newest segment's frames are applied one by one. At the first bad frame, at P:
//!    - If any later frame says that the file was durable beyond P, the damage lies in acknowledged data. A body whose
//!      frame is otherwise whole is kept, and reading it gives `Corrupt`; with anything else damaged the shards' states
//!      are uncertain, so that opening the store gives `Corrupt`.
//!    - Otherwise it is the torn end of a write that nobody was told of: the file is cut at P, or at the beginning of the
//!      batch if P lies within one.
//! 4. The file is cut at its end, what lies after the last known durable offset is written again, and both are synced.
//!    After a failed sync the page cache can show what the disk does not have, and only a new change makes the kernel try
//!    again.
//!
//! From then on everything the indexes show is durable.

use super::context::{Context, lock, unavailable};
use super::footer::{BlockInfo, TRAILER_LEN, Trailer};
use super::frame::{Kind, Malformed};
use super::group::Effect;
use super::index::{BlockRef, Index};
use super::lane::{Lane, LaneShared, apply};
use super::name::{LaneEntry, LaneName, unfinished_file};
use super::rebuild;
use super::scan::{Frame, Scanner};
use super::segment::{OpenSegment, Segment};
use super::shard::Shard;
use crate::env::{File, OpenMode};
use crate::error::StoreError;
use crate::types::{Epoch, Seq, ShardId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Opens a lane, or makes it if it is not there. Blocks.
pub(super) fn open_lane(context: &Arc<Context>, name: LaneName) -> Result<Lane, StoreError> {
    let files = &context.env.files;
    let dir = context.dir.join(name.to_string());
    files.create_dir_all(&dir).map_err(unavailable)?;
    files.sync_dir(&context.dir).map_err(unavailable)?;
    let mut segments = segment_numbers(context, name)?;
    // A segment whose name a crash has not made durable must be so before anything in it counts.
    files.sync_dir(&dir).map_err(unavailable)?;

    let shared = Arc::new(LaneShared::new(name, context));
    let Some(newest) = segments.pop() else {
        let open = OpenSegment::make(context, &shared, 1, &[]).map_err(unavailable)?;
        return Ok(Lane { context: context.clone(), shared, shards: BTreeMap::new(), open });
    };
    let mut lane = open_newest(context, shared, newest)?;
    for number in segments {
        lane.add_closed(number)?;
    }
    lane.replay()?;
    lane.report_holes();
    Ok(lane)
}

/// Numbers of the lane's segments, ascending. Removes what a crash left unfinished: that can only be the next segment.
fn segment_numbers(context: &Context, name: LaneName) -> Result<Vec<u64>, StoreError> {
    let dir = context.dir.join(name.to_string());
    let (mut numbers, mut unfinished) = (Vec::new(), Vec::new());
    for entry in context.env.files.list(&dir).map_err(unavailable)? {
        let path = dir.join(&entry);
        match LaneEntry::parse(&entry) {
            LaneEntry::Segment(number) => numbers.push(number),
            LaneEntry::Unfinished(number) => unfinished.push(number),
            LaneEntry::Unknown => context.leave_alone(path),
        }
    }
    numbers.sort_unstable();
    let next = numbers.last().map_or(1, |newest| newest + 1);
    for number in unfinished {
        let path = dir.join(unfinished_file(number));
        if number == next {
            context.env.files.remove(&path).map_err(unavailable)?;
        } else {
            context.leave_alone(path);
        }
    }
    Ok(numbers)
}

/// A lane with the shards of the newest segment's statement.
fn open_newest(context: &Arc<Context>, shared: Arc<LaneShared>, number: u64) -> Result<Lane, StoreError> {
    let segment = Arc::new(Segment::new(context, shared.name, number));
    let file = context.env.files.open(&segment.path, OpenMode::Write).map_err(unavailable)?;
    let (header, stated) = segment.read_statement(file.as_ref())?;
    let mut shards = BTreeMap::new();
    for stated in &stated {
        let index = Index::stated(stated, shared.clone(), segment.clone());
        shards.insert(stated.shard, Arc::new(Shard::new(stated.shard, shared.clone(), index)));
    }
    shared.counted.segments.fetch_add(1, Ordering::Relaxed);
    let open = OpenSegment::new(segment, file, header.first_frame(), header.made_ms);
    Ok(Lane { context: context.clone(), shared, shards, open })
}

impl Lane {
    /// Adds the records of a closed segment. Segments must come in order.
    fn add_closed(&mut self, number: u64) -> Result<(), StoreError> {
        let segment = Arc::new(Segment::new(&self.context, self.shared.name, number));
        let file = self.context.env.files.open(&segment.path, OpenMode::Read).map_err(unavailable)?;
        let len = file.size().map_err(unavailable)?;
        let mut frames_end = len;
        let (blocks, mut known) = match read_directory(&segment, file.as_ref(), len) {
            Ok((infos, trailer)) => {
                frames_end = trailer.frames_end;
                (infos.into_iter().map(|info| (info, None)).collect(), true)
            }
            Err(StoreError::Corrupt { place, what }) => {
                tracing::error!(place, what, "the footer of a log segment is lost; scanning the segment");
                (rebuild::scan_closed(&segment, file.as_ref(), len)?, false)
            }
            Err(error) => return Err(error),
        };
        let mut live_len = 0;
        for (info, pinned) in blocks {
            let Some(shard) = self.shards.get(&info.shard) else { continue };
            let mut index = shard.index();
            if number < index.born {
                continue; // of an earlier shard with the same id
            }
            if index.fits(&info) {
                live_len += info.frames_len - info.frames_len_of(info.first..index.tail.first);
                index.add_block(BlockRef { segment: segment.clone(), info, pinned });
            } else {
                known = false;
                let path = segment.path.display();
                tracing::error!(%path, shard = %info.shard, from = %info.first, "records of the log contradict others");
            }
        }
        let allocated = file.allocated().map_err(unavailable)?;
        self.shared.recount(&segment, allocated);
        self.shared.counted.segments.fetch_add(1, Ordering::Relaxed);
        segment.identified.store(known, Ordering::Relaxed);
        if segment.live.load(Ordering::Relaxed) == 0 {
            // It goes only if it is surely ours, whole, and all of it was trimmed or deleted.
            known &= match segment.read_header(file.as_ref()) {
                Ok(_) => true,
                Err(StoreError::Corrupt { .. }) => false,
                Err(error) => return Err(error),
            };
            if known {
                lock(&self.shared.dead_segments).push(segment);
            } else {
                let path = segment.path.display();
                tracing::error!(%path, "a log segment of which nothing can be read is kept for the operator");
            }
        } else {
            self.shared.died(&segment, allocated.min(frames_end).saturating_sub(live_len));
        }
        Ok(())
    }

    /// Applies the newest segment's frames and makes it fit to be appended to.
    fn replay(&mut self) -> Result<(), StoreError> {
        let file = self.open.file.clone();
        let segment = self.open.segment.clone();
        let len = file.size().map_err(unavailable)?;
        let mut scanner = Scanner::new(&segment, file.as_ref(), len);
        let mut at = self.open.end;
        let mut durable_to = at;
        let mut batch: Vec<Frame> = Vec::new();
        while at < len {
            let frame = match scanner.frame(at)? {
                Ok(frame) if frame.body_is_whole => frame,
                bad => match acknowledged_in_spite(&mut scanner, &segment, at, bad)? {
                    Some(frame) => frame,
                    None => break,
                },
            };
            at = frame.end();
            durable_to = durable_to.max(frame.header.durable_to);
            let last_of_batch = frame.header.batch_remaining == 0;
            batch.push(frame);
            if last_of_batch {
                self.apply_batch(&batch)?;
                self.open.end = at;
                batch.clear();
            }
        }
        if self.open.end < len {
            let path = segment.path.display();
            tracing::info!(%path, from = self.open.end, bytes = len - self.open.end, "cut the torn end of the log");
        }
        // Even if the file seems to end here: of an earlier cut whose sync failed, the disk may know nothing.
        file.set_len(self.open.end).map_err(unavailable)?;
        rewrite(file.as_ref(), durable_to..self.open.end).map_err(unavailable)?;
        self.context.counters.timed_sync(&self.context.env, || file.sync_data()).map_err(unavailable)?;
        self.shared.counted.bytes.fetch_add(self.open.end, Ordering::Relaxed);
        Ok(())
    }

    fn apply_batch(&mut self, batch: &[Frame]) -> Result<(), StoreError> {
        let Some(Frame { header, offset, .. }) = batch.first() else { return Ok(()) };
        let segment = self.open.segment.clone();
        let nonsense = |what| Err(segment.corrupt(*offset, Malformed(what)));
        if header.kind == Kind::Mark {
            return Ok(());
        }
        if header.kind == Kind::Create {
            if self.shards.contains_key(&header.shard) {
                return nonsense("a shard is created twice");
            }
            self.add_unborn(header.shard);
        }
        let Some(shard) = self.shards.get(&header.shard).cloned() else {
            return nonsense("a frame is of a shard that does not exist");
        };
        let next = shard.index().tail.next;
        let effect = match header.kind {
            Kind::Record => {
                let follows = |(frame, seq): (&Frame, u64)| {
                    (frame.header.kind, frame.header.shard, frame.header.seq)
                        == (Kind::Record, header.shard, seq)
                };
                if !batch.iter().zip(next.0..).all(follows) {
                    return nonsense("a record does not follow the one before");
                }
                Effect::Append(batch.iter().map(Frame::entry).collect())
            }
            Kind::Create => Effect::Create,
            Kind::Claim => Effect::Claim(Epoch(header.epoch)),
            Kind::Trim if header.seq > next.0 => return nonsense("a shard is trimmed beyond its end"),
            Kind::Trim => Effect::Trim(Seq(header.seq)),
            Kind::Seal => Effect::Seal,
            Kind::Delete | Kind::Mark => Effect::Delete,
        };
        if matches!(effect, Effect::Delete) {
            self.shards.remove(&header.shard);
        }
        apply(&mut self.open, &shard, effect);
        Ok(())
    }

    fn add_unborn(&mut self, id: ShardId) {
        let index = Index::unborn(id, self.shared.clone());
        self.shards.insert(id, Arc::new(Shard::new(id, self.shared.clone(), index)));
    }

    fn report_holes(&self) {
        for shard in self.shards.values() {
            for (from, to) in shard.index().holes() {
                let (lane, shard) = (self.shared.name, shard.id);
                tracing::error!(%lane, %shard, %from, %to, "records of the log are missing");
            }
        }
    }
}

/// Judges a bad frame at `at` of the newest segment: `None` if it is the torn end; the frame if only its body is damaged.
fn acknowledged_in_spite(
    scanner: &mut Scanner<'_>,
    segment: &Segment,
    at: u64,
    bad: Result<Frame, Malformed>,
) -> Result<Option<Frame>, StoreError> {
    if scanner.durable_to(at + 1)? <= at {
        return Ok(None);
    }
    let frame = bad.map_err(|what| segment.corrupt(at, what))?;
    let (path, shard, seq) = (segment.path.display(), frame.header.shard, frame.header.seq);
    tracing::error!(%path, offset = at, %shard, seq, "a record's body is damaged; reading it will say so");
    Ok(Some(frame))
}

/// Reads and checks a closed segment's trailer and directory.
pub(super) fn read_directory(
    segment: &Segment,
    file: &dyn File,
    len: u64,
) -> Result<(Vec<BlockInfo>, Trailer), StoreError> {
    let at = len.saturating_sub(TRAILER_LEN as u64);
    let mut trailer = [0; TRAILER_LEN];
    file.read_exact_at(&mut trailer, at).map_err(|error| segment.read_error(at, error))?;
    let trailer = Trailer::decode(&trailer, segment.number, len).map_err(|what| segment.corrupt(at, what))?;
    let at = trailer.directory_at;
    let mut directory = vec![0; trailer.directory_len() as usize]; // checked to lie within the file
    file.read_exact_at(&mut directory, at).map_err(|error| segment.read_error(at, error))?;
    let blocks = trailer.decode_directory(&directory).map_err(|what| segment.corrupt(at, what))?;
    Ok((blocks, trailer))
}

/// Writes a range of the file over itself.
fn rewrite(file: &dyn File, range: std::ops::Range<u64>) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(buffer.len() as u64) as usize;
        file.read_exact_at(&mut buffer[..len], at)?;
        file.write_all_at(&[&buffer[..len]], at)?;
        at += len as u64;
    }
    Ok(())
}
