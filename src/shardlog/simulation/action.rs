//! What is done to one shard in one step: some changes handed in one after the other without waiting, and reads beside them.

use super::answer::{Outcome, assert_is, refusal, sealed};
use super::check::EVERYTHING;
use super::model::{Change, Record, Refusal, Shard, apply};
use super::world::{Rig, Slot};
use crate::error::StoreError;
use crate::store::{LogStore, ShardWriter};
use crate::types::{Epoch, Parts, RetentionClass, SealedRecord, Seq, ShardId};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all, ready};
use futures_util::poll;
use std::task::Poll;

/// A change that was handed in.
struct Handed {
    result: Result<(), StoreError>,
    /// The writer of a claim.
    writer: Option<Box<dyn ShardWriter>>,
}

impl From<Result<(), StoreError>> for Handed {
    fn from(result: Result<(), StoreError>) -> Self {
        Self { result, writer: None }
    }
}

/// Does something to the shard and holds the answers against the model.
pub(super) async fn act(rig: &Rig, slot: &mut Slot) {
    if !slot.may.is_empty() {
        return refused_by_dead_lane(rig, slot).await;
    }
    let Some(shard) = slot.shard.clone() else { return create(rig, slot).await };
    match rig.dice.below(20) {
        0 => refused_by_model(rig, slot, &shard).await,
        1 => stale(rig, slot, &shard).await,
        _ => change(rig, slot, shard).await,
    }
}

/// Where the outcome of a change is unknown, nothing is taken until the engine is opened again.
async fn refused_by_dead_lane(rig: &Rig, slot: &mut Slot) {
    let (Some(id), Some(shard)) = (slot.id, &slot.shard) else { return };
    let result = rig.store.trim(id, Seq(shard.first)).await;
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?} after an unknown outcome");
    if let Some(writer) = &mut slot.writer {
        let first = shard.records.len() as u64;
        let record = new_record(rig);
        let result = writer.append(Seq(first), vec![sealed(id, first, record)]).await;
        assert!(result.is_err(), "taken after an unknown outcome");
    }
}

async fn create(rig: &Rig, slot: &mut Slot) {
    let id = match slot.id {
        // One that was deleted, whose records still lie about.
        Some(deleted) if rig.one_in(2) => deleted,
        _ => ShardId::new(&rig.machine.env()),
    };
    let result = rig.store.create(id, RetentionClass(rig.dice.below(2) as u8)).await;
    (slot.id, slot.watch) = (Some(id), None);
    judge(rig, slot, vec![(Change::Create, result.into())]);
    if slot.shard.is_some() && slot.may.is_empty() {
        let twice = rig.store.create(id, RetentionClass(0)).await;
        judge(rig, slot, vec![(Change::Create, twice.into())]);
    }
    if let (Some(shard), true) = (slot.shard.clone(), slot.may.is_empty()) {
        hand_in(rig, slot, &shard, vec![Change::Claim(1)]).await;
    }
}

fn new_record(rig: &Rig) -> Record {
    rig.stamps.set(rig.stamps.get() + 1);
    rig.arrival.set(rig.arrival.get() + rig.dice.below(3));
    let longest = if rig.one_in(6) { 12_000 } else { 600 };
    Record { arrival: rig.arrival.get(), len: rig.dice.below(longest) as u32, stamp: rig.stamps.get() }
}

/// What the model says is to be refused.
async fn refused_by_model(rig: &Rig, slot: &mut Slot, shard: &Shard) {
    let (next, epoch) = (shard.records.len() as u64, shard.epoch);
    let last = shard.records.last().map_or(0, |record| record.arrival);
    let append = |first, record| Change::Append { epoch, first, records: vec![record] };
    let choices = if slot.writer.is_some() { 6 } else { 2 };
    let change = match rig.dice.below(choices) {
        0 => Change::Claim(rig.dice.below(epoch + 1)),
        1 => Change::Trim(next + 1 + rig.dice.below(3)),
        2 if next > 0 => append(rig.dice.below(next), new_record(rig)),
        3 if last > 0 => append(next, Record { arrival: last - 1, ..new_record(rig) }),
        _ => append(next + 1, new_record(rig)),
    };
    hand_in(rig, slot, shard, vec![change]).await;
}

