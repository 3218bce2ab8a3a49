//! A stream's data keys: which there are, and the few that lie opened in memory.
//!
//! A wrapped data key is bound to its place, as its additional data (see [`vault::WrappedKey`]):
//!
//! ```text
//! the key of the stream's row, and if the stream's users chose the key-encryption key: 0x00, what they say it is bound to
//! ```
//! Data keys from before there was that second part have the first alone. The row says of each which it has.

use crate::error::DataKeyError;
use crate::limits::{DATA_KEY_LIFETIME, OPENED_KEY_LIFETIME, OPENED_KEYS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vault::{DataKey, KeyId, KeyUseError, UnwrapError, Vault, WrappedKey};

/// One data key as the stream's row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generation {
    /// Counts from 1; never reused within the stream. Sealed records name it.
    pub(crate) number: u32,
    /// When it was made, in milliseconds since the Unix epoch.
    pub(crate) created_ms: u64,
    /// The key, wrapped by the stream's key-encryption key.
    #[serde(with = "base64_bytes")]
    pub(crate) wrapped: Vec<u8>,
    /// Which of the row's bindings it is bound to, if to any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binding: Option<usize>,
}

impl Generation {
    /// Whether it has lived its day.
    pub(crate) fn has_expired(&self, now_ms: u64) -> bool {
        Duration::from_millis(now_ms.saturating_sub(self.created_ms)) >= DATA_KEY_LIFETIME
    }
}

/// What a data key of a row is bound to.
pub(crate) fn context(row_key: &str, binding: Option<&str>) -> Vec<u8> {
    let mut context = row_key.as_bytes().to_vec();
    if let Some(binding) = binding {
        context.push(0);
        context.extend_from_slice(binding.as_bytes());
    }
    context
}

/// The data keys of one stream.
pub(crate) struct DataKeys {
    ring: Mutex<Ring>,
}

struct Ring {
    /// Oldest first.
    generations: Vec<Generation>,
    /// What they are bound to besides the row.
    bindings: Vec<String>,
    /// At most [`OPENED_KEYS_MAX`].
    opened: Vec<Opened>,
    destroyed: bool,
    /// Monotonic time before which a failed replacement is not tried again.
    retry_at: Duration,
}

struct Opened {
    number: u32,
    key: DataKey,
    /// Monotonic time.
    since: Duration,
}

