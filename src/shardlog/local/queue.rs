//! What waits for a lane's thread. Bytes are bounded by the store's budget: an operation brings its permit along.

use super::context::{Refusal, Reservation, lock};
use super::name::LaneName;
use super::shard::Shard;
use super::writer::Owner;
use crate::env::{Env, Signal};
use crate::error::{Source, StoreError};
use crate::types::{Epoch, SealedRecord, Seq};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A change of a shard, to be made durable.
pub(super) struct Op {
    pub(super) shard: Arc<Shard>,
    pub(super) action: Action,
    pub(super) reply: oneshot::Sender<Result<(), StoreError>>,
    /// What the operation takes of the store's budget, given back when it has been answered.
    pub(super) permit: OwnedSemaphorePermit,
}

impl Op {
    /// Tells the caller. What a writer was admitted after a batch that did not happen does not happen either.
    pub(super) fn answer(self, result: Result<(), StoreError>) {
        if let (Err(_), Action::Append { owner, generation, .. } | Action::Seal { owner, generation }) =
            (&result, &self.action)
        {
            owner.fall_back(*generation, &self.shard);
        }
        drop((self.permit, self.action)); // room in the queue, and the id, are free before the caller hears of it
        _ = self.reply.send(result); // a caller that went away needs no answer
    }
}

pub(super) enum Action {
    Create {
        /// Ends when the operation has been answered.
        _reservation: Reservation,
    },
    Append {
        owner: Arc<Owner>,
        generation: u64,
        first: Seq,
        batch: Vec<SealedRecord>,
        /// It may use the room that is kept in reserve.
        reserve: bool,
    },
    Claim(Epoch),
    Trim(Seq),
    Seal {
        owner: Arc<Owner>,
        generation: u64,
    },
    Delete,
}

/// The queue of one lane.
pub(super) struct Queue {
    lane: LaneName,
    state: Mutex<State>,
    /// Raised when there is something to do.
    changed: Arc<dyn Signal>,
}

#[derive(Default)]
struct State {
    ops: VecDeque<Op>,
    closed: bool,
    dead: Option<Source>,
}

impl Queue {
    pub(super) fn new(lane: LaneName, env: &Env) -> Self {
        Self { lane, state: Mutex::default(), changed: env.threads.signal() }
    }

    /// Puts an operation at the end, unless the lane takes none any more.
    pub(super) fn push(&self, op: Op) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if let Some(refusal) = self.refusal(&state) {
            return Err(refusal.into());
        }
        if state.closed {
            return Err(Refusal::Closed.into());
        }
        state.ops.push_back(op);
        drop(state);
        self.changed.raise();
        Ok(())
    }

    /// Waits for operations and takes the oldest, about `bytes_max` of them. `None` when the queue is closed and empty.
    pub(super) fn take(&self, bytes_max: usize) -> Option<Vec<Op>> {
        loop {
            let mut state = lock(&self.state);
            if !state.ops.is_empty() {
                let mut bytes = 0;
                let over = state.ops.iter().position(|op| {
                    bytes += op.permit.num_permits();
                    bytes > bytes_max
                });
                let count = over.unwrap_or(state.ops.len()).max(1);
                return Some(state.ops.drain(..count).collect());
            }
            if state.closed {
                return None;
            }
            drop(state);
            self.changed.wait();
        }
    }

    /// Takes no more; what waits is still done.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.raise();
    }

    /// Takes no more because a write failed; what waits has not happened and is answered so.
    pub(super) fn die(&self, cause: &Source) {
        let waiting = {
            let mut state = lock(&self.state);
            state.dead.get_or_insert_with(|| cause.clone());
            std::mem::take(&mut state.ops)
        };
        for op in waiting {
            let refusal = Refusal::LaneDead { lane: self.lane, cause: cause.clone() };
            op.answer(Err(refusal.into()));
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        lock(&self.state).dead.is_some()
    }

    /// Why it takes no more, if a write has failed.
    pub(super) fn failure(&self) -> Option<Refusal> {
        self.refusal(&lock(&self.state))
    }

    fn refusal(&self, state: &State) -> Option<Refusal> {
        let cause = state.dead.clone()?;
        Some(Refusal::LaneDead { lane: self.lane, cause })
    }
}
