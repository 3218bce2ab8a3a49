//! A group: the operations that one write and one sync make durable together. Building it decides each of them, against
//! the state in which the earlier ones of the group leave their shard, and lays out the frames.

use super::block::Entry;
use super::context::Refusal;
use super::frame::{ALIGNMENT, Header, Kind, Place};
use super::name::LaneName;
use super::queue::{Action, Op};
use super::shard::Shard;
use super::statement::SHARDS_MAX;
use super::writer::Owner;
use crate::batch::check_arrivals;
use crate::error::{Source, StoreError};
use crate::types::{Epoch, SealedRecord, Seq, ShardId, Tail};
use bytes::{Bytes, BytesMut};
use crc32c::crc32c;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A body up to this long is copied beside its header: cheaper than one more slice to write.
const COPIED_BODY_MAX: usize = 512;

/// What a shard will be once the group is durable.
#[derive(Clone, Copy)]
struct Pending {
    epoch: Epoch,
    tail: Tail,
    gone: bool,
    /// The group changes the shard: what is judged by it holds only if the group is written.
    changed: bool,
    /// A batch of the group was refused: what its writer asked after it must not happen either.
    broken: bool,
}

/// A change to make to a shard once the group is durable.
pub(super) enum Effect {
    Create,
    Append(Vec<Entry>),
    Claim(Epoch),
    Trim(Seq),
    Seal,
    Delete,
}

/// An operation of the group, and what became of it if it was refused.
pub(super) struct Decided {
    pub(super) op: Op,
    pub(super) refused: Option<StoreError>,
    /// It was decided by what an earlier operation of the group makes of the shard.
    pub(super) by_earlier: bool,
}

pub(super) struct Group {
    pub(super) frames: Frames,
    pub(super) effects: Vec<(Arc<Shard>, Effect)>,
    pub(super) decided: Vec<Decided>,
    pub(super) records: u64,
    pending: HashMap<ShardId, Pending>,
    shards: usize,
}

impl Group {
    /// A group whose frames begin at `end` of a segment, in a lane that has so many shards.
    pub(super) fn new(lane: LaneName, segment: u64, end: u64, shards: usize) -> Self {
        Self {
            frames: Frames::new(lane, segment, end),
            effects: Vec::new(),
            decided: Vec::new(),
            records: 0,
            pending: HashMap::new(),
            shards,
        }
    }

    /// Decides an operation. `full`: the disk has no room for records but what is kept in reserve.
    pub(super) fn add(&mut self, mut op: Op, full: Option<&Source>) {
        let by_earlier = self.pending(&op.shard).changed;
        let refused = self.decide(&mut op, full).err();
        if refused.is_some() && matches!(op.action, Action::Append { .. }) {
            self.pending(&op.shard).broken = true;
        }
        self.decided.push(Decided { op, refused, by_earlier });
    }

    fn pending(&mut self, shard: &Shard) -> &mut Pending {
        self.pending.entry(shard.id).or_insert_with(|| {
            let index = shard.index();
            Pending { epoch: index.epoch, tail: index.tail, gone: index.gone, changed: false, broken: false }
        })
    }

    fn decide(&mut self, op: &mut Op, full: Option<&Source>) -> Result<(), StoreError> {
        let shard = op.shard.clone();
        let pending = *self.pending(&shard);
        match &mut op.action {
            Action::Create { .. } => self.create(shard),
            _ if pending.gone => Err(StoreError::NotFound(shard.id)),
            Action::Append { owner, generation, first, batch, reserve } => {
                if let Some(full) = full.filter(|_| !*reserve) {
                    return Err(StoreError::Full(full.clone()));
                }
                refuse_stale(owner, *generation, &pending)?;
                self.append(shard, owner.epoch, *first, std::mem::take(batch))
            }
            Action::Claim(epoch) if *epoch <= pending.epoch => Err(StoreError::Fenced { by: pending.epoch }),
            Action::Claim(epoch) => {
                self.pending(&shard).epoch = *epoch;
                self.change(Kind::Claim, shard, pending.tail.next, *epoch, Effect::Claim(*epoch));
                Ok(())
            }
            Action::Trim(before) if *before > pending.tail.next => {
                Err(StoreError::Unwritten { next: pending.tail.next })
            }
            Action::Trim(before) if *before <= pending.tail.first => Ok(()),
            Action::Trim(before) => {
                self.pending(&shard).tail.first = *before;
                self.change(Kind::Trim, shard, *before, pending.epoch, Effect::Trim(*before));
                Ok(())
            }
            Action::Seal { owner, generation } => {
                refuse_stale(owner, *generation, &pending)?;
                if !pending.tail.sealed {
                    self.pending(&shard).tail.sealed = true;
                    self.change(Kind::Seal, shard, pending.tail.next, pending.epoch, Effect::Seal);
                }
                Ok(())
            }
            Action::Delete => {
                self.pending(&shard).gone = true;
                self.change(Kind::Delete, shard, pending.tail.next, pending.epoch, Effect::Delete);
                Ok(())
            }
        }
    }

    fn create(&mut self, shard: Arc<Shard>) -> Result<(), StoreError> {
        if self.shards >= SHARDS_MAX as usize {
            return Err(Refusal::TooManyShards.into());
        }
        self.shards += 1;
        self.pending(&shard).gone = false;
        self.change(Kind::Create, shard, Seq(0), Epoch(0), Effect::Create);
        Ok(())
    }

