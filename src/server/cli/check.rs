//! `kinetoscope check DATA`: offline verification of a data directory.
//!
//! 1. The directory's lock is taken: a running server is refused.
//! 2. Keystore and log are opened. Opening the log checks its structure, and cuts a torn end off as a start would.
//! 3. Every byte of every segment is verified, those too that no reader needs today.
//! 4. The metadata is compared with its journal in the log, and neither is changed. What follows is done with the rows that
//!    a start would go on with; opening the catalogue completes deletions of shards that were cut off.
//! 5. Every record is read: its checksums must hold, sequences must have no hole, arrivals must not decrease. With the
//!    root key every record must also open under its stream's keys, in its own place.
//! 6. Every video stream's heads must read, and fit together.
//! 7. Shards without a stream, and files that are not ours, are named.

use super::root_arguments::RootArguments;
use super::{Failure, say};
use crate::data_dir::DataDir;
use crate::error::Causes;
use crate::keystore_copy;
use crate::root::Root;
use crate::service::open_vault;
use shardlog::env::Env;
use shardlog::local::{LocalOptions, LocalStore};
use shardlog::meta::{Inspection, JournalledMeta, MemoryMeta};
use shardlog::{Arrival, JOURNAL_SHARD, LogStore, Parts, ReadLimit, Seq, ShardId, Tail, Versioned};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use streams::{StreamKind, Streams, StreamsConfig};
use video::{FragmentQuery, TimeRange, Video, VideoConfig};

/// How much is read at once.
const PAGE: ReadLimit = ReadLimit { records: 256, bytes: 16 << 20 };
/// A shard with so many faults is not looked at any further.
const FAULTS_PER_SHARD_MAX: u32 = 20;

/// Verifies a data directory that no server is using; names each fault and exits 1 if there is one
///
/// The root key is needed as for `serve`; without it, checksums are verified and nothing is opened.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The data directory
    data: PathBuf,
    #[command(flatten)]
    root: RootArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let root = arguments.root.root(&arguments.data)?;
    let data = DataDir::open(&arguments.data, false).map_err(Failure::failed)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let mut report = Report::default();
    runtime.block_on(Box::pin(check(&data, root, &mut report)));
    let Report { faults, streams, shards, records, bytes } = report;
    say(format_args!(
        "{streams} streams, {shards} shards, {records} records, {bytes} bytes: {faults} faults"
    ));
    if faults == 0 {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{faults} faults in {}", data.path().display())))
    }
}

#[derive(Default)]
struct Report {
    faults: u64,
    streams: u64,
    shards: u64,
    records: u64,
    bytes: u64,
}

impl Report {
    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.faults += 1;
        say(format_args!("FAULT {place}: {what}"));
    }

    /// Notes an error as a fault.
    fn take<T, E: std::error::Error + 'static>(&mut self, place: &str, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|error| self.fault(place, Causes(&error))).ok()
    }
}

async fn check(data: &DataDir, root: Root, report: &mut Report) {
    let mut unknown = data.unknown();
    if !data.log().exists() {
        report.fault(&data.log().display().to_string(), "is not there");
        return name_unknown(&unknown);
    }
    let env = Env::real();
    let keystore = data.keys().join("keystore");
    let has_keystore = keystore.exists();
    let vault = match has_keystore {
        true => report.take("keystore", open_vault(data, root, &env).await),
        false => None,
    };
    let store = report.take("log", LocalStore::open(data.log(), LocalOptions::default(), env.clone()).await);
    let Some(store) = store else { return name_unknown(&unknown) };
    unknown.extend(store.unknown_files());
    check_segments(&store, report).await;
    let log: Arc<dyn LogStore> = Arc::new(store.clone());
    let rows = check_metadata(data, &*log, report).await;
    if !has_keystore {
        let keys = rows.iter().flatten().map(|(key, _)| key.as_str());
        let what = match keystore_copy::is_in(keys) {
            true => "is lost: a start restores it from its copy in the metadata",
            false => "is lost, and the metadata has no copy of it: nothing opens until one is put back",
        };
        report.fault(&keystore.display().to_string(), what);
    }
    let (mut known, mut strays) = (HashSet::new(), HashSet::new());
    if let (Some(vault), Some(rows)) = (vault, rows) {
        let (meta, config) = (Arc::new(MemoryMeta::with(rows)), StreamsConfig::default());
        let opened = Streams::open(log.clone(), meta, vault, env.clone(), config).await;
        if let Some(streams) = report.take("catalogue", opened) {
            strays.extend(streams.strays().iter().map(|stray| stray.id));
            check_streams(&streams, env, &mut known, report).await;
            streams.shutdown().await;
        }
    }
    check_rest(&*log, &known, &strays, report).await;
    store.close().await;
    name_unknown(&unknown);
}

fn name_unknown(paths: &[PathBuf]) {
    for path in paths {
        say(format_args!("{} is unknown and left alone", path.display()));
    }
}

/// The metadata and its journal in the log: what they agree upon, or what a start would go on with.
async fn check_metadata(
    data: &DataDir,
    log: &dyn LogStore,
    report: &mut Report,
) -> Option<Vec<(String, Versioned)>> {
    let found = report.take("metadata", JournalledMeta::inspect(&data.meta(), log).await)?;
    let Inspection { standing, rows } = found;
    let place = data.meta().display().to_string();
    if standing.is_fault() {
        report.fault(&place, &standing);
    } else {
        say(format_args!("{place}: {standing}"));
    }
    Some(rows)
}

