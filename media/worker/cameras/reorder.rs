//! Decoding times for pictures that come with presentation times only.
//!
//! Pictures come in decoding order. Where one is coded from later ones it is presented before pictures that came earlier;
//! how many of those there can be is the depth. The n-th picture is then decoded at the time at which the (n − depth)-th
//! is presented, counted in the order of presentation: never after its own presentation, at the pictures' own pace, and
//! known as soon as the picture is there. (GStreamer's timestampers do the same, but hold pictures back to do it.)

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Neither H.264 nor H.265 allows more.
pub(crate) const DEPTH_MAX: usize = 16;

/// Dates pictures.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    depth: usize,
    /// Times of presentation that are not yet anyone's time of decoding; as many as the depth, once it has begun.
    ahead: BinaryHeap<Reverse<i64>>,
    /// The latest pictures' times of presentation, to see the depth that they need.
    recent: VecDeque<i64>,
    last: Option<i64>,
}

impl Reorder {
    /// Expects at least this depth from now on. What the pictures show to be needed counts anyway.
    pub(crate) fn expect(&mut self, depth: usize) {
        let depth = depth.min(DEPTH_MAX);
        // In the middle, time already given up cannot be had back; a first picture is preceded by made-up times.
        if let Some(last) = self.last {
            self.ahead.extend((self.depth..depth).map(|_| Reverse(last)));
        }
        self.depth = self.depth.max(depth);
    }

    /// The time at which the next picture is decoded: later than the one before, and not after `pts`, except for a picture
    /// that shows a greater depth than was expected. `step` is the time from picture to picture, as far as is known.
    pub(crate) fn date(&mut self, pts: i64, step: i64) -> i64 {
        if self.last.is_none() {
            let before = (1..=self.depth as i64).map(|steps| Reverse(pts.saturating_sub(steps * step)));
            self.ahead.extend(before);
        }
        let shown = self.recent.iter().filter(|earlier| **earlier > pts).count();
        self.expect(shown);
        self.recent.push_back(pts);
        if self.recent.len() > DEPTH_MAX {
            self.recent.pop_front();
        }
        self.ahead.push(Reverse(pts));
        let Reverse(dts) = self.ahead.pop().unwrap_or(Reverse(pts));
        let dts = self.last.map_or(dts, |last| dts.max(last + 1));
        self.last = Some(dts);
        dts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dated(depth: usize, times: &[i64]) -> Vec<i64> {
        let mut reorder = Reorder::default();
        reorder.expect(depth);
        times.iter().map(|&pts| reorder.date(pts, 10)).collect()
    }

    #[test]
    fn pictures_in_order_are_decoded_when_they_are_presented() {
        assert_eq!(dated(0, &[5, 15, 25, 90]), [5, 15, 25, 90]);
        assert_eq!(dated(2, &[5, 15, 25, 90]), [-15, -5, 5, 15]);
    }

    #[test]
    fn pictures_out_of_order_are_decoded_before() {
        // I P B B P B B, and a pyramid.
        assert_eq!(dated(1, &[0, 30, 10, 20, 60, 40, 50]), [-10, 0, 10, 20, 30, 40, 50]);
        assert_eq!(dated(2, &[0, 40, 20, 10, 30, 80, 60, 50, 70]), [-20, -10, 0, 10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn a_depth_that_nobody_told_is_learnt() {
        let times = dated(0, &[0, 30, 10, 20, 60, 40, 50, 90, 70, 80]);
        assert_eq!(times, [0, 30, 31, 32, 33, 40, 50, 60, 70, 80]);
    }

    proptest! {
        /// Whatever comes, times of decoding increase; with the depth known none is after its picture's presentation.
        #[test]
        fn times_increase(depth in 0usize..20, mut times in prop::collection::vec(any::<i32>(), 1..60), sorted: bool) {
            if sorted {
                times.sort_unstable();
                times.dedup();
            }
            let times: Vec<i64> = times.into_iter().map(i64::from).collect();
            let dated = dated(depth, &times);
            prop_assert!(dated.windows(2).all(|pair| pair[0] < pair[1]));
            if sorted {
                prop_assert!(dated.iter().zip(&times).all(|(dts, pts)| dts <= pts));
            }
        }
    }
}
