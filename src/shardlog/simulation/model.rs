//! A shard as it should be, in so few lines that one sees it is right: what each change does, and when it is refused.

use crate::types::{Arrival, Seq, Tail};

/// What a record is made from; `stamp` tells two attempts at the same place apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) arrival: u64,
    pub(super) len: u32,
    pub(super) stamp: u64,
}

/// A shard. A missing or deleted one is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shard {
    pub(super) epoch: u64,
    pub(super) first: u64,
    pub(super) sealed: bool,
    /// Every record there ever was.
    pub(super) records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    Create,
    Claim(u64),
    Append { epoch: u64, first: u64, records: Vec<Record> },
    Trim(u64),
    Seal { epoch: u64 },
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Refusal {
    NotFound,
    AlreadyExists,
    Fenced,
    Sealed,
    OutOfSequence,
    ArrivalBefore,
    Trimmed,
    Unwritten,
}

/// Makes a change, unless it is to be refused.
pub(super) fn apply(state: &mut Option<Shard>, change: &Change) -> Result<(), Refusal> {
    match (&state, change) {
        (Some(_), Change::Create) => return Err(Refusal::AlreadyExists),
        (None, Change::Create) => *state = Some(Shard::default()),
        (Some(_), Change::Delete) => *state = None,
        _ => return apply_inside(state.as_mut().ok_or(Refusal::NotFound)?, change),
    }
    Ok(())
}

fn apply_inside(shard: &mut Shard, change: &Change) -> Result<(), Refusal> {
    let next = shard.records.len() as u64;
    match change {
        Change::Claim(epoch) if *epoch <= shard.epoch => return Err(Refusal::Fenced),
        Change::Claim(epoch) => shard.epoch = *epoch,
        Change::Append { epoch, .. } | Change::Seal { epoch } if *epoch != shard.epoch => {
            return Err(Refusal::Fenced);
        }
        Change::Append { .. } if shard.sealed => return Err(Refusal::Sealed),
        Change::Append { first, .. } if *first != next => return Err(Refusal::OutOfSequence),
        Change::Append { records, .. } => {
            let arrivals = || shard.records.last().into_iter().chain(records).map(|record| record.arrival);
            if !arrivals().is_sorted() {
                return Err(Refusal::ArrivalBefore);
            }
            shard.records.extend(records);
        }
        Change::Trim(before) if *before > next => return Err(Refusal::Unwritten),
        Change::Trim(before) => shard.first = shard.first.max(*before),
        Change::Seal { .. } => shard.sealed = true,
        Change::Create | Change::Delete => {}
    }
    Ok(())
}

impl Shard {
    pub(super) fn tail(&self) -> Tail {
        let last_arrival = self.records.last().map(|record| Arrival(record.arrival));
        let (next, first) = (Seq(self.records.len() as u64), Seq(self.first));
        Tail { next, first, sealed: self.sealed, last_arrival }
    }

    pub(super) fn seek(&self, at: u64) -> u64 {
        self.first.max(self.records.partition_point(|record| record.arrival < at) as u64)
    }
}
