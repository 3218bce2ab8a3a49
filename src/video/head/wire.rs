//! Fixed-width little-endian fields, written and read in order. Reading never goes past the end.

use super::HeadError;
use bytes::{BufMut, Bytes, BytesMut};

/// Writes fields.
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn new(capacity: usize) -> Self {
        Self(BytesMut::with_capacity(capacity))
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.put_u8(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.put_u16_le(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.put_u32_le(value);
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.put_u64_le(value);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.put_i64_le(value);
    }

    pub(super) fn u128(&mut self, value: u128) {
        self.0.put_u128_le(value);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.0.put_slice(value);
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Reads fields.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], HeadError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(HeadError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeadError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(HeadError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, HeadError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, HeadError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, HeadError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, HeadError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, HeadError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(super) fn u128(&mut self) -> Result<u128, HeadError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(super) fn id(&mut self) -> Result<super::InitId, HeadError> {
        Ok(super::InitId(self.array()?))
    }

    /// Everything has been read.
    pub(super) fn end(self) -> Result<(), HeadError> {
        if self.0.is_empty() { Ok(()) } else { Err(HeadError::Trailing(self.0.len())) }
    }
}
