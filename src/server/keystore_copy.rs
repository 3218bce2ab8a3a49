//! A copy of the keystore file in the metadata, and so in the log: without the key-encryption keys in it no footage opens.
//! The copy is as the file is, sealed under the root key.
//!
//! ```text
//! key    keystore
//! value  the bytes of DATA/keys/keystore
//! ```
//! The keystore changes when a start makes a key, and never while the server runs; so it is copied once at every start.

use crate::service::ServiceError;
use bytes::Bytes;
use shardlog::MetaStore;
use std::path::{Path, PathBuf};

const ROW: &str = "keystore";
/// A larger keystore is not copied.
const BYTES_MAX: usize = 4 << 20;

/// Puts the copy where the keystore is lost. A first start has neither.
///
/// # Errors
/// [`ServiceError::KeystoreLost`] if there is metadata, and no copy in it: a new keystore would open nothing.
pub async fn restore(meta: &dyn MetaStore, keys: &Path) -> Result<(), ServiceError> {
    if read(keys).await?.is_some() {
        return Ok(());
    }
    let Some(row) = meta.get(ROW).await? else {
        if meta.list("").await?.is_empty() {
            return Ok(());
        }
        return Err(ServiceError::KeystoreLost(keys.join("keystore")));
    };
    let dir = keys.to_owned();
    tokio::task::spawn_blocking(move || vault::restore(&dir, &row.value)).await??;
    tracing::error!(path = %keys.join("keystore").display(), "the keystore was lost; it is restored from its copy in the metadata");
    Ok(())
}

/// Brings the copy up to date. Without it the server works as well.
pub async fn keep(meta: &dyn MetaStore, keys: &Path) {
    let kept = async {
        let Some(bytes) = read(keys).await? else { return Ok(()) };
        if bytes.len() > BYTES_MAX {
            tracing::warn!(bytes = bytes.len(), "the keystore is too large to be copied into the metadata");
            return Ok(());
        }
        let found = meta.get(ROW).await?;
        if found.as_ref().is_none_or(|row| row.value != bytes) {
            meta.put(ROW, found.map(|row| row.version), Bytes::from(bytes)).await?;
        }
        Ok::<_, ServiceError>(())
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the keystore could not be copied into the metadata");
    }
}

/// Whether these rows have a copy of the keystore.
pub fn is_in<'a>(keys: impl IntoIterator<Item = &'a str>) -> bool {
    keys.into_iter().any(|key| key == ROW)
}

async fn read(keys: &Path) -> Result<Option<Vec<u8>>, ServiceError> {
    let dir: PathBuf = keys.to_owned();
    Ok(tokio::task::spawn_blocking(move || vault::sealed_copy(&dir)).await??)
}
