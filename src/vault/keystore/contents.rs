//! What the keystore holds, and its bytes inside the sealed part of the file.
//!
//! ```text
//! offset  size
//! 0       32    internal secret (blobs, message authentication codes)
//! 32      4     number of keys
//! then for each key, by ascending id:
//! 0       16    id
//! 16      1     state: 1 enabled, 2 disabled, 3 destroyed, 4 waits to be destroyed
//! 17      4     number V of the newest version (the first is 1)
//! 21      2     length D of the description
//! 23      D     description, UTF-8
//! 23+D    32·V  the versions' secrets, oldest first; nothing if destroyed
//! then          its attributes (see the module `attributes`)
//! then    4     number of aliases, and for each, in the order of names: length (2) and name, key's id (16), when it was
//!               made (8), when it was given the key (8)
//! ```
//! Integers are big-endian. A destroyed key leaves its name, so that what it wrapped is known to be lost. In the file's layout
//! version 1 there are neither attributes nor aliases, and no state 4.

use super::attributes::{Attributes, VersionInfo};
use super::bytes::{Reader, put_text16};
use super::{KeyId, KeyInfo};
use crate::secret::{SECRET_BYTES, Secret};
use crate::{Entropy, KeyError, KeyUseError};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most keys, destroyed ones included.
pub const KEYS_MAX: usize = 4096;
/// Most versions of one key.
pub const VERSIONS_MAX: usize = 256;
/// Most aliases.
pub const ALIASES_MAX: usize = 4096;
/// Most bytes of all that the keystore holds: they are written at every change.
pub(super) const CONTENTS_BYTES_MAX: usize = 64 << 20;
/// Most bytes of a key's description.
pub const DESCRIPTION_BYTES_MAX: usize = 8192;

/// What may be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Everything.
    Enabled,
    /// Nothing, until it is enabled again.
    Disabled,
    /// Nothing, until that is cancelled and it is enabled again, or its time has come and it is destroyed.
    PendingDeletion,
    /// Nothing, ever again.
    Destroyed,
}

#[derive(Clone)]
pub(crate) struct Contents {
    pub(crate) internal: Secret,
    pub(super) keys: BTreeMap<KeyId, Key>,
    pub(super) aliases: BTreeMap<String, Alias>,
}

#[derive(Clone, Copy)]
pub(super) struct Alias {
    pub(super) key: KeyId,
    pub(super) created_ms: u64,
    pub(super) updated_ms: u64,
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) state: KeyState,
    pub(super) description: String,
    pub(super) newest_version: u32,
    /// Oldest first; the first is version 1. Empty when destroyed.
    pub(super) secrets: Vec<Secret>,
    pub(super) attributes: Arc<Attributes>,
}

impl Key {
    pub(super) fn info(&self, id: KeyId) -> KeyInfo {
        KeyInfo {
            id,
            description: self.description.clone(),
            state: self.state,
            version: self.newest_version,
            attributes: self.attributes.clone(),
        }
    }

    /// Makes a new version and gives its number.
    pub(super) fn add_version(&mut self, secret: Secret, version: VersionInfo) -> Result<u32, KeyError> {
        if self.secrets.len() >= VERSIONS_MAX {
            return Err(KeyError::TooMany { what: "versions of a key", max: VERSIONS_MAX });
        }
        self.secrets.push(secret);
        self.newest_version += 1;
        Arc::make_mut(&mut self.attributes).versions.push(version);
        Ok(self.newest_version)
    }

    /// Forgets all secrets.
    pub(super) fn destroy(&mut self) {
        self.state = KeyState::Destroyed;
        self.secrets.clear();
    }
}

