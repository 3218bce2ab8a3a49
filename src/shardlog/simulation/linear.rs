//! Whether a history of operations on one shard, some of them at the same time, is one that a shard could have which does
//! them one after the other: each at some moment between its call and its answer (Wing and Gong's search, with a memory of
//! where it has been).
//!
//! An operation whose outcome is unknown may have happened at any time after its call, or never.

use super::model::{Change, Record, Refusal, Shard, apply};
use crate::types::Tail;
use std::collections::HashSet;

/// Operations in one history: the search keeps them as bits.
pub(super) const OPERATIONS_MAX: usize = 64;

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Change(Change),
    /// Everything from a sequence on.
    Read(u64),
    State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused(Refusal),
    Records(Vec<Record>),
    Tail(Tail, u64),
    Unknown,
}

/// An operation with the moments of its call and its answer, which no other call or answer shares.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) called: u64,
    pub(super) answered: u64,
    pub(super) operation: Operation,
    pub(super) answer: Answer,
}

impl Event {
    fn may_not_have_happened(&self) -> bool {
        self.answer == Answer::Unknown
    }

    /// The shard after the operation, if it could have answered so.
    fn happen(&self, before: &Option<Shard>) -> Option<Option<Shard>> {
        let mut after = before.clone();
        let answer = match &self.operation {
            Operation::Change(change) => match apply(&mut after, change) {
                Ok(()) if self.may_not_have_happened() => Answer::Unknown,
                Ok(()) => Answer::Done,
                Err(refusal) => Answer::Refused(refusal),
            },
            Operation::Read(from) => read(before.as_ref(), *from),
            Operation::State => match before {
                Some(shard) => Answer::Tail(shard.tail(), shard.epoch),
                None => Answer::Refused(Refusal::NotFound),
            },
        };
        (answer == self.answer).then_some(after)
    }
}

fn read(shard: Option<&Shard>, from: u64) -> Answer {
    let Some(shard) = shard else { return Answer::Refused(Refusal::NotFound) };
    match shard.records.get(from as usize..) {
        _ if from < shard.first => Answer::Refused(Refusal::Trimmed),
        Some(records) => Answer::Records(records.to_vec()),
        None => Answer::Refused(Refusal::Unwritten),
    }
}

/// Whether there is an order of the operations that explains all answers.
pub(super) fn is_linearizable(history: &[Event]) -> bool {
    assert!(history.len() <= OPERATIONS_MAX, "{} operations", history.len());
    let must = (0..history.len()).filter(|i| !history[*i].may_not_have_happened());
    let must = must.fold(0_u64, |mask, i| mask | 1 << i);
    let mut seen = HashSet::new();
    let mut open = vec![(0_u64, None::<Shard>)];
    while let Some((done, shard)) = open.pop() {
        if done & must == must {
            return true;
        }
        let left = || (0..history.len()).filter(|i| done & 1 << i == 0);
        // Whatever comes next was called before the first answer that is still missing.
        let first_answer = left().filter(|i| must & 1 << i != 0).map(|i| history[i].answered).min();
        for i in left().filter(|i| Some(history[*i].called) < first_answer) {
            if let Some(after) = history[i].happen(&shard) {
                let next = (done | 1 << i, after);
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(first: u64, stamp: u64) -> Operation {
        Operation::Change(Change::Append { epoch: 0, first, records: vec![record(stamp)] })
    }

    fn record(stamp: u64) -> Record {
        Record { arrival: 0, len: 0, stamp }
    }

    fn saw(stamps: &[u64]) -> Answer {
        Answer::Records(stamps.iter().copied().map(record).collect())
    }

    /// Operations with the moments of their call and answer, after a creation.
    fn check(events: &[(u64, u64, Operation, Answer)]) -> bool {
        let created = (0, 1, Operation::Change(Change::Create), Answer::Done);
        let event = |(called, answered, operation, answer): (u64, u64, Operation, Answer)| Event {
            called,
            answered,
            operation,
            answer,
        };
        let history: Vec<_> = std::iter::once(created).chain(events.iter().cloned()).map(event).collect();
        is_linearizable(&history)
    }

    #[test]
    fn what_was_done_is_seen_from_then_on() {
        let done = (2, 5, append(0, 1), Answer::Done);
        assert!(check(&[done.clone(), (6, 7, Operation::Read(0), saw(&[1]))]));
        assert!(!check(&[done.clone(), (6, 7, Operation::Read(0), saw(&[]))]));
        for seen in [saw(&[]), saw(&[1])] {
            assert!(check(&[done.clone(), (3, 4, Operation::Read(0), seen)]), "at the same time");
        }
        assert!(!check(&[(2, 3, Operation::Read(0), saw(&[1])), (4, 5, append(0, 1), Answer::Done)]));
    }

    #[test]
    fn one_of_two_appends_at_a_place_is_refused() {
        let refused = Answer::Refused(Refusal::OutOfSequence);
        assert!(check(&[(2, 4, append(0, 1), Answer::Done), (3, 5, append(0, 2), refused.clone())]));
        assert!(!check(&[(2, 4, append(0, 1), Answer::Done), (3, 5, append(0, 2), Answer::Done)]));
        assert!(!check(&[(2, 4, append(0, 1), refused), (5, 6, Operation::Read(0), saw(&[]))]));
    }

    #[test]
    fn what_is_unknown_shows_late_or_never_but_stays() {
        let unknown = (2, 3, append(0, 1), Answer::Unknown);
        let read = |at, seen: &[u64]| (at, at + 1, Operation::Read(0), saw(seen));
        assert!(check(&[unknown.clone(), read(4, &[]), read(6, &[1]), read(8, &[1])]));
        assert!(check(&[unknown.clone(), read(4, &[]), read(6, &[])]));
        assert!(!check(&[unknown.clone(), read(4, &[1]), read(6, &[])]));
        assert!(!check(&[read(0, &[1]), unknown]));
    }
}
