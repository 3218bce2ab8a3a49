//! The index of a shard: its durable state, where its records lie, and who watches it.
//!
//! ```text
//! trimmed │ blocks of closed segments (only their directory entries are in memory) │ entries of the open segment │
//!         ^ tail.first                                                             ^ open_first                  ^ tail.next
//! ```

use super::block::Entry;
use super::context::lock;
use super::footer::BlockInfo;
use super::lane::LaneShared;
use super::segment::{Forgotten, Segment};
use super::statement::ShardStatement;
use crate::error::StoreError;
use crate::types::{Arrival, Epoch, Seq, ShardId, Tail};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// A block of a closed segment.
#[derive(Clone)]
pub(super) struct BlockRef {
    pub(super) segment: Arc<Segment>,
    pub(super) info: BlockInfo,
    /// The block itself if it is not in the file, because the segment's footer was lost.
    pub(super) pinned: Option<Arc<Vec<Entry>>>,
}

pub(super) struct Index {
    id: ShardId,
    lane: Arc<LaneShared>,
    pub(super) epoch: Epoch,
    pub(super) tail: Tail,
    /// Number of the segment in which the shard was created: whatever older ones say of its id is not of this shard.
    pub(super) born: u64,
    /// Not yet created, or deleted.
    pub(super) gone: bool,
    /// Oldest first. The front one may be trimmed in part.
    blocks: VecDeque<BlockRef>,
    /// Bytes of the blocks' frames.
    blocks_len: u64,
    open: VecDeque<Entry>,
    open_first: Seq,
    /// Bytes of the frames of `open`.
    open_len: u64,
    /// `None` before the shard is created.
    open_segment: Option<Arc<Segment>>,
    watchers: Option<watch::Sender<Tail>>,
}

/// Where a record lies.
pub(super) enum Located {
    /// It is the next sequence.
    End,
    /// In the open segment: the record and some that follow it.
    Open(Arc<Segment>, Vec<Entry>),
    /// In a closed segment.
    Block(BlockRef),
}

/// The first record at or after some arrival.
pub(super) enum Sought {
    At(Seq),
    /// It is in this block.
    Within(BlockRef),
}

impl Index {
    /// Of a shard that is yet to be created.
    pub(super) fn unborn(id: ShardId, lane: Arc<LaneShared>) -> Self {
        Self {
            id,
            lane,
            epoch: Epoch(0),
            tail: Tail::default(),
            born: 0,
            gone: true,
            blocks: VecDeque::new(),
            blocks_len: 0,
            open: VecDeque::new(),
            open_first: Seq(0),
            open_len: 0,
            open_segment: None,
            watchers: Some(watch::Sender::new(Tail::default())),
        }
    }

    /// Of a shard as a segment's statement has it, before its records are known.
    pub(super) fn stated(stated: &ShardStatement, lane: Arc<LaneShared>, open_segment: Arc<Segment>) -> Self {
        let ShardStatement { shard, epoch, first, next, last_arrival, born, sealed } = *stated;
        let tail = Tail { next, first, sealed, last_arrival };
        let mut index = Self::unborn(shard, lane);
        index.create(open_segment);
        index.epoch = epoch;
        index.tail = tail;
        index.born = born;
        index.open_first = next;
        index.watchers = Some(watch::Sender::new(tail));
        index
    }

    /// What a new segment's statement says of the shard.
    pub(super) fn statement(&self) -> ShardStatement {
        let Tail { next, first, sealed, last_arrival } = self.tail;
        ShardStatement {
            shard: self.id,
            epoch: self.epoch,
            first,
            next,
            last_arrival,
            born: self.born,
            sealed,
        }
    }

    pub(super) fn refuse_gone(&self) -> Result<(), StoreError> {
        if self.gone { Err(StoreError::NotFound(self.id)) } else { Ok(()) }
    }

    pub(super) fn watchers(&self) -> Option<watch::Sender<Tail>> {
        self.watchers.clone()
    }

    /// The shard is there from now on.
    pub(super) fn create(&mut self, open_segment: Arc<Segment>) {
        self.gone = false;
        self.born = open_segment.number;
        self.open_segment = Some(open_segment);
    }

