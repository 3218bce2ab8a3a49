//! The service: everything begins here.

use crate::catalogue::Catalogue;
use crate::data::DataSettings;
use crate::error::{
    CatalogueError, CreateError, DeleteError, OpenError, ReadError, ShardError, StreamNotFound, UpdateError,
};
use crate::hold::Hold;
use crate::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX, KEY_CHANGE_SHOWN, StreamsConfig};
use crate::room::{DiskState, Room};
use crate::shard::Shard;
use crate::traffic::Totals;
use crate::types::{
    ChosenKey, KeyedPage, KeyedStream, NewStream, StrayShard, StreamInfo, StreamKind, StreamPage,
    StreamPatch, StreamUsage,
};
use shardlog::env::Env;
use shardlog::{Limits, LogStore, MetaStore, StoreError};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vault::Vault;
use vault::seal::{HEAD_OVERHEAD, PIECE, TAG};

/// Streams and their shards. Cheap to clone; all clones are one service.
///
/// End it with [`Streams::shutdown`]: owners of shards live on for a while after the last clone has gone.
#[derive(Clone)]
pub struct Streams {
    core: Arc<Core>,
}

impl From<Arc<Core>> for Streams {
    fn from(core: Arc<Core>) -> Self {
        Self { core }
    }
}

/// What the parts of the service share.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) env: Env,
    pub(crate) config: StreamsConfig,
    /// What one batch may hold: heads and bodies in the clear, the whole sealed.
    pub(crate) limits: Limits,
    pub(crate) catalogue: Catalogue,
    /// Bytes that may still be admitted, over all shards.
    pub(crate) admission: Arc<Semaphore>,
    /// Owners of shards, changes of the catalogue, retention.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Whether there is room on the disk.
    pub(crate) room: Room,
    /// What shards of data records took and gave since the start.
    pub(crate) totals: Totals,
}

