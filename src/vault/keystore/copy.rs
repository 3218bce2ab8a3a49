//! Copies of the keystore file as it lies there, sealed under the root key. Whoever keeps one loses nothing with the file,
//! and must keep it no longer than what the keys sealed may be readable.

use super::{durable, file, lock};
use crate::VaultError;
use std::io;
use std::path::Path;

/// The bytes of the keystore file in a directory; `None` if there is none. Blocks.
pub fn sealed_copy(dir: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let path = dir.join("keystore");
    let read = durable::read(&path, file::FILE_BYTES_MAX);
    let read = read.map_err(|source| VaultError::Io { action: "read", path, source })?;
    Ok(read.map(|(_, bytes)| bytes))
}

/// Puts a copy where the keystore file should be, durably. Blocks.
///
/// # Errors
/// [`VaultError::Io`] with `AlreadyExists` if there is a keystore file: it is never replaced.
pub fn restore(dir: &Path, copy: &[u8]) -> Result<(), VaultError> {
    let path = dir.join("keystore");
    let failed = |source| VaultError::Io { action: "restore", path: path.clone(), source };
    durable::create_dir(dir).map_err(failed)?;
    let _lock = lock(dir)?;
    if path.try_exists().map_err(failed)? {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    durable::replace(&path, copy).map_err(|error| failed(error.into_cause()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RootSource, SystemEntropy, Vault};
    use std::sync::Arc;

    #[test]
    fn a_restored_copy_opens_what_was_sealed_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (keys, root) =
            (dir.path().join("keys"), RootSource::from_file(dir.path().join("root.key"), true));
        assert!(sealed_copy(&keys).unwrap().is_none());
        let open = || Vault::open(&keys, &root, Arc::new(SystemEntropy)).unwrap();
        let sealed = open().seal_blob(b"row", b"value").unwrap();
        let copy = sealed_copy(&keys).unwrap().unwrap();
        assert!(restore(&keys, &copy).is_err(), "a keystore stands");
        std::fs::remove_dir_all(&keys).unwrap();
        restore(&keys, &copy).unwrap();
        assert_eq!(*open().open_blob(b"row", &sealed).unwrap(), b"value"[..]);
        assert_eq!(sealed_copy(&keys).unwrap().unwrap(), copy);
    }
}
