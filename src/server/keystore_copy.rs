//! A copy of the keystore file in the metadata, and so in the log: without the key-encryption keys in it no footage opens.
//! The copy is as the file is, sealed under the root key.
//!
//! ```text
//! key    keystore
//! value  the bytes of DATA/keys/keystore
//! ```
//! It is copied at every start, and again after every change of a key.

use crate::service::ServiceError;
use bytes::Bytes;
use shardlog::MetaStore;
use shardlog::env::Env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vault::{KeyError, Vault};

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

/// The vault of a running server, for changes: each is copied into the metadata before it counts as done.
pub struct Keystore {
    vault: Arc<Vault>,
    meta: Arc<dyn MetaStore>,
    dir: PathBuf,
    env: Env,
}

/// How often the vault is asked whether the time of a key has come.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

impl Keystore {
    /// For the vault whose keystore is in `dir`.
    pub fn new(vault: Arc<Vault>, meta: Arc<dyn MetaStore>, dir: PathBuf, env: Env) -> Self {
        Self { vault, meta, dir, env }
    }

    /// Makes a change, to its end even if the caller goes away meanwhile. `make` may block.
    pub async fn change<T, E>(
        &self,
        make: impl FnOnce(&Vault) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<KeyError> + Send + 'static,
    {
        let (vault, meta, dir) = (self.vault.clone(), self.meta.clone(), self.dir.clone());
        let env = self.env.clone();
        let work = tokio::spawn(async move {
            let made = env.blocking(move || make(&vault)).await;
            if matches!(made, Some(Ok(_))) {
                keep(&*meta, &dir).await;
            }
            made
        });
        let broken = || E::from(KeyError::Unknown(io::Error::other("the change broke off")));
        work.await.ok().flatten().unwrap_or_else(|| Err(broken()))
    }

    /// Keeps destroying the keys whose time has come, and rotating those that are due.
    pub async fn keep_sweeping(&self) {
        loop {
            let now_ms = self.env.clock.now_ms();
            if self.vault.is_sweep_due(now_ms)
                && let Err(error) = self.change(move |vault| vault.sweep(now_ms)).await
            {
                tracing::error!(%error, "keys whose time had come could not be destroyed or rotated");
            }
            self.env.clock.sleep(SWEEP_EVERY).await;
        }
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