    fn change(&mut self, kind: Kind, shard: Arc<Shard>, seq: Seq, epoch: Epoch, effect: Effect) {
        self.pending(&shard).changed = true;
        self.frames.push(Header::change(kind, shard.id, seq.0, epoch.0), &[], Bytes::new());
        self.effects.push((shard, effect));
    }

    fn append(
        &mut self,
        shard: Arc<Shard>,
        epoch: Epoch,
        first: Seq,
        batch: Vec<SealedRecord>,
    ) -> Result<(), StoreError> {
        let pending = self.pending(&shard);
        if pending.tail.sealed {
            return Err(StoreError::Sealed { next: pending.tail.next });
        }
        if first != pending.tail.next {
            return Err(StoreError::OutOfSequence { expected: pending.tail.next, asked: first });
        }
        pending.tail.last_arrival = check_arrivals(pending.tail.last_arrival, &batch)?;
        pending.tail.next = first.plus(batch.len() as u64);
        pending.changed = true;
        let mut entries = Vec::with_capacity(batch.len());
        let mut remaining = batch.len() as u32;
        // Heads stay in memory as long as the segment is open, so they must not keep the caller's buffers alive.
        let heads_len = batch.iter().map(|record| record.head.len()).sum();
        let mut heads = BytesMut::with_capacity(heads_len);
        self.frames.reserve(batch.len(), heads_len);
        for (seq, record) in (first.0..).zip(batch) {
            remaining -= 1;
            let header = Header {
                arrival: record.arrival.0,
                head_len: record.head.len() as u32,
                body_len: record.body.len() as u32,
                batch_remaining: remaining,
                head_crc: crc32c(&record.head),
                body_crc: crc32c(&record.body),
                ..Header::change(Kind::Record, shard.id, seq, epoch.0)
            };
            heads.extend_from_slice(&record.head);
            let head = heads.split().freeze();
            let (body_len, body_crc) = (header.body_len, header.body_crc);
            let offset = self.frames.push(header, &head, record.body);
            entries.push(Entry { arrival: record.arrival, offset, head, body_len, body_crc });
        }
        self.records += entries.len() as u64;
        self.effects.push((shard, Effect::Append(entries)));
        Ok(())
    }
}

/// Refuses what a writer asked before it was fenced, or after a batch that did not happen.
fn refuse_stale(owner: &Owner, generation: u64, pending: &Pending) -> Result<(), StoreError> {
    if owner.epoch != pending.epoch {
        return Err(StoreError::Fenced { by: pending.epoch });
    }
    if pending.broken || !owner.is_current(generation) {
        return Err(Refusal::EarlierFailed.into());
    }
    Ok(())
}

/// Frames in the making: bytes of our own and, between them, the callers' bodies as they are.
pub(super) struct Frames {
    lane: LaneName,
    segment: u64,
    /// Where the first frame goes; everything before is durable.
    start: u64,
    len: u64,
    buffer: Vec<u8>,
    /// How much of `buffer` is in `parts`.
    parted: usize,
    parts: Vec<Part>,
    /// Bodies of records and where their frames go.
    bodies: Vec<(u64, Bytes)>,
}

enum Part {
    Buffer(Range<usize>),
    /// The body with this index.
    Body(usize),
}

impl Frames {
    pub(super) fn new(lane: LaneName, segment: u64, start: u64) -> Self {
        Self {
            lane,
            segment,
            start,
            len: 0,
            buffer: Vec::new(),
            parted: 0,
            parts: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Makes room for so many frames, except for bodies that are written from where they are.
    fn reserve(&mut self, frames: usize, heads_len: usize) {
        self.buffer.reserve(frames * (super::frame::HEADER_LEN + ALIGNMENT as usize) + heads_len);
        self.bodies.reserve(frames);
    }

    /// Adds a frame; returns where in the segment it goes.
    pub(super) fn push(&mut self, header: Header, head: &[u8], body: Bytes) -> u64 {
        let offset = self.start + self.len;
        let place = Place { lane: self.lane, segment: self.segment, offset };
        Header { durable_to: self.start, ..header }.encode(place, &mut self.buffer);
        self.buffer.extend_from_slice(head);
        let unpadded = super::frame::HEADER_LEN + head.len() + body.len();
        if body.len() <= COPIED_BODY_MAX {
            self.buffer.extend_from_slice(&body);
        } else {
            self.part();
            self.parts.push(Part::Body(self.bodies.len()));
        }
        let padding = unpadded.next_multiple_of(ALIGNMENT as usize) - unpadded;
        self.buffer.extend_from_slice(&[0; ALIGNMENT as usize][..padding]);
        self.len += (unpadded + padding) as u64;
        if header.kind == Kind::Record {
            self.bodies.push((offset, body));
        }
        offset
    }

    fn part(&mut self) {
        if self.parted < self.buffer.len() {
            self.parts.push(Part::Buffer(self.parted..self.buffer.len()));
            self.parted = self.buffer.len();
        }
    }

    /// Bytes of all frames.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes to write, in order.
    pub(super) fn slices(&mut self) -> Vec<&[u8]> {
        self.part();
        let parts = self.parts.iter().map(|part| match part {
            Part::Buffer(range) => &self.buffer[range.clone()],
            Part::Body(index) => self.bodies[*index].1.as_ref(),
        });
        parts.collect()
    }

    /// The segment, and the bodies of its records with the offsets of their frames.
    pub(super) fn into_bodies(self) -> (u64, Vec<(u64, Bytes)>) {
        (self.segment, self.bodies)
    }
}
