//! Limits of Kinesis Data Streams that are not about records, where the clock stands still.

use super::kinesis::{done, settle, start_with};
use super::*;
use crate::auth::{Access, Identity};
use crate::aws::dispatch;
use crate::aws::front::perform;
use crate::aws::wire::{Format, json};
use serde_json::json;
use shardlog::env::sim::ManualClock;

const LIMIT: &str = "LimitExceededException";

/// An operation as it comes over the wire: counted.
async fn call(server: &TestServer, operation: &str, input: &Value) -> Result<(), (&'static str, String)> {
    let identity = Identity { key_id: KEY_ID.to_owned(), user: None };
    let caller = Access { identity, token: None, circumstances: Default::default() };
    let (_, operation) = dispatch::find(&format!("Kinesis_20131202.{operation}")).unwrap();
    let body = input.to_string();
    let input = json::decode(body.as_bytes()).unwrap();
    let rates = server.app.aws.rates.as_ref();
    let outcome = perform(&server.app, &caller, operation, input, (Format::Json, 0), rates).await;
    outcome.map(drop).map_err(|error| (error.code(), error.message().to_owned()))
}

/// With the rates of the service itself.
async fn start_strict() -> (TestServer, ManualClock) {
    start_with(|layer| layer.call_rate_percent = Some(100)).await
}

/// How often an operation is taken before it comes too fast, and what is said then.
async fn taken(server: &TestServer, operation: &str, input: &Value) -> (u32, &'static str, String) {
    for count in 0..2000 {
        if let Err((code, message)) = call(server, operation, input).await {
            return (count, code, message);
        }
    }
    panic!("{operation} was never refused");
}

#[tokio::test]
async fn calls_are_as_many_per_second_as_the_service_takes() {
    let (server, clock) = start_strict().await;
    for name in ["s", "t"] {
        done(&server, "CreateStream", json!({"StreamName": name, "ShardCount": 2})).await;
    }
    let of_stream = "Rate exceeded for stream s under account 000000000000.";
    let of_account = "Rate exceeded for account 000000000000.";
    let s = json!({"StreamName": "s"});
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    for (operation, input, times, message) in [
        ("DescribeStream", &s, 10, of_stream),
        ("DescribeStreamSummary", &s, 20, of_stream),
        ("ListShards", &s, 1000, of_stream),
        ("ListTagsForStream", &s, 5, of_stream),
        ("ListTagsForResource", &json!({"ResourceARN": arn}), 5, of_stream),
        ("ListStreamConsumers", &json!({"StreamARN": arn}), 5, of_stream),
        ("ListStreams", &json!({}), 5, of_account),
        ("DescribeLimits", &json!({}), 1, of_account),
        ("DescribeAccountSettings", &json!({}), 5, of_account),
    ] {
        assert_eq!(taken(&server, operation, input).await, (times, LIMIT, message.to_owned()), "{operation}");
        clock.advance(Duration::from_secs(1));
        assert_eq!(taken(&server, operation, input).await.0, times, "{operation}, a second later");
    }
    // Of the account is the rate of one, of the stream that of the other.
    let t = json!({"StreamName": "t"});
    assert_eq!(taken(&server, "DescribeStream", &s).await.0, 10);
    assert_eq!(taken(&server, "DescribeStream", &t).await.0, 0);
    assert_eq!(taken(&server, "ListShards", &s).await.0, 1000);
    assert_eq!(taken(&server, "ListShards", &t).await.0, 1000);

    let iterator = |shard: &str| json!({"StreamName": "s", "ShardId": shard, "ShardIteratorType": "LATEST"});
    let (times, code, message) = taken(&server, "GetShardIterator", &iterator("shardId-000000000001")).await;
    assert_eq!((times, code), (5, "ProvisionedThroughputExceededException"));
    assert_eq!(
        message,
        "Rate exceeded for shard shardId-000000000001 in stream s under account 000000000000."
    );
    assert_eq!(taken(&server, "GetShardIterator", &iterator("1")).await.0, 0, "the same shard");
    assert_eq!(taken(&server, "GetShardIterator", &iterator("0")).await.0, 5);
}

#[tokio::test]
async fn rates_can_be_raised_and_lifted() {
    let (server, _) = start_with(|layer| layer.call_rate_percent = Some(300)).await;
    assert_eq!(taken(&server, "ListStreams", &json!({})).await.0, 15);
    let (server, _) = start_with(|layer| layer.shard_limits = Some(false)).await;
    for _ in 0..50 {
        assert_eq!(call(&server, "ListStreams", &json!({})).await, Ok(()));
    }
}

