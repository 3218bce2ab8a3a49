//! Whoever keeps the root key may take it back while the vault is open.

use super::Vault;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why the keeper of the root key does not let it be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RootRefusal {
    /// The key that wraps it is disabled.
    Disabled = 1,
    /// We may not use that key.
    AccessDenied = 2,
    /// That key waits to be destroyed, or is in another state in which it cannot be used.
    InvalidState = 3,
    /// There is no such key any more.
    NotFound = 4,
}

impl fmt::Display for RootRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "the external KMS has disabled the key that holds the root",
            Self::AccessDenied => "the external KMS denies access to the key that holds the root",
            Self::InvalidState => "the key of the external KMS that holds the root waits to be deleted",
            Self::NotFound => "the external KMS has no key any more that holds the root",
        })
    }
}

/// A refusal or none; zero is none. Asked for every batch, so it is a plain load.
#[derive(Default)]
pub(super) struct Refused(AtomicU8);

impl Vault {
    /// Forbids the use of all keys, or allows it again. Changes of keys, blobs and message authentication codes go on: whoever
    /// administers the server must be able to. Data keys that were unwrapped before stay usable by who holds them; they ask
    /// [`Vault::root_refusal`].
    pub fn refuse_root(&self, refusal: Option<RootRefusal>) {
        self.refusal.0.store(refusal.map_or(0, |refusal| refusal as u8), Ordering::Release);
    }

    /// Why no key may be used, if that is so.
    pub fn root_refusal(&self) -> Option<RootRefusal> {
        match self.refusal.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(RootRefusal::Disabled),
            2 => Some(RootRefusal::AccessDenied),
            3 => Some(RootRefusal::InvalidState),
            _ => Some(RootRefusal::NotFound),
        }
    }
}
