//! How soon a subscriber has a record: from the call that puts it, whose answer means that it is on disk, to the event.

use super::client::{Body, Kinesis};
use super::load::{STREAM, make_stream};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::harness::server::Server;

const RECORDS: usize = 300;
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn run() {
    match measure().await {
        Ok((acknowledged, event)) => println!(
            "\nfan-out, one record each {PAUSE:?}: acknowledged after {:.1} ms p50, {:.1} ms p99; with the subscriber {:.1} ms p50, {:.1} ms p99 after the call",
            percentile(&acknowledged, 50),
            percentile(&acknowledged, 99),
            percentile(&event, 50),
            percentile(&event, 99),
        ),
        Err(why) => println!("\nfan-out: {why}"),
    }
}

async fn measure() -> Result<(Vec<Duration>, Vec<Duration>), String> {
    let server = Server::start_with(super::unlimited()).await;
    make_stream(server.url()).await?;
    let kinesis = Kinesis::new(server.url());
    let described = kinesis.json("DescribeStreamSummary", &json!({"StreamName": STREAM})).await?;
    let arn = described["StreamDescriptionSummary"]["StreamARN"].clone();
    let register = json!({"StreamARN": arn, "ConsumerName": "bench"});
    let consumer =
        kinesis.json("RegisterStreamConsumer", &register).await?["Consumer"]["ConsumerARN"].clone();
    let subscribe = json!({
        "ConsumerARN": consumer,
        "ShardId": "shardId-000000000000",
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    });
    let answer = kinesis.send("SubscribeToShard", &Body::json(&subscribe)).await?;
    let start = Instant::now();
    let reading = tokio::spawn(read(answer, start));
    let (mut acknowledged, mut put_at) = (Vec::new(), Vec::new());
    for _ in 0..RECORDS {
        let at = start.elapsed();
        let data = STANDARD.encode(at.as_nanos().to_be_bytes());
        let put = json!({"StreamName": STREAM, "PartitionKey": "k", "ExplicitHashKey": "0", "Data": data});
        kinesis.json("PutRecord", &put).await?;
        acknowledged.push(start.elapsed() - at);
        put_at.push(at);
        tokio::time::sleep(PAUSE).await;
    }
    let event = reading.await.map_err(|error| error.to_string())??;
    Ok((sorted(acknowledged), sorted(event)))
}

/// Reads events until all records are there: for each, how long after its call.
async fn read(answer: reqwest::Response, start: Instant) -> Result<Vec<Duration>, String> {
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("SubscribeToShard: {status} {}", answer.text().await.unwrap_or_default()));
    }
    let (mut parts, mut buffer, mut waits) = (answer.bytes_stream(), Vec::new(), Vec::new());
    while waits.len() < RECORDS {
        let part = tokio::time::timeout(Duration::from_secs(20), parts.next()).await;
        let part = part.map_err(|_| "no event for 20 s")?.ok_or("the subscription ended")?;
        buffer.extend_from_slice(&part.map_err(|error| error.to_string())?);
        while let Some(payload) = take_event(&mut buffer) {
            let now = start.elapsed();
            let event: Value = serde_json::from_slice(&payload).unwrap_or_default();
            for record in event["Records"].as_array().into_iter().flatten() {
                let data = STANDARD.decode(record["Data"].as_str().unwrap_or_default()).unwrap_or_default();
                let at = data.try_into().map(u128::from_be_bytes).map_err(|_| "a foreign record")?;
                waits.push(now.saturating_sub(Duration::from_nanos(at as u64)));
            }
        }
    }
    Ok(waits)
}

/// The payload of the first frame of an event stream, when it is whole.
fn take_event(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u32::from_be_bytes(*buffer.get(at..)?.first_chunk::<4>()?) as usize);
    let (total, headers) = (number(0)?, number(4)?);
    if buffer.len() < total {
        return None;
    }
    let rest = buffer.split_off(total);
    let frame = std::mem::replace(buffer, rest);
    frame.get(12 + headers..total - 4).map(<[u8]>::to_vec)
}

fn sorted(mut waits: Vec<Duration>) -> Vec<Duration> {
    waits.sort_unstable();
    waits
}

fn percentile(sorted: &[Duration], share: usize) -> f64 {
    sorted.get(sorted.len() * share / 100).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3)
}
