//! What a stream of data records has besides what every stream has.

use crate::error::InvalidSetting;
use crate::hex128;
use crate::limits::{
    ATTRIBUTES_MAX, CONSUMERS_MAX, DATA_SETTINGS_BYTES_MAX, NAME_BYTES_MAX, POLICY_BYTES_MAX,
    RECORD_BYTES_MAX, TEXTS_MAX,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who says how many shards a stream has. Written to disk: the names are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// Its users.
    #[default]
    Provisioned,
    /// What is written to it.
    OnDemand,
}

/// Who says into which shard a record goes. Written to disk: the names are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Its partition key.
    #[default]
    ByKey,
    /// Nobody: wherever there is room.
    Even,
}

/// Settings of a stream of data records. Written to disk within the stream's row: a field that is new there has a default.
///
/// Together they take at most [`DATA_SETTINGS_BYTES_MAX`] as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// Who says how many shards there are.
    pub capacity: Capacity,
    /// Who says into which shard a record goes.
    pub distribution: Distribution,
    /// Largest record in bytes, its partition key included: 1 to [`RECORD_BYTES_MAX`].
    pub record_bytes_max: u32,
    /// The key-encryption key that the user asked for, as he named it. Records are sealed in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// Names of metrics that are kept of each shard.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub monitored: BTreeSet<String>,
    /// Who may do what with the stream, as a document that is not looked into here: at most [`POLICY_BYTES_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// MiB per second that an on-demand stream should take at any time, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_throughput_mib: Option<u32>,
    /// Whatever its users want to find it by: at most [`ATTRIBUTES_MAX`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Consumers that each have a throughput of their own, in the order of their registration: at most
    /// [`CONSUMERS_MAX`], no two of one name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<Consumer>,
    /// When the number of shards was last set, in milliseconds since the Unix epoch, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub count_set_ms: Vec<u64>,
    /// When `capacity` was last changed, in the same way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity_set_ms: Vec<u64>,
}

const DAY_MS: u64 = 24 * 3_600_000;

/// Notes that something happens now, unless it has happened `max` times within the last 24 hours; whether it may.
pub fn note_within_a_day(times_ms: &mut Vec<u64>, now_ms: u64, max: usize) -> bool {
    times_ms.retain(|at| at.saturating_add(DAY_MS) > now_ms);
    let may = times_ms.len() < max;
    if may {
        times_ms.push(now_ms);
    }
    may
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            capacity: Capacity::default(),
            distribution: Distribution::default(),
            record_bytes_max: 1 << 20,
            encryption: None,
            monitored: BTreeSet::new(),
            policy: None,
            warm_throughput_mib: None,
            tags: BTreeMap::new(),
            consumers: Vec::new(),
            count_set_ms: Vec::new(),
            capacity_set_ms: Vec::new(),
        }
    }
}

/// A registered consumer of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// Its name, unique within the stream.
    pub name: String,
    /// Names it for ever: one registered again under the same name has another.
    #[serde(with = "hex128")]
    pub id: u128,
    /// When it was registered, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Whatever its users want to find it by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Who may do what with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl DataSettings {
    /// The consumer of that name.
    pub fn consumer(&self, name: &str) -> Option<&Consumer> {
        self.consumers.iter().find(|consumer| consumer.name == name)
    }

    /// Whether they keep to the limits.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        let invalid = |what| Err(InvalidSetting::Data(what));
        if !(1..=RECORD_BYTES_MAX).contains(&self.record_bytes_max) {
            return invalid("a record has 1 byte to 10 MiB");
        }
        let times = self.count_set_ms.len().max(self.capacity_set_ms.len());
        if self.monitored.len() > TEXTS_MAX || times > TEXTS_MAX {
            return invalid("too many of one kind");
        }
        if self.consumers.len() > CONSUMERS_MAX {
            return invalid("too many consumers");
        }
        let names: BTreeSet<_> = self.consumers.iter().map(|consumer| &consumer.name).collect();
        if names.len() < self.consumers.len() {
            return invalid("two consumers have one name");
        }
        if names.iter().any(|name| !(1..=NAME_BYTES_MAX).contains(&name.len())) {
            return invalid("a consumer's name has 1 to 256 bytes");
        }
        let tags = self.consumers.iter().map(|consumer| &consumer.tags).chain([&self.tags]);
        if tags.map(BTreeMap::len).any(|tags| tags > ATTRIBUTES_MAX) {
            return invalid("more than 50 tags");
        }
        let policies = self.consumers.iter().map(|consumer| &consumer.policy).chain([&self.policy]);
        if policies.flatten().any(|policy| policy.len() > POLICY_BYTES_MAX) {
            return invalid("a policy of more than 20 KiB");
        }
        match serde_json::to_vec(self) {
            Ok(json) if json.len() <= DATA_SETTINGS_BYTES_MAX => Ok(()),
            _ => invalid("together they take more than 256 KiB"),
        }
    }
}