impl Contents {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self { internal: Secret::random(entropy), keys: BTreeMap::new(), aliases: BTreeMap::new() }
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
            KeyState::PendingDeletion => Err(KeyUseError::PendingDeletion(*id)),
            KeyState::Destroyed => Err(KeyUseError::Destroyed(*id)),
        }
    }

    /// A key that is to be changed.
    pub(super) fn living(&mut self, id: &KeyId) -> Result<&mut Key, KeyError> {
        let key = self.keys.get_mut(id).ok_or(KeyError::NotFound(*id))?;
        if key.state == KeyState::Destroyed { Err(KeyError::Destroyed(*id)) } else { Ok(key) }
    }

    /// How many bytes [`Contents::encode`] gives.
    pub(super) fn encoded_len(&self) -> usize {
        let key_bytes = |key: &Key| {
            23 + key.description.len() + key.secrets.len() * SECRET_BYTES + key.attributes.encoded_len()
        };
        let aliases = self.aliases.keys().map(|name| 34 + name.len()).sum::<usize>();
        SECRET_BYTES + 4 + self.keys.values().map(key_bytes).sum::<usize>() + 4 + aliases
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let len = self.encoded_len();
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
                KeyState::PendingDeletion => 4,
            });
            bytes.extend_from_slice(&key.newest_version.to_be_bytes());
            put_text16(&mut bytes, &key.description);
            for secret in &key.secrets {
                bytes.extend_from_slice(secret.as_bytes());
            }
            key.attributes.encode(&mut bytes);
        }
        bytes.extend_from_slice(&(self.aliases.len() as u32).to_be_bytes());
        for (name, alias) in &self.aliases {
            put_text16(&mut bytes, name);
            bytes.extend_from_slice(&alias.key.to_bytes());
            bytes.extend_from_slice(&alias.created_ms.to_be_bytes());
            bytes.extend_from_slice(&alias.updated_ms.to_be_bytes());
        }
        debug_assert_eq!(bytes.len(), len);
        bytes
    }

    /// `None` if the bytes are not what [`Contents::encode`] makes, or made for files of layout version 1.
    pub(super) fn decode(bytes: &[u8], layout: Layout) -> Option<Self> {
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
            keys.insert(id, key(&mut reader, layout)?);
        }
        let mut aliases = BTreeMap::new();
        let count = if layout == Layout::One { 0 } else { reader.u32()? as usize };
        if count > ALIASES_MAX {
            return None;
        }
        for _ in 0..count {
            let name = reader.text16(256)?;
            let key = KeyId::from_bytes(reader.array()?);
            let in_order = aliases.last_key_value().is_none_or(|(last, _)| *last < name);
            if !in_order || !keys.contains_key(&key) {
                return None;
            }
            aliases.insert(name, Alias { key, created_ms: reader.u64()?, updated_ms: reader.u64()? });
        }
        reader.0.is_empty().then_some(Self { internal, keys, aliases })
    }
}

/// Layout versions of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Without attributes and aliases.
    One,
    /// As it is written now.
    Two,
}

fn key(reader: &mut Reader<'_>, layout: Layout) -> Option<Key> {
    let state = match reader.array()? {
        [1] => KeyState::Enabled,
        [2] => KeyState::Disabled,
        [3] => KeyState::Destroyed,
        [4] if layout == Layout::Two => KeyState::PendingDeletion,
        _ => return None,
    };
    let newest_version = reader.u32()?;
    if !(1..=VERSIONS_MAX as u32).contains(&newest_version) {
        return None;
    }
    let description = reader.text16(DESCRIPTION_BYTES_MAX)?;
    let secrets = if state == KeyState::Destroyed { 0 } else { newest_version };
    let secrets = (0..secrets).map(|_| reader.secret()).collect::<Option<_>>()?;
    let attributes = match layout {
        Layout::One => Attributes::unknown(newest_version),
        Layout::Two => Attributes::decode(reader, newest_version)?,
    };
    Some(Key { state, description, newest_version, secrets, attributes: Arc::new(attributes) })
}

#[cfg(test)]
mod tests {
    use super::super::attributes::Schedule;
    use super::*;
    use crate::SystemEntropy;

    /// Four keys, of each state one, the living ones with two versions, and an alias. Each takes 23 bytes, 3 of description,
    /// 64 or none of secrets and [`ATTRIBUTES`].
    fn contents() -> Contents {
        let mut contents = Contents::new(&SystemEntropy);
        use KeyState::{Destroyed, Disabled, Enabled, PendingDeletion};
        for (id, state) in [(1, Enabled), (2, Disabled), (3, Destroyed), (4, PendingDeletion)] {
            let versions = if state == Destroyed { 0 } else { 2 };
            let secrets = (0..versions).map(|_| Secret::random(&SystemEntropy)).collect();
            let mut attributes = Attributes::unknown(2);
            attributes.schedule = Some(Schedule { days: 90, since_ms: 7 });
            attributes.deletion_ms = Some(8);
            attributes.policy = "{}".into();
            attributes.tags.insert("k".into(), "v".into());
            let attributes = Arc::new(attributes);
            let key = Key { state, description: "abc".into(), newest_version: 2, secrets, attributes };
            contents.keys.insert(KeyId::from_bytes([id; 16]), key);
        }
        let alias = Alias { key: KeyId::from_bytes([1; 16]), created_ms: 1, updated_ms: 2 };
        contents.aliases.insert("alias/a".into(), alias);
        contents
    }

