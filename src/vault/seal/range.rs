//! Which sealed bytes hold which plaintext bytes, and opening a range of a body alone.

use super::{BODY_BYTES_MAX, PIECE, RecordContext, SealedHead, TAG, body};
use crate::{DataKey, OpenError};
use bytes::Bytes;
use std::ops::Range;

const PLAIN: u64 = PIECE as u64;
const SEALED: u64 = (PIECE + TAG) as u64;

/// Pieces of a body; an empty body has one.
pub(super) fn piece_count(body_len: u32) -> u32 {
    body_len.div_ceil(PIECE as u32).max(1)
}

/// Bytes of a sealed body, from its plaintext length (at most [`BODY_BYTES_MAX`]).
pub fn body_sealed_len(plain_len: u64) -> u64 {
    plain_len + plain_len.div_ceil(PLAIN).max(1) * TAG as u64
}

/// Plaintext bytes of a body, from its sealed length.
pub fn body_plain_len(sealed_len: u64) -> Result<u64, OpenError> {
    let impossible = OpenError::ImpossibleLength(sealed_len);
    let tags = sealed_len.div_ceil(SEALED).checked_mul(TAG as u64).ok_or(impossible)?;
    let plain_len = sealed_len.checked_sub(tags).ok_or(impossible)?;
    // Rules out what lies between the lengths that occur, such as a last piece of nothing but a tag.
    if plain_len > BODY_BYTES_MAX as u64 || body_sealed_len(plain_len) != sealed_len {
        return Err(impossible);
    }
    Ok(plain_len)
}

/// The sealed bytes to fetch, whole pieces, in order to open `plain` with [`DataKey::open_range`]. Empty for an empty
/// range.
pub fn sealed_range(plain: Range<u64>, sealed_body_len: u64) -> Result<Range<u64>, OpenError> {
    let Range { start, end } = plain;
    let len = body_plain_len(sealed_body_len)?;
    if start > end || end > len {
        return Err(OpenError::Range { start, end, len });
    }
    if start == end {
        return Ok(0..0);
    }
    Ok(start / PLAIN * SEALED..(end.div_ceil(PLAIN) * SEALED).min(sealed_body_len))
}

pub(super) fn check_sealed_len(head: &SealedHead<'_>, found: u64) -> Result<(), OpenError> {
    let expected = head.body_sealed_len();
    if found == expected { Ok(()) } else { Err(OpenError::BodyLength { expected, found }) }
}

impl DataKey {
    /// Opens a range of a body's plaintext. `sealed` are the bytes that [`sealed_range`] names; `sealed_body_len` is the
    /// length of the whole sealed body as the store states it, checked against the head.
    ///
    /// Memory: the whole pieces that the range touches, also as long as the answer lives.
    pub fn open_range(
        &self,
        context: &RecordContext,
        head: &SealedHead<'_>,
        sealed: &[u8],
        plain: Range<u64>,
        sealed_body_len: u64,
    ) -> Result<Bytes, OpenError> {
        let Range { start, end } = plain;
        check_sealed_len(head, sealed_body_len)?;
        let covering = sealed_range(start..end, sealed_body_len)?;
        let (expected, found) = (covering.end - covering.start, sealed.len() as u64);
        if expected != found {
            return Err(OpenError::BodyLength { expected, found });
        }
        if start == end {
            return Ok(Bytes::new());
        }
        let first = start / PLAIN;
        let opened_start = first * PLAIN;
        let opened_end = (end.div_ceil(PLAIN) * PLAIN).min(head.body_len());
        let mut opened = vec![0; (opened_end - opened_start) as usize];
        let key = self.batch_key(&head.batch);
        body::open_pieces(&key, &head.scope(context), first as u32, sealed, &mut opened)?;
        let wanted = (start - opened_start) as usize..(end - opened_start) as usize;
        Ok(Bytes::from(opened).slice(wanted))
    }
}
