//! Kinesis Data Streams where a clock must be moved: everything that expires.

use super::*;
use crate::auth::{Access, Identity};
use crate::aws::dispatch;
use crate::aws::error::AwsError;
use crate::aws::front::perform;
use crate::aws::operation::Reply;
use crate::aws::wire::{Format, json};
use ::streams::limits::KEY_CHANGE_SHOWN;
use futures_util::StreamExt;
use serde_json::json;
use shardlog::env::sim::ManualClock;
use std::sync::Arc;

/// A server whose clock stands still.
pub(super) async fn start() -> (TestServer, ManualClock) {
    start_with(|_| {}).await
}

pub(super) async fn start_with(change: impl FnOnce(&mut Layer)) -> (TestServer, ManualClock) {
    let clock = ManualClock::new();
    let env = Env { clock: Arc::new(clock.clone()), ..Env::real() };
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), change);
    let mut server = TestServer::start_in(env, config, None).await;
    server._folder = Some(folder);
    (server, clock)
}

/// An operation, past the sign-in.
async fn call(server: &TestServer, operation: &str, input: Value) -> Result<Value, AwsError> {
    call_as(server, Identity { key_id: KEY_ID.to_owned(), user: None }, operation, input).await
}

pub(super) async fn reply(
    server: &TestServer,
    identity: Identity,
    operation: &str,
    input: Value,
) -> Result<Reply, AwsError> {
    let caller = Access { identity, token: None, circumstances: Default::default() };
    let (_, operation) = dispatch::find(&format!("Kinesis_20131202.{operation}")).unwrap();
    let body = input.to_string();
    let input = json::decode(body.as_bytes()).unwrap();
    perform(&server.app, &caller, operation, input, (Format::Json, 0), None).await
}

pub(super) async fn call_as(
    server: &TestServer,
    identity: Identity,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    match reply(server, identity, operation, input).await? {
        Reply::Empty => Ok(Value::Null),
        Reply::Events(_) => panic!("{operation} goes on and on"),
        Reply::Value(value) => Ok(serde_json::from_slice(&Format::Json.encode(&value)).unwrap()),
    }
}

/// Lets a change of a stream's key be over.
pub(super) async fn settle(server: &TestServer, clock: &ManualClock, stream: &str) {
    clock.advance(KEY_CHANGE_SHOWN);
    server.app.streams.settled(stream).await.unwrap();
}

pub(super) async fn done(server: &TestServer, operation: &str, input: Value) -> Value {
    call(server, operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

pub(super) async fn refused(server: &TestServer, operation: &str, input: Value) -> &'static str {
    call(server, operation, input).await.expect_err(operation).code()
}

#[tokio::test]
async fn iterators_are_good_for_five_minutes() {
    let (server, clock) = start().await;
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    done(&server, "PutRecord", json!({"StreamName": "s", "Data": "aGk=", "PartitionKey": "a"})).await;
    let start = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = done(&server, "GetShardIterator", start).await["ShardIterator"].clone();
    let read = json!({"ShardIterator": iterator});
    clock.advance(Duration::from_secs(300));
    let answer = done(&server, "GetRecords", read.clone()).await;
    assert_eq!(answer["Records"][0]["Data"], "aGk=", "{answer}");
    clock.advance(Duration::from_millis(1));
    assert_eq!(refused(&server, "GetRecords", read).await, "ExpiredIteratorException");
    let next = json!({"ShardIterator": answer["NextShardIterator"]});
    assert_eq!(done(&server, "GetRecords", next).await["MillisBehindLatest"], 0);
}

#[tokio::test]
async fn tokens_of_lists_are_good_for_five_minutes() {
    let (server, clock) = start().await;
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 3})).await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    for name in ["a", "b", "c"] {
        done(&server, "RegisterStreamConsumer", json!({"StreamARN": arn, "ConsumerName": name})).await;
    }
    let page = done(&server, "ListShards", json!({"StreamName": "s", "MaxResults": 1})).await;
    let shards = json!({"NextToken": page["NextToken"]});
    let page = done(&server, "ListStreamConsumers", json!({"StreamARN": arn, "MaxResults": 1})).await;
    let consumers = json!({"StreamARN": arn, "NextToken": page["NextToken"]});
    let both = [("ListShards", shards, "Shards"), ("ListStreamConsumers", consumers, "Consumers")];
    clock.advance(Duration::from_secs(300));
    for (operation, next, list) in &both {
        let rest = done(&server, operation, next.clone()).await;
        assert_eq!(rest[*list].as_array().map(Vec::len), Some(2), "{operation}: {rest}");
    }
    clock.advance(Duration::from_millis(1));
    for (operation, next, _) in both {
        assert_eq!(refused(&server, operation, next).await, "ExpiredNextTokenException");
    }
}

