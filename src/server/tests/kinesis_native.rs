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
