//! A shard within a stream's row.

use crate::hash::HashRange;
use crate::hex128;
use crate::map::{Closed, ShardInfo};
use crate::reshard::Unfinished;
use serde::{Deserialize, Serialize};
use shardlog::{Seq, ShardId};

/// A shard as it is written down. Those that were made with their stream look as they did before shards could be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardRow {
    /// `None`: its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(with = "hex128")]
    pub(crate) id: u128,
    #[serde(with = "hex128")]
    first_hash: u128,
    #[serde(with = "hex128")]
    last_hash: u128,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adjacent_parent: Option<u32>,
    /// `None`: with the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedRow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedRow {
    at_ms: u64,
    next: u64,
}

impl ShardRow {
    /// What is written of a shard that stands at `place` in the list of a stream made at `stream_ms`.
    pub(crate) fn of(shard: &ShardInfo, place: u32, stream_ms: u64) -> Self {
        Self {
            index: (shard.index != place).then_some(shard.index),
            id: shard.id.0,
            first_hash: shard.hash_range.first,
            last_hash: shard.hash_range.last,
            parent: shard.parent,
            adjacent_parent: shard.adjacent_parent,
            created_ms: (shard.created_ms != stream_ms).then_some(shard.created_ms),
            closed: shard.closed.map(|closed| ClosedRow { at_ms: closed.at_ms, next: closed.next.0 }),
        }
    }

    /// The shard that was written so.
    pub(crate) fn info(&self, place: u32, stream_ms: u64) -> ShardInfo {
        ShardInfo {
            index: self.index.unwrap_or(place),
            id: ShardId(self.id),
            hash_range: HashRange { first: self.first_hash, last: self.last_hash },
            parent: self.parent,
            adjacent_parent: self.adjacent_parent,
            created_ms: self.created_ms.unwrap_or(stream_ms),
            closed: self.closed.map(|closed| Closed { at_ms: closed.at_ms, next: Seq(closed.next) }),
        }
    }
}

/// What is under way, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnfinishedRow {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    coming: Vec<ShardRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaving: Vec<LeavingRow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct LeavingRow(#[serde(with = "hex128")] u128);

impl UnfinishedRow {
    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn of(unfinished: &Unfinished, stream_ms: u64) -> Self {
        // Their place is none of the list's: the index is always written.
        let coming = |shard: &ShardInfo| ShardRow::of(shard, u32::MAX, stream_ms);
        Self {
            coming: unfinished.coming.iter().map(coming).collect(),
            target: unfinished.target,
            leaving: unfinished.leaving.iter().map(|shard| LeavingRow(shard.0)).collect(),
        }
    }

    pub(crate) fn unfinished(&self, stream_ms: u64) -> Unfinished {
        Unfinished {
            coming: self.coming.iter().map(|shard| shard.info(u32::MAX, stream_ms)).collect(),
            target: self.target,
            leaving: self.leaving.iter().map(|shard| ShardId(shard.0)).collect(),
        }
    }

    /// The shards in the store that nobody sees yet, or any more.
    pub(crate) fn shard_ids(&self) -> impl Iterator<Item = ShardId> {
        let coming = self.coming.iter().map(|shard| shard.id);
        coming.chain(self.leaving.iter().map(|shard| shard.0)).map(ShardId)
    }
}
