//! Which root a keystore has, and giving it another one.

use super::root::{RootKind, RootSource};
use super::{durable, file, lock};
use crate::{Entropy, VaultError};
use std::path::Path;

/// What a keystore file says of its root. It may be forged until the keystore is opened with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedRoot {
    /// What kind it is.
    pub kind: RootKind,
    /// The root key as its keeper wrapped it; empty for other kinds than [`RootKind::Wrapped`].
    pub wrapped: Vec<u8>,
}

/// What the keystore file in a directory says of its root; `None` if there is no file. Blocks.
pub fn stated_root(dir: &Path) -> Result<Option<StatedRoot>, VaultError> {
    Ok(file::stated(&dir.join("keystore"))?.map(|(kind, wrapped)| StatedRoot { kind, wrapped }))
}

/// Seals the keystore in a directory under another root key, durably, and changes nothing else: a crash leaves it under the
/// one or the other. Older copies of the file still open with the old root key. Blocks.
///
/// # Errors
/// [`VaultError::NoKeystore`] if there is none.
pub fn change_root(
    dir: &Path,
    from: &RootSource,
    to: &RootSource,
    entropy: &dyn Entropy,
) -> Result<(), VaultError> {
    let path = dir.join("keystore");
    let _lock = lock(dir)?;
    let (_, contents) = file::read(&path, from)?.ok_or_else(|| VaultError::NoKeystore(path.clone()))?;
    let root = to.new_root(entropy)?;
    durable::replace(&path, &file::encode(&root, &contents, entropy)).map_err(|error| VaultError::Io {
        action: "replace",
        path: path.clone(),
        source: error.into_cause(),
    })?;
    tracing::info!(path = %path.display(), root = %to.kind(), "sealed the keystore under another root key");
    Ok(())
}
