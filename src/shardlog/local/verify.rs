//! Reading everything there is, to find damage before a reader does. Needs no keys: every byte of a segment is under one of
//! its checksums, or must be zero.
//!
//! ```text
//! header │ statement │ frame │ … │ frame │ blocks │ directory │ trailer
//! └ CRCs ┘           └ header, head and body │ one CRC for each of these ┘
//!                      have CRCs, the rest of
//!                      the frame is zeros
//! ```
//! Closed segments are verified whole, the open one up to what is durable. Records that nobody can read any more are left
//! out, and so are holes between those that can be read. Damage is reported, and never mended here: reads tell it from sound
//! records by the same checksums.

use super::block::{self, Entry};
use super::context::{Context, unavailable};
use super::footer::{BlockInfo, TRAILER_LEN};
use super::frame::{Kind, Malformed};
use super::lane::Tip;
use super::name::LaneName;
use super::recovery::read_directory;
use super::scan::{Frame, Scanner};
use super::segment::Segment;
use crate::env::{File, OpenMode};
use crate::error::StoreError;
use crate::types::{Seq, ShardId};
use bytes::Bytes;
use crc32c::crc32c;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// About how many bytes one step of a check reads.
const STEP: u64 = 4 << 20;

/// Bytes of the log that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The segment's file.
    pub segment: PathBuf,
    /// Where in it the damaged part begins.
    pub offset: u64,
    /// The shard that suffers, where that can be known.
    pub shard: Option<ShardId>,
    /// Its record, or the first of several.
    pub seq: Option<Seq>,
    /// What does not hold.
    pub what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.segment.display(), self.offset)?;
        if let Some(shard) = self.shard {
            write!(f, ", shard {shard}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, ", sequence {seq}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The check of one segment, in steps.
pub(super) struct Check {
    segment: Arc<Segment>,
    file: Arc<dyn File>,
    /// Where the next frame should begin.
    at: u64,
    /// Where the frames end, where that is known: nobody can tell a damaged frame from a footer otherwise.
    frames_end: u64,
    frames_end_is_known: bool,
    /// There is a footer, and all of it can be read: then it lists every record that was readable when it was written.
    footer_is_whole: bool,
    /// The records that the footer lists, by offset.
    listed: BTreeMap<u64, (ShardId, Seq, Entry)>,
    found: Vec<Damage>,
}

impl Check {
    /// Begins with all but the frames. `None` if the segment is not there any more. Blocks.
    pub(super) fn begin(
        context: &Context,
        lane: LaneName,
        number: u64,
        tip: Tip,
    ) -> Result<Option<Self>, StoreError> {
        let segment = Arc::new(Segment::new(context, lane, number));
        let file = match context.env.files.open(&segment.path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let len = file.size().map_err(unavailable)?;
        let closed = number < tip.segment;
        let mut check = Self {
            segment,
            file,
            at: 0,
            frames_end: if closed { len } else { tip.end.min(len) },
            frames_end_is_known: !closed,
            footer_is_whole: closed,
            listed: BTreeMap::new(),
            found: Vec::new(),
        };
        check.beginning()?;
        if closed {
            check.footer(len)?;
        }
        Ok(Some(check))
    }

    fn damaged(&mut self, offset: u64, record: Option<(ShardId, Option<Seq>)>, what: Malformed) {
        let segment = self.segment.path.clone();
        let (shard, seq) = (record.map(|(shard, _)| shard), record.and_then(|(_, seq)| seq));
        self.found.push(Damage { segment, offset, shard, seq, what: what.0 });
    }

    fn beginning(&mut self) -> Result<(), StoreError> {
        self.at = match self.segment.read_statement(self.file.as_ref()) {
            Ok((header, _)) => header.first_frame(),
            Err(StoreError::Corrupt { .. }) => {
                self.damaged(0, None, Malformed("the segment's beginning is damaged"));
                let mut scanner = Scanner::new(&self.segment, self.file.as_ref(), self.frames_end);
                scanner.find_header(0)?.map_or(self.frames_end, |(at, _)| at)
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    fn footer(&mut self, len: u64) -> Result<(), StoreError> {
        let (infos, trailer) = match read_directory(&self.segment, self.file.as_ref(), len) {
            Ok(found) => found,
            Err(StoreError::Corrupt { .. }) => {
                let at = len.saturating_sub(TRAILER_LEN as u64);
                self.footer_is_whole = false;
                self.damaged(at, None, Malformed("the segment's footer is damaged"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        (self.frames_end, self.frames_end_is_known) = (trailer.frames_end, true);
        let mut at = trailer.frames_end;
        for info in infos {
            if info.offset != at {
                self.damaged(at, None, Malformed("the footer's blocks do not follow each other"));
            }
            at = info.offset + u64::from(info.len);
            self.block(&info)?;
        }
        if at != trailer.directory_at {
            self.damaged(at, None, Malformed("the footer's blocks do not follow each other"));
        }
        Ok(())
    }

    fn block(&mut self, info: &BlockInfo) -> Result<(), StoreError> {
        let mut bytes = vec![0; info.len as usize]; // the directory's checksum holds and bounds it
        let read = self.file.read_exact_at(&mut bytes, info.offset);
        read.map_err(|error| self.segment.read_error(info.offset, error))?;
        let entries = if crc32c(&bytes) == info.crc {
            block::decode(Bytes::from(bytes), info.count)
        } else {
            Err(Malformed("the checksum of a block of the footer does not match"))
        };
        match entries {
            Ok(entries) => {
                let records = (info.first.0..).zip(entries);
                let listed = records.map(|(seq, entry)| (entry.offset, (info.shard, Seq(seq), entry)));
                self.listed.extend(listed);
            }
            Err(what) => {
                self.footer_is_whole = false;
                self.damaged(info.offset, Some((info.shard, Some(info.first))), what);
            }
        }
        Ok(())
    }

    /// Verifies some frames. Returns about how many bytes were read; 0 when there are no more. Blocks.
    pub(super) fn step(&mut self, context: &Context) -> Result<u64, StoreError> {
        let from = self.at;
        let (segment, file) = (self.segment.clone(), self.file.clone());
        let mut scanner = Scanner::new(&segment, file.as_ref(), self.frames_end);
        while self.at < self.frames_end && self.at - from < STEP {
            match scanner.frame(self.at)? {
                Ok(frame) => {
                    self.frame(context, &frame);
                    self.at = frame.end();
                }
                Err(what) => {
                    if let Ok(header) = scanner.header(self.at)?
                        && header.kind == Kind::Record
                        && !self.is_readable(context, header.shard, Seq(header.seq), self.at)
                    {
                        self.at = (self.at + header.frame_len()).min(self.frames_end); // its head is in a hole
                        continue;
                    }
                    let next = scanner.find_header(self.at + 1)?;
                    let until = next.map_or(self.frames_end, |(at, _)| at);
                    let lost = self.readable_in(context, self.at..until);
                    let hole = lost.is_none() && scanner.is_hole(self.at)?;
                    if !hole && (next.is_some() || self.frames_end_is_known) {
                        let record = lost.or_else(|| self.record_at(context, self.at));
                        self.damaged(self.at, record.map(|(shard, seq)| (shard, Some(seq))), what);
                    }
                    self.at = until;
                }
            }
        }
        Ok(self.at - from)
    }

    /// The first record which the footer lists in a range and somebody could still ask for.
    fn readable_in(&self, context: &Context, range: Range<u64>) -> Option<(ShardId, Seq)> {
        let listed = self.listed.range(range);
        let records = listed.map(|(offset, (shard, seq, _))| (*offset, *shard, *seq));
        let lost =
            |(offset, shard, seq)| self.is_readable(context, shard, seq, offset).then_some((shard, seq));
        records.filter_map(lost).next()
    }

    /// Whose frame begins at an offset, where the frame itself does not say.
    fn record_at(&self, context: &Context, offset: u64) -> Option<(ShardId, Seq)> {
        if let Some((shard, seq, _)) = self.listed.get(&offset) {
            return Some((*shard, *seq));
        }
        let Segment { lane, number, .. } = *self.segment;
        let of_lane = context.all_shards().into_iter().filter(|shard| shard.lane.name == lane);
        of_lane.into_iter().find_map(|shard| Some((shard.id, shard.index().find_open(number, offset)?)))
    }

    fn frame(&mut self, context: &Context, frame: &Frame) {
        let header = &frame.header;
        let (shard, seq) = (header.shard, Seq(header.seq));
        let record = Some((shard, Some(seq)));
        if !frame.body_is_whole && self.is_readable(context, shard, seq, frame.offset) {
            let at = frame.offset;
            self.damaged(at, record, Malformed("the checksum of the body does not match"));
        }
        if !frame.padding_is_zero {
            self.damaged(frame.offset, record, Malformed("the padding of the frame is not zero"));
        }
        if let Some(listed) = self.listed.remove(&frame.offset)
            && listed != (shard, seq, frame.entry())
        {
            self.damaged(frame.offset, record, Malformed("the footer says something else of the record"));
        }
    }

    /// What was found; nothing if the segment has gone meanwhile, for then it was being taken away. Blocks.
    pub(super) fn end(self, context: &Context) -> Vec<Damage> {
        let gone = context.env.files.open(&self.segment.path, OpenMode::Read);
        match gone {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            _ => self.found,
        }
    }

    /// Whether somebody could still ask for the record at an offset. One of the same name may be of an earlier shard with
    /// the same id, and a hole.
    fn is_readable(&self, context: &Context, shard: ShardId, seq: Seq, offset: u64) -> bool {
        let Ok(shard) = context.shard(shard) else { return false };
        let listed = || self.listed.get(&offset).is_some_and(|(id, at, _)| (*id, *at) == (shard.id, seq));
        let index = shard.index();
        let born = shard.lane.name == self.segment.lane && index.born <= self.segment.number;
        born && !index.gone && index.tail.first <= seq && (!self.footer_is_whole || listed())
    }
}