    fn bytes() -> Vec<u8> {
        contents().encode().to_vec()
    }

    const FIRST: usize = 36;
    const ATTRIBUTES: usize = 28 + 2 * 9 + 4 + 2 + 2 + 6;
    const SECOND: usize = FIRST + 90 + ATTRIBUTES;
    const ALIAS: usize = 34 + 7;

    /// The same as a file of layout version 1 has it.
    fn old_bytes() -> Vec<u8> {
        let mut bytes = bytes();
        bytes.truncate(bytes.len() - ALIAS - 4 - 90 - ATTRIBUTES);
        bytes.drain(SECOND + 90 + ATTRIBUTES + 26..);
        bytes.drain(SECOND + 90..SECOND + 90 + ATTRIBUTES);
        bytes.drain(FIRST + 90..SECOND);
        bytes[32..36].copy_from_slice(&3_u32.to_be_bytes());
        bytes
    }

    #[test]
    fn contents_of_layout_one_are_read() {
        let bytes = old_bytes();
        let contents = Contents::decode(&bytes, Layout::One).unwrap();
        assert_eq!(contents.keys.len(), 3);
        assert!(contents.keys.values().all(|key| *key.attributes == Attributes::unknown(2)));
        for len in 0..bytes.len() {
            assert!(Contents::decode(&bytes[..len], Layout::One).is_none(), "{len}");
        }
        assert!(Contents::decode(&bytes, Layout::Two).is_none());
        let again = contents.encode();
        assert_eq!(*Contents::decode(&again, Layout::Two).unwrap().encode(), *again);
    }

    fn with(at: usize, replacement: &[u8]) -> Vec<u8> {
        let mut bytes = bytes();
        bytes[at..at + replacement.len()].copy_from_slice(replacement);
        bytes
    }

    #[test]
    fn contents_come_back() {
        let bytes = bytes();
        let contents = Contents::decode(&bytes, Layout::Two).unwrap();
        assert_eq!(*contents.encode(), bytes);
        let infos: Vec<_> = contents.keys.iter().map(|(id, key)| key.info(*id)).collect();
        assert_eq!(
            infos.iter().map(|info| info.state).collect::<Vec<_>>(),
            [KeyState::Enabled, KeyState::Disabled, KeyState::Destroyed, KeyState::PendingDeletion]
        );
        assert!(infos.iter().all(|info| info.version == 2 && info.description == "abc"));
    }

    #[test]
    fn contents_of_another_length_are_refused() {
        let bytes = bytes();
        for len in 0..bytes.len() {
            assert!(Contents::decode(&bytes[..len], Layout::Two).is_none(), "{len}");
        }
        assert!(Contents::decode(&[&bytes[..], &[0]].concat(), Layout::Two).is_none());
    }

    #[test]
    fn contents_that_make_no_sense_are_refused() {
        assert!(Contents::decode(&with(FIRST, &[1]), Layout::Two).is_some());
        for (what, bytes) in [
            ("more keys than follow", with(32, &5_u32.to_be_bytes())),
            ("too many keys", with(32, &(KEYS_MAX as u32 + 1).to_be_bytes())),
            ("a key twice", with(SECOND, &[1; 16])),
            ("keys in another order", with(FIRST, &[9; 16])),
            ("an unknown state", with(FIRST + 16, &[0])),
            ("an unknown state", with(FIRST + 16, &[5])),
            ("an unknown cause of a version", with(FIRST + 90 + 36, &[4])),
            ("too long a policy", with(FIRST + 90 + 46, &[0, 1, 0, 0])),
            ("no version", with(FIRST + 17, &0_u32.to_be_bytes())),
            ("too many versions", with(FIRST + 17, &(VERSIONS_MAX as u32 + 1).to_be_bytes())),
            ("a description that is not UTF-8", with(FIRST + 23, &[0xff])),
            ("too long a description", with(FIRST + 21, &(DESCRIPTION_BYTES_MAX as u16 + 1).to_be_bytes())),
        ] {
            assert!(Contents::decode(&bytes, Layout::Two).is_none(), "{what}");
        }
    }
}
