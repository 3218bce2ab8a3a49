//! Names an initialisation segment by what it holds.

use aws_lc_rs::digest;
use std::fmt;
use std::str::FromStr;

/// Names an initialisation segment within a stream: the first 16 bytes of the SHA-256 of its bytes, written as 32
/// lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InitId(pub(crate) [u8; 16]);

impl InitId {
    /// The name of these bytes.
    pub(crate) fn of(init: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, init);
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_ref()[..16]);
        Self(id)
    }
}

impl fmt::Display for InitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InitId({self})")
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an init segment's name is 32 lower-case hexadecimal digits")]
pub struct NotAnInitId;

impl FromStr for InitId {
    type Err = NotAnInitId;

    fn from_str(text: &str) -> Result<Self, NotAnInitId> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAnInitId);
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| NotAnInitId)?;
        Ok(Self(value.to_be_bytes()))
    }
}

impl serde::Serialize for InitId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