    /// Ends the watching.
    pub(super) fn close(&mut self) {
        self.watchers = None;
    }

    /// Adds a block of a closed segment; blocks must come in order. Nothing happens if all of it is trimmed.
    pub(super) fn add_block(&mut self, block: BlockRef) {
        if block.info.end() > self.tail.first {
            block.segment.live.fetch_add(1, Ordering::Relaxed);
            self.blocks_len += block.info.frames_len;
            self.blocks.push_back(block);
        }
    }

    /// Whether a block found on disk follows those before it.
    pub(super) fn fits(&self, info: &BlockInfo) -> bool {
        let last = self.blocks.back();
        info.end() <= self.open_first
            && last.is_none_or(|last| {
                last.info.end() <= info.first && last.info.last_arrival <= info.first_arrival
            })
    }

    pub(super) fn append(&mut self, entries: Vec<Entry>) {
        self.tail.next = self.tail.next.plus(entries.len() as u64);
        self.tail.last_arrival = entries.last().map(|entry| entry.arrival).or(self.tail.last_arrival);
        self.open_len += entries.iter().map(Entry::frame_len).sum::<u64>();
        self.open.extend(entries);
    }

    /// Forgets the records before `before`, at most the next one. Returns which of them were in the open segment.
    pub(super) fn trim(&mut self, before: Seq) -> Forgotten {
        let first = self.tail.first;
        self.tail.first = first.max(before);
        while let Some(block) = self.blocks.pop_front_if(|block| block.info.end() <= before) {
            self.lane.died(&block.segment, block.info.frames_len_of(first..before));
            self.release(&block);
        }
        if let Some(block) = self.blocks.front() {
            self.lane.died(&block.segment, block.info.frames_len_of(first..before));
        }
        let count = before.0.saturating_sub(self.open_first.0).min(self.open.len() as u64);
        let bytes = self.open.drain(..count as usize).map(|entry| entry.frame_len()).sum();
        self.open_len -= bytes;
        self.open_first = self.open_first.plus(count);
        Forgotten { records: count, bytes }
    }

    /// Forgets everything. Returns which records were in the open segment.
    pub(super) fn delete(&mut self) -> Forgotten {
        self.gone = true;
        self.close();
        for block in std::mem::take(&mut self.blocks) {
            self.lane.died(&block.segment, block.info.frames_len);
            self.release(&block);
        }
        self.open_segment = None;
        let records = std::mem::take(&mut self.open).len() as u64;
        Forgotten { records, bytes: std::mem::take(&mut self.open_len) }
    }

    fn release(&mut self, block: &BlockRef) {
        self.blocks_len -= block.info.frames_len;
        if block.segment.live.fetch_sub(1, Ordering::Relaxed) == 1 {
            lock(&self.lane.dead_segments).push(block.segment.clone());
        }
    }

    /// The records in the open segment and the sequence of the first of them.
    pub(super) fn open_entries(&mut self) -> (Seq, &[Entry]) {
        (self.open_first, self.open.make_contiguous())
    }

    /// The open segment was closed: its records are now in `blocks`, and `open_segment` follows it.
    pub(super) fn roll(&mut self, blocks: Vec<BlockRef>, open_segment: Arc<Segment>) {
        self.open.clear();
        self.open_len = 0;
        self.open_first = self.tail.next;
        self.open_segment = Some(open_segment);
        blocks.into_iter().for_each(|block| self.add_block(block));
    }

    /// Bytes of the frames of the readable records. A block that is trimmed in part counts in proportion.
    pub(super) fn stored_bytes(&self) -> u64 {
        let first = self.tail.first;
        let trimmed =
            self.blocks.front().map_or(0, |block| block.info.frames_len_of(block.info.first..first));
        self.blocks_len - trimmed + self.open_len
    }