impl Core {
    pub(crate) fn is_closing(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl Streams {
    /// Opens the service on a store of records and one of metadata, which nobody else may be changing. Creations and
    /// deletions that were cut off are undone or completed first.
    pub async fn open(
        store: Arc<dyn LogStore>,
        meta: Arc<dyn MetaStore>,
        vault: Arc<Vault>,
        env: Env,
        config: StreamsConfig,
    ) -> Result<Self, OpenError> {
        let config = config.clamped();
        let catalogue = Catalogue::open(store.clone(), meta, vault.clone(), env.clone(), config).await?;
        let core = Core {
            limits: plain_limits(store.limits()),
            store,
            vault,
            env,
            config,
            catalogue,
            admission: Arc::new(Semaphore::new(config.admission_bytes_max)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            room: Room::new(config.marks),
            totals: Totals::default(),
        };
        Ok(Arc::new(core).into())
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Makes a stream; durable on return.
    pub async fn create(&self, new: NewStream) -> Result<Arc<StreamInfo>, CreateError> {
        let core = self.core.clone();
        self.to_its_end(async move { core.catalogue.create(new).await }).await
    }

    /// The stream as it stands, if it can be used: not while it is made or deleted.
    pub fn describe(&self, name: &str) -> Result<Arc<StreamInfo>, StreamNotFound> {
        Ok(self.core.catalogue.get(name)?.info())
    }

    /// The stream as it stands, in whatever [status](crate::StreamStatus).
    pub fn look(&self, name: &str) -> Result<Arc<StreamInfo>, StreamNotFound> {
        self.core.catalogue.look(name)
    }

    /// Streams (of one kind, or all) that can be used, in the order of their names, beginning behind `after`; at least 1
    /// and at most [`LIST_MAX`](crate::limits::LIST_MAX) of them.
    pub fn list(&self, kind: Option<StreamKind>, after: Option<&str>, limit: usize) -> StreamPage {
        self.core.catalogue.list(kind, false, after, limit)
    }

    /// The same of streams in whatever [status](crate::StreamStatus).
    pub fn list_all(&self, kind: Option<StreamKind>, after: Option<&str>, limit: usize) -> StreamPage {
        self.core.catalogue.list(kind, true, after, limit)
    }

    /// Streams of every kind, as [`list`](Self::list) gives them, and the keys that they depend on.
    pub fn keys(&self, after: Option<&str>, limit: usize) -> KeyedPage {
        let page = self.list(None, after, limit);
        let with_keys = |info: Arc<StreamInfo>| {
            let stream = self.core.catalogue.get(&info.name);
            let mut older_keys = stream.map(|stream| stream.keys.wrapping()).unwrap_or_default();
            older_keys.retain(|key| key.to_string() != info.key);
            KeyedStream { info, older_keys }
        };
        KeyedPage { streams: page.streams.into_iter().map(with_keys).collect(), next: page.next }
    }

    /// Changes a stream's settings; durable on return. A shorter retention works from the next retention pass on.
    pub async fn update(&self, name: &str, patch: StreamPatch) -> Result<Arc<StreamInfo>, UpdateError> {
        let (core, name) = (self.core.clone(), name.to_owned());
        self.to_its_end(async move { core.catalogue.update(&name, patch).await }).await
    }

    /// Changes what a stream of data records has besides; durable on return. `edit` sees the settings as they stand and may
    /// run more than once; nothing is written if it fails. Changes of one stream come one after the other.
    pub async fn change_data<T, E>(
        &self,
        name: &str,
        edit: impl FnMut(&mut DataSettings) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<UpdateError> + Send + 'static,
    {
        let (core, name) = (self.core.clone(), name.to_owned());
        let closing = || E::from(UpdateError::Catalogue(CatalogueError::ShuttingDown));
        self.run_to_its_end(async move { core.catalogue.change_data(&name, edit).await }, closing).await
    }

    /// Has a stream's data keys wrapped by a key of the user's choice, or by the default key again; durable on return. What is
    /// appended from then on depends on that key; older records go on depending on the key that was there before. The key
    /// must be enabled. A key may be chosen, and given up, [`KEY_CHANGES_PER_DAY`](crate::limits::KEY_CHANGES_PER_DAY) times in 24
    /// hours each. The stream shows as *updating* for [`KEY_CHANGE_SHOWN`], though it is done.
    pub async fn set_key(
        &self,
        name: &str,
        chosen: Option<ChosenKey>,
    ) -> Result<Arc<StreamInfo>, UpdateError> {
        let (core, name) = (self.core.clone(), name.to_owned());
        self.to_its_end(async move {
            let (stream, changed) = core.catalogue.set_key(&name, chosen).await?;
            let info = stream.info();
            if changed {
                let shown = core.env.clock.sleep(KEY_CHANGE_SHOWN);
                core.tasks.spawn(core.stop.clone().run_until_cancelled_owned(async move {
                    shown.await;
                    stream.show_rekeying(false);
                }));
            }
            Ok(info)
        })
        .await
    }

    /// Places a hold on a stream, in the stead of one of the same name; durable on return. What it covers stays until it is
    /// released, and all that came after with it; the stream cannot be deleted meanwhile.
    pub async fn place_hold(&self, name: &str, hold: Hold) -> Result<Arc<StreamInfo>, UpdateError> {
        let (core, name) = (self.core.clone(), name.to_owned());
        self.to_its_end(async move { core.catalogue.place_hold(&name, hold).await }).await
    }

    /// Releases a hold; durable on return.
    pub async fn release_hold(&self, name: &str, hold: &str) -> Result<Arc<StreamInfo>, UpdateError> {
        let (core, name, hold) = (self.core.clone(), name.to_owned(), hold.to_owned());
        self.to_its_end(async move { core.catalogue.release_hold(&name, &hold).await }).await
    }

    /// How full the disk is, and what became of that.
    pub fn disk(&self) -> DiskState {
        self.core.room.state()
    }

    /// Deletes a stream, unless it is held: destroys its data keys, so that nothing of it can be read again, then its
    /// shards. Durable on return. Handles of its shards answer that it was deleted.
    pub async fn delete(&self, name: &str) -> Result<(), DeleteError> {
        let (core, name) = (self.core.clone(), name.to_owned());
        self.to_its_end(async move { core.catalogue.delete(&name).await }).await
    }

    /// A shard of a stream, by its index.
    pub fn shard(&self, name: &str, index: u32) -> Result<Shard, ShardError> {
        let stream = self.core.catalogue.get(name)?;
        let cell = stream.cell(index);
        let cell = cell.ok_or_else(|| ShardError::NoSuchShard { name: name.to_owned(), index })?;
        Ok(Shard::new(self.core.clone(), stream, cell))
    }

    /// Shards in the store that belonged to no stream when the service was opened. Nobody has their keys; they are left
    /// alone.
    pub fn strays(&self) -> &[StrayShard] {
        &self.core.catalogue.strays
    }

    /// What a stream takes on disk.
    pub async fn usage(&self, name: &str) -> Result<StreamUsage, ShardError> {
        let stream = self.core.catalogue.get(name)?;
        let mut usage = StreamUsage::default();
        for cell in stream.cells() {
            let state = match self.core.store.state(cell.info.id).await {
                // It has expired since the list was made.
                Err(StoreError::NotFound(_)) if stream.cell(cell.info.index).is_none() => continue,
                state => state.map_err(ReadError::from)?,
            };
            usage.stored_bytes = usage.stored_bytes.saturating_add(state.stored_bytes);
            usage.records =
                usage.records.saturating_add(state.tail.next.0.saturating_sub(state.tail.first.0));
        }
        Ok(usage)
    }

    /// Refuses new work, waits for what is in flight, and ends every task. The store stays open.
    pub async fn shutdown(&self) {
        self.core.stop.cancel();
        self.core.admission.close();
        for stream in self.core.catalogue.all() {
            stream.close_owners();
        }
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }

    pub(crate) async fn to_its_end<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<CatalogueError> + Send + 'static,
    {
        self.run_to_its_end(work, || CatalogueError::ShuttingDown.into()).await
    }

    /// Runs a change of the catalogue in a task of its own, so that a caller who goes away (a client that hangs up) does
    /// not leave it half done.
    async fn run_to_its_end<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
        closing: impl Fn() -> E,
    ) -> Result<T, E> {
        if self.core.is_closing() {
            return Err(closing());
        }
        self.core.tasks.spawn(work).await.unwrap_or_else(|_| Err(closing()))
    }
}

/// What fits into a store's limits once it is sealed.
fn plain_limits(store: Limits) -> Limits {
    let pieces = store.body_bytes_max.div_ceil(PIECE + TAG);
    Limits {
        head_bytes_max: store.head_bytes_max.saturating_sub(HEAD_OVERHEAD).min(HEAD_BYTES_MAX),
        body_bytes_max: store.body_bytes_max.saturating_sub(pieces * TAG).min(BODY_BYTES_MAX),
        ..store
    }
}