/// The log's files as such, whatever is in them.
async fn check_segments(store: &LocalStore, report: &mut Report) {
    let Some(verified) = report.take("log", store.verify().await) else { return };
    for damage in verified.damage {
        let place = format!("{} at offset {}", damage.segment.display(), damage.offset);
        match (damage.shard, damage.seq) {
            (Some(shard), Some(seq)) => {
                report.fault(&place, format_args!("shard {shard}, record {seq}: {}", damage.what));
            }
            _ => report.fault(&place, damage.what),
        }
    }
}

/// Everything that belongs to a stream: opened with its keys.
async fn check_streams(streams: &Streams, env: Env, known: &mut HashSet<ShardId>, report: &mut Report) {
    let video = Video::open(streams.clone(), env, VideoConfig::default());
    let mut after = None;
    loop {
        let page = streams.list(None, after.as_deref(), streams::limits::LIST_MAX);
        for stream in page.streams {
            report.streams += 1;
            for info in stream.shards.iter() {
                let place = format!("stream {}, shard {}", stream.name, info.id);
                known.insert(info.id);
                let Ok(shard) = streams.shard(&stream.name, info.index) else { continue };
                let Some(state) = report.take(&place, shard.state().await) else { continue };
                let read = async |from, limit| {
                    let records = shard.read(from, limit, Parts::Whole).await;
                    let records = records.map_err(|error| Causes(&error).to_string())?;
                    Ok(records.iter().map(|record| (record.seq, record.arrival, record.body_len)).collect())
                };
                check_shard(&place, state.tail, read, report).await;
            }
            if stream.kind == StreamKind::Video {
                check_heads(&video, &stream.name, report).await;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return,
        }
    }
}

/// What was not looked at with a stream's keys: only checksums can be verified.
async fn check_rest(
    log: &dyn LogStore,
    known: &HashSet<ShardId>,
    strays: &HashSet<ShardId>,
    report: &mut Report,
) {
    let Some(shards) = report.take("log", log.shards().await) else { return };
    for shard in shards.into_iter().filter(|shard| !known.contains(shard)) {
        let place = match shard {
            JOURNAL_SHARD => "the metadata's journal".to_owned(),
            shard => format!("shard {shard}"),
        };
        let Some(state) = report.take(&place, log.state(shard).await) else { continue };
        if strays.contains(&shard) {
            let (records, bytes) = (state.tail.next.0 - state.tail.first.0, state.stored_bytes);
            let what = "belongs to no stream: nobody has its keys, so its footage cannot be opened";
            report.fault(&place, format_args!("{what}; {records} records, {bytes} bytes, left alone"));
        }
        let read = async |from, limit| {
            let records = log.read(shard, from, limit, Parts::Whole).await;
            let records = records.map_err(|error| Causes(&error).to_string())?;
            Ok(records.iter().map(|record| (record.seq, record.arrival, record.body_len)).collect())
        };
        check_shard(&place, state.tail, read, report).await;
    }
}

/// Sequence, arrival and body length of records.
type Page = Vec<(Seq, Arrival, u64)>;

async fn check_shard(
    place: &str,
    tail: Tail,
    read: impl AsyncFn(Seq, ReadLimit) -> Result<Page, String>,
    report: &mut Report,
) {
    report.shards += 1;
    let (mut next, mut last_arrival, mut faults) = (tail.first, Arrival(0), 0);
    // After a fault one by one, to find which records are damaged.
    let mut singly_until = tail.first;
    while next < tail.next {
        let records = if next < singly_until { 1 } else { PAGE.records };
        match read(next, ReadLimit { records, ..PAGE }).await {
            Ok(page) if page.is_empty() => {
                return report.fault(place, format_args!("record {next} is missing"));
            }
            Ok(page) => {
                for (seq, arrival, body_len) in page {
                    if seq != next {
                        return report.fault(place, format_args!("record {seq} stands where {next} should"));
                    }
                    if arrival < last_arrival {
                        report
                            .fault(place, format_args!("record {seq} arrived before the one in front of it"));
                    }
                    (next, last_arrival) = (seq.plus(1), arrival);
                    report.records += 1;
                    report.bytes += body_len;
                }
            }
            Err(_) if records > 1 => singly_until = next.plus(PAGE.records as u64),
            Err(error) => {
                faults += 1;
                report.fault(place, format_args!("record {next}: {error}"));
                next = next.plus(1);
                if faults == FAULTS_PER_SHARD_MAX {
                    return say(format_args!("{place}: looked no further"));
                }
            }
        }
    }
}

/// Lists every fragment, which reads every head that the timeline is made of.
async fn check_heads(video: &Video, stream: &str, report: &mut Report) {
    let mut after = None;
    loop {
        let range = TimeRange::producer(0, u64::MAX);
        let page = video.fragments(stream, FragmentQuery { range, after, limit: 1000 }).await;
        let Some(page) = report.take(&format!("stream {stream}"), page) else { return };
        match page.next.and_then(|next| next.parse().ok()) {
            Some(next) => after = Some(next),
            None => return,
        }
    }
}
