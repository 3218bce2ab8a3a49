//! Cuts an endless byte stream into initialisation segments and chunks.

use super::boxes::{BoxAt, Header, bad, boxes};
use super::chunk::Chunk;
use super::init::Init;
use super::moof::Moof;
use super::normalise::{Arriving, Part, normalise};
use super::prft::Prft;
use crate::error::{BoxName, MediaError};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Bounds of what a [`Scanner`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// Largest `moov`, `moof` and other small box in bytes.
    pub small_box_bytes_max: u64,
    /// Most media data of one chunk in bytes; also the largest box that is skipped.
    pub mdat_bytes_max: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { small_box_bytes_max: 1 << 20, mdat_bytes_max: 32 << 20 }
    }
}

/// Most `mdat` boxes of one chunk.
const PARTS_MAX: u64 = 256;

/// What comes out of a [`Scanner`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An initialisation segment. Later chunks belong to it.
    Init(Arc<Init>),
    /// A chunk in the canonical form.
    Chunk(Chunk),
}

/// Cuts an endless byte stream into initialisation segments and chunks. Holds at most one chunk beyond the bytes that were
/// pushed and not yet looked at. How the input is split over pushes makes no difference to what comes out.
///
/// A chunk is given as soon as the last byte that its `moof` names has come, be it in one `mdat` or several. A new
/// initialisation segment may come at any time. `styp`, `sidx`, `free`, `emsg`, `mfra` and other boxes are skipped.
///
/// ```text
/// loop { scanner.push(bytes); while let Some(piece) = scanner.next()? { … } }  scanner.finish()?
/// ```
#[derive(Debug)]
pub struct Scanner {
    limits: ScanLimits,
    input: VecDeque<Bytes>,
    /// Bytes of the stream taken from `input` so far.
    position: u64,
    state: State,
    /// A box header, as far as it has come.
    header: Vec<u8>,
    /// A small box, as far as it has come.
    small: BytesMut,
    /// The `ftyp` that waits for its `moov`.
    ftyp: Option<Bytes>,
    init: Option<Arc<Init>>,
    /// Whether `init` came with this upload; otherwise offsets from the start of the stream cannot be taken as they stand.
    own_init: bool,
    /// What is added to offsets from the start of the stream (wrapping); found at the first that comes.
    stream_origin: Option<u64>,
    arriving: Arriving,
    /// The `moof` that waits for its media data.
    waiting: Option<Waiting>,
    prft: Option<Prft>,
    written: Option<Prft>,
    /// Decode time that follows each track's last sample.
    next_times: Vec<(u32, u64)>,
}

#[derive(Debug)]
enum State {
    Header,
    /// In a box that is collected in `small`.
    Small {
        name: [u8; 4],
        left: u64,
    },
    Mdat {
        left: u64,
    },
    Skip {
        left: u64,
    },
    Failed(MediaError),
}

#[derive(Debug)]
struct Waiting {
    moof: Moof,
    placed: Vec<Range<u64>>,
}

impl Scanner {
    /// A scanner at the start of a stream.
    pub fn new(limits: ScanLimits) -> Self {
        Self {
            limits,
            input: VecDeque::new(),
            position: 0,
            state: State::Header,
            header: Vec::with_capacity(Header::LEN_MAX),
            small: BytesMut::new(),
            ftyp: None,
            init: None,
            own_init: false,
            stream_origin: None,
            arriving: Arriving::default(),
            waiting: None,
            prft: None,
            written: None,
            next_times: Vec::new(),
        }
    }

    /// A scanner for an upload that may start with a fragment and then goes on with an earlier initialisation segment (one
    /// request per fragment).
    pub fn resume(limits: ScanLimits, init: Arc<Init>) -> Self {
        Self { init: Some(init), ..Self::new(limits) }
    }

