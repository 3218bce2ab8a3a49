//! Where initialisation segments are.

use super::records::head_at;
use crate::error::ReadError;
use crate::head::{Head, InitHead, InitId};
use shardlog::Seq;
use std::collections::HashMap;
use streams::Shard;

/// Names kept in memory; further ones are found by walking the chain again.
const KNOWN_MAX: usize = 4096;

/// Which record states each initialisation segment most recently. What is not known yet is found by walking back the
/// chain that every head points into.
#[derive(Debug, Default)]
pub(crate) struct Inits {
    known: HashMap<InitId, Seq>,
    /// The newest statement.
    newest: Option<Seq>,
    /// The newest statement that has not been walked to.
    unwalked: Option<Seq>,
}

impl Inits {
    /// Takes in a statement. Statements come in order, after those that are walked to.
    pub(super) fn state(&mut self, seq: Seq, head: &InitHead) {
        if self.newest.is_none() {
            self.unwalked = head.previous;
        }
        self.newest = Some(seq);
        if self.known.len() < KNOWN_MAX || self.known.contains_key(&head.id) {
            self.known.insert(head.id, seq);
        }
    }

    /// Takes in what a head says of the newest statement before it.
    pub(super) fn hear_of(&mut self, newest: Option<Seq>) {
        if self.newest.is_none() {
            self.newest = newest;
            self.unwalked = newest;
        }
    }

    /// The newest statement of any.
    pub(crate) fn newest(&self) -> Option<Seq> {
        self.newest
    }

    pub(super) fn trim(&mut self, first: Seq) {
        self.known.retain(|_, seq| *seq >= first);
    }

    /// The newest record that states this one, if it is still there.
    pub(super) async fn find(
        &mut self,
        shard: &Shard,
        first: Seq,
        id: InitId,
    ) -> Result<Option<Seq>, ReadError> {
        if let Some(seq) = self.known.get(&id) {
            return Ok(Some(*seq));
        }
        // Names beyond the limit are not remembered, so the walk then starts at the newest statement.
        let full = self.known.len() >= KNOWN_MAX;
        let mut next = if full { self.newest } else { self.unwalked };
        while let Some(seq) = next.filter(|seq| *seq >= first) {
            let Head::Init(head) = head_at(shard, seq).await?.head else {
                return Err(ReadError::damaged(seq, "an initialisation segment was expected"));
            };
            next = head.previous;
            if !full {
                self.known.entry(head.id).or_insert(seq);
                self.unwalked = next;
            }
            if head.id == id {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }
}
