//! Reading on and on.

use crate::error::ReadError;
use crate::shard::Shard;
use crate::types::PlainRecord;
use shardlog::{Parts, ReadLimit, Seq, StoredRecord};
use tokio_util::task::AbortOnDropHandle;

/// A shard's records, a page at a time. While one page is opened and used, the next is already being read, so that the disk
/// and whoever reads need not wait for each other. Holds two pages at most.
pub struct Pages {
    shard: Shard,
    limit: ReadLimit,
    next: Seq,
    ahead: Option<AbortOnDropHandle<Result<Vec<StoredRecord>, ReadError>>>,
}

impl Pages {
    pub(crate) fn new(shard: Shard, from: Seq, limit: ReadLimit) -> Self {
        Self { shard, limit, next: from, ahead: None }
    }

    /// The record that comes next.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// The next page, as [`Shard::read`] gives it: empty at the end of what is durable, and to be asked again when there is
    /// more. After an error the same place is tried again.
    pub async fn next(&mut self) -> Result<Vec<PlainRecord>, ReadError> {
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead.await.ok(),
            None => None,
        };
        let stored = match ahead {
            // What is at the end now need not have been there when it was read ahead.
            Some(Ok(page)) if !page.is_empty() => page,
            Some(_) | None => self.shard.read_sealed(self.next, self.limit, Parts::Whole).await?,
        };
        let Some(last) = stored.last() else { return Ok(Vec::new()) };
        let (shard, after, limit) = (self.shard.clone(), last.seq.plus(1), self.limit);
        if shard.has_record(after) {
            let read = async move { shard.read_sealed(after, limit, Parts::Whole).await };
            self.ahead = Some(AbortOnDropHandle::new(tokio::spawn(read)));
        }
        let opened = self.shard.open(stored).await;
        match &opened {
            Ok(_) => self.next = after,
            Err(_) => self.ahead = None,
        }
        opened
    }
}
