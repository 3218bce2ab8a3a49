//! Which shards come in the place of which. Nothing happens here.

use super::error::ReshardError;
use crate::hash::HashRange;
use crate::map::{ShardInfo, ShardMap};
use std::collections::BTreeSet;

/// A shard to be made in the place of one or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) parent: u32,
    pub(crate) adjacent_parent: Option<u32>,
    pub(crate) hash_range: HashRange,
}

fn open_shard(map: &ShardMap, index: u32) -> Result<&ShardInfo, ReshardError> {
    let shard = map.by_index(index).ok_or(ReshardError::NoSuchShard { index })?;
    if shard.is_open() { Ok(shard) } else { Err(ReshardError::Closed { index }) }
}

/// Splits a shard; the upper part begins with hash key `at`.
pub(crate) fn split(map: &ShardMap, index: u32, at: u128) -> Result<Vec<Child>, ReshardError> {
    let shard = open_shard(map, index)?;
    let range = shard.hash_range;
    // As the original service has it: the lower part owns two hash keys or more, and the upper part does too.
    if at <= range.first.saturating_add(1) || at >= range.last {
        return Err(ReshardError::SplitPoint { at, range });
    }
    Ok(split_at(shard, at).to_vec())
}

/// Merges a shard with the one whose hash keys follow.
pub(crate) fn merge(map: &ShardMap, first: u32, second: u32) -> Result<Vec<Child>, ReshardError> {
    let (lower, upper) = (open_shard(map, first)?, open_shard(map, second)?);
    if lower.hash_range.last.checked_add(1) != Some(upper.hash_range.first) {
        return Err(ReshardError::NotAdjacent { first, second });
    }
    Ok(vec![merge_both(lower, upper)])
}

/// Splits some shards in halves, as far as they can be.
pub(crate) fn halve<'a>(shards: impl Iterator<Item = &'a ShardInfo>) -> Vec<Child> {
    let halves = |shard: &ShardInfo| {
        let range = shard.hash_range;
        (range.last - range.first >= 3)
            .then(|| split_at(shard, range.first + (range.last - range.first) / 2 + 1))
    };
    shards.filter_map(halves).flatten().collect()
}

/// The next step towards so many open shards: as long as there are fewer, all of them are split; then neighbours are
/// merged, of each two at most once, the smallest first. Empty when there is nothing to do.
pub(crate) fn towards(map: &ShardMap, target: u32) -> Vec<Child> {
    let open: Vec<&ShardInfo> = map.open().collect();
    let target = target as usize;
    if open.len() < target {
        return halve(open.into_iter());
    }
    let width = |place: usize| open[place + 1].hash_range.last - open[place].hash_range.first;
    let mut pairs: Vec<usize> = (0..open.len().saturating_sub(1)).collect();
    pairs.sort_by_key(|&place| (width(place), place));
    let mut taken = BTreeSet::new();
    for place in pairs {
        if taken.len() == open.len() - target {
            break;
        }
        if ![place.checked_sub(1), Some(place), Some(place + 1)]
            .iter()
            .flatten()
            .any(|near| taken.contains(near))
        {
            taken.insert(place);
        }
    }
    taken.into_iter().map(|place| merge_both(open[place], open[place + 1])).collect()
}

fn split_at(shard: &ShardInfo, at: u128) -> [Child; 2] {
    let HashRange { first, last } = shard.hash_range;
    [HashRange { first, last: at - 1 }, HashRange { first: at, last }].map(|hash_range| Child {
        parent: shard.index,
        adjacent_parent: None,
        hash_range,
    })
}

fn merge_both(lower: &ShardInfo, upper: &ShardInfo) -> Child {
    Child {
        parent: lower.index,
        adjacent_parent: Some(upper.index),
        hash_range: HashRange { first: lower.hash_range.first, last: upper.hash_range.last },
    }
}