/// The owner before is fenced.
async fn stale(rig: &Rig, slot: &mut Slot, shard: &Shard) {
    let (Some(mut writer), Some(id)) = (slot.stale.take(), slot.id) else { return };
    let (first, records) = (shard.records.len() as u64, vec![new_record(rig)]);
    let change = Change::Append { epoch: shard.epoch - 1, first, records: records.clone() };
    let result = match writer.append(Seq(first), batch(id, first, &records)).await {
        Ok(durable) => durable.await,
        Err(error) => Err(error),
    };
    judge(rig, slot, vec![(change, result.into())]);
    if slot.shard.is_some() {
        slot.stale = Some(writer);
    }
}

fn batch(id: ShardId, first: u64, records: &[Record]) -> Vec<SealedRecord> {
    (first..).zip(records).map(|(seq, record)| sealed(id, seq, *record)).collect()
}

/// Random changes that the model takes.
async fn change(rig: &Rig, slot: &mut Slot, shard: Shard) {
    let mut after = Some(shard.clone());
    let mut changes = Vec::new();
    let mut plan = |change: Change| {
        if apply(&mut after, &change).is_ok() {
            changes.push(change);
        }
        after.clone().unwrap_or_default()
    };
    let mut now = shard.clone();
    if slot.writer.is_some() {
        for _ in 0..rig.dice.below(5) {
            let records = (0..rig.dice.below(5)).map(|_| new_record(rig)).collect();
            now = plan(Change::Append { epoch: now.epoch, first: now.records.len() as u64, records });
        }
    }
    if rig.one_in(3) {
        let left = now.records.len() as u64 - now.first;
        let part = if rig.one_in(3) { left } else { rig.dice.below(left + 1) };
        now = plan(Change::Trim(now.first + part));
    }
    if slot.writer.is_some() && rig.one_in(20) {
        now = plan(Change::Seal { epoch: now.epoch });
    }
    if slot.writer.is_none() || rig.one_in(8) {
        now = plan(Change::Claim(now.epoch + 1 + rig.dice.below(2)));
    }
    if rig.one_in(20) {
        plan(Change::Delete);
    }
    drop(now);
    hand_in(rig, slot, &shard, changes).await;
}

/// Hands changes in without waiting for any of them, reads beside them, and judges what became of them.
async fn hand_in(rig: &Rig, slot: &mut Slot, shard: &Shard, changes: Vec<Change>) {
    let Some(id) = slot.id else { return };
    let mut writer = slot.writer.take();
    let mut answers: Vec<LocalBoxFuture<'_, Handed>> = Vec::new();
    let mut appender = writer.as_mut();
    for change in &changes {
        let mut answer = match change {
            Change::Append { first, records, .. } => {
                let writer = appender.as_mut().expect("only owners append");
                writer.use_reserve(rig.one_in(4));
                match writer.append(Seq(*first), batch(id, *first, records)).await {
                    Ok(durable) => durable.map(Handed::from).boxed_local(),
                    Err(error) => ready(Handed::from(Err(error))).boxed_local(),
                }
            }
            Change::Seal { .. } => {
                let writer = appender.take().expect("only owners seal, as the last they do");
                writer.seal().map(Handed::from).boxed_local()
            }
            other => hand_in_at_store(rig, id, other),
        };
        // The first poll is what hands it in.
        answers.push(match poll!(&mut answer) {
            Poll::Ready(handed) => ready(handed).boxed_local(),
            Poll::Pending => answer,
        });
    }
    let reads = (0..rig.dice.below(3)).map(|_| read_beside(rig, id, shard, &changes));
    let (handed, seen) = futures_util::join!(join_all(answers), join_all(reads));
    let mut owners = (writer, None);
    let results = changes.into_iter().zip(handed).map(|(change, mut handed)| {
        owners.1 = handed.writer.take().or(owners.1.take());
        (change, handed)
    });
    judge(rig, slot, results.collect());
    let shown = slot.shard.as_ref().map(|shard| shard.records.len() as u64);
    assert!(
        shown.is_none_or(|next| seen.iter().all(|seen| *seen <= next)),
        "a record was seen and is not there"
    );
    match (owners, &slot.shard) {
        (_, None) => (slot.writer, slot.stale) = (None, None),
        ((old, Some(new)), Some(_)) => (slot.writer, slot.stale) = (Some(new), old),
        ((old, None), Some(_)) => slot.writer = old,
    }
}

