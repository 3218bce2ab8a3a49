//! Fields of a message: read with every bound checked, written in the same order.

use super::{PREFIX_BYTES, TEXT_BYTES_MAX, VERSION};
use bytes::{Buf, Bytes};

/// A message that cannot be sent or was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Ends before its fields do.
    #[error("message is cut off in {field}")]
    Truncated {
        /// Where.
        field: &'static str,
    },
    /// Bytes are left after the last field.
    #[error("{bytes} bytes too many at the end of the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// Larger than its limit.
    #[error("{field} has {actual} bytes or entries, the limit is {max}")]
    TooLarge {
        /// What.
        field: &'static str,
        /// Its size.
        actual: usize,
        /// The limit.
        max: usize,
    },
    /// A field holds something that it may not hold.
    #[error("{field} is not acceptable: {value}")]
    Invalid {
        /// What.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A part in JSON that cannot be read.
    #[error("bad JSON: {0}")]
    Json(String),
    /// The times of [`super::Wanted::At`] go backwards.
    #[error("wanted times must not decrease (entry {index})")]
    Unordered {
        /// The first entry that is less than the one before it.
        index: usize,
    },
}

/// Length of the message that follows a prefix, checked against `max`.
pub fn message_len(prefix: [u8; PREFIX_BYTES], max: usize) -> Result<usize, ProtocolError> {
    let len = u32::from_le_bytes(prefix) as usize;
    check_max("message", len, max)?;
    if len < 2 {
        return Err(ProtocolError::Truncated { field: "version and kind" });
    }
    Ok(len)
}

pub(super) fn check_max(field: &'static str, actual: usize, max: usize) -> Result<(), ProtocolError> {
    if actual > max { Err(ProtocolError::TooLarge { field, actual, max }) } else { Ok(()) }
}

/// Takes fields from the front of a message.
pub(super) struct Fields(Bytes);

impl Fields {
    /// Fields without a version and a kind before them.
    pub(super) fn of(fields: Bytes) -> Self {
        Self(fields)
    }

    /// Checks the version and hands back the kind and the fields.
    pub(super) fn open(message: Bytes) -> Result<(u8, Self), ProtocolError> {
        let mut fields = Self(message);
        let version = fields.u8("version")?;
        if version != VERSION {
            return Err(ProtocolError::Invalid { field: "version", value: version.into() });
        }
        let kind = fields.u8("kind")?;
        Ok((kind, fields))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, ProtocolError> {
        self.0.try_get_u8().map_err(|_| ProtocolError::Truncated { field })
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, ProtocolError> {
        self.0.try_get_u16_le().map_err(|_| ProtocolError::Truncated { field })
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, ProtocolError> {
        self.0.try_get_u32_le().map_err(|_| ProtocolError::Truncated { field })
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, ProtocolError> {
        self.0.try_get_u64_le().map_err(|_| ProtocolError::Truncated { field })
    }

    pub(super) fn i64(&mut self, field: &'static str) -> Result<i64, ProtocolError> {
        self.0.try_get_i64_le().map_err(|_| ProtocolError::Truncated { field })
    }

    /// The next `len` bytes, without copying them.
    pub(super) fn bytes(&mut self, len: usize, field: &'static str) -> Result<Bytes, ProtocolError> {
        if self.0.len() < len {
            return Err(ProtocolError::Truncated { field });
        }
        Ok(self.0.split_to(len))
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// Everything that is left.
    pub(super) fn rest(self, field: &'static str, max: usize) -> Result<Bytes, ProtocolError> {
        check_max(field, self.0.len(), max)?;
        Ok(self.0)
    }

    /// Everything that is left, which has been bounded already.
    pub(super) fn into_rest(self) -> Bytes {
        self.0
    }

    /// What is left as text; what is not UTF-8 in it is replaced, since it is only shown to people.
    pub(super) fn text(self, field: &'static str) -> Result<String, ProtocolError> {
        Ok(String::from_utf8_lossy(&self.rest(field, TEXT_BYTES_MAX)?).into_owned())
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), ProtocolError> {
        if self.0.is_empty() { Ok(()) } else { Err(ProtocolError::Trailing { bytes: self.0.len() }) }
    }
}

/// A message's version, kind and first fields; the prefix is put in front at the end, when all lengths are known.
pub(super) struct Head(Vec<u8>);

impl Head {
    pub(super) fn new(kind: u8) -> Self {
        let mut bytes = vec![0; PREFIX_BYTES];
        bytes.extend([VERSION, kind]);
        Self(bytes)
    }

    pub(super) fn put(mut self, field: &[u8]) -> Self {
        self.0.extend_from_slice(field);
        self
    }

    /// Ends the message with a text, cut at [`TEXT_BYTES_MAX`].
    pub(super) fn text(self, text: &str) -> Vec<Bytes> {
        let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
        self.put(&text.as_bytes()[..cut]).finish(&[])
    }

    /// Ends the message with `tail`, which is not copied.
    pub(super) fn finish(mut self, tail: &[Bytes]) -> Vec<Bytes> {
        let len = self.0.len() - PREFIX_BYTES + tail.iter().map(Bytes::len).sum::<usize>();
        // Callers have checked the parts against limits that are far below 4 GiB.
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.0[..PREFIX_BYTES].copy_from_slice(&len.to_le_bytes());
        std::iter::once(Bytes::from(self.0)).chain(tail.iter().cloned()).collect()
    }
}
