//! Opening the catalogue: every row is read, and what was half done is undone or completed.

use super::row::{PREFIX, Phase, Row};
use super::{Catalogue, Slot, Stream};
use crate::crypto::off_runtime;
use crate::error::{CatalogueError, OpenError};
use crate::limits::{STREAMS_MAX, StreamsConfig};
use crate::types::StrayShard;
use shardlog::env::Env;
use shardlog::{JOURNAL_SHARD, LogStore, MetaStore, ShardId, StoreError, Versioned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use vault::{AliasError, KeyId, KeyState, Vault};

/// So many shards without a stream are named in the log, one by one.
const STRAYS_NAMED_MAX: usize = 100;
/// Description of the key-encryption key that wraps the data keys of streams for which nobody chose one.
const DEFAULT_KEY: &str = "default key of streams";
/// Names it in the keystore.
pub const DEFAULT_KEY_ALIAS: &str = "streams/default";

impl Catalogue {
    pub(crate) async fn open(
        store: Arc<dyn LogStore>,
        meta: Arc<dyn MetaStore>,
        vault: Arc<Vault>,
        env: Env,
        config: StreamsConfig,
    ) -> Result<Self, OpenError> {
        let keystore = vault.clone();
        let default_key =
            off_runtime(move || default_key(&keystore)).await.map_err(CatalogueError::from)??;
        let mut catalogue = Self {
            meta,
            store,
            vault,
            env,
            default_key,
            shard_admission_bytes: config.shard_admission_bytes_max,
            names: RwLock::default(),
            strays: Vec::new(),
        };
        let streams = catalogue.load().await?;
        catalogue.strays = catalogue.find_strays(&streams).await.map_err(CatalogueError::from)?;
        *catalogue.names.write().unwrap_or_else(PoisonError::into_inner) = streams;
        Ok(catalogue)
    }

    /// Says where catalogue and store disagree, which no stop of this program explains. Nothing is mended: a shard
    /// without a stream may be all that is left of one, and a stream without its shard still has the others. Returns the
    /// shards without a stream.
    async fn find_strays(&self, streams: &BTreeMap<String, Slot>) -> Result<Vec<StrayShard>, StoreError> {
        let mut stored: BTreeSet<ShardId> = self.store.shards().await?.into_iter().collect();
        stored.remove(&JOURNAL_SHARD);
        let mut known = BTreeSet::new();
        for slot in streams.values() {
            let Slot::Here(stream) = slot else { continue };
            for shard in stream.info().shards.iter().map(|shard| shard.id) {
                if !stored.contains(&shard) {
                    tracing::error!(row = stream.row_key, %shard, "a shard is missing from the store");
                }
                known.insert(shard);
            }
            // Not missing if they are not there: to be made, or deleted already.
            let unfinished = &stream.info().unfinished;
            known.extend(
                unfinished.coming.iter().map(|shard| shard.id).chain(unfinished.leaving.iter().copied()),
            );
        }
        let mut strays = Vec::new();
        for id in stored.difference(&known).copied() {
            let stored_bytes = self.store.state(id).await?.stored_bytes;
            if strays.len() < STRAYS_NAMED_MAX {
                tracing::warn!(shard = %id, stored_bytes, "a shard in the store belongs to no stream; left alone");
            }
            strays.push(StrayShard { id, stored_bytes });
        }
        if strays.len() > STRAYS_NAMED_MAX {
            tracing::warn!(
                shards = strays.len(),
                "so many shards in the store belong to no stream; left alone"
            );
        }
        Ok(strays)
    }

    async fn load(&self) -> Result<BTreeMap<String, Slot>, OpenError> {
        let stored = self.meta.list(PREFIX).await.map_err(CatalogueError::from)?;
        if stored.len() > STREAMS_MAX {
            return Err(OpenError::TooMany { found: stored.len(), max: STREAMS_MAX });
        }
        let vault = self.vault.clone();
        let rows = off_runtime(move || open_rows(&vault, stored)).await.map_err(CatalogueError::from)??;
        let mut streams = BTreeMap::new();
        for (key, version, row) in rows {
            if row.phase != Phase::Active {
                tracing::info!(row = key, phase = ?row.phase, "finishing what a stop had cut off");
                self.erase(&row, &key, version).await?;
                continue;
            }
            let stream = Arc::new(Stream::new(&row, version, self.shard_admission_bytes));
            if let Some(Slot::Here(first)) = streams.insert(row.name, Slot::Here(stream)) {
                return Err(OpenError::DuplicateName { first: first.row_key.clone(), second: key });
            }
        }
        Ok(streams)
    }
}

fn open_rows(
    vault: &Vault,
    stored: Vec<(String, Versioned)>,
) -> Result<Vec<(String, u64, Row)>, CatalogueError> {
    let open = |(key, found): (String, Versioned)| {
        let row = open_row(vault, &key, &found.value)?;
        Ok((key, found.version, row))
    };
    stored.into_iter().map(open).collect()
}

/// Opens and parses one row.
pub(super) fn open_row(vault: &Vault, key: &str, sealed: &[u8]) -> Result<Row, CatalogueError> {
    let plain = vault
        .open_blob(key.as_bytes(), sealed)
        .map_err(|error| CatalogueError::Row { key: key.to_owned(), what: error.to_string() })?;
    Row::decode(key, &plain)
}

/// The key-encryption key that a row names.
pub(super) fn parse_key_id(row: &str, id: &str) -> Result<KeyId, CatalogueError> {
    id.parse()
        .map_err(|_| CatalogueError::Row { key: row.to_owned(), what: "key id does not parse".to_owned() })
}

fn default_key(vault: &Vault) -> Result<KeyId, CatalogueError> {
    // By its alias, because anybody who may make keys may describe one so.
    if let Some(key) = vault.alias(DEFAULT_KEY_ALIAS) {
        return Ok(key);
    }
    let failed = |error: AliasError| CatalogueError::Keystore(Arc::new(error));
    let known = vault
        .keys()
        .into_iter()
        .find(|key| key.description == DEFAULT_KEY && key.state != KeyState::Destroyed);
    let key = match known {
        Some(key) => key.id,
        None => vault.create_key(DEFAULT_KEY).map_err(|error| failed(error.into()))?,
    };
    vault.create_alias(DEFAULT_KEY_ALIAS, &key, 0).map_err(failed)?;
    Ok(key)
}
