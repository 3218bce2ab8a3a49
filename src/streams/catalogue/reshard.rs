//! What resharding does to a stream's row and to its shards in the store.

use super::row::Row;
use super::settings::retention_class;
use super::{Catalogue, SHARDS_AT_ONCE, Stream};
use crate::error::CatalogueError;
use crate::map::ShardMap;
use crate::types::StreamInfo;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shardlog::{ShardId, StoreError};

impl Catalogue {
    /// Changes a stream as its users see it, durably. `edit` says whether there is anything to write, and may run again.
    pub(crate) async fn change_info<E: From<CatalogueError> + Send>(
        &self,
        stream: &Stream,
        mut edit: impl FnMut(&mut StreamInfo) -> Result<bool, E> + Send,
    ) -> Result<(), E> {
        self.change(stream, |row| {
            let mut info = row.info();
            let changed = edit(&mut info)?;
            if changed {
                *row = Row::of(&info, std::mem::take(&mut row.data_keys));
            }
            Ok(changed)
        })
        .await
    }

    /// Whether there is room for such a row, with its keys.
    pub(crate) fn check_room(&self, stream: &Stream, info: &StreamInfo) -> Result<(), CatalogueError> {
        Row::of(info, stream.keys.generations()).encode().map(drop)
    }

    /// Makes the shards that are to come, as far as they are not there yet.
    pub(crate) async fn make_coming(&self, info: &StreamInfo) -> Result<(), StoreError> {
        let class = retention_class(info.retention_hours);
        let make = |shard: ShardId| async move {
            match self.store.create(shard, class).await {
                // Made before a stop: nobody else has this id.
                Ok(()) | Err(StoreError::AlreadyExists(_)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        let coming: Vec<_> = info.unfinished.coming.iter().map(|shard| shard.id).collect();
        stream::iter(coming).map(make).buffer_unordered(SHARDS_AT_ONCE).try_collect().await
    }

    /// Takes shards away from their users, and deletes them and those that were taken away before.
    pub(crate) async fn forget_shards(&self, stream: &Stream, indexes: &[u32]) -> Result<(), CatalogueError> {
        let forget = self.change_info(stream, |info| {
            let (leave, stay): (Vec<_>, Vec<_>) = info
                .shards
                .iter()
                .copied()
                .partition(|shard| indexes.contains(&shard.index) && !shard.is_open());
            info.unfinished.leaving.extend(leave.iter().map(|shard| shard.id));
            info.shards = ShardMap::new(stay);
            Ok::<_, CatalogueError>(!leave.is_empty())
        });
        forget.await?;
        let leaving = stream.info().unfinished.leaving.clone();
        if leaving.is_empty() {
            return Ok(());
        }
        stream::iter(leaving.clone())
            .map(|shard| self.erase_shard(shard))
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        self.change_info(stream, |info| {
            info.unfinished.leaving.retain(|shard| !leaving.contains(shard));
            Ok(true)
        })
        .await
    }
}
