//! The vault: the open keystore, and the operations on its keys.
//!
//! The keystore holds key material and all that is known of it, so that a copy of the one file is a copy of everything. What
//! policies mean is for its caller, who also keeps calling [`Vault::sweep`]: nothing happens here by itself.
//!
//! In the directory: `keystore` (see the module `file`), and `lock`, held while the vault is open: of two writers, one would
//! write the other's new keys away, and with them what they sealed.

mod attributes;
mod bytes;
mod contents;
mod copy;
mod durable;
mod file;
mod id;
mod kms;
mod refusal;
mod reroot;
mod root;

pub use attributes::{Attributes, KEY_POLICY_BYTES_MAX, Schedule, TAGS_MAX, VersionCause, VersionInfo};
pub(crate) use contents::Contents;
pub use contents::{ALIASES_MAX, DESCRIPTION_BYTES_MAX, KEYS_MAX, KeyState, VERSIONS_MAX};
pub use copy::{restore, sealed_copy};
pub use id::{KeyId, ParseKeyIdError};
pub use kms::{AliasInfo, DEMANDS_MAX, NewKey, Swept};
pub use refusal::RootRefusal;
pub use reroot::{StatedRoot, change_root, stated_root};
pub use root::{RootKind, RootSource, WRAPPED_ROOT_BYTES_MAX};

use crate::secret::Secret;
use crate::{Entropy, KeyError, KeyUseError, VaultError, mac};
use aws_lc_rs::hmac;
use contents::CONTENTS_BYTES_MAX;
use durable::ReplaceError;
use refusal::Refused;
use root::Root;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// What its maker wrote about it.
    pub description: String,
    /// What may be done with it.
    pub state: KeyState,
    /// The number of its newest version, which wraps new data keys. The first is 1.
    pub version: u32,
    /// Everything else.
    pub attributes: Arc<Attributes>,
}

/// An open keystore. One at a time per directory; shared between threads by reference.
///
/// Changes are durable when they return. Reading never waits for a change to reach the disk.
pub struct Vault {
    contents: RwLock<Arc<Contents>>,
    mac_key: hmac::Key,
    writer: Mutex<Writer>,
    entropy: Arc<dyn Entropy>,
    refusal: Refused,
    _lock: File,
}

/// What it takes to replace the keystore file.
struct Writer {
    path: PathBuf,
    root: Root,
    /// Set when it is unknown whether the file of the last change is durable.
    stopped: bool,
}

impl Vault {
    /// Opens the keystore of a directory, making directory and keystore if they are not there. Blocks; a passphrase takes
    /// 64 MiB and a moment.
    pub fn open(dir: &Path, root: &RootSource, entropy: Arc<dyn Entropy>) -> Result<Self, VaultError> {
        let io_error = |action, path: &Path, source| VaultError::Io { action, path: path.to_owned(), source };
        let path = dir.join("keystore");
        // A keystore that stands was made after its directory was durable; then nothing above is touched.
        if !path.exists() {
            durable::create_dir(dir).map_err(|error| io_error("create", dir, error))?;
        }
        let lock = lock(dir)?;
        let (root, contents) = match file::read(&path, root)? {
            Some(opened) => opened,
            None => {
                let kind = root.kind();
                let root = root.new_root(&*entropy)?;
                let contents = Contents::new(&*entropy);
                durable::replace(&path, &file::encode(&root, &contents, &*entropy))
                    .map_err(|error| io_error("create", &path, error.into_cause()))?;
                tracing::info!(path = %path.display(), root = %kind, "created a keystore");
                (root, contents)
            }
        };
        Ok(Self {
            mac_key: mac::key(&contents.internal),
            contents: RwLock::new(Arc::new(contents)),
            writer: Mutex::new(Writer { path, root, stopped: false }),
            entropy,
            refusal: Refused::default(),
            _lock: lock,
        })
    }

    /// Makes a key with a first version. Blocks.
    pub fn create_key(&self, description: &str) -> Result<KeyId, KeyError> {
        self.create_key_with(NewKey { description: description.to_owned(), ..NewKey::default() })
            .map(|info| info.id)
    }

