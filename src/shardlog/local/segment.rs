//! One segment file: how it is named, made, opened and counted.

use super::context::{Context, unavailable};
use super::frame::Malformed;
use super::lane::LaneShared;
use super::name::{LaneName, segment_file, unfinished_file};
use super::statement::{self, SEGMENT_HEADER_LEN, SegmentHeader, ShardStatement};
use crate::env::{File, OpenMode};
use crate::error::StoreError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A segment of a lane. The open one is the newest; all others are closed.
pub(super) struct Segment {
    pub(super) lane: LaneName,
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// How many blocks of it are in use. Only the lane's thread changes it.
    pub(super) live: AtomicU64,
    /// Bytes that the file system has given it; 0 until it is closed.
    pub(super) bytes: AtomicU64,
    /// About how many bytes of its records have died since it was last gone through for holes.
    pub(super) dead: AtomicU64,
    /// It waits to be gone through.
    pub(super) due: AtomicBool,
    /// All its records are known, so that what lies between them is surely not needed.
    pub(super) identified: AtomicBool,
    /// Its file is gone or going.
    pub(super) removed: AtomicBool,
}

impl Segment {
    pub(super) fn new(context: &Context, lane: LaneName, number: u64) -> Self {
        Self {
            lane,
            number,
            path: context.dir.join(lane.to_string()).join(segment_file(number)),
            live: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            due: AtomicBool::new(false),
            identified: AtomicBool::new(true),
            removed: AtomicBool::new(false),
        }
    }

    /// The file for reading, from the cache of open files if it is there. Blocks.
    pub(super) fn open(&self, context: &Context) -> io::Result<Arc<dyn File>> {
        let key = (self.lane, self.number);
        if let Some(file) = context.files.get(&key) {
            return Ok(file);
        }
        let file = context.env.files.open(&self.path, OpenMode::Read)?;
        context.files.insert(key, file.clone());
        // Removal sets the flag before it cleans the cache: whichever of us is later takes the file out.
        if self.removed.load(Ordering::SeqCst) {
            context.files.remove(&key);
        }
        Ok(file)
    }

    /// An error about the bytes at `offset`.
    pub(super) fn corrupt(&self, offset: u64, what: Malformed) -> StoreError {
        StoreError::Corrupt {
            place: format!("{} at offset {offset}", self.path.display()),
            what: what.0.to_owned(),
        }
    }

    /// The meaning of an error of reading at `offset`.
    pub(super) fn read_error(&self, offset: u64, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.corrupt(offset, Malformed("the file ends early")),
            io::ErrorKind::NotFound => self.corrupt(offset, Malformed("the file is missing")),
            _ => unavailable(error),
        }
    }

    /// Reads the header, which must be that of this segment of this lane.
    pub(super) fn read_header(&self, file: &dyn File) -> Result<SegmentHeader, StoreError> {
        let mut bytes = [0; SEGMENT_HEADER_LEN];
        file.read_exact_at(&mut bytes, 0).map_err(|error| self.read_error(0, error))?;
        let header = SegmentHeader::decode(&bytes).map_err(|what| self.corrupt(0, what))?;
        if (header.lane, header.segment) != (self.lane, self.number) {
            return Err(self.corrupt(0, Malformed("it is another segment under this name")));
        }
        Ok(header)
    }

    /// Reads the header and the statement.
    pub(super) fn read_statement(
        &self,
        file: &dyn File,
    ) -> Result<(SegmentHeader, Vec<ShardStatement>), StoreError> {
        let header = self.read_header(file)?;
        let at = SEGMENT_HEADER_LEN as u64;
        let mut bytes = vec![0; header.statement_len()];
        file.read_exact_at(&mut bytes, at).map_err(|error| self.read_error(at, error))?;
        let shards = statement::decode(&header, &bytes).map_err(|what| self.corrupt(at, what))?;
        Ok((header, shards))
    }
}

/// Records of the open segment that are not readable any more.
pub(super) struct Forgotten {
    pub(super) records: u64,
    /// Bytes of their frames.
    pub(super) bytes: u64,
}

/// A segment that takes frames.
pub(super) struct OpenSegment {
    pub(super) segment: Arc<Segment>,
    pub(super) file: Arc<dyn File>,
    /// Where its first frame begins.
    pub(super) first_frame: u64,
    /// Where the next frame goes; everything before is durable.
    pub(super) end: u64,
    /// Records appended to it, and how many of them are still readable.
    pub(super) records: u64,
    pub(super) records_live: u64,
    /// Bytes of the frames of those that are not.
    pub(super) dead_bytes: u64,
    /// Bytes that the blocks of its records will take.
    pub(super) table_bytes: usize,
    /// Wall time at which it was made.
    pub(super) made_ms: u64,
}

impl OpenSegment {
    /// Makes a segment with its statement. Under its own name it appears whole or not at all, and durable.
    pub(super) fn make(
        context: &Context,
        lane: &LaneShared,
        number: u64,
        shards: &[ShardStatement],
    ) -> io::Result<Self> {
        let env = &context.env;
        let segment = Arc::new(Segment::new(context, lane.name, number));
        let dir = context.dir.join(lane.name.to_string());
        let unfinished = dir.join(unfinished_file(number));
        match env.files.remove(&unfinished) {
            // The name of one that was given up is another file's next: it must be gone for good before, or a power cut could
            // leave the old file under the new name.
            Ok(()) => env.files.sync_dir(&dir)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = env.files.open(&unfinished, OpenMode::CreateNew)?;
        let made_ms = env.clock.now_ms();
        let bytes = statement::encode(lane.name, number, made_ms, shards);
        file.write_all_at(&[&bytes], 0)?;
        context.counters.timed_sync(env, || file.sync_data())?;
        env.files.rename(&unfinished, &segment.path)?;
        env.files.sync_dir(&dir)?;
        lane.counted.segments.fetch_add(1, Ordering::Relaxed);
        lane.counted.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let first_frame = bytes.len() as u64;
        Ok(Self::new(segment, file, first_frame, made_ms))
    }

    /// A segment before its frames are known.
    pub(super) fn new(segment: Arc<Segment>, file: Arc<dyn File>, first_frame: u64, made_ms: u64) -> Self {
        Self {
            segment,
            file,
            first_frame,
            end: first_frame,
            records: 0,
            records_live: 0,
            dead_bytes: 0,
            table_bytes: 0,
            made_ms,
        }
    }

    /// Some of its records are not readable any more.
    pub(super) fn forget(&mut self, forgotten: &Forgotten) {
        self.records_live -= forgotten.records;
        self.dead_bytes += forgotten.bytes;
    }

    /// Takes back everything after the last durable frame.
    pub(super) fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.sync_data()
    }
}
