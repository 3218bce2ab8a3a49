//! Closed shards go when nothing of them is left and their retention is over.
//!
//! The row forgets such a shard and notes its id in one write; then its log is deleted, then the note.

use crate::catalogue::Stream;
use crate::error::{CatalogueError, ReadError};
use crate::service::Streams;
use shardlog::Arrival;
use std::sync::Arc;

/// Why shards did not go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpireError {
    #[error(transparent)]
    Shard(#[from] ReadError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Streams {
    /// Lets the closed shards of a stream go that have expired at `now`, and deletes what is left of those that went.
    pub(crate) async fn expire_shards(&self, stream: &Arc<Stream>, now: Arrival) -> Result<(), ExpireError> {
        let info = stream.info();
        let retention_ms = u64::from(info.retention_hours) * 3_600_000;
        let mut expired = Vec::new();
        for shard in self.shards_of(stream) {
            let info = shard.info();
            let over = info.closed.is_some_and(|end| end.at_ms.saturating_add(retention_ms) <= now.0);
            if !over {
                continue;
            }
            let tail = *shard.watch()?.borrow();
            if tail.first == tail.next {
                expired.push(info.index);
            }
        }
        if !expired.is_empty() {
            tracing::info!(stream = stream.row_key, shards = ?expired, "closed shards have expired");
        }
        Ok(self.core().catalogue.forget_shards(stream, &expired).await?)
    }
}
