//! Reading on and on.

use crate::error::ReadError;
use crate::shard::Shard;
use crate::types::PlainRecord;
use bytes::Bytes;
use shardlog::{Parts, ReadLimit, Seq, StoredRecord};
use std::collections::VecDeque;
use tokio_util::task::AbortOnDropHandle;

/// Pages that are being read ahead: with two the disk has something to do while one of them is being verified.
const AHEAD: usize = 2;

/// A shard's records, a page at a time. While one page is opened and used, the next are already being read, so that the disk
/// and whoever reads need not wait for each other. Holds three pages at most.
///
/// Where a page ends is known when it has been read. So the second page ahead begins where the first would end if it had as
/// many records as the last one; if it has not, the second is read again from where it should have begun.
pub struct Pages {
    shard: Shard,
    limit: ReadLimit,
    next: Seq,
    ahead: VecDeque<Ahead>,
}

struct Ahead {
    from: Seq,
    records: usize,
    read: AbortOnDropHandle<Result<Vec<StoredRecord>, ReadError>>,
}

impl Pages {
    pub(crate) fn new(shard: Shard, from: Seq, limit: ReadLimit) -> Self {
        Self { shard, limit, next: from, ahead: VecDeque::new() }
    }

    /// The record that comes next.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// The next page, as [`Shard::read`] gives it: empty at the end of what is durable, and to be asked again when there is
    /// more. After an error the same place is tried again.
    pub async fn next(&mut self) -> Result<Vec<PlainRecord>, ReadError> {
        let stored = match self.read_ahead().await {
            Some(page) => page,
            None => self.shard.read_sealed(self.next, self.limit, Parts::Whole).await?,
        };
        let Some(last) = stored.last() else { return Ok(Vec::new()) };
        let after = last.seq.plus(1);
        self.look_ahead(after, &stored);
        let opened = self.shard.open(stored).await;
        match &opened {
            Ok(_) => self.next = after,
            Err(_) => self.ahead.clear(),
        }
        opened
    }

    /// The page that was read ahead for this place. What is at the end now need not have been there then, and what failed may
    /// not fail again: neither is taken.
    async fn read_ahead(&mut self) -> Option<Vec<StoredRecord>> {
        let ahead = self.ahead.pop_front().filter(|ahead| ahead.from == self.next)?;
        ahead.read.await.ok()?.ok().filter(|page| !page.is_empty())
    }

    /// Begins to read what comes behind a page.
    fn look_ahead(&mut self, after: Seq, page: &[StoredRecord]) {
        if self.ahead.front().is_some_and(|ahead| ahead.from != after) {
            self.ahead.clear();
        }
        let bytes: usize =
            page.iter().map(|one| one.head.len() + one.body.as_ref().map_or(0, Bytes::len)).sum();
        let growth = if bytes <= self.limit.bytes / 2 { 2 } else { 1 };
        let records = page.len().saturating_mul(growth).min(self.limit.records.max(1));
        while self.ahead.len() < AHEAD {
            let from = self.ahead.back().map_or(after, |last| last.from.plus(last.records as u64));
            if !self.shard.has_record(from) {
                return;
            }
            let (shard, limit) = (self.shard.clone(), ReadLimit { records, ..self.limit });
            let read = tokio::spawn(async move { shard.read_sealed(from, limit, Parts::Whole).await });
            self.ahead.push_back(Ahead { from, records, read: AbortOnDropHandle::new(read) });
        }
    }
}
