//! What a user needs a right on the key of a stream for, where the clock stands still.

use super::kinesis::{call_as, done, pushed, reply, settle, start};
use super::*;
use serde_json::json;
use shardlog::env::sim::ManualClock;
use std::collections::BTreeMap;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
const REFUSED: &str = "KMSAccessDeniedException";

fn policy(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn allow(actions: &[&str], resource: &str, condition: &Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
}

/// Ann may do everything with the streams `s` and `plain`, of which `s` is under a key of its own.
struct World {
    server: TestServer,
    ann: String,
    key: String,
    key_id: vault::KeyId,
    consumer: Value,
}

impl World {
    async fn new(server: TestServer, clock: &ManualClock) -> Self {
        let key_id = server.app.vault.create_key("").unwrap();
        server.app.vault.create_alias("alias/mine", &key_id, 0).unwrap();
        for name in ["s", "plain"] {
            done(&server, "CreateStream", json!({"StreamName": name, "ShardCount": 1})).await;
            done(&server, "PutRecord", json!({"StreamName": name, "Data": "aGk=", "PartitionKey": "a"}))
                .await;
        }
        for (name, key) in [("s", "alias/mine"), ("plain", "alias/aws/kinesis")] {
            let start = json!({"StreamName": name, "EncryptionType": "KMS", "KeyId": key});
            done(&server, "StartStreamEncryption", start).await;
            settle(&server, clock, name).await;
        }
        let consumer = json!({"StreamARN": STREAM, "ConsumerName": "c"});
        let consumer =
            done(&server, "RegisterStreamConsumer", consumer).await["Consumer"]["ConsumerARN"].clone();
        let keys = &server.app.keys;
        keys.create_user("ann").await.unwrap();
        let ann = keys.create_key("ann").await.unwrap().key_id;
        let key = format!("arn:aws:kms:us-east-1:000000000000:key/{key_id}");
        let world = Self { server, ann, key, key_id, consumer };
        world.put_policy("streams", &json!([allow(&["kinesis:*"], "*", &json!({}))])).await;
        world
    }

    async fn put_policy(&self, name: &str, statements: &Value) {
        self.server.app.keys.put_policy("ann", name, policy(statements)).await.unwrap();
    }

    async fn as_ann(&self, operation: &str, input: Value) -> Result<(), String> {
        let identity = self.server.app.keys.holder(&self.ann).unwrap();
        let outcome = call_as(&self.server, identity, operation, input).await;
        outcome.map(drop).map_err(|error| error.code().to_owned())
    }

    async fn put(&self, stream: &str) -> Result<(), String> {
        let record = json!({"Data": "aGk=", "PartitionKey": "a"});
        let many = self.as_ann("PutRecords", json!({"StreamName": stream, "Records": [record]})).await;
        let one = json!({"StreamName": stream, "Data": "aGk=", "PartitionKey": "a"});
        let one = self.as_ann("PutRecord", one).await;
        assert_eq!(one, many);
        one
    }

    async fn get(&self, stream: &str) -> Result<(), String> {
        let start = json!({"StreamName": stream, "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = done(&self.server, "GetShardIterator", start).await["ShardIterator"].clone();
        self.as_ann("GetRecords", json!({"ShardIterator": iterator})).await
    }

    async fn subscribe(&self) -> Result<(), String> {
        let input = json!({"ConsumerARN": self.consumer, "ShardId": "0", "StartingPosition": {"Type": "TRIM_HORIZON"}});
        let identity = self.server.app.keys.holder(&self.ann).unwrap();
        let outcome = reply(&self.server, identity, "SubscribeToShard", input).await;
        outcome.map(drop).map_err(|error| error.code().to_owned())
    }
}

fn refused() -> Result<(), String> {
    Err(REFUSED.to_owned())
}

#[tokio::test]
async fn records_of_a_stream_need_a_right_on_its_key() {
    let (server, clock) = start().await;
    let world = World::new(server, &clock).await;
    assert_eq!((world.put("plain").await, world.get("plain").await), (Ok(()), Ok(())), "the default key");
    assert_eq!(
        (world.put("s").await, world.get("s").await, world.subscribe().await),
        (refused(), refused(), refused())
    );

    // Only for this stream, and only by way of the service.
    let condition = json!({"StringEquals": {
        "kms:EncryptionContext:aws:kinesis:arn": STREAM, "kms:ViaService": "kinesis.us-east-1.amazonaws.com",
        "kms:CallerAccount": "000000000000"}});
    world.put_policy("keys", &json!([allow(&["kms:GenerateDataKey"], &world.key, &condition)])).await;
    assert_eq!((world.put("s").await, world.get("s").await), (Ok(()), refused()), "a producer");
    world.put_policy("keys", &json!([allow(&["kms:Decrypt"], &world.key, &condition)])).await;
    assert_eq!((world.get("s").await, world.subscribe().await), (Ok(()), Ok(())), "a consumer");
    assert_eq!(world.put("s").await, Ok(()), "what was allowed is so for a while");
    clock.advance(Duration::from_secs(300));
    assert_eq!(world.put("s").await, refused());
    assert_eq!(world.get("s").await, Ok(()));

    let elsewhere =
        json!({"StringEquals": {"kms:EncryptionContext:aws:kinesis:arn": STREAM.replace("/s", "/t")}});
    world.put_policy("keys", &json!([allow(&["kms:*"], &world.key, &elsewhere)])).await;
    clock.advance(Duration::from_secs(300));
    assert_eq!((world.put("s").await, world.get("s").await), (refused(), refused()), "another stream");
}

#[tokio::test]
async fn the_policy_of_the_key_must_allow_too() {
    let (server, clock) = start().await;
    let world = World::new(server, &clock).await;
    world.put_policy("keys", &json!([allow(&["kms:*"], "*", &json!({}))])).await;
    assert_eq!(world.put("s").await, Ok(()));
    let bert = json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/bert"}, "Action": "kms:*", "Resource": "*"}]);
    world.server.app.vault.put_key_policy(&world.key_id, policy(&bert)).unwrap();
    clock.advance(Duration::from_secs(300));
    assert_eq!((world.put("s").await, world.get("s").await), (refused(), refused()));
    let ann = json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/ann"}, "Action": "kms:Decrypt", "Resource": "*"}]);
    world.server.app.vault.put_key_policy(&world.key_id, policy(&ann)).unwrap();
    assert_eq!((world.put("s").await, world.get("s").await), (refused(), Ok(())), "it works at once");
}

#[tokio::test]
async fn a_stream_takes_no_key_that_its_user_may_not_use() {
    let (server, clock) = start().await;
    let world = World::new(server, &clock).await;
    let start = |key: &str| json!({"StreamName": "plain", "EncryptionType": "KMS", "KeyId": key});
    assert_eq!(world.as_ann("StartStreamEncryption", start("alias/mine")).await, refused());
    assert_eq!(
        world.as_ann("StartStreamEncryption", start("alias/none")).await,
        Err("KMSNotFoundException".into())
    );
    assert_eq!(world.as_ann("StartStreamEncryption", start("alias/aws/kinesis")).await, Ok(()));
    settle(&world.server, &clock, "plain").await;
    world.put_policy("keys", &json!([allow(&["kms:GenerateDataKey"], &world.key, &json!({}))])).await;
    assert_eq!(world.as_ann("StartStreamEncryption", start("alias/mine")).await, Ok(()));
}

#[tokio::test]
async fn uses_of_keys_are_in_the_audit_log_once_in_five_minutes() {
    let (server, clock) = start().await;
    let world = World::new(server, &clock).await;
    world.put_policy("keys", &json!([allow(&["kms:*"], "*", &json!({}))])).await;
    let uses = async || {
        world.server.app.audit.write_counts().await;
        let text = std::fs::read_to_string(world.server.app.data.join("audit/audit.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_key = lines.filter(|line| line["resource"] == *world.key && line["who"] == "ann");
        of_key.map(|line| (line["action"].to_string(), line["context"].clone())).collect::<Vec<_>>()
    };
    for _ in 0..3 {
        world.put("s").await.unwrap();
        world.get("s").await.unwrap();
    }
    let context = json!(BTreeMap::from([("aws:kinesis:arn", STREAM)]));
    let once =
        [("\"kms:GenerateDataKey\"".to_owned(), context.clone()), ("\"kms:Decrypt\"".to_owned(), context)];
    assert_eq!(uses().await, once);
    clock.advance(Duration::from_secs(300));
    world.put("s").await.unwrap();
    assert_eq!(uses().await.len(), 3);
}

#[tokio::test]
async fn a_refused_root_ends_subscriptions_too() {
    let (server, clock) = start().await;
    let world = World::new(server, &clock).await;
    assert!(pushed(&world.server, &world.consumer).await.contains("aGk="));
    world.server.app.vault.refuse_root(Some(vault::RootRefusal::AccessDenied));
    let said = pushed(&world.server, &world.consumer).await;
    assert!(said.contains(REFUSED) && said.contains("the external KMS denies access"), "{said}");
    world.server.app.vault.refuse_root(None);
    assert!(pushed(&world.server, &world.consumer).await.contains("aGk="));
}
