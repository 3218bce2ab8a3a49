//! Walking the frames of a segment file and checking every byte of them. For recovery; blocks.

use super::block::Entry;
use super::frame::{ALIGNMENT, HEADER_LEN, Header, Malformed, Place};
use super::segment::Segment;
use super::space::HOLE_ALIGNMENT;
use crate::env::File;
use crate::error::StoreError;
use crate::types::{Arrival, Limits};
use bytes::Bytes;
use crc32c::crc32c_append;
use std::ops::Range;

/// How much is read at a time.
const WINDOW: usize = 1 << 20;

/// A frame as it lies in the file.
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) offset: u64,
    pub(super) head: Bytes,
    /// The body's checksum matches.
    pub(super) body_is_whole: bool,
    /// So are the bytes after the body, which nobody reads.
    pub(super) padding_is_zero: bool,
}

impl Frame {
    /// Where the frame ends, padding included.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.header.frame_len()
    }

    pub(super) fn entry(&self) -> Entry {
        let Header { arrival, body_len, body_crc, .. } = self.header;
        Entry { arrival: Arrival(arrival), offset: self.offset, head: self.head.clone(), body_len, body_crc }
    }
}

pub(super) struct Scanner<'a> {
    segment: &'a Segment,
    file: &'a dyn File,
    /// Length of the file.
    len: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(segment: &'a Segment, file: &'a dyn File, len: u64) -> Self {
        Self { segment, file, len, window: Vec::new(), window_at: 0 }
    }

    /// The bytes of a range that lies within the file and is no longer than a window.
    fn bytes(&mut self, range: Range<u64>) -> Result<&[u8], StoreError> {
        let window_end = self.window_at + self.window.len() as u64;
        if range.start < self.window_at || range.end > window_end {
            let len = (self.len - range.start).min(WINDOW as u64) as usize;
            self.window.resize(len, 0);
            self.window_at = range.start;
            if let Err(error) = self.file.read_exact_at(&mut self.window, range.start) {
                self.window.clear();
                return Err(self.segment.read_error(range.start, error));
            }
        }
        let start = (range.start - self.window_at) as usize;
        Ok(&self.window[start..start + (range.end - range.start) as usize])
    }

    /// Whether there is no frame at `offset` because it became a hole, or its header reaches into one. A hole is made of
    /// whole blocks of the file system, and reads as zeros; no frame begins so.
    pub(super) fn is_hole(&mut self, offset: u64) -> Result<bool, StoreError> {
        let next = (offset + 1).next_multiple_of(HOLE_ALIGNMENT);
        let reaches_in = next - offset < HEADER_LEN as u64 && next < self.len;
        Ok(self.is_zero(offset..next)? || (reaches_in && self.is_zero(next..next + HOLE_ALIGNMENT)?))
    }

    fn is_zero(&mut self, range: Range<u64>) -> Result<bool, StoreError> {
        Ok(self.bytes(range.start..range.end.min(self.len))?.iter().all(|byte| *byte == 0))
    }

    /// The frame's header at `offset`; the inner error says why there is none.
    pub(super) fn header(&mut self, offset: u64) -> Result<Result<Header, Malformed>, StoreError> {
        if self.len.saturating_sub(offset) < HEADER_LEN as u64 {
            return Ok(Err(Malformed("the frame is cut short")));
        }
        let place = Place { lane: self.segment.lane, segment: self.segment.number, offset };
        let bytes = self.bytes(offset..offset + HEADER_LEN as u64)?;
        let Some(bytes) = bytes.first_chunk() else {
            return Ok(Err(Malformed("the frame is cut short")));
        };
        Ok(Header::decode(bytes, place))
    }

    /// The frame at `offset`; the inner error says why there is none.
    pub(super) fn frame(&mut self, offset: u64) -> Result<Result<Frame, Malformed>, StoreError> {
        let header = match self.header(offset)? {
            Ok(header) => header,
            Err(what) => return Ok(Err(what)),
        };
        let limits = Limits::default();
        if header.head_len as usize > limits.head_bytes_max
            || header.body_len as usize > limits.body_bytes_max
        {
            return Ok(Err(Malformed("the frame is larger than any record may be")));
        }
        if header.frame_len() > self.len - offset {
            return Ok(Err(Malformed("the frame is cut short")));
        }
        let head_at = offset + HEADER_LEN as u64;
        let body_at = head_at + u64::from(header.head_len);
        let head = Bytes::copy_from_slice(self.bytes(head_at..body_at)?);
        if crc32c_append(0, &head) != header.head_crc {
            return Ok(Err(Malformed("the checksum of the head does not match")));
        }
        let body_end = body_at + u64::from(header.body_len);
        let body_is_whole = self.checksum(body_at..body_end)? == header.body_crc;
        let padding = self.bytes(body_end..offset + header.frame_len())?;
        let padding_is_zero = padding.iter().all(|byte| *byte == 0);
        Ok(Ok(Frame { header, offset, head, body_is_whole, padding_is_zero }))
    }

    fn checksum(&mut self, range: Range<u64>) -> Result<u32, StoreError> {
        let mut crc = 0;
        let mut at = range.start;
        while at < range.end {
            // What the window holds first: the header was read with a good part of the body.
            let window_end = self.window_at + self.window.len() as u64;
            let held = (self.window_at..window_end).contains(&at).then_some(window_end);
            let end = range.end.min(held.unwrap_or(at + WINDOW as u64));
            crc = crc32c_append(crc, self.bytes(at..end)?);
            at = end;
        }
        Ok(crc)
    }

    /// The next place at or after `from` where a frame's header is, however it got there.
    pub(super) fn find_header(&mut self, from: u64) -> Result<Option<(u64, Header)>, StoreError> {
        let mut at = from.next_multiple_of(ALIGNMENT);
        while self.len.saturating_sub(at) >= HEADER_LEN as u64 {
            if let Ok(header) = self.header(at)? {
                return Ok(Some((at, header)));
            }
            at += ALIGNMENT;
        }
        Ok(None)
    }

    /// Up to where the file is known to have been durable, judging by the headers at or after `from`; 0 if there are none.
    pub(super) fn durable_to(&mut self, from: u64) -> Result<u64, StoreError> {
        let mut durable_to = 0;
        let mut at = from;
        while let Some((found, header)) = self.find_header(at)? {
            durable_to = durable_to.max(header.durable_to);
            at = found + ALIGNMENT;
        }
        Ok(durable_to)
    }
}
