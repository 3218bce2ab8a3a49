//! Users in the metadata store, one row each, so that every change of one is a single write:
//!
//! ```text
//! key    user/{id}
//! value  the vault's sealed blob, with the key as context, of JSON
//!        {"v":1,"name":"…","created_ms":…,"keys":[{"id":"…","secret":"…","enabled":…,"created_ms":…}],"policies":{"NAME":"TEXT"}}
//!
//! key    user-keys-used
//! value  the same, of JSON {"v":1,"used_ms":{"ACCESS KEY ID":…}}; written every few minutes
//! ```

use super::user::{StoredPolicy, User, UserKey};
use crate::auth::keys::KeysError;
use crate::auth::policy::POLICY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use shardlog::MetaStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use vault::Vault;

pub(super) const USERS: &str = "user/";
pub(super) const USED: &str = "user-keys-used";
const VERSION: u8 = 1;

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserRow {
    v: u8,
    pub(super) name: String,
    pub(super) created_ms: u64,
    pub(super) keys: Vec<KeyRow>,
    pub(super) policies: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) enabled: bool,
    pub(super) created_ms: u64,
}

#[derive(Deserialize, Serialize)]
struct UsedRow {
    v: u8,
    used_ms: BTreeMap<String, u64>,
}

impl UserRow {
    pub(super) fn new(name: &str, created_ms: u64) -> Self {
        Self { v: VERSION, name: name.to_owned(), created_ms, keys: Vec::new(), policies: BTreeMap::new() }
    }

    /// What the row of a user says.
    pub(super) fn of(user: &User) -> Self {
        let keys = user.keys.iter().map(|key| KeyRow {
            id: key.id.clone(),
            secret: key.secret.clone(),
            enabled: key.enabled,
            created_ms: key.created_ms,
        });
        let policies = user.policies.iter().map(|(name, policy)| (name.clone(), policy.text.clone()));
        Self {
            v: VERSION,
            name: user.name.clone(),
            created_ms: user.created_ms,
            keys: keys.collect(),
            policies: policies.collect(),
        }
    }

    /// The user it describes, who has this id. `used`: what counts the uses of a key.
    pub(super) fn user(self, id: &str, used: impl Fn(&str) -> Arc<AtomicU64>) -> User {
        let keys = self.keys.into_iter().map(|key| {
            let used_ms = used(&key.id);
            let KeyRow { id, secret, enabled, created_ms } = key;
            Arc::new(UserKey { id, secret, enabled, created_ms, used_ms })
        });
        let policies =
            self.policies.into_iter().map(|(name, text)| (name, StoredPolicy::read(text, POLICY_BYTES_MAX)));
        User {
            name: self.name,
            id: id.to_owned(),
            created_ms: self.created_ms,
            keys: keys.collect(),
            policies: policies.collect(),
        }
    }

    pub(super) fn seal(&self, vault: &Vault, row_key: &str) -> Result<Vec<u8>, KeysError> {
        seal(vault, row_key, self)
    }
}

fn seal(vault: &Vault, row_key: &str, row: &impl Serialize) -> Result<Vec<u8>, KeysError> {
    let id = || row_key.to_owned();
    let row = serde_json::to_vec(row).map_err(|source| KeysError::Format { id: id(), source })?;
    vault.seal_blob(row_key.as_bytes(), &row).map_err(|source| KeysError::Vault { id: id(), source })
}

/// Opens the row of a user.
pub(super) fn open_user(
    vault: &Vault,
    row_key: &str,
    sealed: &[u8],
    used: &BTreeMap<String, u64>,
) -> Result<User, KeysError> {
    let id = || row_key.to_owned();
    let plain = vault
        .open_blob(row_key.as_bytes(), sealed)
        .map_err(|source| KeysError::Vault { id: id(), source })?;
    let row: UserRow =
        serde_json::from_slice(&plain).map_err(|source| KeysError::Format { id: id(), source })?;
    let user_id = row_key.strip_prefix(USERS).unwrap_or(row_key);
    let user = row.user(user_id, |key| Arc::new(AtomicU64::new(used.get(key).copied().unwrap_or(0))));
    for (policy, stored) in &user.policies {
        if let Err(error) = &stored.policy {
            tracing::error!(user = user.name, policy, %error, "a policy is not understood: everything is denied to its user");
        }
    }
    Ok(user)
}

/// When keys were used last, as far as it was written down. It is worth no failure.
pub(super) async fn read_used(
    meta: &dyn MetaStore,
    vault: &Vault,
) -> Result<BTreeMap<String, u64>, KeysError> {
    let Some(row) = meta.get(USED).await? else { return Ok(BTreeMap::new()) };
    let plain = vault.open_blob(USED.as_bytes(), &row.value).ok();
    let row = plain.and_then(|plain| serde_json::from_slice::<UsedRow>(&plain).ok());
    Ok(row.map(|row| row.used_ms).unwrap_or_default())
}

pub(super) fn seal_used(vault: &Vault, used: &BTreeMap<String, u64>) -> Option<Vec<u8>> {
    seal(vault, USED, &UsedRow { v: VERSION, used_ms: used.clone() }).ok()
}
