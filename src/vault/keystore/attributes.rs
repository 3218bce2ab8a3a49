//! What is kept of a key besides its state and its secrets, and the bytes of that:
//!
//! ```text
//! offset  size
//! 0       8     when it was made
//! 8       8     when it is to be destroyed; 0: never
//! 16      4     days after which it is rotated; 0: never
//! 20      8     since when it is rotated after so many days
//! 28      9·V   for each version, oldest first: when it was made (8), why (1): 1 first, 2 in time, 3 on demand
//! then    4     length P of the policy, and P bytes of it
//!         2     number of tags, and for each, in the order of names: length (2) and name, length (2) and value
//! ```
//! Integers are big-endian, times in milliseconds since the Unix epoch.

use super::bytes::{Reader, put_text16, put_text32};
use std::collections::BTreeMap;

/// Most tags of a key.
pub const TAGS_MAX: usize = 50;
/// Most bytes of a key's policy.
pub const KEY_POLICY_BYTES_MAX: usize = 32_768;
/// Most bytes of a tag's name or value.
const TAG_BYTES_MAX: usize = 1024;

/// Why there is a version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum VersionCause {
    /// The key was made.
    Creation = 1,
    /// The time for a new one had come.
    Schedule = 2,
    /// Somebody asked.
    Demand = 3,
}

/// A version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// When it was made, in milliseconds since the Unix epoch; zero if that was not written down.
    pub created_ms: u64,
    /// Why.
    pub cause: VersionCause,
}

/// When a key is rotated by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// After so many days.
    pub days: u32,
    /// Since when it holds, in milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What is kept of a key besides its state and its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// When it was made, in milliseconds since the Unix epoch; zero if that was not written down.
    pub created_ms: u64,
    /// When it is to be destroyed, if it waits for that.
    pub deletion_ms: Option<u64>,
    /// When it is rotated by itself, if ever.
    pub schedule: Option<Schedule>,
    /// Its versions, oldest first; the first is version 1.
    pub versions: Vec<VersionInfo>,
    /// Who may use it; for its caller to understand. Empty: nothing was said.
    pub policy: String,
    /// What somebody wrote on it.
    pub tags: BTreeMap<String, String>,
}

impl Attributes {
    /// Of a key of which nothing more is known than how many versions it has.
    pub(super) fn unknown(versions: u32) -> Self {
        let mut attributes = Self::new(0);
        let later = VersionInfo { created_ms: 0, cause: VersionCause::Demand };
        attributes.versions.resize(versions as usize, later);
        attributes
    }

    /// Of a new key.
    pub(super) fn new(created_ms: u64) -> Self {
        Self {
            created_ms,
            deletion_ms: None,
            schedule: None,
            versions: vec![VersionInfo { created_ms, cause: VersionCause::Creation }],
            policy: String::new(),
            tags: BTreeMap::new(),
        }
    }

    /// When it is rotated next, if it is.
    pub fn next_rotation_ms(&self) -> Option<u64> {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        let Schedule { days, since_ms } = self.schedule?;
        let newest = self.versions.iter().rev().find(|version| version.cause != VersionCause::Demand);
        let from = newest.map_or(0, |version| version.created_ms).max(since_ms);
        Some(from.saturating_add(u64::from(days) * DAY_MS))
    }

    /// Whether it is within bounds.
    pub(super) fn fits(&self) -> bool {
        let text = |text: &String| text.len() <= TAG_BYTES_MAX;
        self.policy.len() <= KEY_POLICY_BYTES_MAX
            && self.tags.len() <= TAGS_MAX
            && self.tags.iter().all(|(name, value)| text(name) && text(value))
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.created_ms.to_be_bytes());
        bytes.extend_from_slice(&self.deletion_ms.unwrap_or(0).to_be_bytes());
        let schedule = self.schedule.unwrap_or(Schedule { days: 0, since_ms: 0 });
        bytes.extend_from_slice(&schedule.days.to_be_bytes());
        bytes.extend_from_slice(&schedule.since_ms.to_be_bytes());
        for version in &self.versions {
            bytes.extend_from_slice(&version.created_ms.to_be_bytes());
            bytes.push(version.cause as u8);
        }
        put_text32(bytes, &self.policy);
        bytes.extend_from_slice(&(self.tags.len() as u16).to_be_bytes());
        for (name, value) in &self.tags {
            put_text16(bytes, name);
            put_text16(bytes, value);
        }
    }

    /// How many bytes [`Attributes::encode`] adds.
    pub(super) fn encoded_len(&self) -> usize {
        let tags = self.tags.iter().map(|(name, value)| 4 + name.len() + value.len()).sum::<usize>();
        28 + 9 * self.versions.len() + 4 + self.policy.len() + 2 + tags
    }

    pub(super) fn decode(reader: &mut Reader<'_>, versions: u32) -> Option<Self> {
        let created_ms = reader.u64()?;
        let deletion_ms = Some(reader.u64()?).filter(|ms| *ms > 0);
        let (days, since_ms) = (reader.u32()?, reader.u64()?);
        let version = |reader: &mut Reader<'_>| {
            let created_ms = reader.u64()?;
            let cause = match reader.array()? {
                [1] => VersionCause::Creation,
                [2] => VersionCause::Schedule,
                [3] => VersionCause::Demand,
                _ => return None,
            };
            Some(VersionInfo { created_ms, cause })
        };
        let versions = (0..versions).map(|_| version(reader)).collect::<Option<Vec<_>>>()?;
        let policy = reader.text32(KEY_POLICY_BYTES_MAX)?;
        let count = u16::from_be_bytes(reader.array()?);
        let mut tags = BTreeMap::new();
        for _ in 0..count {
            let (name, value) = (reader.text16(TAG_BYTES_MAX)?, reader.text16(TAG_BYTES_MAX)?);
            if tags.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return None;
            }
            tags.insert(name, value);
        }
        let schedule = (days > 0).then_some(Schedule { days, since_ms });
        let attributes = Self { created_ms, deletion_ms, schedule, versions, policy, tags };
        attributes.fits().then_some(attributes)
    }
}
