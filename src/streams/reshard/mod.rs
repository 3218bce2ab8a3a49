//! Resharding: open shards are split and merged while records are appended and read.
//!
//! One step puts children in the place of their parents; setting the number of shards takes several. What a stop leaves
//! behind after each, and the next opening goes on with:
//!
//! 1. The plan is written into the stream's row: which children come in the place of which parents. The stream is
//!    *updating*, and whoever asked has the answer. (Left alone, nothing is lost: parents go on taking records.)
//! 2. The children are made in the store, where nobody finds them yet.
//! 3. The parents are sealed by their owners, so that every append is before that or refused. Whoever routes by hash key
//!    waits for the children ([`Streams::append_by_hash`]).
//! 4. The row is written with the parents closed and the children open: from here on they take records. The same write
//!    notes the next step, if there is one.
//!
//! So a key's records are in its parent up to the end, then in its child: never in both at a time. Closed shards stay until
//! all of their records have gone and retention is over for what came last; see [`expire`].

mod carry_out;
mod error;
mod expire;
mod plan;
mod scale;
mod unfinished;

pub use error::ReshardError;
pub use scale::Busy;
pub(crate) use unfinished::Unfinished;

use crate::data::{Capacity, DataSettings, note_within_a_day};
use crate::error::{InvalidSetting, StreamNotFound};
use crate::limits::{COUNT_SETS_PER_DAY, SHARDS_MAX};
use crate::service::Streams;
use crate::types::{StreamInfo, StreamKind, StreamStatus};
use std::sync::Arc;
use tokio::sync::watch;

impl Streams {
    /// Splits an open shard in two; the upper one begins with hash key `at`. On return the plan is durable and the stream is
    /// *updating*; it is *active* again when both have taken the place of the shard.
    pub async fn split(&self, name: &str, shard: u32, at: u128) -> Result<Arc<StreamInfo>, ReshardError> {
        self.reshard(name, move |info, _| {
            refuse_on_demand(info)?;
            plan::split(&info.shards, shard, at).map(|children| (children, None))
        })
        .await
    }

    /// Merges an open shard with the one whose hash keys follow, as [`split`](Self::split) splits.
    pub async fn merge(&self, name: &str, shard: u32, next: u32) -> Result<Arc<StreamInfo>, ReshardError> {
        self.reshard(name, move |info, _| {
            refuse_on_demand(info)?;
            plan::merge(&info.shards, shard, next).map(|children| (children, None))
        })
        .await
    }

    /// Sets the number of open shards, to at most twice and at least half of what there are, [`COUNT_SETS_PER_DAY`] times
    /// in any 24 hours (without limits as often as one likes): more by splitting every shard and then merging neighbours,
    /// fewer by merging. On return the first step is durable, as for [`split`](Self::split). Nothing happens if there are
    /// as many.
    pub async fn set_shard_count(&self, name: &str, target: u32) -> Result<Arc<StreamInfo>, ReshardError> {
        let now_ms = self.core().env.clock.now_ms();
        let limited = self.core().config.rates.is_some();
        self.reshard(name, move |info, data| {
            refuse_on_demand(info)?;
            if target == 0 || target > SHARDS_MAX {
                return Err(InvalidSetting::Shards { shards: target, max: SHARDS_MAX }.into());
            }
            let open = u32::try_from(info.open_shards().len()).unwrap_or(u32::MAX);
            if target > open.saturating_mul(2) || target < open.div_ceil(2) {
                return Err(ReshardError::TooFar { open, target });
            }
            let children = plan::towards(&info.shards, target);
            let noted = children.is_empty()
                || !limited
                || note_within_a_day(&mut data.count_set_ms, now_ms, COUNT_SETS_PER_DAY as usize);
            if !noted {
                return Err(ReshardError::TooOften { max: COUNT_SETS_PER_DAY });
            }
            Ok((children, Some(target)))
        })
        .await
    }

    /// Follows a stream as it changes; ends with it.
    pub fn follow(&self, name: &str) -> Result<watch::Receiver<Arc<StreamInfo>>, StreamNotFound> {
        Ok(self.core().catalogue.get(name)?.follow())
    }

    /// Waits until the stream's shards are not being split or merged.
    pub async fn settled(&self, name: &str) -> Result<Arc<StreamInfo>, StreamNotFound> {
        let mut follow = self.follow(name)?;
        let settled = follow.wait_for(|info| info.status != StreamStatus::Updating).await;
        settled.map(|info| info.clone()).map_err(|_| StreamNotFound { name: name.to_owned() })
    }
}

fn refuse_on_demand(info: &StreamInfo) -> Result<(), ReshardError> {
    let on_demand = info.data.as_ref().is_some_and(|data| data.capacity == Capacity::OnDemand);
    if on_demand { Err(ReshardError::OnDemand) } else { Ok(()) }
}

/// Whether shards of the stream may be split or merged now, and its settings if so.
fn settings_of(info: &StreamInfo) -> Result<DataSettings, ReshardError> {
    let data = info.data.as_deref().filter(|_| info.kind == StreamKind::Data);
    let data = data.ok_or(InvalidSetting::Data("not for a stream of this kind"))?;
    if info.status == StreamStatus::Active {
        Ok(data.clone())
    } else {
        Err(ReshardError::NotActive(info.status))
    }
}
