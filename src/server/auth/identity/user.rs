//! A user: a name, access keys, policies.

use crate::auth::policy::{Policy, PolicyError, PolicyKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Somebody, or some camera or program, with rights of its own.
#[derive(Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Names it for ever; another user of the same name has another.
    pub id: String,
    /// Milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// What it may do, by name.
    pub policies: BTreeMap<String, StoredPolicy>,
    pub(super) keys: Vec<Arc<UserKey>>,
}

/// A policy as it was put, and as it is evaluated.
#[derive(Clone, Debug)]
pub struct StoredPolicy {
    /// What was put.
    pub text: String,
    /// The error is for what an older version took and this one does not understand: then everything is denied.
    pub policy: Result<Policy, PolicyError>,
}

impl StoredPolicy {
    pub(super) fn read(text: String, bytes_max: usize) -> Self {
        let policy = Policy::parse(&text, PolicyKind::Identity, bytes_max);
        Self { text, policy }
    }
}

/// An access key of a user, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Its id.
    pub key_id: String,
    /// Whether it is good for anything.
    pub enabled: bool,
    /// Milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The same, to within minutes after a restart.
    pub last_used_ms: Option<u64>,
}

impl User {
    /// Its access keys, oldest first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.keys.iter().map(|key| key.info()).collect()
    }
}

pub(super) struct UserKey {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) enabled: bool,
    pub(super) created_ms: u64,
    /// Zero: never. Shared with what the key becomes.
    pub(super) used_ms: Arc<AtomicU64>,
}

impl UserKey {
    pub(super) fn used(&self, now_ms: u64) {
        self.used_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn last_used_ms(&self) -> Option<u64> {
        Some(self.used_ms.load(Ordering::Relaxed)).filter(|used_ms| *used_ms > 0)
    }

    fn info(&self) -> KeyInfo {
        KeyInfo {
            key_id: self.id.clone(),
            enabled: self.enabled,
            created_ms: self.created_ms,
            last_used_ms: self.last_used_ms(),
        }
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey")
            .field("id", &self.id)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}