    /// All keys, by ascending id; destroyed ones too.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.contents().keys.iter().map(|(id, key)| key.info(*id)).collect()
    }

    /// One key.
    pub fn key(&self, id: &KeyId) -> Option<KeyInfo> {
        self.contents().keys.get(id).map(|key| key.info(*id))
    }

    /// Adds a version to a key and gives its number. New data keys are wrapped under it; older versions still unwrap.
    /// Blocks.
    pub fn rotate(&self, id: &KeyId) -> Result<u32, KeyError> {
        let secret = Secret::random(self.entropy());
        let version = self.change(|contents| {
            let key = contents.living(id)?;
            key.add_version(secret, VersionInfo { created_ms: 0, cause: VersionCause::Demand })
        })?;
        tracing::info!(key = %id, version, "rotated a key");
        Ok(version)
    }

    /// Forbids the use of a key until it is enabled. Data keys that were unwrapped before stay usable by who holds them.
    /// Blocks.
    pub fn disable(&self, id: &KeyId) -> Result<(), KeyError> {
        self.set_state(id, KeyState::Disabled)
    }

    /// Allows the use of a disabled key again. Blocks.
    pub fn enable(&self, id: &KeyId) -> Result<(), KeyError> {
        self.set_state(id, KeyState::Enabled)
    }

    /// Destroys all versions of a key, and with them all that its data keys sealed. There is no way back, save an older
    /// copy of the keystore file together with the root key: copies must be kept no longer than the data may be readable.
    /// Blocks.
    pub fn destroy(&self, id: &KeyId) -> Result<(), KeyError> {
        self.change(|contents| {
            contents.living(id)?.destroy();
            contents.aliases.retain(|_, alias| alias.key != *id);
            Ok(())
        })?;
        tracing::warn!(key = %id, "destroyed a key");
        Ok(())
    }

    fn set_state(&self, id: &KeyId, state: KeyState) -> Result<(), KeyError> {
        self.change(|contents| {
            let key = contents.living(id)?;
            if key.state == KeyState::PendingDeletion {
                return Err(KeyError::PendingDeletion(*id));
            }
            key.state = state;
            Ok(())
        })?;
        tracing::info!(key = %id, ?state, "changed the state of a key");
        Ok(())
    }

    /// Makes a change on a copy, then on disk, then for all to see.
    fn change<T, E: From<KeyError>>(&self, make: impl FnOnce(&mut Contents) -> Result<T, E>) -> Result<T, E> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.stopped {
            return Err(KeyError::Stopped.into());
        }
        let mut contents = Contents::clone(&self.contents());
        let made = make(&mut contents)?;
        if contents.encoded_len() > CONTENTS_BYTES_MAX {
            return Err(KeyError::TooMany { what: "bytes of all keys", max: CONTENTS_BYTES_MAX }.into());
        }
        let bytes = file::encode(&writer.root, &contents, self.entropy());
        match durable::replace(&writer.path, &bytes) {
            Ok(()) => {}
            Err(ReplaceError::NotDone(error)) => return Err(KeyError::NotDone(error).into()),
            Err(ReplaceError::Unknown(error)) => {
                writer.stopped = true;
                return Err(KeyError::Unknown(error).into());
            }
        }
        *self.contents.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(contents);
        Ok(made)
    }

    pub(crate) fn contents(&self) -> Arc<Contents> {
        Arc::clone(&self.contents.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys, if they may be used.
    pub(crate) fn usable_contents(&self) -> Result<Arc<Contents>, KeyUseError> {
        self.root_refusal().map_or_else(|| Ok(self.contents()), |refusal| Err(KeyUseError::Root(refusal)))
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    pub(crate) fn mac_key(&self) -> &hmac::Key {
        &self.mac_key
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("keys", &self.contents().keys.len()).finish_non_exhaustive()
    }
}

fn lock(dir: &Path) -> Result<File, VaultError> {
    let path = dir.join("lock");
    let io_error = |source| VaultError::Io { action: "lock", path: path.clone(), source };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VaultError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(io_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn an_unsure_change_stops_all_later_ones() {
        let dir = tempfile::tempdir().unwrap();
        let root = RootSource::from_file(dir.path().join("root.key"), true);
        let vault = Vault::open(&dir.path().join("keys"), &root, Arc::new(SystemEntropy)).unwrap();
        let key = vault.create_key("").unwrap();
        vault.writer.lock().unwrap().stopped = true;
        assert!(matches!(vault.create_key(""), Err(KeyError::Stopped)));
        assert!(matches!(vault.destroy(&key), Err(KeyError::Stopped)));
        assert!(vault.generate_data_key(&key, b"").is_ok());
    }
}