#[tokio::test]
async fn readers_know_how_far_they_are_behind() {
    let (server, clock) = start().await;
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    for _ in 0..3 {
        done(&server, "PutRecord", json!({"StreamName": "s", "Data": "", "PartitionKey": "a"})).await;
        clock.advance(Duration::from_secs(10));
    }
    let start = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = done(&server, "GetShardIterator", start).await["ShardIterator"].clone();
    for behind_ms in [30_000, 20_000, 0] {
        let answer = done(&server, "GetRecords", json!({"ShardIterator": iterator, "Limit": 1})).await;
        assert_eq!(answer["MillisBehindLatest"], behind_ms, "{answer}");
        iterator = answer["NextShardIterator"].clone();
    }
}

#[tokio::test]
async fn an_iterator_does_not_outlive_its_stream() {
    let (server, _) = start().await;
    let create = json!({"StreamName": "s", "ShardCount": 1});
    done(&server, "CreateStream", create.clone()).await;
    let start = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = done(&server, "GetShardIterator", start).await["ShardIterator"].clone();
    done(&server, "DeleteStream", json!({"StreamName": "s"})).await;
    done(&server, "CreateStream", create).await;
    assert_eq!(
        refused(&server, "GetRecords", json!({"ShardIterator": iterator})).await,
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn users_may_do_what_their_policies_allow() {
    let (server, _) = start().await;
    for name in ["s", "t"] {
        done(&server, "CreateStream", json!({"StreamName": name, "ShardCount": 1})).await;
    }
    let keys = &server.app.keys;
    keys.create_user("ann").await.unwrap();
    let key = keys.create_key("ann").await.unwrap();
    let put = |stream: &str| json!({"StreamName": stream, "Data": "", "PartitionKey": "a"});
    let as_ann = async |operation: &str, input: Value| {
        let identity = keys.holder(&key.key_id).unwrap();
        call_as(&server, identity, operation, input).await.map_err(|error| error.code())
    };
    assert_eq!(as_ann("PutRecord", put("s")).await, Err("AccessDeniedException"));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kinesis:PutRecord",
        "Resource": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}]});
    keys.put_policy("ann", "p", policy.to_string()).await.unwrap();
    assert!(as_ann("PutRecord", put("s")).await.is_ok());
    assert_eq!(as_ann("PutRecord", put("t")).await, Err("AccessDeniedException"));
    assert_eq!(as_ann("DeleteStream", json!({"StreamName": "s"})).await, Err("AccessDeniedException"));
    assert_eq!(as_ann("ListStreams", json!({})).await, Err("AccessDeniedException"));
}

/// The first frames of a subscription to the only shard of a stream, as text.
pub(super) async fn pushed(server: &TestServer, consumer: &Value) -> String {
    let input =
        json!({"ConsumerARN": consumer, "ShardId": "0", "StartingPosition": {"Type": "TRIM_HORIZON"}});
    let root = Identity { key_id: KEY_ID.to_owned(), user: None };
    let Ok(Reply::Events(events)) = reply(server, root, "SubscribeToShard", input).await else {
        panic!("no subscription");
    };
    let frames: Vec<_> = events.take(2).collect().await;
    String::from_utf8_lossy(&frames.concat()).into_owned()
}

