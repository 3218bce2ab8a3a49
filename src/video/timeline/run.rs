//! A run of fragments without a hole, built from heads.

use super::fragment::Fragment;
use super::inits::Inits;
use super::records::{Read, head_at, read_heads};
use crate::error::ReadError;
use crate::head::{ChunkHead, DIRECTORY_FRAGMENTS, EndHead, Head};
use shardlog::{Arrival, Seq};
use std::collections::VecDeque;
use streams::Shard;

/// Fragments without a hole, oldest first, up to some place in the log.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The fragments. The last one may still grow.
    pub(super) fragments: VecDeque<Fragment>,
    /// The record whose directory lists what is before [`Run::fragments`]; `None` when nothing is.
    pub(super) back: Option<Seq>,
    /// Every record before this one has been applied.
    pub(super) next: Seq,
    /// The newest chunk, without its directory.
    pub(super) last_chunk: Option<(Seq, Arrival, ChunkHead)>,
    /// The newest end of a connection.
    pub(super) last_end: Option<(Seq, EndHead)>,
    /// Initialisation segments.
    pub(super) inits: Inits,
}

impl Run {
    /// Reads what leads up to `upto` (not included), which must not be beyond the shard's end: the latest 32 to 64
    /// fragments before it. `first` is the oldest readable record.
    pub(super) async fn load(shard: &Shard, first: Seq, upto: Seq) -> Result<Self, ReadError> {
        let mut run = Self { next: first, ..Self::default() };
        run.next = match position_before(shard, first, upto).await? {
            Some(head) => {
                head.position().and_then(|position| position.directory_seq).unwrap_or(first).max(first)
            }
            None => first,
        };
        run.follow(shard, first, upto).await?;
        Ok(run)
    }

    /// Applies every record up to `upto` that has not been applied.
    pub(super) async fn follow(&mut self, shard: &Shard, first: Seq, upto: Seq) -> Result<(), ReadError> {
        while self.next < upto {
            for read in read_heads(shard, self.next, upto).await? {
                self.apply(first, read)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, first: Seq, read: Read) -> Result<(), ReadError> {
        let Read { seq, arrival, head, body_len } = read;
        self.next = seq.plus(1);
        match head {
            Head::Init(head) => self.inits.state(seq, &head),
            Head::End(head) => {
                self.inits.hear_of(head.position.init_seq);
                self.last_end = Some((seq, head));
            }
            Head::Chunk(mut head) => {
                self.inits.hear_of(head.position.init_seq);
                if head.position.fragment_seq.is_none() {
                    self.begin(first, seq, arrival, &mut head, body_len)?;
                } else if let Some(fragment) = self.fragments.back_mut() {
                    if head.position.fragment_seq != Some(fragment.seq) {
                        return Err(ReadError::damaged(
                            seq,
                            "it belongs to a fragment that is not the latest",
                        ));
                    }
                    fragment.add(&head, body_len);
                }
                head.directory = Vec::new();
                self.last_chunk = Some((seq, arrival, *head));
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        first: Seq,
        seq: Seq,
        arrival: Arrival,
        head: &mut ChunkHead,
        body_len: u64,
    ) -> Result<(), ReadError> {
        let fragment = Fragment::begin(seq, arrival, head, body_len);
        match self.fragments.back() {
            Some(before) if before.ordinal.checked_add(1) != Some(fragment.ordinal) => {
                return Err(ReadError::damaged(seq, "its fragment does not follow the one before"));
            }
            Some(_) => {
                if let Some(before) = self.fragments.back_mut().filter(|_| fragment.continues()) {
                    before.followed_at(fragment.producer_us);
                }
                self.fragments.push_back(fragment);
            }
            None => {
                self.fragments.push_back(fragment);
                self.prepend(first, seq, head)?;
            }
        }
        Ok(())
    }

    /// Takes in the directory of the oldest fragment's first chunk.
    fn prepend(&mut self, first: Seq, seq: Seq, head: &mut ChunkHead) -> Result<(), ReadError> {
        self.back = if head.directory.is_empty() { None } else { head.position.directory_seq };
        for entry in std::mem::take(&mut head.directory).into_iter().rev() {
            let Some(after) = self.fragments.front() else { break };
            if entry.seq < first {
                self.back = None;
                break;
            }
            let step = u64::from(after.discontinuity());
            let ordinals = (after.ordinal.checked_sub(1), after.discontinuity_ordinal.checked_sub(step));
            let (Some(ordinal), Some(discontinuity_ordinal)) = ordinals else {
                return Err(ReadError::damaged(seq, "its directory goes back beyond the stream's beginning"));
            };
            if entry.seq >= after.seq {
                return Err(ReadError::damaged(seq, "its directory is out of order"));
            }
            self.fragments.push_front(Fragment::from_entry(&entry, ordinal, discontinuity_ordinal));
        }
        Ok(())
    }

    /// Goes 32 fragments further back; `false` when there is nothing further.
    pub(super) async fn extend_back(&mut self, shard: &Shard, first: Seq) -> Result<bool, ReadError> {
        let Some(seq) = self.back.filter(|seq| *seq >= first) else {
            self.back = None;
            return Ok(false);
        };
        let Head::Chunk(mut head) = head_at(shard, seq).await?.head else {
            return Err(ReadError::damaged(seq, "a directory was expected"));
        };
        if self.fragments.front().is_none_or(|front| front.seq != seq) {
            return Err(ReadError::damaged(seq, "its directory does not lead up to the fragments after it"));
        }
        let before = self.fragments.len();
        self.prepend(first, seq, &mut head)?;
        Ok(self.fragments.len() > before)
    }

    /// Forgets fragments that were trimmed.
    pub(super) fn trim(&mut self, first: Seq) {
        while self.fragments.front().is_some_and(|fragment| fragment.seq < first) {
            self.fragments.pop_front();
            self.back = None;
        }
        if self.last_chunk.as_ref().is_some_and(|(seq, ..)| *seq < first) {
            self.last_chunk = None;
        }
        self.inits.trim(first);
    }

    /// Forgets the oldest fragments beyond `max`, in whole directories so that they can be had back.
    pub(super) fn bound(&mut self, max: usize) {
        if self.fragments.len() <= max {
            return;
        }
        let excess = self.fragments.len() - max;
        let keep_from = (excess..self.fragments.len())
            .find(|index| self.fragments[*index].ordinal.is_multiple_of(DIRECTORY_FRAGMENTS));
        if let Some(index) = keep_from {
            self.fragments.drain(..index);
            self.back = self.fragments.front().map(|fragment| fragment.seq);
        }
    }

    /// How the newest connection ended, if it did and said so.
    pub(super) fn ended(&self) -> Option<&(Seq, EndHead)> {
        let end = self.last_end.as_ref()?;
        let after = self.last_chunk.as_ref().is_none_or(|(seq, ..)| *seq < end.0);
        after.then_some(end)
    }
}

/// The newest head before `upto` that says where the stream stands.
async fn position_before(shard: &Shard, first: Seq, upto: Seq) -> Result<Option<Head>, ReadError> {
    let mut seq = upto;
    while seq > first {
        seq = Seq(seq.0 - 1);
        let head = head_at(shard, seq).await?.head;
        if head.position().is_some() {
            return Ok(Some(head));
        }
    }
    Ok(None)
}
