//! The bodies of the newest records, as sealed as they are on disk, so that whoever follows the tail of a shard does not
//! touch the disk.
//!
//! Only durable records get in, and a reader asks the shard's index first: what was trimmed or deleted is not found there,
//! so it does not matter that its bytes leave only with their age. Oldest leave first, over all lanes; so when one record of
//! a shard is here, all later ones are. Lengths are what is counted: a body that is a slice of something larger keeps all
//! of it in memory.

use super::context::lock;
use super::name::LaneName;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a body counts for besides its length.
const OVERHEAD: usize = 64;

/// Bodies by the places of their frames.
pub(super) struct Recent {
    bytes_max: usize,
    state: Mutex<State>,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Of all bodies, with their overhead.
    bytes: usize,
    /// Of each lane in order of their places.
    lanes: BTreeMap<LaneName, VecDeque<Body>>,
    /// In which order they came: so many of a lane, then so many of another.
    order: VecDeque<(LaneName, usize)>,
}

struct Body {
    segment: u64,
    offset: u64,
    body: Bytes,
}

impl Body {
    fn cost(&self) -> usize {
        self.body.len() + OVERHEAD
    }
}

impl Recent {
    /// Keeps at most `bytes_max` bytes; 0: nothing.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Adds bodies of durable records with the offsets of their frames, in order. They lie behind all that were added of
    /// the lane before.
    pub(super) fn add(&self, lane: LaneName, segment: u64, bodies: Vec<(u64, Bytes)>) {
        if self.bytes_max == 0 || bodies.is_empty() {
            return;
        }
        let mut left = Vec::new(); // is freed when nobody waits for it
        let mut state = lock(&self.state);
        let State { bytes, lanes, order } = &mut *state;
        order.push_back((lane, bodies.len()));
        let newest = lanes.entry(lane).or_default();
        for (offset, body) in bodies {
            let body = Body { segment, offset, body };
            *bytes += body.cost();
            newest.push_back(body);
        }
        while *bytes > self.bytes_max {
            let Some((lane, count)) = order.front_mut() else { break };
            if let Some(body) = lanes.get_mut(lane).and_then(VecDeque::pop_front) {
                *bytes -= body.cost();
                left.push(body);
            }
            *count -= 1;
            if *count == 0 {
                order.pop_front();
            }
        }
        drop(state);
    }

    /// The body of the record whose frame is there.
    pub(super) fn get(&self, lane: LaneName, segment: u64, offset: u64) -> Option<Bytes> {
        let state = lock(&self.state);
        let bodies = state.lanes.get(&lane)?;
        let place =
            bodies.binary_search_by_key(&(segment, offset), |body| (body.segment, body.offset)).ok()?;
        let body = bodies[place].body.clone();
        drop(state);
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(body)
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        lock(&self.state).bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::RetentionClass;

    fn lane(lane: u8) -> LaneName {
        LaneName { class: RetentionClass(1), lane }
    }

    fn body(len: usize) -> Bytes {
        Bytes::from(vec![len as u8; len])
    }

    #[test]
    fn the_oldest_leave_first_whatever_lane_they_are_of() {
        let recent = Recent::new(3 * (100 + OVERHEAD));
        recent.add(lane(0), 1, vec![(8, body(100)), (200, body(100))]);
        recent.add(lane(1), 7, vec![(8, body(100))]);
        assert_eq!(recent.get(lane(0), 1, 200), Some(body(100)));
        assert_eq!((recent.get(lane(0), 1, 16), recent.get(lane(0), 7, 8)), (None, None));
        recent.add(lane(1), 7, vec![(200, body(100))]);
        let kept = [(0, 1, 8), (0, 1, 200), (1, 7, 8), (1, 7, 200)]
            .map(|(of, segment, offset)| recent.get(lane(of), segment, offset).is_some());
        assert_eq!(kept, [false, true, true, true]);
        recent.add(lane(0), 2, vec![(8, body(300 + 2 * OVERHEAD))]);
        assert!(recent.get(lane(0), 2, 8).is_some() && recent.get(lane(1), 7, 200).is_none());
    }

    #[test]
    fn it_never_takes_more_than_it_may() {
        let recent = Recent::new(1000);
        for turn in 0..500_u64 {
            let bodies = (0..turn % 4).map(|index| (turn * 100 + index, body((turn * 37 % 1200) as usize)));
            recent.add(lane((turn % 3) as u8), 1 + turn / 100, bodies.collect());
            let held: usize = lock(&recent.state).lanes.values().flatten().map(Body::cost).sum();
            let counted: usize = lock(&recent.state).order.iter().map(|(_, count)| count).sum();
            assert_eq!(
                (held, counted),
                (recent.bytes(), lock(&recent.state).lanes.values().map(VecDeque::len).sum())
            );
            assert!(held <= 1000, "{held}");
        }
        let nothing = Recent::new(0);
        nothing.add(lane(0), 1, vec![(8, body(0))]);
        assert_eq!(nothing.get(lane(0), 1, 8), None);
    }
}
