//! The catalogue: which streams there are. All of it is held in memory; rows in the metadata store are its truth.
//!
//! A stream's life, and what a crash leaves behind after each step:
//!
//! 1. `create` writes a row in phase *creating*. (Left alone, the next opening deletes the shards there are and the row.)
//! 2. It makes the shards.
//! 3. It rewrites the row in phase *active*: now the stream exists.
//! 4. `delete` rewrites the row in phase *deleting* and without data keys: from here on nobody can read a record, and
//!    the next opening completes the rest.
//! 5. It deletes the shards.
//! 6. It removes the row.

mod change;
mod create;
mod delete;
mod key;
mod open;
mod reshard;
pub(crate) mod row;
pub(crate) mod settings;
mod shard_row;
mod stream;

pub use open::DEFAULT_KEY_ALIAS;
pub(crate) use stream::{ShardCell, Stream};

use crate::error::StreamNotFound;
use crate::limits::LIST_MAX;
use crate::types::{StrayShard, StreamInfo, StreamKind, StreamPage};
use shardlog::env::Env;
use shardlog::{LogStore, MetaStore};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use vault::{KeyId, Vault};

/// Shards of one stream that are made or deleted at a time, so that the store can write them down together.
const SHARDS_AT_ONCE: usize = 32;

pub(crate) struct Catalogue {
    meta: Arc<dyn MetaStore>,
    store: Arc<dyn LogStore>,
    vault: Arc<Vault>,
    env: Env,
    /// Wraps the data keys of new streams.
    default_key: KeyId,
    shard_admission_bytes: usize,
    names: RwLock<BTreeMap<String, Slot>>,
    /// Shards in the store that belonged to no stream when it was opened.
    pub(crate) strays: Vec<StrayShard>,
}

/// What stands under a name.
enum Slot {
    /// Reserved by a `create` that is under way.
    Making(Arc<StreamInfo>),
    /// A stream.
    Here(Arc<Stream>),
    /// A stream whose data keys are gone and whose shards are being deleted. Nobody but `delete` finds it.
    Leaving(Arc<Stream>),
}

impl Slot {
    fn info(&self) -> Arc<StreamInfo> {
        match self {
            Self::Making(info) => info.clone(),
            Self::Here(stream) | Self::Leaving(stream) => stream.info(),
        }
    }
}

impl Catalogue {
    fn names(&self) -> RwLockReadGuard<'_, BTreeMap<String, Slot>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn names_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Slot>> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Stream>, StreamNotFound> {
        match self.names().get(name) {
            Some(Slot::Here(stream)) => Ok(stream.clone()),
            _ => Err(StreamNotFound { name: name.to_owned() }),
        }
    }

    /// The stream of that name as it stands, also one that is still being made or not quite deleted.
    pub(crate) fn look(&self, name: &str) -> Result<Arc<StreamInfo>, StreamNotFound> {
        let slot = self.names().get(name).map(Slot::info);
        slot.ok_or_else(|| StreamNotFound { name: name.to_owned() })
    }

    /// Streams in the order of their names, beginning behind `after`: those that are here, or `all`.
    pub(crate) fn list(
        &self,
        kind: Option<StreamKind>,
        all: bool,
        after: Option<&str>,
        limit: usize,
    ) -> StreamPage {
        let limit = limit.clamp(1, LIST_MAX);
        let names = self.names();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = StreamPage::default();
        for slot in names.range::<str, _>((from, Bound::Unbounded)).map(|(_, slot)| slot) {
            if !all && !matches!(slot, Slot::Here(_)) {
                continue;
            }
            let info = slot.info();
            if kind.is_some_and(|kind| kind != info.kind) {
                continue;
            }
            if page.streams.len() == limit {
                page.next = page.streams.last().map(|last| last.name.clone());
                break;
            }
            page.streams.push(info);
        }
        page
    }

    /// Every stream, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        let here = |slot: &Slot| match slot {
            Slot::Here(stream) => Some(stream.clone()),
            Slot::Making(_) | Slot::Leaving(_) => None,
        };
        self.names().values().filter_map(here).collect()
    }
}
