//! Going through the whole log, segment by segment, at a pace that leaves the disk to others.
//!
//! Nothing is held on to between two steps: the store can be closed or dropped at any time, and segments can go.

use super::context::{Context, Refusal, lock};
use super::lane::Tip;
use super::name::{LaneEntry, LaneName};
use super::verify::{Check, Damage};
use super::{Inner, LocalStore};
use crate::env::Env;
use crate::error::StoreError;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// How long after the opening the first pass begins, so that a start is not slowed.
const FIRST_PASS_AFTER: Duration = Duration::from_secs(600);
/// Damaged places that are remembered and handed out, and logged; beyond that they are only counted.
const PLACES_MAX: usize = 10_000;

/// What going through the log has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments that were looked at.
    pub segments: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is damaged, in order of segments and offsets: the first ten thousand places.
    pub damage: Vec<Damage>,
}

/// The running totals.
#[derive(Default)]
pub(super) struct Scrubbed {
    pub(super) passes: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) damaged: AtomicU64,
    /// Places that were counted and logged.
    known: Mutex<BTreeSet<Damage>>,
}

impl Scrubbed {
    fn note(&self, damage: &Damage) {
        let mut known = lock(&self.known);
        if known.len() < PLACES_MAX && known.insert(damage.clone()) {
            self.damaged.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                segment = %damage.segment.display(),
                offset = damage.offset,
                shard = damage.shard.map(tracing::field::display),
                seq = damage.seq.map(|seq| seq.0),
                what = damage.what,
                "the log is damaged"
            );
        }
    }
}

impl LocalStore {
    /// Reads every segment and verifies every checksum, without waiting in between. Needs no keys. Damage is returned,
    /// counted in the [stats](LocalStore::stats), and logged the first time it is found.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if a file cannot be read or the store is closed. Damage is no error.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        let store = Arc::downgrade(&self.inner);
        pass(&store, &self.inner.context.env, u64::MAX).await
    }

    /// Begins to go through the log again and again. Must be called within a tokio runtime.
    pub(super) fn start_scrub(&self) {
        let options = &self.inner.context.options;
        if options.scrub_bytes_per_second > 0 {
            let (store, env) = (Arc::downgrade(&self.inner), self.inner.context.env.clone());
            tokio::spawn(run(store, env, options.scrub_bytes_per_second, options.scrub_every));
        }
    }
}

async fn run(store: Weak<Inner>, env: Env, bytes_per_second: u64, every: Duration) {
    env.clock.sleep(FIRST_PASS_AFTER).await;
    while store.upgrade().is_some_and(|store| store.context.refuse_closed().is_ok()) {
        match pass(&store, &env, bytes_per_second).await {
            Ok(Verified { segments, bytes, damage }) => {
                tracing::info!(segments, bytes, damaged = damage.len(), "went through the log for damage");
            }
            Err(error) => tracing::warn!(%error, "could not go through the log for damage"),
        }
        env.clock.sleep(every).await;
    }
}

/// Goes through the log once.
async fn pass(store: &Weak<Inner>, env: &Env, bytes_per_second: u64) -> Result<Verified, StoreError> {
    let mut verified = Verified::default();
    for (lane, number, tip) in blocking(store, env, segments).await? {
        let Some(mut check) =
            blocking(store, env, move |inner| Check::begin(&inner.context, lane, number, tip)).await?
        else {
            continue;
        };
        verified.segments += 1;
        loop {
            let (bytes, back) = blocking(store, env, move |inner| {
                let bytes = check.step(&inner.context)?;
                Ok((bytes, check))
            })
            .await?;
            check = back;
            if bytes == 0 {
                break;
            }
            verified.bytes += bytes;
            blocking(store, env, move |inner| {
                inner.context.scrubbed.bytes.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            })
            .await?;
            if bytes_per_second < u64::MAX {
                let seconds = bytes as f64 / bytes_per_second as f64;
                env.clock.sleep(Duration::from_secs_f64(seconds)).await;
            }
        }
        let found = blocking(store, env, move |inner| {
            let found = check.end(&inner.context);
            found.iter().for_each(|damage| inner.context.scrubbed.note(damage));
            Ok(found)
        });
        verified.damage.extend(found.await?);
        verified.damage.truncate(PLACES_MAX);
    }
    blocking(store, env, |inner| {
        inner.context.scrubbed.passes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })
    .await?;
    Ok(verified)
}

/// Runs what blocks, if the store is still there and open.
async fn blocking<T: Send + 'static>(
    store: &Weak<Inner>,
    env: &Env,
    work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let inner = store.upgrade().ok_or(Refusal::Closed)?;
    inner.context.refuse_closed()?;
    env.blocking(move || work(&inner)).await.unwrap_or_else(|| Err(Refusal::BrokenOff.into()))
}

/// Every segment there is now, with how far its lane is.
fn segments(inner: &Inner) -> Result<Vec<(LaneName, u64, Tip)>, StoreError> {
    let lanes: Vec<_> = lock(&inner.lanes).values().map(|lane| lane.shared.clone()).collect();
    let mut all = Vec::new();
    for lane in lanes {
        let tip = *lock(&lane.tip);
        let mut numbers = numbers(&inner.context, lane.name)?;
        numbers.retain(|number| *number <= tip.segment);
        all.extend(numbers.into_iter().map(|number| (lane.name, number, tip)));
    }
    Ok(all)
}

fn numbers(context: &Context, lane: LaneName) -> Result<Vec<u64>, StoreError> {
    let names = context.env.files.list(&context.dir.join(lane.to_string()));
    let names = names.map_err(super::context::unavailable)?;
    let number = |name: &std::path::PathBuf| match LaneEntry::parse(name) {
        LaneEntry::Segment(number) => Some(number),
        LaneEntry::Unfinished(_) | LaneEntry::Unknown => None,
    };
    Ok(names.iter().filter_map(number).collect())
}