#[tokio::test]
async fn a_refused_call_does_nothing_and_an_unknown_stream_is_said_first() {
    let (server, clock) = start_strict().await;
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(call(&server, "CreateStream", &json!({"StreamName": name})).await, Ok(()));
    }
    let sixth = json!({"StreamName": "f"});
    assert_eq!(call(&server, "CreateStream", &sixth).await.unwrap_err().0, LIMIT);
    assert!(server.app.streams.look("f").is_err());
    clock.advance(Duration::from_millis(200));
    assert_eq!(call(&server, "CreateStream", &sixth).await, Ok(()));
    let bad = json!({"StreamName": "!"});
    assert_eq!(call(&server, "CreateStream", &bad).await.unwrap_err().0, "ValidationException");
}

#[tokio::test]
async fn the_account_has_so_many_shards_and_streams_on_demand() {
    let (server, _) = start_with(|layer| {
        layer.shards_max = Some(5);
        layer.on_demand_streams_max = Some(1);
    })
    .await;
    let demand = |name: &str| json!({"StreamName": name, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    done(&server, "CreateStream", demand("d")).await;
    let refused = call(&server, "CreateStream", &demand("e")).await.unwrap_err();
    let message = "This request would exceed the limit on the number of On-Demand streams for the account 000000000000 in \
                   us-east-1. Current On-Demand streams count: 1. Limit: 1.";
    assert_eq!(refused, (LIMIT, message.to_owned()));

    // Shards on demand do not count.
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 4})).await;
    let message = |there: u32, more: u32| {
        format!(
            "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the \
             account: {there}. Limit: 5. Number of additional shards that would have resulted from this request: {more}. Refer \
             to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current \
             limits and how to request higher limits."
        )
    };
    let two = json!({"StreamName": "t", "ShardCount": 2});
    assert_eq!(call(&server, "CreateStream", &two).await, Err((LIMIT, message(4, 2))));
    done(&server, "CreateStream", json!({"StreamName": "t", "ShardCount": 1})).await;
    let split = json!({"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "9"});
    assert_eq!(call(&server, "SplitShard", &split).await, Err((LIMIT, message(5, 1))));
    let count = |target: u32| json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
    assert_eq!(call(&server, "UpdateShardCount", &count(7)).await, Err((LIMIT, message(5, 3))));
    assert_eq!(call(&server, "UpdateShardCount", &count(2)).await, Ok(()));
    let limits = done(&server, "DescribeLimits", json!({})).await;
    assert_eq!((&limits["ShardLimit"], &limits["OnDemandStreamCountLimit"]), (&json!(5), &json!(1)));

    let mode = json!({"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/t",
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    assert_eq!(call(&server, "UpdateStreamMode", &mode).await.unwrap_err().0, LIMIT);
}

#[tokio::test]
async fn some_things_are_done_so_many_times_a_day() {
    let (server, clock) = start_strict().await;
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 2})).await;
    let mode = |mode: &str| {
        json!({"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s",
            "StreamModeDetails": {"StreamMode": mode}})
    };
    for one in ["ON_DEMAND", "ON_DEMAND", "PROVISIONED", "PROVISIONED"] {
        done(&server, "UpdateStreamMode", mode(one)).await;
    }
    assert_eq!(call(&server, "UpdateStreamMode", &mode("ON_DEMAND")).await.unwrap_err().0, LIMIT);
    let count = |target: usize| json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
    for times in 0..10 {
        done(&server, "UpdateShardCount", count([3, 2][times % 2])).await;
        server.app.streams.settled("s").await.unwrap();
    }
    assert_eq!(call(&server, "UpdateShardCount", &count(3)).await.unwrap_err().0, LIMIT);
    assert_eq!(call(&server, "UpdateShardCount", &count(2)).await, Ok(()), "it has as many");
    clock.advance(Duration::from_secs(24 * 3600));
    done(&server, "UpdateShardCount", count(3)).await;
    server.app.streams.settled("s").await.unwrap();
    done(&server, "UpdateStreamMode", mode("ON_DEMAND")).await;
}

