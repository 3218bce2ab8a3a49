//! Deleting a stream: first its data keys, so that it is unreadable at once, then the rest.
//!
//! The row is the only place where the wrapped data keys are kept, and rewriting it without them destroys them as far as
//! the metadata store forgets what it overwrites; one with a journal keeps that until it states the journal anew. A copy
//! of the row that survives there, or in a backup, opens only with the root key.

use super::row::{Phase, Row};
use super::{Catalogue, SHARDS_AT_ONCE, Slot, Stream};
use crate::error::{CatalogueError, DeleteError, StreamNotFound};
use crate::sealed::SealedSettings;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shardlog::{ShardId, StoreError};
use std::sync::Arc;

impl Catalogue {
    /// Deletes a stream, durably. Must run to its end: the caller must not drop it half way.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), DeleteError> {
        let not_found = || StreamNotFound { name: name.to_owned() };
        let stream = match self.names().get(name) {
            Some(Slot::Here(stream) | Slot::Leaving(stream)) => stream.clone(),
            Some(Slot::Making(_)) | None => return Err(not_found().into()),
        };
        // Shards that are about to be made are made before this or not at all.
        let _resharding = stream.resharding.lock().await;
        let mut state = stream.row.lock().await;
        if state.gone {
            return Err(not_found().into());
        }
        let info = stream.info();
        if let (Some(hold), false) = (info.holds.first(), stream.is_deleted()) {
            return Err(DeleteError::Held { hold: hold.name.clone(), holds: info.holds.len() });
        }
        let row = Row {
            phase: Phase::Deleting,
            sealed_settings: SealedSettings::default(),
            ..Row::of(&info, Vec::new())
        };
        if !stream.is_deleted() {
            state.version = self.write_row(&stream.row_key, Some(state.version), &row).await?;
            self.leave(&info.name, &stream);
        }
        self.erase(&row, &stream.row_key, state.version).await?;
        state.gone = true;
        self.names_mut().remove(&info.name);
        tracing::info!(stream = stream.row_key, "stream deleted");
        Ok(())
    }

    /// Takes the stream away from its users.
    fn leave(&self, name: &str, stream: &Arc<Stream>) {
        self.names_mut().insert(name.to_owned(), Slot::Leaving(stream.clone()));
        stream.mark_deleted();
    }

    /// Deletes the shards of a row, as far as they are there, and then the row.
    pub(super) async fn erase(&self, row: &Row, key: &str, version: u64) -> Result<(), CatalogueError> {
        stream::iter(row.shard_ids())
            .map(|shard| self.erase_shard(shard))
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        self.meta.remove(key, version).await?;
        Ok(())
    }

    pub(super) async fn erase_shard(&self, shard: ShardId) -> Result<(), StoreError> {
        match self.store.delete(shard).await {
            Ok(()) | Err(StoreError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
