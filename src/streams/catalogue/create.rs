//! Making a stream.

use super::row::{Phase, Row, key_of};
use super::settings::retention_class;
use super::{Catalogue, SHARDS_AT_ONCE, Slot, Stream};
use crate::error::{CatalogueError, CreateError};
use crate::hash::split_evenly;
use crate::limits::STREAMS_MAX;
use crate::map::{ShardInfo, ShardMap};
use crate::reshard::Unfinished;
use crate::types::{NewStream, StreamInfo, StreamKind, StreamStatus};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shardlog::ShardId;
use std::sync::Arc;

impl Catalogue {
    /// Makes a stream, durably. Must run to its end: the caller must not drop it half way.
    pub(crate) async fn create(&self, new: NewStream) -> Result<Arc<StreamInfo>, CreateError> {
        new.validate()?;
        let info = Arc::new(self.first_info(new));
        self.reserve(&info)?;
        match self.make(&info).await {
            Ok(stream) => {
                let made = stream.info();
                self.names_mut().insert(info.name.clone(), Slot::Here(stream));
                Ok(made)
            }
            Err(error) => {
                self.names_mut().remove(&info.name);
                Err(error.into())
            }
        }
    }

    fn reserve(&self, info: &Arc<StreamInfo>) -> Result<(), CreateError> {
        let mut names = self.names_mut();
        if names.contains_key(&info.name) {
            return Err(CreateError::AlreadyExists { name: info.name.clone() });
        }
        if names.len() >= STREAMS_MAX {
            return Err(CreateError::TooMany { max: STREAMS_MAX });
        }
        names.insert(info.name.clone(), Slot::Making(info.clone()));
        Ok(())
    }

    async fn make(&self, info: &StreamInfo) -> Result<Arc<Stream>, CatalogueError> {
        let key = key_of(info.id);
        let mut row = Row { phase: Phase::Creating, ..Row::of(info, Vec::new()) };
        self.add_generation(&mut row, &key, info.created_ms)?;
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

    fn first_info(&self, new: NewStream) -> StreamInfo {
        let created_ms = self.env.clock.now_ms();
        let shard = |(index, hash_range)| ShardInfo {
            index,
            id: ShardId::new(&self.env),
            hash_range,
            parent: None,
            adjacent_parent: None,
            created_ms,
            closed: None,
        };
        StreamInfo {
            id: ShardId::new(&self.env).0,
            name: new.name,
            kind: new.kind,
            created_ms,
            retention_hours: new.retention_hours,
            retention_bytes: new.retention_bytes,
            when_full: new.when_full,
            holds: Vec::new(),
            attributes: new.attributes,
            sealed_settings: new.sealed_settings,
            data: (new.kind == StreamKind::Data).then(|| Arc::new(new.data.unwrap_or_default())),
            status: StreamStatus::Creating,
            shards: ShardMap::new((0..).zip(split_evenly(new.shards)).map(shard).collect()),
            unfinished: Unfinished::default(),
            key: self.default_key.to_string(),
            binding: None,
            bindings: Vec::new(),
        }
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
