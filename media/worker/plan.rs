//! Which coded pictures must be decoded to show the wanted ones.
//!
//! All of it is decided before a decoder is touched: the container says when each picture is shown and where decoding
//! can start. So only what is needed is decoded, and a picture comes out of the same decoding every time.

use crate::footage::Unit;
use media::fmp4::Key;
use media::worker_protocol::Wanted;
use std::ops::RangeInclusive;

/// Coded pictures to decode in one go, from a place where decoding can start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Positions in decoding order.
    pub(crate) units: RangeInclusive<usize>,
    /// The wanted ones among them, in the order of presentation.
    pub(crate) targets: Vec<Target>,
}

/// A wanted picture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its place in decoding order.
    pub(crate) unit: usize,
    /// Its place in the order of presentation.
    pub(crate) rank: usize,
    /// The entries of the request that it answers.
    pub(crate) entries: RangeInclusive<u32>,
}

/// The runs that answer a request, and the rank of every unit.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Every entry of the request is answered once, in order.
    pub(crate) runs: Vec<Run>,
    /// For each unit, in decoding order, its place in the order of presentation. Pictures of the same time keep their
    /// decoding order.
    pub(crate) ranks: Vec<usize>,
    /// The longest way that any unit comes forward from decoding to presentation, in places.
    pub(crate) delay: usize,
}

impl Plan {
    /// Plans for at least one unit. `None` when key frames are wanted and there are none.
    pub(crate) fn new(units: &[Unit], wanted: &Wanted) -> Option<Self> {
        let mut shown: Vec<usize> = (0..units.len()).collect();
        shown.sort_by_key(|&unit| units[unit].pts);
        let mut ranks = vec![0; units.len()];
        for (rank, &unit) in shown.iter().enumerate() {
            ranks[unit] = rank;
        }
        let is_key = |rank: &usize| units[shown[*rank]].key.is_key();
        let wanted_ranks: Vec<usize> = match wanted {
            Wanted::At(times) => times.iter().map(|&time| rank_at(units, &shown, time)).collect(),
            Wanted::EveryKey => (0..shown.len()).filter(is_key).collect(),
            Wanted::NearestKey(time) => (0..shown.len())
                .filter(is_key)
                .min_by_key(|&rank| units[shown[rank]].pts.abs_diff(*time))
                .into_iter()
                .collect(),
        };
        if wanted_ranks.is_empty() {
            return None;
        }
        let delay =
            ranks.iter().enumerate().map(|(unit, &rank)| unit.saturating_sub(rank)).max().unwrap_or(0);
        Some(Self { runs: runs(units, targets(&shown, &wanted_ranks)), ranks, delay })
    }
}

/// Rank of the picture on screen at `time`.
fn rank_at(units: &[Unit], shown: &[usize], time: i64) -> usize {
    shown.partition_point(|&unit| units[unit].pts <= time).saturating_sub(1)
}

/// One target for each wanted picture, however often it is wanted; `ranks` do not decrease.
fn targets(shown: &[usize], ranks: &[usize]) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for (entry, &rank) in (0u32..).zip(ranks) {
        match targets.last_mut() {
            Some(last) if last.rank == rank => last.entries = *last.entries.start()..=entry,
            _ => targets.push(Target { unit: shown[rank], rank, entries: entry..=entry }),
        }
    }
    targets
}

/// Joins targets into runs: one that starts where the run at hand has come to, or inside it, makes that longer.
fn runs(units: &[Unit], targets: Vec<Target>) -> Vec<Run> {
    let keys: Vec<usize> = (0..units.len()).filter(|&unit| units[unit].key.is_key()).collect();
    let mut runs: Vec<Run> = Vec::new();
    for target in targets {
        let start = start_of(units, &keys, target.unit);
        match runs.last_mut() {
            Some(run) if *run.units.start() <= start && start <= run.units.end() + 1 => {
                run.units = *run.units.start()..=target.unit.max(*run.units.end());
                run.targets.push(target);
            }
            _ => runs.push(Run { units: start..=target.unit, targets: vec![target] }),
        }
    }
    runs
}