fn hand_in_at_store<'a>(rig: &'a Rig, id: ShardId, change: &Change) -> LocalBoxFuture<'a, Handed> {
    match *change {
        Change::Claim(epoch) => async move {
            let claimed = rig.store.claim(id, Epoch(epoch)).await;
            let (result, writer) = match claimed {
                Ok((state, writer)) => {
                    assert!(state.epoch >= Epoch(epoch));
                    (Ok(()), Some(writer))
                }
                Err(error) => (Err(error), None),
            };
            Handed { result, writer }
        }
        .boxed_local(),
        Change::Trim(before) => rig.store.trim(id, Seq(before)).map(Handed::from).boxed_local(),
        _ => rig.store.delete(id).map(Handed::from).boxed_local(),
    }
}

/// Reads while the changes are under way. Returns up to where it saw records.
async fn read_beside(rig: &Rig, id: ShardId, before: &Shard, changes: &[Change]) -> u64 {
    let mut after = before.clone();
    let mut trimmed_to = before.first;
    for change in changes {
        match change {
            Change::Append { first, records, .. } if *first == after.records.len() as u64 => {
                after.records.extend(records);
            }
            Change::Trim(to) => trimmed_to = trimmed_to.max(*to),
            _ => {}
        }
    }
    let from = rig.dice.below(after.records.len() as u64 + 2);
    match rig.store.read(id, Seq(from), EVERYTHING, Parts::Whole).await {
        Ok(found) => {
            assert!(from >= before.first, "read what was trimmed");
            for (seq, found) in (from..).zip(&found) {
                assert_is(found, id, seq, after.records[seq as usize]);
            }
            from + found.len() as u64
        }
        Err(StoreError::Unavailable(_)) if rig.troubled.get() => 0,
        Err(error) => {
            let allowed = match refusal(&error) {
                Refusal::NotFound => changes.contains(&Change::Delete),
                Refusal::Trimmed => from < trimmed_to,
                Refusal::Unwritten => from > before.records.len() as u64,
                _ => false,
            };
            assert!(allowed, "{error:?} for a read from {from} on");
            0
        }
    }
}

/// Holds the answers to changes that were handed in one after the other against the model.
fn judge(rig: &Rig, slot: &mut Slot, results: Vec<(Change, Handed)>) {
    let deleted = results.iter().any(|(change, _)| *change == Change::Delete);
    let mut uncertain = false;
    for (change, handed) in results {
        let outcome = Outcome::of(&handed.result);
        rig.note(|| format!("{:?} {change:?}: {outcome:?}", slot.id));
        let mut after = slot.may.last().unwrap_or(&slot.shard).clone();
        let expected = apply(&mut after, &change);
        match outcome {
            Outcome::Done => {
                assert_eq!(expected, Ok(()), "{change:?} was done");
                assert!(slot.may.is_empty(), "{change:?} was done after one whose outcome is unknown");
                slot.shard = after;
            }
            // A claim looks at the shard once it is durable, and then it may be gone.
            Outcome::Refused(Refusal::NotFound) if deleted && matches!(change, Change::Claim(_)) => {
                slot.shard = after;
            }
            Outcome::Refused(why) => {
                assert!(uncertain || expected == Err(why), "{change:?}: {why:?} instead of {expected:?}");
            }
            Outcome::No => {
                assert!(rig.troubled.get(), "{change:?}: {:?} without a reason", handed.result);
                uncertain = true;
            }
            Outcome::Unknown => {
                assert!(rig.troubled.get(), "{change:?}: {:?} without a reason", handed.result);
                uncertain = true;
                if expected.is_ok() {
                    slot.may.push(after);
                }
            }
        }
    }
}