#[tokio::test]
async fn a_key_that_cannot_be_used_stops_its_streams_within_five_minutes() {
    let (server, clock) = start().await;
    let vault = &server.app.vault;
    let key = vault.create_key("").unwrap();
    vault.create_alias("alias/mine", &key, 0).unwrap();
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    let with = |key: &str| json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": key});
    done(&server, "StartStreamEncryption", with("alias/mine")).await;
    settle(&server, &clock, "s").await;
    let told = done(&server, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    assert_eq!(told["StreamDescriptionSummary"]["KeyId"], "alias/mine", "{told}");
    let arn = &told["StreamDescriptionSummary"]["StreamARN"];
    let consumer = json!({"StreamARN": arn, "ConsumerName": "c"});
    let consumer = done(&server, "RegisterStreamConsumer", consumer).await["Consumer"]["ConsumerARN"].clone();

    let put = json!({"StreamName": "s", "Data": "aGk=", "PartitionKey": "a"});
    let many = json!({"StreamName": "s", "Records": [{"Data": "aGk=", "PartitionKey": "a"}]});
    let iterator = async |kind: &str| {
        let start = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": kind});
        json!({"ShardIterator": done(&server, "GetShardIterator", start).await["ShardIterator"]})
    };
    done(&server, "PutRecord", put.clone()).await;
    let read = done(&server, "GetRecords", iterator("TRIM_HORIZON").await).await;
    assert_eq!(read["Records"][0]["EncryptionType"], "KMS", "{read}");

    let all_answer = async |code: &str| {
        assert_eq!(refused(&server, "PutRecord", put.clone()).await, code);
        assert_eq!(refused(&server, "PutRecords", many.clone()).await, code);
        for kind in ["TRIM_HORIZON", "LATEST"] {
            assert_eq!(refused(&server, "GetRecords", iterator(kind).await).await, code, "{kind}");
        }
        let pushed = pushed(&server, &consumer).await;
        assert!(pushed.contains(code), "{pushed}");
        assert_eq!(refused(&server, "StartStreamEncryption", with(&key.to_string())).await, code);
    };
    let all_work = async || {
        done(&server, "PutRecord", put.clone()).await;
        let read = done(&server, "GetRecords", iterator("TRIM_HORIZON").await).await;
        assert_eq!(read["Records"][0]["Data"], "aGk=", "{read}");
        let pushed = pushed(&server, &consumer).await;
        assert!(pushed.contains("aGk="), "{pushed}");
    };
    vault.disable(&key).unwrap();
    clock.advance(Duration::from_secs(300));
    all_answer("KMSDisabledException").await;
    vault.enable(&key).unwrap();
    all_work().await;
    vault.schedule_deletion(&key, u64::MAX).unwrap();
    clock.advance(Duration::from_secs(300));
    all_answer("KMSInvalidStateException").await;
    vault.cancel_deletion(&key).unwrap();
    vault.enable(&key).unwrap();
    all_work().await;
    vault.destroy(&key).unwrap();
    clock.advance(Duration::from_secs(300));
    all_answer("KMSNotFoundException").await;

    // What was there is lost; the stream is not.
    done(&server, "StopStreamEncryption", with("alias/mine")).await;
    let tip = iterator("LATEST").await;
    done(&server, "PutRecord", put.clone()).await;
    let read = done(&server, "GetRecords", tip).await;
    assert_eq!(read["Records"][0]["Data"], "aGk=", "{read}");
    let lost = iterator("TRIM_HORIZON").await;
    assert_eq!(refused(&server, "GetRecords", lost).await, "KMSNotFoundException");
}
