//! What the keystore holds, and its bytes inside the sealed part of the file.
//!
//! ```text
//! offset  size
//! 0       32    internal secret (blobs, message authentication codes)
//! 32      4     number of keys
//! then for each key, by ascending id:
//! 0       16    id
//! 16      1     state: 1 enabled, 2 disabled, 3 destroyed
//! 17      4     number V of the newest version (the first is 1)
//! 21      2     length D of the description
//! 23      D     description, UTF-8
//! 23+D    32·V  the versions' secrets, oldest first; nothing if destroyed
//! ```
//! Integers are big-endian. A destroyed key leaves its name, so that what it wrapped is known to be lost.

use super::{KeyId, KeyInfo};
use crate::secret::{SECRET_BYTES, Secret};
use crate::{Entropy, KeyError, KeyUseError};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Most keys, destroyed ones included.
pub const KEYS_MAX: usize = 4096;
/// Most versions of one key.
pub const VERSIONS_MAX: usize = 256;
/// Most bytes of a key's description.
pub const DESCRIPTION_BYTES_MAX: usize = 8192;

/// What may be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Everything.
    Enabled,
    /// Nothing, until it is enabled again.
    Disabled,
    /// Nothing, ever again.
    Destroyed,
}

#[derive(Clone)]
pub(crate) struct Contents {
    pub(crate) internal: Secret,
    pub(super) keys: BTreeMap<KeyId, Key>,
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) state: KeyState,
    pub(super) description: String,
    pub(super) newest_version: u32,
    /// Oldest first; the first is version 1. Empty when destroyed.
    pub(super) secrets: Vec<Secret>,
}

impl Key {
    pub(super) fn info(&self, id: KeyId) -> KeyInfo {
        KeyInfo { id, description: self.description.clone(), state: self.state, version: self.newest_version }
    }
}

