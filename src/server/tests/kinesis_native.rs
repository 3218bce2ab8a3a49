//! Operations of Kinesis Data Streams at native paths.

use super::*;
use serde_json::json;

impl TestServer {
    async fn kinesis(&self, operation: &str, input: Value) -> (u16, Value) {
        answer_of(self.request(Method::POST, &format!("/v1/kinesis/{operation}")).json(&input)).await
    }

    async fn kinesis_with_token(&self, token: &str, operation: &str, input: Value) -> (u16, Value) {
        let request = self.anonymous(Method::POST, &format!("/v1/kinesis/{operation}"));
        answer_of(request.bearer_auth(token).json(&input)).await
    }

    async fn made_token(&self, wish: Value) -> String {
        let made = self.request(Method::POST, "/v1/tokens").json(&wish).send().await.unwrap();
        made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }
}

/// Status and body, which is always of AWS's content type.
async fn answer_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
    assert!(response.headers().contains_key("x-request-id"));
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

#[tokio::test]
async fn records_go_in_and_come_out() {
    let server = TestServer::start().await;
    let create = json!({"StreamName": "s", "ShardCount": 1});
    assert_eq!(server.kinesis("CreateStream", create).await, (200, Value::Null));
    assert_eq!(server.kinesis("ListStreams", json!({})).await.1["StreamNames"], json!(["s"]));
    let put = json!({"StreamName": "s", "Data": "aGk=", "PartitionKey": "a"});
    let (status, put) = server.kinesis("PutRecord", put).await;
    assert_eq!((status, &put["ShardId"]), (200, &"shardId-000000000000".into()));
    let start = json!({"StreamName": "s", "ShardId": put["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let (_, start) = server.kinesis("GetShardIterator", start).await;
    let (_, read) = server.kinesis("GetRecords", json!({"ShardIterator": start["ShardIterator"]})).await;
    assert_eq!(read["Records"][0]["Data"], "aGk=", "{read}");
    assert_eq!(read["Records"][0]["SequenceNumber"], put["SequenceNumber"]);
    // What curl says of its body does not matter.
    let form = server.request(Method::POST, "/v1/kinesis/ListStreams").body("{}");
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("origin", "http://x");
    assert_eq!(answer_of(form).await.0, 200);
}

#[tokio::test]
async fn traffic_is_told_and_measured() {
    let server = TestServer::start().await;
    server.kinesis("CreateStream", json!({"StreamName": "s", "ShardCount": 2})).await;
    let record = |hash: &str| json!({"Data": "aGFsbG8=", "PartitionKey": "abc", "ExplicitHashKey": hash});
    let records = json!([record("0"), record("1"), record("2")]);
    server.kinesis("PutRecords", json!({"StreamName": "s", "Records": records})).await;
    let start =
        json!({"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let (_, start) = server.kinesis("GetShardIterator", start).await;
    // It leaves two of them behind.
    let one = json!({"ShardIterator": start["ShardIterator"], "Limit": 1});
    let (_, read) = server.kinesis("GetRecords", one).await;
    assert!(read["MillisBehindLatest"].as_u64() > Some(0), "{read}");

    let metrics = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "kinetoscope_data_in_bytes_total 24",
        "kinetoscope_data_out_records_total 1",
        "kinetoscope_data_stream_in_records_total{stream=\"s\"} 3",
        "kinetoscope_data_stream_out_bytes_total{stream=\"s\"} 8",
        "kinetoscope_data_stream_throttled_records_total{stream=\"s\"} 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line} is not in {metrics}");
    }
    assert!(metrics.contains("kinetoscope_data_stream_iterator_age_seconds{stream=\"s\"} 0.0"), "{metrics}");
    assert!(metrics.contains("# TYPE kinetoscope_data_stream_in_records_total counter"));
    let sums = server.anonymous(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(sums.contains("kinetoscope_data_in_bytes_total 24") && !sums.contains("stream=\"s\""), "{sums}");

    let told = async || server.json("/v1/data/s/traffic").await;
    // A step is told when it is over.
    let mut answer = told().await;
    for _ in 0..200 {
        if answer["traffic"]["out_records"].is_array() {
            break;
        }
        server.app.env.clock.sleep(Duration::from_millis(100)).await;
        answer = told().await;
    }
    let sum = |of: &Value| of.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    let traffic = &answer["traffic"];
    assert_eq!([&traffic["in_bytes"], &traffic["in_records"], &traffic["out_bytes"]].map(sum), [24, 3, 8]);
    assert!(sum(&traffic["iterator_age_ms"]) > 0 && traffic["throttled_reads"].is_null(), "{answer}");
    assert_eq!(answer["shards"], json!([{"shard_id": "shardId-000000000000", "traffic": traffic}]));
    assert_eq!((&answer["step_s"], traffic["in_bytes"].as_array().unwrap().len()), (&json!(5), 60));

    let missing = server.get("/v1/data/none/traffic").await;
    assert_eq!(answer_of(server.request(Method::GET, "/v1/data/none/traffic")).await.0, 400);
    assert_eq!(missing.json::<Value>().await.unwrap()["__type"], "ResourceNotFoundException");
    assert_eq!(server.anonymous(Method::GET, "/v1/data/s/traffic").send().await.unwrap().status(), 401);
    let play = server.made_token(json!({"verbs": ["play"], "stream": "t"})).await;
    let elsewhere = server.anonymous(Method::GET, "/v1/data/s/traffic").bearer_auth(play);
    assert_eq!(answer_of(elsewhere).await.1["__type"], "AccessDeniedException");
}

#[tokio::test]
async fn keys_are_managed_there_too_but_by_no_token() {
    let server = TestServer::start().await;
    let kms = async |operation: &str, input: Value| {
        answer_of(server.request(Method::POST, &format!("/v1/kms/{operation}")).json(&input)).await
    };
    let (status, made) = kms("CreateKey", json!({"Description": "orders"})).await;
    assert_eq!(status, 200, "{made}");
    let id = &made["KeyMetadata"]["KeyId"];
    assert_eq!(kms("CreateAlias", json!({"AliasName": "alias/orders", "TargetKeyId": id})).await.0, 200);
    assert_eq!(kms("DescribeKey", json!({"KeyId": "alias/orders"})).await.1["KeyMetadata"]["KeyId"], *id);
    assert_eq!(kms("ListStreams", json!({})).await.0, 404);
    assert_eq!(kms("DescribeKey", json!({"KeyId": "alias/none"})).await.1["__type"], "NotFoundException");

    // What depends on it, now and from before.
    for stream in ["s", "t"] {
        server.kinesis("CreateStream", json!({"StreamName": stream, "ShardCount": 1})).await;
        let key = json!({"StreamName": stream, "EncryptionType": "KMS", "KeyId": "alias/orders"});
        assert_eq!(server.kinesis("StartStreamEncryption", key.clone()).await.0, 200);
        if stream == "t" {
            server.app.streams.settled(stream).await.unwrap();
            assert_eq!(server.kinesis("StopStreamEncryption", key).await.0, 200);
        }
    }
    let own = server.json("/v1/keys/streams?after=s").await["streams"][0]["key"].clone();
    let told = server.json("/v1/keys/streams?limit=1").await;
    let stream = json!({"name": "s", "kind": "data", "key": id, "older_keys": [own]});
    assert_eq!(told, json!({"streams": [stream], "next": "s"}));
    let told = server.json("/v1/keys/streams?after=s").await;
    let stream = json!({"name": "t", "kind": "data", "key": own, "older_keys": [id]});
    assert_eq!(told, json!({"streams": [stream], "next": null}));
    let all = server.made_token(json!({"verbs": ["play", "ingest", "manage"]})).await;
    for path in ["/v1/keys/streams", "/v1/audit"] {
        let refused = server.anonymous(Method::GET, path).bearer_auth(&all).send().await.unwrap();
        assert_eq!(error_code(refused, 403).await, "TOKEN_SCOPE", "{path}");
    }
    let (status, refused) =
        answer_of(server.anonymous(Method::POST, "/v1/kms/ListKeys").bearer_auth(all).json(&json!({}))).await;
    assert_eq!((status, &refused["__type"]), (403, &"TOKEN_SCOPE".into()));

    let written = server.json("/v1/audit?contains=kms:createalias&event=control&limit=9").await;
    assert_eq!(written["entries"].as_array().map(Vec::len), Some(1), "{written}");
    let first = &written["entries"][0];
    assert_eq!(
        (&first["who"], &first["allowed"], &written["more"]),
        (&json!("root"), &json!(true), &json!(false))
    );
    let newest = server.json("/v1/audit?limit=1").await;
    assert_eq!((newest["entries"].as_array().map(Vec::len), &newest["more"]), (Some(1), &json!(true)));
}

#[tokio::test]
async fn refusals_have_the_shape_of_the_service() {
    let server = TestServer::start().await;
    let refused = async |operation: &str, body: &str| {
        let request = server.request(Method::POST, &format!("/v1/kinesis/{operation}")).body(body.to_owned());
        let (status, body) = answer_of(request).await;
        (status, body["__type"].as_str().unwrap().to_owned())
    };
    let of = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(refused("Nonsense", "{}").await, of(404, "UnknownOperationException"));
    assert_eq!(refused("Encrypt", "{}").await, of(404, "UnknownOperationException"));
    assert_eq!(refused("%ff", "{}").await, of(404, "UnknownOperationException"));
    assert_eq!(refused("SubscribeToShard", "{}").await, of(400, "InvalidArgumentException"));
    for body in ["", "[]", "{", "{}x"] {
        assert_eq!(refused("ListStreams", body).await, of(400, "SerializationException"), "{body:?}");
    }
    assert_eq!(refused("ListStreams", r#"{"Limit":0}"#).await, of(400, "ValidationException"));
    let missing = r#"{"StreamName":"none"}"#;
    assert_eq!(refused("DescribeStream", missing).await, of(400, "ResourceNotFoundException"));
    let large = server.request(Method::POST, "/v1/kinesis/PutRecord").body(vec![b' '; (15 << 20) + 1]);
    assert_eq!(large.send().await.unwrap().status(), 413);

    let nobody = server.anonymous(Method::POST, "/v1/kinesis/ListStreams").body("{}").send().await.unwrap();
    assert!(nobody.headers().contains_key("www-authenticate"));
    let nobody = server.anonymous(Method::POST, "/v1/kinesis/ListStreams").body("{}");
    let (status, body) = answer_of(nobody).await;
    assert_eq!((status, &body["__type"]), (401, &"SIGN_IN_REQUIRED".into()));
    let wrong = server.anonymous(Method::POST, "/v1/kinesis/ListStreams").basic_auth(KEY_ID, Some("no"));
    let (status, body) = answer_of(wrong.body("{}")).await;
    assert_eq!((status, &body["__type"]), (401, &"SIGN_IN_FAILED".into()));
    assert_eq!(server.get("/v1/kinesis/ListStreams").await.status(), 405);
    let elsewhere = server.request(Method::POST, "/v1/kinesis/DeleteStream").body(missing);
    assert_eq!(elsewhere.header("sec-fetch-site", "cross-site").send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn users_and_tokens_may_do_what_they_may_elsewhere() {
    let server = TestServer::start().await;
    for stream in ["s", "t"] {
        server.kinesis("CreateStream", json!({"StreamName": stream, "ShardCount": 1})).await;
    }
    let keys = &server.app.keys;
    keys.create_user("ann").await.unwrap();
    let key = keys.create_key("ann").await.unwrap();
    let policy = json!({"Statement": {"Effect": "Allow", "Action": "kinesis:PutRecord",
        "Resource": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}});
    keys.put_policy("ann", "p", policy.to_string()).await.unwrap();
    let put = |stream: &str| json!({"StreamName": stream, "Data": "", "PartitionKey": "a"});
    for (stream, expected) in [("s", 200), ("t", 400)] {
        let request = server.anonymous(Method::POST, "/v1/kinesis/PutRecord");
        let (status, body) =
            answer_of(request.basic_auth(&key.key_id, Some(&key.secret)).json(&put(stream))).await;
        assert_eq!(status, expected, "{stream}: {body}");
    }

    let play = server.made_token(json!({"verbs": ["play"], "stream": "s"})).await;
    let all = server.made_token(json!({"verbs": ["ingest", "manage"]})).await;
    let as_token = async |token: &str, operation: &str, input: Value| {
        server.kinesis_with_token(token, operation, input).await.1["__type"].as_str().unwrap_or("").to_owned()
    };
    let denied = "AccessDeniedException";
    let describe = |stream: &str| json!({"StreamName": stream});
    assert_eq!(as_token(&play, "DescribeStreamSummary", describe("s")).await, "");
    assert_eq!(as_token(&play, "DescribeStreamSummary", describe("t")).await, denied);
    assert_eq!(as_token(&play, "ListStreams", json!({})).await, denied);
    assert_eq!(as_token(&play, "PutRecord", put("s")).await, denied);
    assert_eq!(as_token(&play, "DeleteStream", describe("s")).await, denied);
    assert_eq!(as_token(&all, "PutRecord", put("t")).await, "");
    assert_eq!(as_token(&all, "DescribeStreamSummary", describe("t")).await, denied);
    assert_eq!(as_token(&all, "DeleteStream", describe("t")).await, "");
    let (_, body) = server.kinesis_with_token("kt_nonsense", "ListStreams", json!({})).await;
    assert_eq!(body["__type"], "TOKEN_INVALID");

    let text = std::fs::read_to_string(server.app.data.join("audit/audit.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deletion =
        lines.iter().find(|line| line["action"] == "kinesis:DeleteStream" && line["allowed"] == true);
    assert_eq!(deletion.unwrap()["who"], "root", "{text}");
}
