//! Changes of users, their keys and their policies. Each is one write of the user's row.

use super::row::{KeyRow, USERS, UserRow, open_user};
use super::{Identities, Index, KEYS_PER_USER_MAX, POLICIES_PER_USER_MAX, USERS_MAX, User};
use crate::auth::credentials::Credentials;
use crate::auth::keys::{KeysError, generate, random_text};
use crate::auth::policy::{POLICY_BYTES_MAX, Policy, PolicyError, PolicyKind};
use bytes::Bytes;
use shardlog::MetaError;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not a name for a user or a policy.
    #[error("{what} {name:?}: use 1 to {max} characters of a-z A-Z 0-9 + = , . @ _ -")]
    BadName {
        /// Of what.
        what: &'static str,
        /// What was given.
        name: String,
        /// Most characters.
        max: usize,
    },
    /// There is such a user.
    #[error("there is a user {0:?} already")]
    UserExists(String),
    /// No such user, key or policy.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What there is not.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// A limit.
    #[error("at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
    /// The policy makes no sense.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It could not be sealed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// It could not be written.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

fn check_name(what: &'static str, name: &str, max: usize) -> Result<(), ChangeError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if (1..=max).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ChangeError::BadName { what, name: name.to_owned(), max })
}

impl Identities {
    /// Makes a user without keys and policies, who may do nothing.
    pub async fn create_user(&self, name: &str) -> Result<Arc<User>, ChangeError> {
        check_name("user", name, 64)?;
        let _changing = self.changing.lock().await;
        let index = self.index();
        if index.users.contains_key(name) {
            return Err(ChangeError::UserExists(name.to_owned()));
        }
        if index.users.len() >= USERS_MAX {
            return Err(ChangeError::TooMany { what: "users", max: USERS_MAX });
        }
        let id = format!("KUSR{}", random_text(&self.env, 17));
        self.write(&id, UserRow::new(name, self.env.clock.now_ms())).await
    }

    /// Deletes a user with its keys and policies.
    pub async fn delete_user(&self, name: &str) -> Result<(), ChangeError> {
        let _changing = self.changing.lock().await;
        let id = self.existing(name)?.id.clone();
        let row_key = format!("{USERS}{id}");
        if let Some(row) = self.meta.get(&row_key).await? {
            match self.meta.remove(&row_key, row.version).await {
                Err(MetaError::Unknown(cause)) => return Err(self.look_again(name, &row_key, cause).await),
                removed => removed?,
            }
        }
        self.publish(|index| index.forget(name));
        Ok(())
    }

    /// Puts a policy, in place of one of the same name. Whether it is new.
    pub async fn put_policy(&self, user: &str, name: &str, text: String) -> Result<bool, ChangeError> {
        check_name("policy", name, 128)?;
        Policy::parse(&text, PolicyKind::Identity, POLICY_BYTES_MAX)?;
        let change = |row: &mut UserRow| {
            let new = row.policies.insert(name.to_owned(), text).is_none();
            if row.policies.len() > POLICIES_PER_USER_MAX {
                return Err(ChangeError::TooMany { what: "policies of a user", max: POLICIES_PER_USER_MAX });
            }
            if row.policies.values().map(String::len).sum::<usize>() > POLICY_BYTES_MAX {
                return Err(ChangeError::TooMany {
                    what: "bytes of all policies of a user",
                    max: POLICY_BYTES_MAX,
                });
            }
            Ok(new)
        };
        self.change(user, change).await
    }

    /// Deletes a policy.
    pub async fn delete_policy(&self, user: &str, name: &str) -> Result<(), ChangeError> {
        let change = |row: &mut UserRow| {
            let removed = row.policies.remove(name).map(|_| ());
            removed.ok_or_else(|| ChangeError::NotFound { what: "policy", name: name.to_owned() })
        };
        self.change(user, change).await
    }

    /// Makes an access key. Its secret is not shown again.
    pub async fn create_key(&self, user: &str) -> Result<Credentials, ChangeError> {
        let made = generate(&self.env);
        let created_ms = self.env.clock.now_ms();
        let key = made.clone();
        let change = |row: &mut UserRow| {
            if row.keys.len() >= KEYS_PER_USER_MAX {
                return Err(ChangeError::TooMany { what: "access keys of a user", max: KEYS_PER_USER_MAX });
            }
            row.keys.push(KeyRow { id: key.key_id, secret: key.secret, enabled: true, created_ms });
            Ok(())
        };
        self.change(user, change).await?;
        Ok(made)
    }

    /// Makes an access key good for something, or for nothing. It counts for the next request.
    pub async fn set_key_enabled(&self, user: &str, key_id: &str, enabled: bool) -> Result<(), ChangeError> {
        let change = |row: &mut UserRow| {
            let key = row.keys.iter_mut().find(|key| key.id == key_id);
            key.ok_or_else(|| no_key(key_id))?.enabled = enabled;
            Ok(())
        };
        self.change(user, change).await
    }

    /// Deletes an access key.
    pub async fn delete_key(&self, user: &str, key_id: &str) -> Result<(), ChangeError> {
        let change = |row: &mut UserRow| {
            let before = row.keys.len();
            row.keys.retain(|key| key.id != key_id);
            if row.keys.len() < before { Ok(()) } else { Err(no_key(key_id)) }
        };
        self.change(user, change).await
    }

    fn existing(&self, name: &str) -> Result<Arc<User>, ChangeError> {
        self.user(name).ok_or_else(|| ChangeError::NotFound { what: "user", name: name.to_owned() })
    }

    async fn change<T>(
        &self,
        name: &str,
        make: impl FnOnce(&mut UserRow) -> Result<T, ChangeError>,
    ) -> Result<T, ChangeError> {
        let _changing = self.changing.lock().await;
        let user = self.existing(name)?;
        let mut row = UserRow::of(&user);
        let made = make(&mut row)?;
        self.write(&user.id, row).await?;
        Ok(made)
    }

    /// Writes a row, then shows the user that it describes.
    async fn write(&self, id: &str, row: UserRow) -> Result<Arc<User>, ChangeError> {
        let row_key = format!("{USERS}{id}");
        let name = row.name.clone();
        let sealed = row.seal(&self.vault, &row_key)?;
        let version = self.meta.get(&row_key).await?.map(|row| row.version);
        match self.meta.put(&row_key, version, Bytes::from(sealed)).await {
            Err(MetaError::Unknown(cause)) => return Err(self.look_again(&name, &row_key, cause).await),
            put => put?,
        };
        let index = self.index();
        let used = |id: &str| {
            index.keys.get(id).map_or_else(|| Arc::new(AtomicU64::new(0)), |(_, key)| key.used_ms.clone())
        };
        self.publish(|index| index.put(row.user(id, used)));
        self.existing(&name)
    }

    /// After a write of which nobody knows whether it happened: shows what stands there. The caller is told of the doubt.
    async fn look_again(&self, name: &str, row_key: &str, cause: shardlog::Source) -> ChangeError {
        match self.meta.get(row_key).await {
            Ok(Some(row)) => match open_user(&self.vault, row_key, &row.value, &BTreeMap::new()) {
                Ok(user) => self.publish(|index| index.put(user)),
                Err(error) => return error.into(),
            },
            Ok(None) => self.publish(|index| index.forget(name)),
            Err(_) => {}
        }
        MetaError::Unknown(cause).into()
    }

    fn publish(&self, change: impl FnOnce(&mut Index)) {
        let mut index = Index::clone(&self.index());
        change(&mut index);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }
}

fn no_key(key_id: &str) -> ChangeError {
    ChangeError::NotFound { what: "access key", name: key_id.to_owned() }
}
