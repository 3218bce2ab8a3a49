//! The SDK for Rust: records in and out, errors by their types, and a subscription.
#![allow(clippy::disallowed_methods)] // black-box tests run on real time

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{
    ConsumerStatus, PutRecordsRequestEntry, Record, ShardIteratorType, StartingPosition,
    SubscribeToShardEventStream,
};
use std::time::Duration;
use tests::harness::server::{KEY_ID, SECRET, Server};
use tests::harness::wait;

const STREAM: &str = "rust";
const RECORDS: usize = 400;

fn connect(server: &Server) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "tests"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

async fn make_stream(kinesis: &Client) {
    kinesis.create_stream().stream_name(STREAM).shard_count(1).send().await.expect("create");
    wait::until("the stream is active", Duration::from_secs(20), || async {
        let described = kinesis.describe_stream_summary().stream_name(STREAM).send().await;
        let described = described.map_err(|error| format!("{error:?}"))?;
        let summary = described.stream_description_summary().ok_or("no summary")?;
        let status = summary.stream_status().as_str();
        if status == "ACTIVE" { Ok(()) } else { Err(status.to_owned()) }
    })
    .await;
}

async fn put(kinesis: &Client, from: usize) {
    let entry = |number: usize| {
        let entry = PutRecordsRequestEntry::builder().partition_key(format!("key-{}", number % 10));
        entry.data(Blob::new(number.to_string())).build().expect("an entry")
    };
    let batch = (from..from + RECORDS).map(entry).collect();
    let answer =
        kinesis.put_records().stream_name(STREAM).set_records(Some(batch)).send().await.expect("put");
    assert_eq!(answer.failed_record_count(), Some(0), "{answer:?}");
    assert_eq!(answer.records().len(), RECORDS);
}

fn numbers(records: &[Record]) -> Vec<usize> {
    let number = |record: &Record| String::from_utf8_lossy(record.data().as_ref()).parse().expect("a number");
    records.iter().map(number).collect()
}

#[tokio::test]
async fn records_come_back_in_order_and_errors_by_their_types() {
    let server = Server::start().await;
    let kinesis = connect(&server);
    make_stream(&kinesis).await;
    put(&kinesis, 0).await;
    let from = kinesis.get_shard_iterator().stream_name(STREAM).shard_id("shardId-000000000000");
    let from = from.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.expect("an iterator");
    let mut iterator = from.shard_iterator().expect("an iterator").to_owned();
    let mut found = Vec::new();
    for _ in 0..RECORDS {
        let page = kinesis.get_records().shard_iterator(&iterator).limit(150).send().await.expect("a page");
        found.extend(numbers(page.records()));
        if page.millis_behind_latest() == Some(0) {
            break;
        }
        page.next_shard_iterator().expect("more").clone_into(&mut iterator);
    }
    assert_eq!(found, Vec::from_iter(0..RECORDS), "{}", server.log_tail());

    let missing = kinesis.describe_stream_summary().stream_name("nowhere").send().await;
    let missing = missing.expect_err("not there").into_service_error();
    assert!(missing.is_resource_not_found_exception(), "{missing:?}");
    let again = kinesis.create_stream().stream_name(STREAM).shard_count(1).send().await;
    let again = again.expect_err("there already").into_service_error();
    assert!(again.is_resource_in_use_exception(), "{again:?}");
}

#[tokio::test]
async fn a_subscription_gives_what_was_there_and_what_comes() {
    let server = Server::start().await;
    let kinesis = connect(&server);
    make_stream(&kinesis).await;
    put(&kinesis, 0).await;
    let summary = kinesis.describe_stream_summary().stream_name(STREAM).send().await.expect("described");
    let arn = summary.stream_description_summary().expect("a summary").stream_arn().to_owned();
    let registered = kinesis.register_stream_consumer().stream_arn(arn).consumer_name("rust").send().await;
    let consumer = registered.expect("registered").consumer().expect("a consumer").consumer_arn().to_owned();
    wait::until("the consumer is active", Duration::from_secs(20), || async {
        let described = kinesis.describe_stream_consumer().consumer_arn(&consumer).send().await;
        let described = described.map_err(|error| format!("{error:?}"))?;
        let status = described.consumer_description().ok_or("no consumer")?.consumer_status().clone();
        if status == ConsumerStatus::Active { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().expect("a start");
    let mut subscription = kinesis
        .subscribe_to_shard()
        .consumer_arn(&consumer)
        .shard_id("shardId-000000000000")
        .starting_position(start)
        .send()
        .await
        .expect("subscribed");
    put(&kinesis, RECORDS).await;
    let mut found = Vec::new();
    while found.len() < 2 * RECORDS {
        let event = tokio::time::timeout(Duration::from_secs(20), subscription.event_stream.recv()).await;
        match event.expect("an event in time").expect("an event") {
            Some(SubscribeToShardEventStream::SubscribeToShardEvent(event)) => {
                found.extend(numbers(event.records()));
            }
            Some(other) => panic!("{other:?}"),
            None => panic!("ended after {}: {}", found.len(), server.log_tail()),
        }
    }
    assert_eq!(found, Vec::from_iter(0..2 * RECORDS));
}
