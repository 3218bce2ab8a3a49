//! The same load for everybody: batches in, batches out.

use super::client::{Body, Kinesis};
use crate::process;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) const SHARDS: usize = 4;
pub(crate) const STREAM: &str = "bench";
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1024;
/// Different bodies: what is sent must not be the same each time.
const BODIES: usize = 16;
/// How long each load is measured.
pub(crate) const LASTING: Duration = Duration::from_secs(6);
const WARM: Duration = Duration::from_secs(1);

/// What came of a load.
pub(crate) struct Figures {
    pub(crate) records_per_s: f64,
    pub(crate) records_per_cpu_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Calls that failed, and one of the reasons.
    pub(crate) failed: usize,
    pub(crate) reason: Option<String>,
}

/// Makes the stream, in which nothing is yet.
pub(crate) async fn make_stream(endpoint: &str) -> Result<(), String> {
    let kinesis = Kinesis::new(endpoint);
    kinesis.json("CreateStream", &json!({"StreamName": STREAM, "ShardCount": SHARDS})).await?;
    for _ in 0..200 {
        let answer = kinesis.json("DescribeStream", &json!({"StreamName": STREAM})).await?;
        if answer["StreamDescription"]["StreamStatus"] == "ACTIVE" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the stream does not become active".to_owned())
}

/// Bodies of PutRecords: partition keys at random, so that every shard has its share.
pub(crate) fn bodies() -> Vec<Body> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut record = || {
        let data: Vec<u8> = (0..RECORD_BYTES / 8).flat_map(|_| random().to_le_bytes()).collect();
        json!({"PartitionKey": format!("{:016x}", random()), "Data": STANDARD.encode(data)})
    };
    let mut body = || {
        let records: Vec<Value> = (0..RECORDS).map(|_| record()).collect();
        Body::json(&json!({"StreamName": STREAM, "Records": records}))
    };
    (0..BODIES).map(|_| body()).collect()
}

/// PutRecords over and over from so many connections.
pub(crate) async fn put(endpoint: &str, pids: &[u32], connections: usize) -> Figures {
    let bodies: Arc<[Body]> = bodies().into();
    measure(pids, connections, |turn| {
        let (kinesis, bodies) = (Kinesis::new(endpoint), bodies.clone());
        async move |call: usize| {
            let answer = kinesis.call("PutRecords", &bodies[(turn * 7 + call) % BODIES]).await?;
            let failed = failed_records(&answer);
            if failed > 0 { Err(format!("{failed} records of a call were refused")) } else { Ok(RECORDS) }
        }
    })
    .await
}

/// GetRecords from the beginning, over and over.
pub(crate) async fn get(endpoint: &str, pids: &[u32], connections: usize) -> Figures {
    measure(pids, connections, |turn| {
        let kinesis = Kinesis::new(endpoint);
        let shard = format!("shardId-{:012}", turn % SHARDS);
        let mut iterator = None::<String>;
        async move |_call: usize| {
            let from = match iterator.take() {
                Some(iterator) => iterator,
                None => {
                    let ask =
                        json!({"StreamName": STREAM, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
                    let answer = kinesis.json("GetShardIterator", &ask).await?;
                    answer["ShardIterator"].as_str().unwrap_or_default().to_owned()
                }
            };
            let ask = Body::json(&json!({"ShardIterator": from, "Limit": 10_000}));
            let answer = kinesis.call("GetRecords", &ask).await?;
            // Counted without reading it: the client's time is not what is measured, but it has the same two cores.
            let records = count(&answer, b"\"SequenceNumber\"");
            iterator = (records > 0).then(|| next_iterator(&answer)).flatten();
            Ok(records)
        }
    })
    .await
}

/// Runs calls one after the other on each connection for a while. A call says how many records it came to.
async fn measure<C>(pids: &[u32], connections: usize, mut begin: impl FnMut(usize) -> C) -> Figures
where
    C: AsyncFnMut(usize) -> Result<usize, String>,
{
    let (records, failed) = (AtomicU64::new(0), AtomicUsize::new(0));
    let (started, counting) = (Instant::now(), WARM);
    let used = |pids: &[u32]| pids.iter().map(|pid| process::cpu_ms(*pid)).sum::<u64>();
    let connection = async |mut call: C| {
        let (mut waits, mut reason) = (Vec::new(), None);
        for turn in 0.. {
            if started.elapsed() > counting + LASTING {
                break;
            }
            let asked = Instant::now();
            match call(turn).await {
                Ok(came) if started.elapsed() > counting => {
                    records.fetch_add(came as u64, Ordering::Relaxed);
                    waits.push(asked.elapsed());
                }
                Ok(_) => {}
                Err(why) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    reason = Some(why);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        (waits, reason)
    };
    let calls: Vec<_> = (0..connections).map(&mut begin).map(connection).collect();
    let cpu = async {
        tokio::time::sleep(counting).await;
        let before = used(pids);
        tokio::time::sleep(LASTING).await;
        used(pids) - before
    };
    let (ended, cpu_ms) = tokio::join!(futures_util::future::join_all(calls), cpu);
    let mut waits: Vec<Duration> = ended.iter().flat_map(|(waits, _)| waits.iter().copied()).collect();
    waits.sort_unstable();
    let at =
        |share: usize| waits.get(waits.len() * share / 100).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3);
    let records = records.into_inner() as f64;
    Figures {
        records_per_s: records / LASTING.as_secs_f64(),
        records_per_cpu_s: records / (cpu_ms as f64 / 1e3),
        p50_ms: at(50),
        p99_ms: at(99),
        failed: failed.into_inner(),
        reason: ended.into_iter().find_map(|(_, reason)| reason),
    }
}

/// Of an answer of PutRecords that may be large; members come in any order.
fn failed_records(answer: &[u8]) -> usize {
    let name = b"\"FailedRecordCount\":";
    let at = answer.windows(name.len()).position(|window| window == name);
    let digits = at.map(|at| answer[at + name.len()..].iter().skip_while(|byte| **byte == b' '));
    let digits: String =
        digits.into_iter().flatten().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn next_iterator(answer: &[u8]) -> Option<String> {
    let name = b"\"NextShardIterator\":";
    let at = answer.windows(name.len()).rposition(|window| window == name)? + name.len();
    let text = &answer[at..];
    let begin = text.iter().position(|byte| *byte == b'"')? + 1;
    let end = begin + text[begin..].iter().position(|byte| *byte == b'"')?;
    String::from_utf8(text[begin..end].to_vec()).ok()
}

fn count(text: &[u8], word: &[u8]) -> usize {
    memchr::memmem::find_iter(text, word).count()
}
