//! Signing keys: four HMACs from a secret, the same for a day, a region and a service.

use super::TERMINATOR;
use super::presented::Scope;
use aws_lc_rs::hmac;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most signing keys that are kept. When there are as many, all are forgotten: deriving one takes microseconds.
const KEPT_MAX: usize = 1024;

/// Signing keys that have been derived. Bounded.
#[derive(Default)]
pub(crate) struct SigningKeys {
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    /// What the key was derived from: an access key may get another secret.
    secret: String,
    key: hmac::Key,
}

/// What a signing key is for, but the secret.
fn name(scope: &Scope<'_>) -> String {
    [scope.key_id, scope.date, scope.region, scope.service].join("/")
}

/// The signing key of a secret for a scope.
pub(super) fn signing_key(secret: &str, scope: &Scope<'_>) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for part in [scope.date, scope.region, scope.service, TERMINATOR] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}

impl SigningKeys {
    /// The same, kept or made.
    pub(super) fn derive(&self, secret: &str, scope: &Scope<'_>) -> hmac::Key {
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = kept.get(&name(scope)).filter(|kept| kept.secret == secret) {
                return kept.key.clone();
            }
        }
        signing_key(secret, scope)
    }

    /// Keeps a key that has proven good.
    pub(super) fn keep(&self, secret: &str, scope: &Scope<'_>, key: hmac::Key) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name(scope);
        if kept.get(&name).is_some_and(|kept| kept.secret == secret) {
            return;
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(name, Kept { secret: secret.to_owned(), key });
    }
}
