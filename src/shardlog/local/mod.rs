//! The log on one machine's disk.
//!
//! ```text
//! DIR/lock                                held while the store is open
//! DIR/{class:02x}-{lane:02x}/             a lane: the shards of one retention class, or a part of them
//!     {number:016x}.seg                   its segments; the newest takes appends, the others are closed
//!     {number:016x}.seg.tmp               one in the making
//!
//! segment:  header │ statement │ frame │ frame │ … │ footer (once closed)
//! ```
//!
//! Records of many shards share the segments of their lane, so that one write and one sync make the appends of many
//! cameras durable. Layouts: `statement`, `frame`, `footer`, `block`.
//!
//! - **Acknowledged means synced.** `lane` is the only code that writes; nothing is shown to readers or answered before
//!   its sync returned. After a failed write or sync the lane is dead until the store is opened again.
//! - **A segment appears whole.** It is made as `.seg.tmp`, synced, renamed, and its directory synced.
//! - **Only the newest segment's statement counts.** Older segments are records and nothing else, so they go in any order.
//! - **Opening** (`recovery`) reads the newest segment of each lane, and of the others only their footers.
//! - **Damage is reported.** A torn end, which nobody was told of, is cut. Anything else gives `Corrupt`, at opening if
//!   the state of shards is in doubt, else to whoever reads the record.
//! - **Damage is looked for** (`verify`, `scrub`): everything is read now and then, so that it is known before it is needed.
//! - **Space** (`space`) comes back by whole files, and by holes where a closed segment is still partly alive. When the disk has less than
//!   [`LocalOptions::reserve_bytes`] left, records are refused while trims and deletions still have room to be written.
//!
//! A file that is not ours is left alone and named in the log.

mod block;
mod context;
mod footer;
mod frame;
mod group;
mod index;
mod lane;
mod log_store;
mod name;
mod options;
mod queue;
mod reader;
mod rebuild;
mod recent;
mod recovery;
mod roll;
mod scan;
mod scrub;
mod segment;
mod shard;
mod space;
mod statement;
mod stats;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use options::LocalOptions;
pub use scrub::Verified;
pub use stats::LocalStats;
pub use verify::Damage;

use crate::env::Env;
use crate::error::StoreError;
use crate::types::RetentionClass;
use context::{Context, LaneHandle, Refusal, lock, unavailable};
use lane::{Lane, LaneShared};
use name::LaneName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A [`LogStore`](crate::LogStore) in a directory. Cheap to clone; clones are the same store.
///
/// [`LocalStore::close`] ends it in good order. If the last clone is dropped instead, what is queued is still written, but
/// nobody waits for it.
#[derive(Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    context: Arc<Context>,
    lanes: Mutex<BTreeMap<LaneName, LaneHandle>>,
    /// Held while a lane is made or the store closes.
    making: Arc<tokio::sync::Mutex<()>>,
}

impl LocalStore {
    /// Opens the log in `dir`, making it if need be; the directory above must be there. Must be called within a tokio
    /// runtime, in which the log is then gone through for damage now and then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if another process has the log open or a file cannot be read or written;
    /// [`StoreError::Corrupt`] if acknowledged data is damaged in such a way that the state of shards is uncertain.
    pub async fn open(dir: impl Into<PathBuf>, options: LocalOptions, env: Env) -> Result<Self, StoreError> {
        let dir = dir.into();
        let opened = env.clone().blocking(move || Inner::open(&dir, options, env)).await;
        let store = Self { inner: Arc::new(opened.ok_or(Refusal::BrokenOff)??) };
        store.start_scrub();
        Ok(store)
    }

    /// Files and directories that were found in the log's own at opening, and are not the log's. They are left alone.
    pub fn unknown_files(&self) -> Vec<PathBuf> {
        lock(&self.inner.context.unknown).clone()
    }