/// Where to start decoding so that `unit` comes out right; the very first unit if no such place is known.
fn start_of(units: &[Unit], keys: &[usize], unit: usize) -> usize {
    let before = &keys[..keys.partition_point(|&key| key <= unit)];
    let good = |&&key: &&usize| match units[key].key {
        Key::No => false,
        Key::Clean => true,
        Key::Open => units[unit].pts >= units[key].pts,
        Key::Gradual { frames } => unit - key >= frames as usize && units[unit].pts >= units[key].pts,
    };
    before.iter().rev().find(good).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn units(pictures: &[(i64, Key)]) -> Vec<Unit> {
        pictures.iter().map(|&(pts, key)| Unit { data: Bytes::new(), pts, key }).collect()
    }

    /// Two closed GOPs of I P B B, shown as I B B P: pts 0 3 1 2, 4 7 5 6, in ticks of ten.
    fn closed() -> Vec<Unit> {
        use Key::{Clean, No};
        units(&[(0, Clean), (30, No), (10, No), (20, No), (40, Clean), (70, No), (50, No), (60, No)])
    }

    /// As [`closed`], but the second key frame is followed by two leading pictures shown before it.
    fn open() -> Vec<Unit> {
        use Key::{Clean, No, Open};
        units(&[(0, Clean), (10, No), (40, Open), (20, No), (30, No), (50, No)])
    }

    /// (first unit, last unit, units of the targets) of each run.
    fn shape(units: &[Unit], wanted: &Wanted) -> Vec<(usize, usize, Vec<usize>)> {
        let plan = Plan::new(units, wanted).unwrap();
        let entries: Vec<u32> =
            plan.runs.iter().flat_map(|run| &run.targets).flat_map(|target| target.entries.clone()).collect();
        assert_eq!(entries, (0..entries.len() as u32).collect::<Vec<_>>(), "every entry once, in order");
        let unit_of = |run: &Run| run.targets.iter().map(|target| target.unit).collect();
        plan.runs.iter().map(|run| (*run.units.start(), *run.units.end(), unit_of(run))).collect()
    }

    #[test]
    fn the_picture_on_screen_is_the_last_that_has_started() {
        let at = |time| shape(&closed(), &Wanted::At(vec![time]));
        assert_eq!(at(-5), [(0, 0, vec![0])], "before everything: the first");
        assert_eq!(at(0), [(0, 0, vec![0])]);
        assert_eq!(at(19), [(0, 2, vec![2])]);
        assert_eq!(at(20), [(0, 3, vec![3])]);
        assert_eq!(at(39), [(0, 1, vec![1])], "nothing after it is decoded");
        assert_eq!(at(40), [(4, 4, vec![4])], "nothing of the group before is decoded");
        assert_eq!(at(1000), [(4, 5, vec![5])], "after everything: the last");
    }

    #[test]
    fn a_list_is_decoded_once_and_repeats_share_a_picture() {
        let wanted = Wanted::At(vec![0, 10, 10, 15, 30]);
        assert_eq!(shape(&closed(), &wanted), [(0, 2, vec![0, 2, 1])]);
        let plan = Plan::new(&closed(), &wanted).unwrap();
        assert_eq!(plan.runs[0].targets[1].entries, 1..=3);
        assert_eq!(plan.ranks, [0, 3, 1, 2, 4, 7, 5, 6]);
        assert_eq!(plan.delay, 1);
    }

    #[test]
    fn groups_without_a_wanted_picture_are_passed_over() {
        let wanted = Wanted::At(vec![0, 60]);
        assert_eq!(shape(&closed(), &wanted), [(0, 0, vec![0]), (4, 7, vec![7])]);
    }

    #[test]
    fn leading_pictures_are_decoded_from_the_group_before() {
        assert_eq!(shape(&open(), &Wanted::At(vec![20])), [(0, 3, vec![3])]);
        assert_eq!(shape(&open(), &Wanted::At(vec![50])), [(2, 5, vec![5])]);
        assert_eq!(shape(&open(), &Wanted::At(vec![30, 40, 50])), [(0, 5, vec![4, 2, 5])]);
    }

    #[test]
    fn intra_refresh_is_decoded_from_far_enough_back() {
        let mut refreshed = open();
        refreshed[2].key = Key::Gradual { frames: 3 };
        assert_eq!(shape(&refreshed, &Wanted::At(vec![40])), [(0, 2, vec![2])]);
        assert_eq!(shape(&refreshed, &Wanted::At(vec![50])), [(2, 5, vec![5])]);
    }

    #[test]
    fn key_frames_are_decoded_alone() {
        assert_eq!(shape(&closed(), &Wanted::NearestKey(19)), [(0, 0, vec![0])]);
        assert_eq!(shape(&closed(), &Wanted::NearestKey(20)), [(0, 0, vec![0])], "the earlier of two");
        assert_eq!(shape(&closed(), &Wanted::NearestKey(21)), [(4, 4, vec![4])]);
        assert_eq!(shape(&open(), &Wanted::EveryKey), [(0, 0, vec![0]), (2, 2, vec![2])]);
        let none = units(&[(0, Key::No)]);
        assert!(Plan::new(&none, &Wanted::EveryKey).is_none());
        assert_eq!(shape(&none, &Wanted::At(vec![0])), [(0, 0, vec![0])], "no key known: try from the start");
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let far = units(&[(i64::MIN, Key::Clean), (i64::MAX, Key::Clean)]);
        assert_eq!(shape(&far, &Wanted::NearestKey(i64::MAX)), [(1, 1, vec![1])]);
        assert_eq!(shape(&far, &Wanted::At(vec![i64::MIN, i64::MAX])), [(0, 1, vec![0, 1])]);
    }
}
