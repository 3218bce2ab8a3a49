//! What of a stream's shards is under way, as its row keeps it.

use super::plan::{Child, towards};
use crate::map::{Closed, ShardInfo, ShardMap};
use crate::types::StreamInfo;
use shardlog::ShardId;
use shardlog::env::Env;
use std::collections::{BTreeMap, BTreeSet};

/// A child is made so long after its parents were closed, at least: a second, for users may count in whole ones.
const AFTER_PARENT_MS: u64 = 1000;

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Shards that are about to take the place of their parents. Nobody else sees them yet.
    pub(crate) coming: Vec<ShardInfo>,
    /// How many open shards there are to be in the end, if that takes more steps than this one.
    pub(crate) target: Option<u32>,
    /// Shards that nobody sees any more and whose records are being deleted.
    pub(crate) leaving: Vec<ShardId>,
}

impl Unfinished {
    /// Shards are about to take the place of others.
    pub(crate) fn is_resharding(&self) -> bool {
        !self.coming.is_empty()
    }

    /// What is wrong with it for a stream with these shards, if anything.
    pub(crate) fn fault(&self, map: &ShardMap) -> Option<&'static str> {
        if !self.is_resharding() {
            return None;
        }
        let parents = self.parents();
        if parents.iter().any(|parent| map.by_index(*parent).is_none_or(|parent| !parent.is_open())) {
            return Some("a shard that is to be split or merged is not open");
        }
        let stay = map.iter().filter(|shard| !parents.contains(&shard.index));
        ShardMap::new(stay.chain(&self.coming).copied().collect()).fault()
    }

    /// The shards that are to be closed.
    pub(crate) fn parents(&self) -> BTreeSet<u32> {
        self.coming.iter().flat_map(|child| [child.parent, child.adjacent_parent]).flatten().collect()
    }
}

impl StreamInfo {
    /// Notes which shards are to come. Their indexes go on from the largest.
    pub(super) fn expect(&mut self, children: Vec<Child>, env: &Env) {
        let next = self.shards.last().map_or(0, |newest| newest.index.saturating_add(1));
        let shard = |(index, child): (u32, Child)| ShardInfo {
            index,
            id: ShardId::new(env),
            hash_range: child.hash_range,
            parent: Some(child.parent),
            adjacent_parent: child.adjacent_parent,
            created_ms: 0,
            closed: None,
        };
        self.unfinished.coming = (next..).zip(children).map(shard).collect();
    }

    /// The parents are closed: their children take their place, and the next step is noted.
    pub(super) fn arrive(&mut self, closed: &BTreeMap<u32, Closed>, env: &Env) {
        let mut shards = self.shards.to_vec();
        for shard in &mut shards {
            shard.closed = shard.closed.or_else(|| closed.get(&shard.index).copied());
        }
        for child in std::mem::take(&mut self.unfinished.coming) {
            let parents = [child.parent, child.adjacent_parent].into_iter().flatten();
            let ends = parents.filter_map(|parent| closed.get(&parent)).map(|end| end.at_ms);
            let created_ms = ends.max().unwrap_or(0).saturating_add(AFTER_PARENT_MS);
            shards.push(ShardInfo { created_ms, ..child });
        }
        self.shards = ShardMap::new(shards);
        if let Some(target) = self.unfinished.target {
            self.expect(towards(&self.shards, target), env);
            if !self.unfinished.is_resharding() {
                self.unfinished.target = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{HashRange, split_evenly};
    use crate::reshard::{ReshardError, plan};
    use proptest::prelude::*;
    use shardlog::Seq;
    use shardlog::env::sim::sim_env;

    fn map(count: u32) -> ShardMap {
        let shard = |(index, hash_range)| ShardInfo {
            index,
            id: ShardId(index.into()),
            hash_range,
            parent: None,
            adjacent_parent: None,
            created_ms: 5,
            closed: None,
        };
        ShardMap::new((0..).zip(split_evenly(count)).map(shard).collect())
    }

    /// Sets the number of shards; returns how many there are then, open ones and all.
    fn set(shards: u32, target: u32) -> (usize, usize) {
        let (env, _) = sim_env(1);
        let mut info = crate::catalogue::row::tests::row().info();
        info.shards = map(shards);
        info.expect(towards(&info.shards, target), &env);
        info.unfinished.target = info.unfinished.is_resharding().then_some(target);
        let mut now_ms = 1000;
        while info.unfinished.is_resharding() {
            assert_eq!(info.unfinished.fault(&info.shards), None);
            now_ms += 10;
            let end = |parent: u32| {
                let created_ms = info.shards.by_index(parent).unwrap().created_ms;
                (parent, Closed { at_ms: created_ms.max(now_ms), next: Seq(3) })
            };
            let closed = info.unfinished.parents().into_iter().map(end).collect();
            info.arrive(&closed, &env);
            assert_eq!(info.shards.fault(), None);
        }
        assert_eq!(info.unfinished, Unfinished::default());
        for shard in info.shards.iter() {
            for parent in [shard.parent, shard.adjacent_parent].into_iter().flatten() {
                let parent = info.shards.by_index(parent).unwrap();
                assert!(parent.index < shard.index);
                assert!(shard.created_ms >= parent.closed.unwrap().at_ms + AFTER_PARENT_MS);
                assert!(shard.created_ms / 1000 > parent.created_ms / 1000);
            }
        }
        (info.open_shards().len(), info.shards.len())
    }

    /// As the original service does it.
    #[test]
    fn setting_the_number_of_shards_leaves_so_many_behind() {
        for (from, to, all) in
            [(2, 4, 6), (4, 5, 15), (10, 13, 37), (4, 2, 6), (5, 3, 7), (10, 3, 17), (3, 3, 3)]
        {
            assert_eq!(set(from, to), (to as usize, all), "{from} to {to}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_reached(from in 1u32..40, to in 1u32..60) {
            prop_assert_eq!(set(from, to).0, to as usize);
        }
    }

    #[test]
    fn a_shard_is_split_within_its_keys() {
        let map = map(2);
        let HashRange { first, last } = map[1].hash_range;
        for at in [0, first, first + 1, last, 5] {
            assert!(matches!(plan::split(&map, 1, at), Err(ReshardError::SplitPoint { .. })), "{at}");
        }
        for at in [first + 2, last - 1] {
            let children = plan::split(&map, 1, at).unwrap();
            let ranges = children.iter().map(|child| (child.hash_range.first, child.hash_range.last));
            assert_eq!(ranges.collect::<Vec<_>>(), [(first, at - 1), (at, last)]);
        }
        assert!(matches!(plan::split(&map, 2, 5), Err(ReshardError::NoSuchShard { index: 2 })));
    }

    #[test]
    fn neighbours_are_merged() {
        let map = map(3);
        let merged = plan::merge(&map, 1, 2).unwrap();
        let range = HashRange { first: map[1].hash_range.first, last: u128::MAX };
        assert_eq!(merged, [Child { parent: 1, adjacent_parent: Some(2), hash_range: range }]);
        for (first, second) in [(2, 1), (0, 2), (2, 0), (1, 1)] {
            let refused = plan::merge(&map, first, second);
            assert!(matches!(refused, Err(ReshardError::NotAdjacent { .. })), "{first} {second}");
        }
    }
}