impl DataKeys {
    pub(crate) fn new(generations: Vec<Generation>, bindings: Vec<String>) -> Self {
        let (opened, destroyed, retry_at) = (Vec::new(), false, Duration::ZERO);
        let ring = Ring { generations, bindings, opened, destroyed, retry_at };
        Self { ring: Mutex::new(ring) }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the row says now.
    pub(crate) fn adopt(&self, generations: Vec<Generation>, bindings: Vec<String>) {
        let mut ring = self.ring();
        if !ring.destroyed {
            ring.opened.retain(|opened| generations.iter().any(|known| known.number == opened.number));
            ring.generations = generations;
            ring.bindings = bindings;
        }
    }

    /// Forgets everything for good: the stream is deleted.
    pub(crate) fn destroy(&self) {
        let mut ring = self.ring();
        ring.destroyed = true;
        ring.generations.clear();
        ring.opened.clear();
    }

    /// All generations, oldest first.
    pub(crate) fn generations(&self) -> Vec<Generation> {
        self.ring().generations.clone()
    }

    /// The key-encryption keys that wrap them. One that does not parse has none, and opening it says so.
    pub(crate) fn wrapping(&self) -> BTreeSet<KeyId> {
        let ring = self.ring();
        let parsed = ring.generations.iter().filter_map(|known| WrappedKey::parse(&known.wrapped).ok());
        parsed.map(|wrapped| wrapped.key_id()).collect()
    }

    /// Number of the newest data key.
    pub(crate) fn newest(&self) -> Option<u32> {
        self.ring().generations.last().map(|newest| newest.number)
    }

    /// Whether the newest data key has lived its day at `now_ms`, and its replacement is not put off at the monotonic
    /// time `now`.
    pub(crate) fn is_due(&self, now_ms: u64, now: Duration) -> bool {
        let ring = self.ring();
        let expired = ring.generations.last().is_none_or(|newest| newest.has_expired(now_ms));
        expired && now >= ring.retry_at
    }

    /// Puts off the replacement of the newest data key to a monotonic time.
    pub(crate) fn put_off(&self, until: Duration) {
        self.ring().retry_at = until;
    }

    /// Wipes what was opened too long ago, which a stream that is not used would not do by itself.
    pub(crate) fn close_old(&self, now: Duration) {
        self.ring().close_old(now);
    }

    /// The data key of that number, opened. The vault is asked at the first use and again when what it said is older
    /// than [`OPENED_KEY_LIFETIME`] at the monotonic time `now`. A root key that was taken back counts at once.
    pub(crate) fn open(
        &self,
        vault: &Vault,
        row_key: &str,
        number: u32,
        now: Duration,
    ) -> Result<DataKey, DataKeyError> {
        let mut ring = self.ring();
        if ring.destroyed {
            return Err(DataKeyError::Destroyed);
        }
        if let Some(refusal) = vault.root_refusal() {
            ring.opened.clear();
            return Err(KeyUseError::Root(refusal).into());
        }
        ring.close_old(now);
        if let Some(opened) = ring.opened.iter().find(|opened| opened.number == number) {
            return Ok(opened.key.clone());
        }
        let known = ring.generations.iter().find(|generation| generation.number == number);
        let generation = known.ok_or(DataKeyError::Missing { number })?;
        let binding = generation.binding.map(|index| ring.bindings.get(index).map(String::as_str));
        let binding = binding.map(|known| known.ok_or(UnwrapError::NotAuthentic)).transpose()?;
        let wrapped = WrappedKey::parse(&generation.wrapped)?;
        let key = vault.unwrap(&wrapped, &context(row_key, binding))?;
        if ring.opened.len() >= OPENED_KEYS_MAX {
            ring.opened.remove(0);
        }
        ring.opened.push(Opened { number, key: key.clone(), since: now });
        Ok(key)
    }
}

impl Ring {
    fn close_old(&mut self, now: Duration) {
        self.opened.retain(|opened| now.saturating_sub(opened.since) < OPENED_KEY_LIFETIME);
    }
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use vault::{RootSource, SystemEntropy};

    #[test]
    fn a_data_key_opens_only_for_what_it_is_bound_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = RootSource::from_file(dir.path().join("root.key"), true);
        let vault = Vault::open(&dir.path().join("keys"), &root, Arc::new(SystemEntropy)).unwrap();
        let key = vault.create_key("").unwrap();
        let generation = |number, binding: Option<usize>, text| {
            let (_, wrapped) = vault.generate_data_key(&key, &context("stream/a", text)).unwrap();
            Generation { number, created_ms: 0, wrapped: wrapped.as_bytes().to_vec(), binding }
        };
        let generations = || {
            vec![
                generation(1, None, None),
                generation(2, Some(0), Some("x")),
                generation(3, Some(1), Some("y")),
            ]
        };
        let bindings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let opens = |bound: &[&str], row: &str| {
            let keys = DataKeys::new(generations(), bindings(bound));
            [1, 2, 3].map(|number| keys.open(&vault, row, number, Duration::ZERO).is_ok())
        };
        assert_eq!(opens(&["x", "y"], "stream/a"), [true, true, true]);
        assert_eq!(opens(&["x", "y"], "stream/b"), [false, false, false]);
        assert_eq!(opens(&["y", "x"], "stream/a"), [true, false, false]);
        assert_eq!(opens(&["x"], "stream/a"), [true, true, false], "what it is bound to is not known");
    }
}
