//! Who may sign in: the root key, and users with access keys and policies.
//!
//! What is asked for every request (whose key is this, what may its user do) is answered from memory. A change is written
//! first and shows in memory at once when it is: the next request sees it.

mod change;
mod row;
mod user;

pub use change::ChangeError;
pub use user::{KeyInfo, StoredPolicy, User};

use super::credentials::Credentials;
use super::keys::{self, KeysError, Opened};
use bytes::Bytes;
use shardlog::env::Env;
use shardlog::{MetaError, MetaStore};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use user::UserKey;
use vault::Vault;

/// How often the last uses of keys are written down.
const SAVE_EVERY: Duration = Duration::from_secs(300);
/// Most users.
const USERS_MAX: usize = 1000;
/// Most access keys of a user.
const KEYS_PER_USER_MAX: usize = 5;
/// Most policies of a user; together they have at most [`POLICY_BYTES_MAX`](super::policy::POLICY_BYTES_MAX).
const POLICIES_PER_USER_MAX: usize = 10;

/// Who signed in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The access key's id.
    pub key_id: String,
    /// Its user; `None`: root, who may do everything.
    pub user: Option<Arc<User>>,
}

impl Identity {
    /// The user's name, or `root`.
    pub fn name(&self) -> &str {
        self.user.as_ref().map_or("root", |user| &user.name)
    }
}

/// All who may sign in.
pub struct Identities {
    index: RwLock<Arc<Index>>,
    /// Held while something is changed.
    changing: Mutex<()>,
    meta: Arc<dyn MetaStore>,
    vault: Arc<Vault>,
    env: Env,
}

#[derive(Clone, Default)]
struct Index {
    /// Secrets by the ids of their keys.
    roots: HashMap<String, String>,
    users: BTreeMap<String, Arc<User>>,
    /// The users' keys.
    keys: HashMap<String, (Arc<User>, Arc<UserKey>)>,
}

impl Index {
    fn put(&mut self, user: User) {
        let user = Arc::new(user);
        self.forget(&user.name);
        for key in &user.keys {
            self.keys.insert(key.id.clone(), (user.clone(), key.clone()));
        }
        self.users.insert(user.name.clone(), user);
    }

    fn forget(&mut self, name: &str) {
        for key in self.users.remove(name).iter().flat_map(|user| &user.keys) {
            self.keys.remove(&key.id);
        }
    }
}

impl Identities {
    /// What tokens' MACs are made for.
    pub const TOKEN_PURPOSE: &str = "token";

    /// Reads all there are. A preset replaces whatever root key there was. Without one, a first start makes a root key
    /// and writes it to `file`. The second value: whether it did.
    pub async fn open(
        meta: Arc<dyn MetaStore>,
        vault: Arc<Vault>,
        env: Env,
        preset: Option<Credentials>,
        file: &Path,
    ) -> Result<(Self, bool), KeysError> {
        let Opened { roots, created } = keys::open(&*meta, &vault, &env, preset, file).await?;
        let mut index = Index { roots, ..Index::default() };
        let used = row::read_used(&*meta, &vault).await?;
        for (row_key, row) in meta.list(row::USERS).await? {
            index.put(row::open_user(&vault, &row_key, &row.value, &used)?);
        }
        let identities =
            Self { index: RwLock::new(Arc::new(index)), changing: Mutex::new(()), meta, vault, env };
        Ok((identities, created))
    }

    fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who has the key `id`, if the holder of its secret made what `proof` looks at. `proof` must take as long for a wrong
    /// secret as for the right one. Disabled keys are nobody's.
    pub fn prove(&self, id: &str, proof: impl FnOnce(&str) -> bool) -> Option<Identity> {
        let index = self.index();
        if let Some(secret) = index.roots.get(id) {
            return proof(secret).then(|| Identity { key_id: id.to_owned(), user: None });
        }
        let (user, key) = index.keys.get(id)?;
        if !key.enabled || !proof(&key.secret) {
            return None;
        }
        key.used(self.env.clock.now_ms());
        Some(Identity { key_id: id.to_owned(), user: Some(user.clone()) })
    }

    /// Who has the key `id` with this secret.
    pub fn check(&self, id: &str, secret: &str) -> Option<Identity> {
        self.prove(id, |known| known.as_bytes().ct_eq(secret.as_bytes()).into())
    }

    /// Who has the key `id`, which may not be disabled, without proof: for who made a token with it.
    pub fn holder(&self, id: &str) -> Option<Identity> {
        self.prove(id, |_| true)
    }

    /// A user.
    pub fn user(&self, name: &str) -> Option<Arc<User>> {
        self.index().users.get(name).cloned()
    }

    /// Users in the order of their names, at most `limit`, after `after`.
    pub fn users(&self, after: Option<&str>, limit: usize) -> Vec<Arc<User>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.index()
            .users
            .range::<str, _>((from, Unbounded))
            .take(limit)
            .map(|(_, user)| user.clone())
            .collect()
    }

    /// Keeps writing down when keys were used last.
    pub async fn keep_used(&self) {
        loop {
            self.env.clock.sleep(SAVE_EVERY).await;
            if let Err(error) = self.save_used().await {
                tracing::warn!(%error, "when access keys were used last could not be written down");
            }
        }
    }

    /// Writes down when keys were used last. Until then a crash forgets it.
    pub async fn save_used(&self) -> Result<(), MetaError> {
        let _changing = self.changing.lock().await;
        let used: BTreeMap<String, u64> = self
            .index()
            .keys
            .iter()
            .filter_map(|(id, (_, key))| Some((id.clone(), key.last_used_ms()?)))
            .collect();
        let Some(sealed) = row::seal_used(&self.vault, &used) else { return Ok(()) };
        let found = self.meta.get(row::USED).await?;
        if used.is_empty() && found.is_none() {
            return Ok(());
        }
        self.meta.put(row::USED, found.map(|row| row.version), Bytes::from(sealed)).await?;
        Ok(())
    }
}