#[tokio::test]
async fn five_streams_are_made_at_a_time_and_twenty_consumers_registered() {
    let (server, _) = start_strict().await;
    let register = |number: u32| json!({"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "ConsumerName": format!("c{number}")});
    let making = &server.app.aws.making;
    let s = json!({"StreamName": "s", "ShardCount": 1});
    let places: Vec<_> = (0..5).map(|_| making.streams.try_acquire().unwrap()).collect();
    let message = "This request would have exceed the limit on the number of streams that can simultaneously be in CREATING or \
                   DELETING for the account 000000000000. Limit: 5.";
    assert_eq!(call(&server, "CreateStream", &s).await, Err((LIMIT, message.to_owned())));
    drop(places);
    done(&server, "CreateStream", s.clone()).await;

    let places: Vec<_> = (0..5).map(|_| making.consumers.try_acquire().unwrap()).collect();
    assert_eq!(call(&server, "RegisterStreamConsumer", &register(0)).await.unwrap_err().0, LIMIT);
    drop(places);
    for number in 0..20 {
        done(&server, "RegisterStreamConsumer", register(number)).await;
    }
    assert_eq!(call(&server, "RegisterStreamConsumer", &register(20)).await.unwrap_err().0, LIMIT);
}

#[tokio::test]
async fn keys_of_streams_change_so_many_times_a_day() {
    let (server, clock) = start_strict().await;
    let vault = &server.app.vault;
    vault.create_alias("alias/one", &vault.create_key("").unwrap(), 0).unwrap();
    done(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await;
    let with = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/one"});
    let change = async |operation: &str| {
        let outcome = call(&server, operation, &with).await;
        settle(&server, &clock, "s").await;
        outcome.map_err(|(code, _)| code)
    };
    let shown = async || done(&server, "DescribeStreamSummary", json!({"StreamName": "s"})).await;
    // The first long before the others, so that a day later there is one more start, and no stop for it.
    assert_eq!(change("StartStreamEncryption").await, Ok(()));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(change("StopStreamEncryption").await, Ok(()));
    for _ in 1..25 {
        assert_eq!(change("StartStreamEncryption").await, Ok(()));
        assert_eq!(change("StopStreamEncryption").await, Ok(()));
    }
    assert_eq!(change("StartStreamEncryption").await, Err(LIMIT));
    assert_eq!(change("StopStreamEncryption").await, Ok(()), "it has no key that was chosen");
    clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(call(&server, "StartStreamEncryption", &with).await, Ok(()));
    assert_eq!(shown().await["StreamDescriptionSummary"]["StreamStatus"], "UPDATING");
    assert_eq!(call(&server, "StopStreamEncryption", &with).await.unwrap_err().0, "ResourceInUseException");
    settle(&server, &clock, "s").await;
    assert_eq!(shown().await["StreamDescriptionSummary"]["StreamStatus"], "ACTIVE");
    assert_eq!(change("StopStreamEncryption").await, Err(LIMIT));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(change("StopStreamEncryption").await, Ok(()));
}

#[tokio::test]
async fn a_commitment_ends_after_a_day() {
    let (server, clock) = start_strict().await;
    let demand = json!({"StreamName": "s", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    done(&server, "CreateStream", demand).await;
    let set = async |status: &str| {
        let input = json!({"MinimumThroughputBillingCommitment": {"Status": status}});
        let answer = done(&server, "UpdateAccountSettings", input).await;
        let described = done(&server, "DescribeAccountSettings", json!({})).await;
        assert_eq!(answer, described);
        answer["MinimumThroughputBillingCommitment"].clone()
    };
    assert_eq!(set("ENABLED").await["Status"], "ENABLED");
    // It is good for more consumers of a stream on demand.
    let register = |number: u32| json!({"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "ConsumerName": format!("c{number}")});
    for number in 0..21 {
        done(&server, "RegisterStreamConsumer", register(number)).await;
    }
    let ending = set("DISABLED").await;
    assert_eq!(ending["Status"], "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
    assert!(ending.get("EndedAt").is_none(), "{ending}");
    clock.advance(Duration::from_secs(24 * 3600));
    let ended = set("DISABLED").await;
    assert_eq!((&ended["Status"], &ended["EndedAt"]), (&json!("DISABLED"), &ending["EarliestAllowedEndAt"]));
    assert_eq!(call(&server, "RegisterStreamConsumer", &register(21)).await.unwrap_err().0, LIMIT);
}