    /// Bytes of the frames of the records from `from` on; but those in the block, if one is returned, are to be added.
    pub(super) fn stored_from(&self, from: Seq) -> Result<(u64, Option<BlockRef>), StoreError> {
        self.refuse_gone()?;
        if from > self.tail.next {
            return Err(StoreError::Unwritten { next: self.tail.next });
        }
        let from = from.max(self.tail.first);
        if from >= self.open_first {
            let entries = self.open.range((from.0 - self.open_first.0) as usize..);
            return Ok((entries.map(Entry::frame_len).sum(), None));
        }
        let before = self.blocks.partition_point(|block| block.info.end() <= from);
        let in_part = self.blocks.get(before).filter(|block| block.info.first < from);
        let whole = self.blocks.range(before + usize::from(in_part.is_some())..);
        let bytes = whole.map(|block| block.info.frames_len).sum::<u64>();
        Ok((bytes + self.open_len, in_part.cloned()))
    }

    /// The blocks of a segment of which something can be read, and the first record of the shard that can.
    pub(super) fn blocks_in(&self, segment: u64) -> (Seq, Vec<BlockRef>) {
        let from = self.blocks.partition_point(|block| block.segment.number < segment);
        let blocks = self.blocks.range(from..).take_while(|block| block.segment.number == segment);
        (self.tail.first, blocks.cloned().collect())
    }

    /// Finds the record `seq`. Of the open segment it gives at most `records_max` records.
    pub(super) fn locate(&self, seq: Seq, records_max: usize) -> Result<Located, StoreError> {
        self.refuse_gone()?;
        let Tail { first, next, .. } = self.tail;
        if seq < first {
            return Err(StoreError::Trimmed { first });
        }
        if seq > next {
            return Err(StoreError::Unwritten { next });
        }
        if seq == next {
            return Ok(Located::End);
        }
        if seq >= self.open_first {
            let from = (seq.0 - self.open_first.0) as usize;
            let entries = self.open.range(from..).take(records_max).cloned().collect();
            let segment = self.open_segment.clone().ok_or(StoreError::NotFound(self.id))?;
            return Ok(Located::Open(segment, entries));
        }
        let after = self.blocks.partition_point(|block| block.info.end() <= seq);
        match self.blocks.get(after) {
            Some(block) if block.info.first <= seq => Ok(Located::Block(block.clone())),
            _ => Err(self.missing(seq)),
        }
    }

    /// Which record's frame begins at an offset of the open segment.
    pub(super) fn find_open(&self, segment: u64, offset: u64) -> Option<Seq> {
        self.open_segment.as_ref().filter(|open| open.number == segment)?;
        let place = self.open.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        Some(self.open_first.plus(place as u64))
    }

    fn missing(&self, seq: Seq) -> StoreError {
        StoreError::Corrupt {
            place: format!("lane {}, shard {}, sequence {seq}", self.lane.name, self.id),
            what: "no segment has the record".to_owned(),
        }
    }

    /// Whether a read from `seq` on needs nothing but what is in memory.
    pub(super) fn is_in_memory(&self, seq: Seq) -> bool {
        self.blocks.is_empty() || seq >= self.open_first
    }

    pub(super) fn seek(&self, at: Arrival) -> Result<Sought, StoreError> {
        self.refuse_gone()?;
        let older = self.blocks.partition_point(|block| block.info.last_arrival < at);
        Ok(match self.blocks.get(older) {
            Some(block) if block.info.first_arrival < at => Sought::Within(block.clone()),
            Some(block) => Sought::At(block.info.first.max(self.tail.first)),
            None => {
                let older = self.open.partition_point(|entry| entry.arrival < at);
                Sought::At(self.open_first.plus(older as u64))
            }
        })
    }

    /// Sequences between the first and the next that no block has: the first of each run, and where it ends.
    pub(super) fn holes(&self) -> Vec<(Seq, Seq)> {
        let mut holes = Vec::new();
        let mut expected = self.tail.first;
        let spans = self.blocks.iter().map(|block| (block.info.first, block.info.end()));
        for (first, end) in spans.chain([(self.open_first, self.open_first)]) {
            if first > expected {
                holes.push((expected, first));
            }
            expected = expected.max(end);
        }
        holes
    }
}
