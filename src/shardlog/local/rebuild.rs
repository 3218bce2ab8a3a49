//! The index of a closed segment whose footer is lost, by a scan. Everything in a closed segment was acknowledged, so a
//! frame that cannot be read is a loss: the scan goes on at the next one that can, and the gap shows in the indexes.

use super::block::{BLOCK_BYTES, Entry};
use super::footer::BlockInfo;
use super::frame::Kind;
use super::scan::Scanner;
use super::segment::Segment;
use crate::env::File;
use crate::error::StoreError;
use crate::types::{Seq, ShardId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block that is kept in memory because its file has none.
type Rebuilt = (BlockInfo, Option<Arc<Vec<Entry>>>);

/// A run of consecutive records of a shard.
struct Run {
    first: Seq,
    entries: Vec<Entry>,
}

/// What the footer should have said: for each shard its blocks in order.
pub(super) fn scan_closed(segment: &Segment, file: &dyn File, len: u64) -> Result<Vec<Rebuilt>, StoreError> {
    let mut at = match segment.read_statement(file) {
        Ok((header, _)) => header.first_frame(),
        Err(StoreError::Corrupt { .. }) => 0, // the frames can be found without it
        Err(error) => return Err(error),
    };
    let mut scanner = Scanner::new(segment, file, len);
    let mut runs: BTreeMap<ShardId, Vec<Run>> = BTreeMap::new();
    loop {
        let Ok(frame) = scanner.frame(at)? else {
            match scanner.find_header(at + 1)? {
                Some((found, _)) => at = found,
                None => break,
            }
            continue;
        };
        at = frame.end();
        match frame.header.kind {
            Kind::Record => {
                let runs = runs.entry(frame.header.shard).or_default();
                add(runs, Seq(frame.header.seq), frame.entry());
            }
            Kind::Create => _ = runs.remove(&frame.header.shard), // whatever came before had the same id by mistake
            _ => {}
        }
    }
    let rebuilt = |(shard, runs): (ShardId, Vec<Run>)| {
        runs.into_iter()
            .map(move |run| (BlockInfo::of(shard, run.first, &run.entries), Some(Arc::new(run.entries))))
    };
    Ok(runs.into_iter().flat_map(rebuilt).collect())
}

/// What one block of the footer should have said, if every record of it is found.
pub(super) fn scan_block(
    segment: &Segment,
    file: &dyn File,
    info: &BlockInfo,
) -> Result<Option<Vec<Entry>>, StoreError> {
    let len = file.size().map_err(|error| segment.read_error(0, error))?;
    let mut found: Vec<Entry> = Vec::new();
    for (run, entries) in scan_closed(segment, file, len)? {
        let next = info.first.plus(found.len() as u64);
        if let (true, Some(entries)) = (run.shard == info.shard && run.first <= next, entries) {
            let wanted = (info.count as usize).saturating_sub(found.len());
            found.extend(entries.iter().skip((next.0 - run.first.0) as usize).take(wanted).cloned());
        }
    }
    Ok((found.len() == info.count as usize).then_some(found))
}

fn add(runs: &mut Vec<Run>, seq: Seq, entry: Entry) {
    if let Some(run) = runs.last_mut() {
        let bytes: usize = run.entries.len() * entry.len_in_block();
        if run.first.plus(run.entries.len() as u64) == seq && bytes < BLOCK_BYTES {
            run.entries.push(entry);
            return;
        }
    }
    runs.push(Run { first: seq, entries: vec![entry] });
}
