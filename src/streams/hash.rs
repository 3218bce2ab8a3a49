//! The key space: a record's partition key hashes (MD5, big-endian) to a number in `0 ..= 2^128 - 1`, and every shard
//! of a stream owns one contiguous range of these numbers.

/// The hash keys of one shard, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashRange {
    /// The smallest hash key.
    pub first: u128,
    /// The largest hash key.
    pub last: u128,
}

impl HashRange {
    /// Whether a hash key falls into this range.
    pub fn contains(&self, hash_key: u128) -> bool {
        self.first <= hash_key && hash_key <= self.last
    }
}

/// Splits the key space into `shards` ranges: the i-th begins at `i * floor(2^128 / shards)`, the last ends at
/// `2^128 - 1`. Clients compute the same, so the remainder must stay in the last range. No shards, no ranges.
pub fn split_evenly(shards: u32) -> Vec<HashRange> {
    let count = u128::from(shards);
    let Some(remainder) = u128::MAX.checked_rem(count) else { return Vec::new() };
    // floor(2^128 / n) from 2^128 - 1, which is the largest number there is room for.
    let mut width = u128::MAX / count;
    if count > 1 && remainder + 1 == count {
        width += 1;
    }
    (0..count)
        .map(|i| HashRange {
            first: i * width,
            last: if i + 1 == count { u128::MAX } else { (i + 1) * width - 1 },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_splits() {
        assert_eq!(split_evenly(0), []);
        assert_eq!(split_evenly(1), [HashRange { first: 0, last: u128::MAX }]);
        let half = 1 << 127;
        let halves = [HashRange { first: 0, last: half - 1 }, HashRange { first: half, last: u128::MAX }];
        assert_eq!(split_evenly(2), halves);
        // As a stream of three shards is described by the original service.
        let third = 113_427_455_640_312_821_154_458_202_477_256_070_485;
        assert_eq!(split_evenly(3)[1].first, third);
        assert_eq!(split_evenly(3)[2].first, 2 * third);
    }

    proptest! {
        #[test]
        fn ranges_cover_the_key_space_once(shards in 1u32..2000, probe in any::<u128>()) {
            let ranges = split_evenly(shards);
            prop_assert_eq!(ranges.len(), shards as usize);
            prop_assert_eq!(ranges[0].first, 0);
            prop_assert_eq!(ranges[ranges.len() - 1].last, u128::MAX);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].last + 1, pair[1].first);
            }
            prop_assert_eq!(ranges.iter().filter(|range| range.contains(probe)).count(), 1);
            // Even: no two ranges differ by more than the remainder, which is smaller than the number of shards.
            let width = ranges[0].last - ranges[0].first;
            for range in &ranges {
                prop_assert!(range.last - range.first - width < u128::from(shards));
            }
        }
    }
}
