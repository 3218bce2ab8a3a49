//! Carrying out what a row plans.

use super::plan::Child;
use super::{ReshardError, settings_of};
use crate::catalogue::Stream;
use crate::data::DataSettings;
use crate::error::{AppendError, CatalogueError};
use crate::limits::{RESHARD_RETRY_FIRST, RESHARD_RETRY_MAX};
use crate::map::Closed;
use crate::service::{Core, Streams};
use crate::shard::Shard;
use crate::types::StreamInfo;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shardlog::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shards that are sealed at a time, so that the store can write them down together.
const SEALED_AT_ONCE: usize = 32;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("sealing a shard: {0}")]
    Seal(AppendError),
}

impl Streams {
    /// Goes on with splits and merges that a stop had cut off, and from then on splits the busy shards of streams on
    /// demand, until [`shutdown`](Streams::shutdown). Call it once.
    pub fn spawn_resharding(&self) {
        let streams = self.clone();
        self.core().tasks.spawn(async move { streams.keep_scaling().await });
        for stream in self.core().catalogue.all() {
            if stream.info().unfinished.is_resharding() {
                self.core().tasks.spawn(carry_out(self.core().clone(), stream));
            }
        }
    }

    /// Writes a plan into a stream's row and begins to carry it out. `plan` says which children come next, and how many
    /// shards there are to be in the end if that takes more steps; it may change the settings with that.
    pub(super) async fn reshard(
        &self,
        name: &str,
        mut plan: impl FnMut(&StreamInfo, &mut DataSettings) -> Result<(Vec<Child>, Option<u32>), ReshardError>
        + Send
        + 'static,
    ) -> Result<Arc<StreamInfo>, ReshardError> {
        let stream = self.core().catalogue.get(name)?;
        let core = self.core().clone();
        self.to_its_end(async move {
            let env = core.env.clone();
            let change = core.catalogue.change_info(&stream, |info| {
                let mut data = settings_of(info)?;
                let (children, target) = plan(info, &mut data)?;
                if children.is_empty() {
                    return Ok(false);
                }
                info.data = Some(Arc::new(data));
                info.expect(children, &env);
                info.unfinished.target = target;
                core.catalogue.check_room(&stream, &in_the_end(info.clone(), &env)?)?;
                Ok::<_, ReshardError>(true)
            });
            change.await?;
            let info = stream.info();
            if info.unfinished.is_resharding() {
                core.tasks.spawn(carry_out(core.clone(), stream));
            }
            Ok(info)
        })
        .await
    }
}

/// The stream as it will be when all steps are done, with the longest numbers.
fn in_the_end(mut info: StreamInfo, env: &shardlog::env::Env) -> Result<StreamInfo, ReshardError> {
    let target = info.unfinished.target;
    while info.unfinished.is_resharding() {
        let end = Closed { at_ms: u64::MAX, next: shardlog::Seq(u64::MAX) };
        let closed = info.unfinished.parents().into_iter().map(|parent| (parent, end)).collect();
        info.arrive(&closed, env);
    }
    match target {
        Some(target) if info.open_shards().len() != target as usize => {
            Err(ReshardError::TooNarrow { target })
        }
        _ => Ok(info),
    }
}

/// Does one step after the other until the stream is as it was planned. What does not succeed is tried again.
async fn carry_out(core: Arc<Core>, stream: Arc<Stream>) {
    let mut pause = RESHARD_RETRY_FIRST;
    loop {
        match step(&core, &stream).await {
            Ok(true) => pause = RESHARD_RETRY_FIRST,
            Ok(false) => return,
            Err(_) if core.is_closing() || stream.is_deleted() => return,
            Err(error) => {
                tracing::warn!(stream = stream.row_key, %error, "shards could not be split or merged yet; trying again");
                tokio::select! {
                    () = core.stop.cancelled() => return,
                    () = core.env.clock.sleep(pause) => pause = (pause * 2).min(RESHARD_RETRY_MAX),
                }
            }
        }
    }
}

/// Does the next step; whether there was one.
async fn step(core: &Arc<Core>, stream: &Arc<Stream>) -> Result<bool, StepError> {
    // Whoever deletes the stream deletes the children that are there, so none may be made later.
    let _resharding = stream.resharding.lock().await;
    let info = stream.info();
    if stream.is_deleted() || core.is_closing() || !info.unfinished.is_resharding() {
        return Ok(false);
    }
    core.catalogue.make_coming(&info).await?;
    let parents = info.unfinished.parents();
    let closed: BTreeMap<u32, Closed> = stream::iter(parents)
        .map(|parent| close(core, stream, parent))
        .buffer_unordered(SEALED_AT_ONCE)
        .try_collect()
        .await?;
    let change = core.catalogue.change_info(stream, |info| {
        info.arrive(&closed, &core.env);
        Ok::<_, CatalogueError>(true)
    });
    change.await?;
    tracing::info!(stream = stream.row_key, closed = closed.len(), "shards were split or merged");
    Ok(true)
}

/// Seals a shard, unless that was done before, and says where it ends.
async fn close(core: &Arc<Core>, stream: &Arc<Stream>, index: u32) -> Result<(u32, Closed), StepError> {
    let cell = stream.cell(index).ok_or(StepError::Seal(AppendError::Deleted))?;
    let made_ms = cell.info.created_ms;
    let id = cell.info.id;
    Shard::new(core.clone(), stream.clone(), cell).seal().await.map_err(StepError::Seal)?;
    let tail = core.store.state(id).await?.tail;
    let last_ms = tail.last_arrival.unwrap_or_default().0;
    let at_ms = core.env.clock.now_ms().max(made_ms).max(last_ms);
    Ok((index, Closed { at_ms, next: tail.next }))
}
