//! The shards of a stream: which there are, which of them take records, and who came of whom.

use crate::hash::HashRange;
use shardlog::{Seq, ShardId};
use std::ops::Deref;

/// One shard of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardInfo {
    /// Its number within the stream: counts from 0, never used again, larger than those of its parents.
    pub index: u32,
    /// Its id in the record log.
    pub id: ShardId,
    /// The hash keys it owns, or owned before it was closed.
    pub hash_range: HashRange,
    /// The shard that was split, or merged with another, to make this one. It may have expired.
    pub parent: Option<u32>,
    /// The other shard, if two were merged.
    pub adjacent_parent: Option<u32>,
    /// When it was made, in milliseconds since the Unix epoch: with the stream, or at least a second after its parents
    /// were closed, so that what counts whole seconds rises from parent to child. So it may lie a little ahead.
    pub created_ms: u64,
    /// Since when it takes no more records, if so.
    pub closed: Option<Closed>,
}

/// The end of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When it was closed, in milliseconds since the Unix epoch; not before it was made, nor before its last arrival.
    pub at_ms: u64,
    /// One past its last record.
    pub next: Seq,
}

impl ShardInfo {
    /// Whether it takes records.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether it was made of that shard.
    pub fn is_child_of(&self, index: u32) -> bool {
        self.parent == Some(index) || self.adjacent_parent == Some(index)
    }
}

/// The shards of a stream that can be read, in the order of their indexes. The open ones own every hash key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardMap {
    shards: Vec<ShardInfo>,
    /// Places in `shards` of the open ones, in the order of their hash keys.
    open: Vec<usize>,
}

impl ShardMap {
    /// A map of shards in any order. Whether it is whole, [`fault`](Self::fault) says.
    pub(crate) fn new(mut shards: Vec<ShardInfo>) -> Self {
        shards.sort_unstable_by_key(|shard| shard.index);
        let mut open: Vec<usize> = (0..shards.len()).filter(|&place| shards[place].is_open()).collect();
        open.sort_unstable_by_key(|&place| shards[place].hash_range.first);
        Self { shards, open }
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let Some(last) = self.shards.last() else { return Some("has no shards") };
        // New indexes are counted from the largest, which therefore must not go.
        if !last.is_open() {
            return Some("the newest shard is closed");
        }
        if self.shards.windows(2).any(|pair| pair[0].index >= pair[1].index) {
            return Some("two shards have one index");
        }
        let mut next = Some(0);
        for shard in self.open() {
            let range = shard.hash_range;
            if next != Some(range.first) || range.last < range.first {
                return Some("the open shards do not own every hash key once");
            }
            next = range.last.checked_add(1);
        }
        next.is_some().then_some("the open shards do not own every hash key once")
    }

    /// The shard of that index.
    pub fn by_index(&self, index: u32) -> Option<&ShardInfo> {
        let place = self.shards.binary_search_by_key(&index, |shard| shard.index).ok()?;
        self.shards.get(place)
    }

    /// The shards that take records, in the order of their hash keys.
    pub fn open(&self) -> impl ExactSizeIterator<Item = &ShardInfo> {
        self.open.iter().map(|&place| &self.shards[place])
    }

    /// The open shard that owns a hash key.
    pub fn open_of(&self, hash_key: u128) -> Option<&ShardInfo> {
        let place = self.open.partition_point(|&place| self.shards[place].hash_range.last < hash_key);
        let shard = &self.shards[*self.open.get(place)?];
        shard.hash_range.contains(hash_key).then_some(shard)
    }

    /// The shards that were made of this one, in the order of their indexes.
    pub fn children(&self, index: u32) -> impl Iterator<Item = &ShardInfo> {
        self.shards.iter().filter(move |shard| shard.is_child_of(index))
    }
}

impl Deref for ShardMap {
    type Target = [ShardInfo];

    fn deref(&self) -> &[ShardInfo] {
        &self.shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::split_evenly;

    fn shards(count: u32) -> Vec<ShardInfo> {
        let shard = |(index, hash_range)| ShardInfo {
            index,
            id: ShardId(u128::from(index) + 7),
            hash_range,
            parent: None,
            adjacent_parent: None,
            created_ms: 5,
            closed: None,
        };
        (0..).zip(split_evenly(count)).map(shard).collect()
    }

    #[test]
    fn open_shards_are_found_by_hash_key() {
        let mut all = shards(3);
        all[0].closed = Some(Closed { at_ms: 9, next: Seq(4) });
        let whole = all[0].hash_range;
        let child = |index, first, last| ShardInfo {
            index,
            hash_range: HashRange { first, last },
            parent: Some(0),
            closed: None,
            ..all[0]
        };
        let children = [child(4, 100, whole.last), child(3, 0, 99)];
        all.extend(children);
        let map = ShardMap::new(all);
        assert_eq!(map.fault(), None);
        assert_eq!(map.iter().map(|shard| shard.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(map.open().map(|shard| shard.index).collect::<Vec<_>>(), [3, 4, 1, 2]);
        let of = |hash_key| map.open_of(hash_key).unwrap().index;
        assert_eq!([0, 99, 100, whole.last, whole.last + 1, u128::MAX].map(of), [3, 3, 4, 4, 1, 2]);
        assert_eq!(map.children(0).map(|shard| shard.index).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(map.by_index(4).unwrap().hash_range.first, 100);
        assert_eq!(map.by_index(5), None);
    }

    #[test]
    fn faults_are_seen() {
        let fault = |change: fn(&mut Vec<ShardInfo>)| {
            let mut all = shards(4);
            change(&mut all);
            ShardMap::new(all).fault()
        };
        assert_eq!(fault(|_| {}), None);
        assert!(fault(Vec::clear).is_some());
        assert!(fault(|all| all.retain(|shard| shard.index != 1)).is_some());
        assert!(fault(|all| all.truncate(3)).is_some());
        assert!(fault(|all| all[2].index = 1).is_some());
        assert!(fault(|all| all[3].closed = Some(Closed { at_ms: 9, next: Seq(4) })).is_some());
        assert!(fault(|all| all[1].hash_range.first -= 1).is_some());
    }
}