    /// Hands over more input. Call [`Scanner::next`] until it gives `None` before pushing again.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input.push_back(bytes);
        }
    }

    /// The next piece; `None` when more input is needed. After an error, the pieces given before it stand and the stream is
    /// over: the same error comes again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Piece>, MediaError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        while let Some(first) = self.input.front() {
            if first.is_empty() {
                self.input.pop_front();
                continue;
            }
            match self.step() {
                Ok(None) => {}
                Ok(piece) => return Ok(piece),
                Err(error) => {
                    self.input.clear();
                    self.arriving = Arriving::default();
                    self.state = State::Failed(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// The initialisation segment that chunks now belong to.
    pub fn init(&self) -> Option<&Arc<Init>> {
        self.init.as_ref()
    }

    /// To be called when the input is over and [`Scanner::next`] gave `None`: whether it ended between chunks.
    pub fn finish(&self) -> Result<(), MediaError> {
        if self.position == 0 {
            return Err(MediaError::NoMedia);
        }
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            _ if self.init.is_none() => Err(MediaError::TruncatedInit),
            State::Small { name: [b'm', b'o', b'o', b'v'] | [b'f', b't', b'y', b'p'], .. } => {
                Err(MediaError::TruncatedInit)
            }
            State::Small { .. } | State::Mdat { .. } => Err(MediaError::TruncatedChunk),
            State::Header | State::Skip { .. } if self.waiting.is_some() => Err(MediaError::TruncatedChunk),
            State::Header if !self.header.is_empty() => Err(MediaError::TruncatedChunk),
            State::Header | State::Skip { .. } => Ok(()),
        }
    }

    /// Takes in some of the first input, which is not empty.
    fn step(&mut self) -> Result<Option<Piece>, MediaError> {
        match self.state {
            State::Header => self.take_header(),
            State::Small { name, left } => {
                let taken = self.take(left);
                self.small.extend_from_slice(&taken);
                let left = left - taken.len() as u64;
                self.state = State::Small { name, left };
                if left > 0 {
                    return Ok(None);
                }
                self.state = State::Header;
                let whole = self.small.split().freeze();
                self.small_box(name, whole)
            }
            State::Mdat { left } => {
                let taken = self.take(left);
                self.arriving.buf.extend_from_slice(&taken);
                if let Some(part) = self.arriving.parts.last_mut() {
                    part.range.end += taken.len();
                }
                let left = left - taken.len() as u64;
                self.state = if left > 0 { State::Mdat { left } } else { State::Header };
                if left > 0 { Ok(None) } else { self.complete() }
            }
            State::Skip { left } => {
                let left = left - self.take(left).len() as u64;
                self.state = if left > 0 { State::Skip { left } } else { State::Header };
                Ok(None)
            }
            State::Failed(_) => Ok(None),
        }
    }

    /// At most `most` bytes of the first input.
    fn take(&mut self, most: u64) -> Bytes {
        let Some(first) = self.input.front_mut() else { return Bytes::new() };
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(first.len());
        self.position += count as u64;
        first.split_to(count)
    }

    fn take_header(&mut self) -> Result<Option<Piece>, MediaError> {
        let Some(first) = self.input.front_mut() else { return Ok(None) };
        self.header.push(first.get_u8());
        self.position += 1;
        if self.header.len() == 8 {
            self.check_name()?;
        }
        let Some(header) = Header::parse(&self.header)? else { return Ok(None) };
        let started = self.start_box(header);
        self.header.clear();
        started
    }

    /// Whether the header's name can be that of a box where it stands.
    fn check_name(&self) -> Result<(), MediaError> {
        let Some(name) = self.header.last_chunk::<4>() else { return Ok(()) };
        if self.position == 8 {
            return match name {
                b"ftyp" | b"styp" | b"moov" | b"moof" | b"mdat" | b"free" | b"skip" | b"wide" | b"sidx"
                | b"ssix" | b"prft" | b"emsg" | b"uuid" | b"pdin" => Ok(()),
                _ => Err(MediaError::NotMp4("it does not start with a box of an mp4 file")),
            };
        }
        if name.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == 0xa9) {
            return Ok(());
        }
        Err(MediaError::NotMp4("what follows the last box is not a box"))
    }

    /// Decides what to do with a box whose header has come. Nothing is set aside for it before its size is checked.
    fn start_box(&mut self, header: Header) -> Result<Option<Piece>, MediaError> {
        let Header { name, len, size } = header;
        if &name == b"mdat" && (self.init.is_none() || self.ftyp.is_some()) {
            return Err(MediaError::NotFragmented("media data comes before its moov box"));
        }
        if &name == b"moof" && self.init.is_none() {
            return Err(MediaError::NoInit);
        }
        let size = size.ok_or_else(|| bad(name, "a size of 0 (up to the end) cannot be used in a stream"))?;
        let left = size - len as u64;
        let limit_to = |limit: u64| match size > limit {
            true => Err(MediaError::BoxTooLarge { name: BoxName(name), size, limit }),
            false => Ok(()),
        };
        match &name {
            b"mdat" => {
                let held: u64 = self.arriving.parts.iter().map(|part| part.range.len() as u64).sum();
                limit_to(self.limits.mdat_bytes_max.saturating_sub(held))?;
                let buf = &mut self.arriving.buf;
                buf.reserve((left as usize).min(1 << 20) + len);
                buf.extend_from_slice(&self.header);
                let range = buf.len()..buf.len();
                let parts = &mut self.arriving.parts;
                if parts.len() as u64 == PARTS_MAX {
                    let (value, limit) = (PARTS_MAX + 1, PARTS_MAX);
                    return Err(MediaError::Absurd {
                        what: "number of mdat boxes of a fragment",
                        value,
                        limit,
                    });
                }
                parts.push(Part { stream_start: self.position, range });
                self.state = if left > 0 { State::Mdat { left } } else { State::Header };
            }
            b"ftyp" | b"moov" | b"moof" | b"prft" => {
                limit_to(self.limits.small_box_bytes_max)?;
                self.small.extend_from_slice(&self.header);
                self.state = State::Small { name, left };
                if left == 0 {
                    self.state = State::Header;
                    let whole = self.small.split().freeze();
                    return self.small_box(name, whole);
                }
            }
            _ => {
                limit_to(self.limits.mdat_bytes_max)?;
                self.state = if left > 0 { State::Skip { left } } else { State::Header };
            }
        }
        Ok(None)
    }

    /// Deals with a small box that is complete.
    fn small_box(&mut self, name: [u8; 4], whole: Bytes) -> Result<Option<Piece>, MediaError> {
        match &name {
            b"ftyp" => self.ftyp = Some(whole),
            b"moov" => return self.new_init(&whole).map(Some),
            b"moof" => return self.new_moof(&whole),
            b"prft" => {
                // It only dates; a bad one is as good as none.
                let read = boxes(&whole).next().and_then(|found| Prft::parse(found.ok()?).ok());
                let lead = self.init.as_ref().map(|init| init.lead().id);
                // The lead's word counts most, and of one track's what is not of the writing.
                let rank = |prft: &Prft| (Some(prft.track_id) == lead, !prft.is_of_writing());
                if read.as_ref().map(rank) > self.prft.as_ref().map(rank) {
                    self.prft = read;
                }
                self.written = self.written.or(read.filter(Prft::is_of_writing));
            }
            _ => {}
        }
        Ok(None)
    }

    fn new_init(&mut self, moov: &Bytes) -> Result<Piece, MediaError> {
        if self.waiting.is_some() {
            return Err(incomplete());
        }
        let mut bytes = BytesMut::new();
        if let Some(ftyp) = self.ftyp.take() {
            bytes.extend_from_slice(&ftyp);
        }
        bytes.extend_from_slice(moov);
        let init = Arc::new(Init::parse(&bytes.freeze())?);
        self.init = Some(Arc::clone(&init));
        self.own_init = true;
        self.arriving = Arriving::default();
        self.next_times.clear();
        Ok(Piece::Init(init))
    }

    fn new_moof(&mut self, whole: &Bytes) -> Result<Option<Piece>, MediaError> {
        if self.waiting.is_some() {
            return Err(incomplete());
        }
        let init = self.init.as_ref().ok_or(MediaError::NoInit)?;
        let found: BoxAt<'_> = boxes(whole).next().ok_or_else(|| bad(*b"moof", "it is cut off"))??;
        let moof = Moof::parse(init, found.body)?;
        let start = self.position - whole.len() as u64;
        if self.stream_origin.is_none() {
            let first = moof.first_stream_offset();
            self.stream_origin = first.map(|first| if self.own_init { 0 } else { start.wrapping_sub(first) });
        }
        let placed = moof.place(start, self.stream_origin.unwrap_or(0))?;
        for run in placed.iter().filter(|run| !run.is_empty()) {
            self.check_reach(run, start, self.position)?;
        }
        let at = self.arriving.buf.len();
        self.arriving.buf.extend_from_slice(whole);
        self.arriving.moof = at..at + whole.len();
        self.waiting = Some(Waiting { moof, placed });
        self.complete()
    }

    /// Whether bytes that a `moof` from `start` to `end` asks for can come at all: they are here already, or will be soon.
    fn check_reach(&self, run: &Range<u64>, start: u64, end: u64) -> Result<(), MediaError> {
        let limit = self.limits.mdat_bytes_max;
        let size = run.end - run.start;
        if size > limit {
            return Err(MediaError::BoxTooLarge { name: BoxName(*b"mdat"), size, limit });
        }
        // Around the media data of one chunk there may be skipped boxes, no larger than itself.
        let soon = run.start >= end && run.end - end <= limit.saturating_mul(2);
        if soon || (run.start < start && self.arriving.find(run).is_some()) {
            return Ok(());
        }
        Err(MediaError::BadChunk("its data offsets point to where no media data of it can be".to_owned()))
    }

    /// The waiting chunk, if all its bytes are here.
    fn complete(&mut self) -> Result<Option<Piece>, MediaError> {
        let (Some(waiting), Some(init)) = (self.waiting.take(), self.init.clone()) else { return Ok(None) };
        if !waiting.placed.iter().all(|run| self.arriving.find(run).is_some()) {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        let arriving = std::mem::take(&mut self.arriving);
        let Some(mut chunk) = normalise(&init, arriving, &waiting.moof, &waiting.placed, &self.next_times)?
        else {
            return Ok(None);
        };
        for track in &chunk.info.tracks {
            self.next_times.retain(|(id, _)| *id != track.track_id);
            self.next_times.push((track.track_id, track.decode_time + track.duration));
        }
        (chunk.prft, chunk.written) = (self.prft.take(), self.written.take());
        Ok(Some(Piece::Chunk(chunk)))
    }
}

fn incomplete() -> MediaError {
    MediaError::BadChunk("the next box came before all of its samples".to_owned())
}