    /// Writes what is queued, ends the lanes' threads and the watching, and lets other processes have the directory. From
    /// then on every operation gives [`StoreError::Unavailable`]. Closing again does nothing.
    pub async fn close(&self) {
        let inner = self.inner.clone();
        let making = inner.making.clone().lock_owned().await;
        let work = move || {
            inner.close();
            drop(making);
        };
        _ = self.inner.context.env.blocking(work).await; // it breaks off only with the process
    }

    /// Runs what blocks away from the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Context) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let context = self.inner.context.clone();
        let done = self.inner.context.env.blocking(move || work(&context)).await;
        done.unwrap_or_else(|| Err(Refusal::BrokenOff.into()))
    }

    /// The lane for new shards of a class; made if it is not there.
    async fn lane(&self, name: LaneName) -> Result<Arc<LaneShared>, StoreError> {
        if let Some(lane) = lock(&self.inner.lanes).get(&name) {
            return Ok(lane.shared.clone());
        }
        let inner = self.inner.clone();
        let making = inner.making.clone().lock_owned().await;
        let work = move || {
            let made = inner.make_lane(name);
            drop(making);
            made
        };
        self.inner.context.env.blocking(work).await.unwrap_or_else(|| Err(Refusal::BrokenOff.into()))
    }
}

impl Inner {
    fn open(dir: &Path, options: LocalOptions, env: Env) -> Result<Self, StoreError> {
        let files = env.files.clone();
        files.create_dir_all(dir).map_err(unavailable)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            files.sync_dir(parent).map_err(unavailable)?;
        }
        let held = files.lock(&dir.join("lock")).map_err(unavailable)?;
        let context = Arc::new(Context::new(dir.to_owned(), options, env, held));
        let mut lanes = Vec::new();
        for entry in files.list(dir).map_err(unavailable)? {
            match LaneName::parse(&entry) {
                Some(name) => lanes.push(recovery::open_lane(&context, name)?),
                None if entry == Path::new("lock") => {}
                None => context.leave_alone(dir.join(entry)),
            }
        }
        let inner = Self { context, lanes: Mutex::default(), making: Arc::default() };
        for lane in lanes {
            inner.add_lane(lane)?;
        }
        Ok(inner)
    }

    fn add_lane(&self, lane: Lane) -> Result<Arc<LaneShared>, StoreError> {
        {
            let mut shards = self.context.shards.write().unwrap_or_else(PoisonError::into_inner);
            for (id, shard) in &lane.shards {
                if shards.insert(*id, shard.clone()).is_some() {
                    let place = format!("lane {}, shard {id}", lane.shared.name);
                    return Err(StoreError::Corrupt {
                        place,
                        what: "another lane has the shard too".to_owned(),
                    });
                }
            }
        }
        let shared = lane.shared.clone();
        space::reclaim(&self.context, &shared);
        lock(&self.lanes).insert(shared.name, lane.start()?);
        Ok(shared)
    }

    /// To be called with `making` held.
    fn make_lane(&self, name: LaneName) -> Result<Arc<LaneShared>, StoreError> {
        self.context.refuse_closed()?;
        if let Some(lane) = lock(&self.lanes).get(&name) {
            return Ok(lane.shared.clone());
        }
        self.add_lane(recovery::open_lane(&self.context, name)?)
    }

    /// To be called with `making` held.
    fn close(&self) {
        self.context.close();
        self.close_queues();
        let threads: Vec<_> = lock(&self.lanes).values_mut().filter_map(|lane| lane.ended.take()).collect();
        threads.iter().for_each(|ended| ended.wait());
        for shard in self.context.all_shards() {
            shard.index().close();
        }
        self.context.unlock();
    }

    fn close_queues(&self) {
        for lane in lock(&self.lanes).values() {
            lane.shared.queue.close();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close_queues();
    }
}

/// The lane in which a new shard goes.
fn lane_of(shard: crate::types::ShardId, class: RetentionClass, lanes: u8) -> LaneName {
    // A UUIDv7 ends in random bits.
    let lane = (shard.0 % u128::from(lanes.max(1))) as u8;
    LaneName { class, lane }
}
