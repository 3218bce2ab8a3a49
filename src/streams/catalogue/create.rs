//! Making a stream.

use super::row::{Phase, Row, key_of};
use super::settings::retention_class;
use super::{Catalogue, SHARDS_AT_ONCE, Slot, Stream};
use crate::error::{CatalogueError, CreateError};
use crate::hash::split_evenly;
use crate::limits::STREAMS_MAX;
use crate::types::{NewStream, ShardInfo, StreamInfo};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shardlog::ShardId;
use std::sync::Arc;

impl Catalogue {
    /// Makes a stream, durably. Must run to its end: the caller must not drop it half way.
    pub(crate) async fn create(&self, new: NewStream) -> Result<Arc<StreamInfo>, CreateError> {
        new.validate()?;
        let name = new.name.clone();
        self.reserve(&name)?;
        match self.make(new).await {
            Ok(stream) => {
                let info = stream.info();
                self.names_mut().insert(name, Slot::Here(stream));
                Ok(info)
            }
            Err(error) => {
                self.names_mut().remove(&name);
                Err(error.into())
            }
        }
    }

    fn reserve(&self, name: &str) -> Result<(), CreateError> {
        let mut names = self.names_mut();
        if names.contains_key(name) {
            return Err(CreateError::AlreadyExists { name: name.to_owned() });
        }
        if names.len() >= STREAMS_MAX {
            return Err(CreateError::TooMany { max: STREAMS_MAX });
        }
        names.insert(name.to_owned(), Slot::Making);
        Ok(())
    }

    async fn make(&self, new: NewStream) -> Result<Arc<Stream>, CatalogueError> {
        let mut row = self.first_row(new)?;
        let key = key_of(row.id);
        let version = self.write_row(&key, None, &row).await?;
        match self.make_shards(&mut row, &key, version).await {
            Ok(version) => Ok(Arc::new(Stream::new(&row, version, self.shard_admission_bytes))),
            Err(error) => {
                if let Err(undo) = self.erase(&row, &key, version).await {
                    tracing::warn!(row = key, error = %undo, "half-made stream is left for the next opening to undo");
                }
                Err(error)
            }
        }
    }

    fn first_row(&self, new: NewStream) -> Result<Row, CatalogueError> {
        let id = ShardId::new(&self.env).0;
        let now_ms = self.env.clock.now_ms();
        let key = self.default_key.to_string();
        let ranges = split_evenly(new.shards).into_iter();
        let info = StreamInfo {
            id,
            name: new.name,
            kind: new.kind,
            created_ms: now_ms,
            retention_hours: new.retention_hours,
            retention_bytes: new.retention_bytes,
            when_full: new.when_full,
            holds: Vec::new(),
            attributes: new.attributes,
            sealed_settings: new.sealed_settings,
            shards: ranges.map(|hash_range| ShardInfo { id: ShardId::new(&self.env), hash_range }).collect(),
            key: key.clone(),
        };
        let first_key = self.new_generation(&key, &key_of(id), 1, now_ms)?;
        Ok(Row { phase: Phase::Creating, ..Row::of(&info, vec![first_key]) })
    }

    async fn make_shards(&self, row: &mut Row, key: &str, version: u64) -> Result<u64, CatalogueError> {
        let class = retention_class(row.retention_hours);
        stream::iter(row.shard_ids())
            .map(|shard| self.store.create(shard, class))
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        row.phase = Phase::Active;
        self.write_row(key, Some(version), row).await
    }
}
