//! The root access key. Its secret lies sealed in the metadata store:
//!
//! ```text
//! key    access/{access key id}
//! value  the vault's sealed blob, with the key as context, of JSON {"v":1,"secret":"…","created_ms":…}
//! ```
//!
//! These are the root's: one key, made on the first start or preset by the environment. Users' keys stand in their rows.

use super::credentials::Credentials;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shardlog::env::Env;
use shardlog::{MetaError, MetaStore};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use vault::Vault;

const PREFIX: &str = "access/";
const KEY_ID: &str = "KINETOSCOPE_ROOT_ACCESS_KEY_ID";
const SECRET: &str = "KINETOSCOPE_ROOT_SECRET_ACCESS_KEY";

/// Why the access keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The preset is not usable; the user's to mend.
    #[error("{0}")]
    Preset(String),
    /// The metadata store failed.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A row does not open: other root key, or damaged.
    #[error("access key {id}: {source}")]
    Vault {
        /// The access key.
        id: String,
        /// The cause.
        source: vault::BlobError,
    },
    /// A row opened, but is not what this version writes.
    #[error("access key {id} was not written by this version: {source}")]
    Format {
        /// The access key.
        id: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The credentials file cannot be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

#[derive(Deserialize, Serialize)]
struct Row {
    v: u8,
    secret: String,
    created_ms: u64,
}

/// What opening found or did.
pub(super) struct Opened {
    /// Secrets by the ids of their keys.
    pub(super) roots: HashMap<String, String>,
    /// A root key was made and written to the credentials file.
    pub(super) created: bool,
}

/// The root key that the environment presets, if any.
pub fn preset(environment: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, KeysError> {
    let (key_id, secret) = match (environment(KEY_ID), environment(SECRET)) {
        (None, None) => return Ok(None),
        (Some(key_id), Some(secret)) => (key_id, secret),
        _ => return Err(KeysError::Preset(format!("{KEY_ID} and {SECRET} must be set together"))),
    };
    let id_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(3..=128).contains(&key_id.len()) || !key_id.bytes().all(id_byte) {
        return Err(KeysError::Preset(format!("{KEY_ID} must be 3 to 128 characters of a-z A-Z 0-9 _ . -")));
    }
    if !(8..=128).contains(&secret.len()) || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeysError::Preset(format!("{SECRET} must be 8 to 128 visible ASCII characters")));
    }
    Ok(Some(Credentials { key_id, secret }))
}

/// Reads the root key. A preset replaces whatever root key there was. Without one, a first start makes a root key and
/// writes it to `file`.
pub(super) async fn open(
    meta: &dyn MetaStore,
    vault: &Vault,
    env: &Env,
    preset: Option<Credentials>,
    file: &Path,
) -> Result<Opened, KeysError> {
    let mut keys = HashMap::new();
    let rows = meta.list(PREFIX).await?;
    for (row_key, row) in &rows {
        let id = row_key.trim_start_matches(PREFIX).to_owned();
        keys.insert(id.clone(), open_row(vault, row_key, &id, &row.value)?.secret);
    }
    let new = match preset {
        Some(preset) if keys.len() == 1 && keys.get(&preset.key_id) == Some(&preset.secret) => None,
        Some(preset) => Some(preset),
        None if !keys.is_empty() => None,
        None => {
            let made = generate(env);
            // First the file: a key that is in the store while nobody knows its secret would lock everybody out.
            let (copy, path) = (made.clone(), file.to_owned());
            let written = tokio::task::spawn_blocking(move || copy.write(&path)).await;
            written
                .unwrap_or_else(|panic| Err(io::Error::other(panic)))
                .map_err(|source| KeysError::File { path: file.display().to_string(), source })?;
            store(meta, vault, env, &made, None).await?;
            keys.insert(made.key_id, made.secret);
            return Ok(Opened { roots: keys, created: true });
        }
    };
    if let Some(preset) = new {
        let row_key = format!("{PREFIX}{}", preset.key_id);
        let version = rows.iter().find(|(key, _)| *key == row_key).map(|(_, row)| row.version);
        store(meta, vault, env, &preset, version).await?;
        for (key, row) in rows.iter().filter(|(key, _)| *key != row_key) {
            meta.remove(key, row.version).await?;
        }
        keys = HashMap::from([(preset.key_id, preset.secret)]);
    }
    Ok(Opened { roots: keys, created: false })
}

fn open_row(vault: &Vault, row_key: &str, id: &str, sealed: &[u8]) -> Result<Row, KeysError> {
    let plain = vault
        .open_blob(row_key.as_bytes(), sealed)
        .map_err(|source| KeysError::Vault { id: id.to_owned(), source })?;
    serde_json::from_slice(&plain).map_err(|source| KeysError::Format { id: id.to_owned(), source })
}

async fn store(
    meta: &dyn MetaStore,
    vault: &Vault,
    env: &Env,
    credentials: &Credentials,
    version: Option<u64>,
) -> Result<(), KeysError> {
    let id = &credentials.key_id;
    let row_key = format!("{PREFIX}{id}");
    let row = Row { v: 1, secret: credentials.secret.clone(), created_ms: env.clock.now_ms() };
    let row = serde_json::to_vec(&row).map_err(|source| KeysError::Format { id: id.clone(), source })?;
    let sealed = vault
        .seal_blob(row_key.as_bytes(), &row)
        .map_err(|source| KeysError::Vault { id: id.clone(), source })?;
    meta.put(&row_key, version, Bytes::from(sealed)).await?;
    Ok(())
}

/// 20 characters of id, 40 of secret (200 bits), as AWS clients expect.
pub(super) fn generate(env: &Env) -> Credentials {
    Credentials { key_id: format!("KINE{}", random_text(env, 16)), secret: random_text(env, 40) }
}

/// Characters of five random bits each.
pub(super) fn random_text(env: &Env, characters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = vec![0; characters];
    env.random.fill(&mut random);
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
