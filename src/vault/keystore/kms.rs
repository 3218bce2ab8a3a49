//! What a key management service does with its keys besides making and using them: describing, scheduling, naming.

use super::attributes::{Schedule, VersionCause, VersionInfo};
use super::contents::{Alias, Key, KeyState};
use super::{ALIASES_MAX, DESCRIPTION_BYTES_MAX, KEYS_MAX, KeyId, KeyInfo, VERSIONS_MAX, Vault};
use crate::secret::Secret;
use crate::{AliasError, Attributes, KeyError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most times that a key is rotated on demand.
pub const DEMANDS_MAX: usize = 25;

/// A key that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// What its maker writes about it.
    pub description: String,
    /// Who may use it.
    pub policy: String,
    /// What somebody writes on it.
    pub tags: BTreeMap<String, String>,
    /// The time, in milliseconds since the Unix epoch; zero for not written down.
    pub now_ms: u64,
}

/// Another name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasInfo {
    /// The name.
    pub name: String,
    /// The key.
    pub key: KeyId,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it was given this key.
    pub updated_ms: u64,
}

/// What [`Vault::sweep`] did to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Destroyed it: its time had come.
    Destroyed(KeyId),
    /// Gave it a new version.
    Rotated(KeyId),
}

impl Vault {
    /// Makes a key with a first version. Blocks.
    pub fn create_key_with(&self, new: NewKey) -> Result<KeyInfo, KeyError> {
        if new.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(KeyError::DescriptionTooLong { max: DESCRIPTION_BYTES_MAX });
        }
        let attributes = Attributes { policy: new.policy, tags: new.tags, ..Attributes::new(new.now_ms) };
        if !attributes.fits() {
            return Err(KeyError::AttributesTooLarge);
        }
        let id = KeyId::random(self.entropy());
        let key = Key {
            state: KeyState::Enabled,
            description: new.description,
            newest_version: 1,
            secrets: vec![Secret::random(self.entropy())],
            attributes: Arc::new(attributes),
        };
        let info = key.info(id);
        self.change(|contents| {
            if contents.keys.len() >= KEYS_MAX {
                return Err(KeyError::TooMany { what: "keys", max: KEYS_MAX });
            }
            contents.keys.insert(id, key);
            Ok(())
        })?;
        tracing::info!(key = %id, "created a key");
        Ok(info)
    }

    /// Changes what is written about a key. Blocks.
    pub fn describe_key(&self, id: &KeyId, description: &str) -> Result<(), KeyError> {
        if description.len() > DESCRIPTION_BYTES_MAX {
            return Err(KeyError::DescriptionTooLong { max: DESCRIPTION_BYTES_MAX });
        }
        self.change(|contents| {
            description.clone_into(&mut contents.living(id)?.description);
            Ok(())
        })
    }

    /// Gives a key a policy. Blocks.
    pub fn put_key_policy(&self, id: &KeyId, policy: String) -> Result<(), KeyError> {
        self.change_attributes(id, |attributes| attributes.policy = policy)
    }

    /// Writes tags on a key, over those of the same names, and takes others off. Blocks.
    pub fn tag_key(
        &self,
        id: &KeyId,
        put: BTreeMap<String, String>,
        remove: &[String],
    ) -> Result<(), KeyError> {
        self.change_attributes(id, |attributes| {
            attributes.tags.retain(|name, _| !remove.contains(name));
            attributes.tags.extend(put);
        })
    }

    /// Has a key rotated by itself after so many days, from `now_ms` on; or never. Blocks.
    pub fn schedule_rotation(&self, id: &KeyId, days: Option<u32>, now_ms: u64) -> Result<(), KeyError> {
        self.change_attributes(id, |attributes| {
            attributes.schedule =
                days.filter(|days| *days > 0).map(|days| Schedule { days, since_ms: now_ms });
        })
    }

    /// Adds a version to a key on demand and gives its number; at most [`DEMANDS_MAX`] times. Blocks.
    pub fn rotate_on_demand(&self, id: &KeyId, now_ms: u64) -> Result<u32, KeyError> {
        let secret = Secret::random(self.entropy());
        let version = self.change(|contents| {
            let key = contents.living(id)?;
            let demands =
                key.attributes.versions.iter().filter(|version| version.cause == VersionCause::Demand);
            if demands.count() >= DEMANDS_MAX {
                return Err(KeyError::TooMany { what: "rotations of a key on demand", max: DEMANDS_MAX });
            }
            key.add_version(secret, VersionInfo { created_ms: now_ms, cause: VersionCause::Demand })
        })?;
        tracing::info!(key = %id, version, "rotated a key");
        Ok(version)
    }

    /// Forbids the use of a key, and has [`Vault::sweep`] destroy it at `at_ms` unless that is cancelled. Blocks.
    pub fn schedule_deletion(&self, id: &KeyId, at_ms: u64) -> Result<(), KeyError> {
        self.change(|contents| {
            let key = contents.living(id)?;
            if key.state == KeyState::PendingDeletion {
                return Err(KeyError::PendingDeletion(*id));
            }
            key.state = KeyState::PendingDeletion;
            Arc::make_mut(&mut key.attributes).deletion_ms = Some(at_ms);
            Ok(())
        })?;
        tracing::warn!(key = %id, at_ms, "a key is to be destroyed");
        Ok(())
    }

    /// Has a key not destroyed after all. It is disabled then. Blocks.
    pub fn cancel_deletion(&self, id: &KeyId) -> Result<(), KeyError> {
        self.change(|contents| {
            let key = contents.living(id)?;
            if key.state != KeyState::PendingDeletion {
                return Err(KeyError::NotPendingDeletion(*id));
            }
            key.state = KeyState::Disabled;
            Arc::make_mut(&mut key.attributes).deletion_ms = None;
            Ok(())
        })?;
        tracing::info!(key = %id, "a key is not to be destroyed after all");
        Ok(())
    }

    /// Destroys the keys whose time has come, with their aliases, and rotates those that are due. Blocks if there are any.
    pub fn sweep(&self, now_ms: u64) -> Result<Vec<Swept>, KeyError> {
        if !self.is_sweep_due(now_ms) {
            return Ok(Vec::new());
        }
        let swept = self.change(|contents| {
            let mut swept = Vec::new();
            for (id, key) in &mut contents.keys {
                match key.due(now_ms) {
                    Some(Due::Destruction) => {
                        key.destroy();
                        swept.push(Swept::Destroyed(*id));
                    }
                    Some(Due::Rotation) => {
                        let cause = VersionCause::Schedule;
                        key.add_version(
                            Secret::random(self.entropy()),
                            VersionInfo { created_ms: now_ms, cause },
                        )?;
                        swept.push(Swept::Rotated(*id));
                    }
                    None => {}
                }
            }
            let keys = &contents.keys;
            contents
                .aliases
                .retain(|_, alias| keys.get(&alias.key).is_some_and(|key| key.state != KeyState::Destroyed));
            Ok(swept)
        })?;
        for swept in &swept {
            tracing::warn!(?swept, "a key's time had come");
        }
        Ok(swept)
    }

    /// Whether [`Vault::sweep`] would do anything.
    pub fn is_sweep_due(&self, now_ms: u64) -> bool {
        self.contents().keys.values().any(|key| key.due(now_ms).is_some())
    }

    /// Gives a key another name. Blocks.
    pub fn create_alias(&self, name: &str, key: &KeyId, now_ms: u64) -> Result<(), AliasError> {
        self.change(|contents| {
            contents.living(key)?;
            if contents.aliases.contains_key(name) {
                return Err(AliasError::Exists(name.to_owned()));
            }
            if name.is_empty() || name.len() > 256 || contents.aliases.len() >= ALIASES_MAX {
                return Err(KeyError::TooMany { what: "aliases, of 1 to 256 bytes", max: ALIASES_MAX }.into());
            }
            contents
                .aliases
                .insert(name.to_owned(), Alias { key: *key, created_ms: now_ms, updated_ms: now_ms });
            Ok(())
        })
    }

    /// Makes an alias name another key. Blocks.
    pub fn update_alias(&self, name: &str, key: &KeyId, now_ms: u64) -> Result<(), AliasError> {
        self.change(|contents| {
            contents.living(key)?;
            let alias =
                contents.aliases.get_mut(name).ok_or_else(|| AliasError::NotFound(name.to_owned()))?;
            (alias.key, alias.updated_ms) = (*key, now_ms);
            Ok(())
        })
    }

    /// Takes an alias from its key. Blocks.
    pub fn delete_alias(&self, name: &str) -> Result<(), AliasError> {
        self.change(|contents| {
            let removed = contents.aliases.remove(name).map(|_| ());
            removed.ok_or_else(|| AliasError::NotFound(name.to_owned()))
        })
    }

    /// All aliases, in the order of their names.
    pub fn aliases(&self) -> Vec<AliasInfo> {
        self.contents().aliases.iter().map(|(name, alias)| alias.info(name)).collect()
    }

    /// The key that an alias names.
    pub fn alias(&self, name: &str) -> Option<KeyId> {
        self.contents().aliases.get(name).map(|alias| alias.key)
    }

    fn change_attributes(&self, id: &KeyId, change: impl FnOnce(&mut Attributes)) -> Result<(), KeyError> {
        self.change(|contents| {
            let attributes = Arc::make_mut(&mut contents.living(id)?.attributes);
            change(attributes);
            if attributes.fits() { Ok(()) } else { Err(KeyError::AttributesTooLarge) }
        })
    }
}

enum Due {
    Destruction,
    Rotation,
}

impl Key {
    /// What its time has come for.
    fn due(&self, now_ms: u64) -> Option<Due> {
        match self.state {
            KeyState::PendingDeletion => {
                self.attributes.deletion_ms.filter(|at| *at <= now_ms).map(|_| Due::Destruction)
            }
            KeyState::Enabled if self.secrets.len() < VERSIONS_MAX => {
                self.attributes.next_rotation_ms().filter(|at| *at <= now_ms).map(|_| Due::Rotation)
            }
            _ => None,
        }
    }
}

impl Alias {
    fn info(&self, name: &str) -> AliasInfo {
        let Self { key, created_ms, updated_ms } = *self;
        AliasInfo { name: name.to_owned(), key, created_ms, updated_ms }
    }
}
