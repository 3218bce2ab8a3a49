//! Reading and writing the keystore's bytes. Integers are big-endian; a text is its length in bytes, then UTF-8.

use crate::secret::{SECRET_BYTES, Secret};

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn secret(&mut self) -> Option<Secret> {
        Secret::from_slice(self.take(SECRET_BYTES)?)
    }

    /// A text of at most `max` bytes after two bytes of length.
    pub(super) fn text16(&mut self, max: usize) -> Option<String> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        self.text(len, max)
    }

    /// The same after four bytes of length.
    pub(super) fn text32(&mut self, max: usize) -> Option<String> {
        let len = self.u32()? as usize;
        self.text(len, max)
    }

    fn text(&mut self, len: usize, max: usize) -> Option<String> {
        if len > max {
            return None;
        }
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }
}

/// Two bytes of length and the text, which must be shorter than 64 KiB.
pub(super) fn put_text16(bytes: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= usize::from(u16::MAX));
    bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Four bytes of length and the text.
pub(super) fn put_text32(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}