impl Contents {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self { internal: Secret::random(entropy), keys: BTreeMap::new() }
    }

    /// The number and the secret of a key's newest version.
    pub(crate) fn newest(&self, id: &KeyId) -> Result<(u32, &Secret), KeyUseError> {
        let key = self.usable(id)?;
        let secret = key.secrets.last().expect("a key that is not destroyed has a version");
        Ok((key.newest_version, secret))
    }

    /// The secret of one version of a key; `None` if it has no such version.
    pub(crate) fn version(&self, id: &KeyId, version: u32) -> Result<Option<&Secret>, KeyUseError> {
        let key = self.usable(id)?;
        Ok(version.checked_sub(1).and_then(|index| key.secrets.get(index as usize)))
    }

    fn usable(&self, id: &KeyId) -> Result<&Key, KeyUseError> {
        let key = self.keys.get(id).ok_or(KeyUseError::NotFound(*id))?;
        match key.state {
            KeyState::Enabled => Ok(key),
            KeyState::Disabled => Err(KeyUseError::Disabled(*id)),
            KeyState::Destroyed => Err(KeyUseError::Destroyed(*id)),
        }
    }

    /// A key that is to be changed.
    pub(super) fn living(&mut self, id: &KeyId) -> Result<&mut Key, KeyError> {
        let key = self.keys.get_mut(id).ok_or(KeyError::NotFound(*id))?;
        if key.state == KeyState::Destroyed { Err(KeyError::Destroyed(*id)) } else { Ok(key) }
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let key_bytes = |key: &Key| 23 + key.description.len() + key.secrets.len() * SECRET_BYTES;
        let len = SECRET_BYTES + 4 + self.keys.values().map(key_bytes).sum::<usize>();
        // Of the exact size: a buffer that grows leaves secrets behind in the one it outgrew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        bytes.extend_from_slice(self.internal.as_bytes());
        bytes.extend_from_slice(&(self.keys.len() as u32).to_be_bytes());
        for (id, key) in &self.keys {
            bytes.extend_from_slice(&id.to_bytes());
            bytes.push(match key.state {
                KeyState::Enabled => 1,
                KeyState::Disabled => 2,
                KeyState::Destroyed => 3,
            });
            bytes.extend_from_slice(&key.newest_version.to_be_bytes());
            bytes.extend_from_slice(&(key.description.len() as u16).to_be_bytes());
            bytes.extend_from_slice(key.description.as_bytes());
            for secret in &key.secrets {
                bytes.extend_from_slice(secret.as_bytes());
            }
        }
        debug_assert_eq!(bytes.len(), len);
        bytes
    }

    /// `None` if the bytes are not what [`Contents::encode`] makes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let internal = reader.secret()?;
        let count = u32::from_be_bytes(reader.array()?) as usize;
        if count > KEYS_MAX {
            return None;
        }
        let mut keys = BTreeMap::new();
        for _ in 0..count {
            let id = KeyId::from_bytes(reader.array()?);
            let after_the_last = keys.last_key_value().is_none_or(|(last, _)| *last < id);
            if !after_the_last {
                return None;
            }
            keys.insert(id, reader.key()?);
        }
        reader.0.is_empty().then_some(Self { internal, keys })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn secret(&mut self) -> Option<Secret> {
        Secret::from_slice(self.take(SECRET_BYTES)?)
    }

    fn key(&mut self) -> Option<Key> {
        let state = match self.array()? {
            [1] => KeyState::Enabled,
            [2] => KeyState::Disabled,
            [3] => KeyState::Destroyed,
            _ => return None,
        };
        let newest_version = u32::from_be_bytes(self.array()?);
        let description_len = usize::from(u16::from_be_bytes(self.array()?));
        let in_bounds =
            (1..=VERSIONS_MAX as u32).contains(&newest_version) && description_len <= DESCRIPTION_BYTES_MAX;
        if !in_bounds {
            return None;
        }
        let description = String::from_utf8(self.take(description_len)?.to_vec()).ok()?;
        let secrets = if state == KeyState::Destroyed { 0 } else { newest_version };
        let secrets = (0..secrets).map(|_| self.secret()).collect::<Option<_>>()?;
        Some(Key { state, description, newest_version, secrets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    /// Three keys, of each state one, the living ones with two versions. Each takes 23 bytes, 3 of description and 64 or
    /// none of secrets.
    fn bytes() -> Vec<u8> {
        let mut contents = Contents::new(&SystemEntropy);
        for (id, state) in [(1, KeyState::Enabled), (2, KeyState::Disabled), (3, KeyState::Destroyed)] {
            let versions = if state == KeyState::Destroyed { 0 } else { 2 };
            let secrets = (0..versions).map(|_| Secret::random(&SystemEntropy)).collect();
            let key = Key { state, description: "abc".into(), newest_version: 2, secrets };
            contents.keys.insert(KeyId::from_bytes([id; 16]), key);
        }
        contents.encode().to_vec()
    }

    const FIRST: usize = 36;
    const SECOND: usize = FIRST + 90;

    fn with(at: usize, replacement: &[u8]) -> Vec<u8> {
        let mut bytes = bytes();
        bytes[at..at + replacement.len()].copy_from_slice(replacement);
        bytes
    }

    #[test]
    fn contents_come_back() {
        let bytes = bytes();
        let contents = Contents::decode(&bytes).unwrap();
        assert_eq!(*contents.encode(), bytes);
        let infos: Vec<_> = contents.keys.iter().map(|(id, key)| key.info(*id)).collect();
        assert_eq!(
            infos.iter().map(|info| info.state).collect::<Vec<_>>(),
            [KeyState::Enabled, KeyState::Disabled, KeyState::Destroyed]
        );
        assert!(infos.iter().all(|info| info.version == 2 && info.description == "abc"));
    }

    #[test]
    fn contents_of_another_length_are_refused() {
        let bytes = bytes();
        for len in 0..bytes.len() {
            assert!(Contents::decode(&bytes[..len]).is_none(), "{len}");
        }
        assert!(Contents::decode(&[&bytes[..], &[0]].concat()).is_none());
    }

    #[test]
    fn contents_that_make_no_sense_are_refused() {
        assert!(Contents::decode(&with(FIRST, &[1])).is_some());
        for (what, bytes) in [
            ("more keys than follow", with(32, &4_u32.to_be_bytes())),
            ("too many keys", with(32, &(KEYS_MAX as u32 + 1).to_be_bytes())),
            ("a key twice", with(SECOND, &[1; 16])),
            ("keys in another order", with(FIRST, &[9; 16])),
            ("an unknown state", with(FIRST + 16, &[0])),
            ("an unknown state", with(FIRST + 16, &[4])),
            ("no version", with(FIRST + 17, &0_u32.to_be_bytes())),
            ("too many versions", with(FIRST + 17, &(VERSIONS_MAX as u32 + 1).to_be_bytes())),
            ("a description that is not UTF-8", with(FIRST + 23, &[0xff])),
            ("too long a description", with(FIRST + 21, &(DESCRIPTION_BYTES_MAX as u16 + 1).to_be_bytes())),
        ] {
            assert!(Contents::decode(&bytes).is_none(), "{what}");
        }
    }
}
