//! Users, their access keys and policies.

use super::commands::{code, run_with};
use super::rtsp::{Camera, H264};
use super::*;
use serde_json::json;

/// May push to the stream "door" and see it.
fn door() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Door", "Effect": "Allow", "Action": ["kinesisvideo:PutMedia", "kinesisvideo:DescribeStream"],
        "Resource": "arn:aws:kinesisvideo:us-east-1:000000000000:stream/door/*",
    }]})
}

struct Key {
    id: String,
    secret: String,
}

impl TestServer {
    async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let response = self.request(method, path).json(&body).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A user with a policy; its access key.
    async fn user(&self, name: &str, policy: &Value) -> Key {
        self.must(Method::PUT, &format!("/v1/users/{name}"), json!({})).await;
        self.must(Method::PUT, &format!("/v1/users/{name}/policies/p"), policy.clone()).await;
        let made = self.must(Method::POST, &format!("/v1/users/{name}/keys"), json!({})).await;
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Key { id: text("key_id"), secret: text("secret") }
    }

    fn by(&self, key: &Key, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).basic_auth(&key.id, Some(&key.secret))
    }

    async fn status_by(&self, key: &Key, method: Method, path: &str) -> u16 {
        self.by(key, method, path).body(FOOTAGE.clone()).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn a_user_does_what_its_policy_says_and_nothing_else() {
    let server = TestServer::start().await;
    for stream in ["door", "yard"] {
        server.must(Method::PUT, &format!("/v1/video/{stream}"), json!({})).await;
    }
    let key = server.user("anna", &door()).await;
    for (method, path, status) in [
        (Method::PUT, "/v1/video/door/ingest", 200),
        (Method::GET, "/v1/video/door", 200),
        (Method::PUT, "/v1/video/yard/ingest", 403),
        (Method::GET, "/v1/video/yard", 403),
        (Method::GET, "/v1/video", 403),
        (Method::GET, "/v1/video/door/clip.mp4", 403),
        (Method::GET, "/v1/video/door/hls/live.m3u8", 403),
        (Method::DELETE, "/v1/video/door", 403),
        (Method::GET, "/metrics", 403),
        (Method::GET, "/v1/rtsp", 403),
        (Method::GET, "/v1/users", 403),
        (Method::PUT, "/v1/users/bert", 403),
        (Method::POST, "/v1/users/anna/keys", 403),
        (Method::PUT, "/v1/users/anna/policies/more", 403),
        (Method::GET, "/v1/server", 200),
    ] {
        assert_eq!(server.status_by(&key, method.clone(), path).await, status, "{method} {path}");
    }
    let token = server.by(&key, Method::POST, "/v1/tokens").json(&json!({"verbs": ["play"]}));
    assert_eq!(token.send().await.unwrap().status(), 403);
    let refusal = server.by(&key, Method::GET, "/v1/video/yard").send().await.unwrap();
    let body: Value = refusal.json().await.unwrap();
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("\"anna\"") && message.contains("kinesisvideo:DescribeStream"), "{message}");
}

#[tokio::test]
async fn media_makes_a_stream_only_where_the_user_may() {
    let server = TestServer::start().await;
    let key = server.user("anna", &door()).await;
    let refused =
        server.by(&key, Method::PUT, "/v1/video/door/ingest").body(FOOTAGE.clone()).send().await.unwrap();
    assert_eq!(error_code(refused, 404).await, "STREAM_NOT_FOUND");
    let create =
        json!({"Statement": {"Effect": "Allow", "Action": "kinesisvideo:CreateStream", "Resource": "*"}});
    server.must(Method::PUT, "/v1/users/anna/policies/create", create).await;
    assert_eq!(server.status_by(&key, Method::PUT, "/v1/video/door/ingest").await, 200);
}

#[tokio::test]
async fn conditions_see_the_request_and_the_stream() {
    let server = TestServer::start().await;
    let mine = json!({"attributes": {"owner": "anna"}});
    server.must(Method::PUT, "/v1/video/mine", mine).await;
    server.must(Method::PUT, "/v1/video/other", json!({})).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesisvideo:Describe*", "Resource": "*", "Condition": {
            "StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
            "Bool": {"aws:SecureTransport": "false"}, "DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:UserAgent": "bad*"}}},
    ]});
    let key = server.user("anna", &policy).await;
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/mine").await, 200);
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/other").await, 403);
    let bad = server.by(&key, Method::GET, "/v1/video/mine").header("user-agent", "bad client");
    assert_eq!(bad.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn keys_stop_working_at_once_and_come_back() {
    let server = TestServer::start().await;
    server.must(Method::PUT, "/v1/video/door", json!({})).await;
    let (first, path) = (server.user("anna", &door()).await, "/v1/users/anna/keys");
    let second = server.must(Method::POST, path, json!({})).await;
    let second = Key {
        id: second["key_id"].as_str().unwrap().into(),
        secret: second["secret"].as_str().unwrap().into(),
    };
    let get = async |key: &Key| server.status_by(key, Method::GET, "/v1/video/door").await;
    assert_eq!((get(&first).await, get(&second).await), (200, 200));
    let of_first = format!("{path}/{}", first.id);
    server.must(Method::PATCH, &of_first, json!({"enabled": false})).await;
    assert_eq!((get(&first).await, get(&second).await), (401, 200));
    server.must(Method::PATCH, &of_first, json!({"enabled": true})).await;
    assert_eq!(get(&first).await, 200);
    let listed = server.json(path).await;
    assert!(listed["keys"][0]["last_used_ms"].as_u64().is_some(), "{listed}");
    assert!(!listed.to_string().contains(&first.secret));
    server.must(Method::DELETE, &of_first, json!({})).await;
    assert_eq!((get(&first).await, get(&second).await), (401, 200));
    server.must(Method::DELETE, "/v1/users/anna", json!({})).await;
    assert_eq!(get(&second).await, 401);
    let gone = server.request(Method::DELETE, &of_first).send().await.unwrap();
    assert_eq!(error_code(gone, 404).await, "USER_NOT_FOUND");
}

#[tokio::test]
async fn a_token_allows_no_more_than_its_maker() {
    let server = TestServer::start().await;
    for stream in ["door", "yard"] {
        server.must(Method::PUT, &format!("/v1/video/{stream}"), json!({})).await;
    }
    let mut policy = door();
    let more = json!({"Effect": "Allow", "Action": "kinetoscope:CreateToken", "Resource": "*"});
    policy["Statement"].as_array_mut().unwrap().push(more);
    let key = server.user("anna", &policy).await;
    let wish = json!({"verbs": ["play", "ingest", "manage"]});
    let made: Value =
        server.by(&key, Method::POST, "/v1/tokens").json(&wish).send().await.unwrap().json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    let status = async |method: Method, path: &str| {
        let request = server.anonymous(method, path).bearer_auth(token).body(FOOTAGE.clone());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(Method::GET, "/v1/video/door").await, 200);
    assert_eq!(status(Method::GET, "/v1/video/yard").await, 403);
    assert_eq!(status(Method::PUT, "/v1/video/door/ingest").await, 200);
    assert_eq!(status(Method::DELETE, "/v1/video/door").await, 403);
    server.must(Method::PATCH, &format!("/v1/users/anna/keys/{}", key.id), json!({"enabled": false})).await;
    assert_eq!(status(Method::GET, "/v1/video/door").await, 401, "with the key go its tokens");
}

#[tokio::test]
async fn cameras_over_rtsp_sign_in_with_keys_of_users() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some("/nowhere".into())).await;
    let key = server.user("camera", &door()).await;
    for (stream, status) in [("door", 200), ("yard", 403)] {
        let mut camera = Camera::connect(&server, stream).await;
        (camera.user, camera.password) = (key.id.clone(), key.secret.clone());
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
        assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, status, "{stream}");
    }
    server.must(Method::PATCH, &format!("/v1/users/camera/keys/{}", key.id), json!({"enabled": false})).await;
    let mut camera = Camera::connect(&server, "door").await;
    (camera.user, camera.password) = (key.id.clone(), key.secret.clone());
    assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
    assert_eq!(camera.ask("ANNOUNCE", "", H264).await.status, 401);
}

#[tokio::test]
async fn users_outlive_a_restart_and_show_no_secret_on_disk() {
    let folder = TempDir::new().unwrap();
    let config = || config(&folder.path().join("data"), |_| {});
    let mut server = TestServer::start_on(config(), None).await;
    server.must(Method::PUT, "/v1/video/door", json!({})).await;
    let key = server.user("anna", &door()).await;
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 200);
    let before = server.json("/v1/users/anna").await;
    server.stop().await;
    for file in ["meta.sqlite", "meta.sqlite-wal"] {
        let bytes = std::fs::read(folder.path().join("data").join(file)).unwrap_or_default();
        for text in [key.secret.as_str(), "anna", "kinesisvideo"] {
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text} in {file}");
        }
    }
    drop(server);
    let server = TestServer::start_on(config(), None).await;
    assert_eq!(server.json("/v1/users/anna").await, before);
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 200);
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/yard").await, 403);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    let ask = async |method: Method, path: &str, body: &str, status: u16| {
        error_code(server.request(method, path).body(body.to_owned()).send().await.unwrap(), status).await
    };
    assert_eq!(ask(Method::PUT, "/v1/users/an%20na", "", 400).await, "BAD_NAME");
    assert_eq!(ask(Method::GET, "/v1/users/anna", "", 404).await, "USER_NOT_FOUND");
    assert_eq!(ask(Method::POST, "/v1/users/anna/keys", "", 404).await, "USER_NOT_FOUND");
    server.must(Method::PUT, "/v1/users/anna", json!({})).await;
    assert_eq!(ask(Method::PUT, "/v1/users/anna/policies/p", "{}", 400).await, "BAD_POLICY");
    assert_eq!(ask(Method::GET, "/v1/users/anna/policies/p", "", 404).await, "POLICY_NOT_FOUND");
    assert_eq!(ask(Method::PATCH, "/v1/users/anna/keys/X", "{\"enabled\":true}", 404).await, "KEY_NOT_FOUND");
    for _ in 0..5 {
        server.must(Method::POST, "/v1/users/anna/keys", json!({})).await;
    }
    assert_eq!(ask(Method::POST, "/v1/users/anna/keys", "", 409).await, "TOO_MANY");
    let policy = door().to_string();
    for number in 0..10 {
        let put =
            server.request(Method::PUT, &format!("/v1/users/anna/policies/p{number}")).body(policy.clone());
        assert_eq!(put.send().await.unwrap().status(), 201);
    }
    assert_eq!(ask(Method::PUT, "/v1/users/anna/policies/p10", &policy, 409).await, "TOO_MANY");
    assert_eq!(server.get("/v1/users/anna/policies/p9").await.text().await.unwrap(), policy);
    let page = server.json("/v1/users?limit=1").await;
    assert_eq!((page["users"].as_array().unwrap().len(), &page["next"]), (1, &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_does_all_of_it() {
    let server = TestServer::start().await;
    server.must(Method::PUT, "/v1/video/door", json!({})).await;
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    Credentials { key_id: KEY_ID.into(), secret: SECRET.into() }.write(&file("root")).unwrap();
    std::fs::write(file("door.json"), door().to_string()).unwrap();
    let (policy, annas) = (file("door.json"), file("anna"));
    let run = async |arguments: &[&str]| run_with(&server, &file("root"), arguments).await;
    assert_eq!(run(&["user", "create", "anna"]).await, code(0));
    assert_eq!(run(&["user", "create", "an/na"]).await, code(1));
    assert_eq!(run(&["policy", "put", "anna", "door", policy.to_str().unwrap()]).await, code(0));
    assert_eq!(run(&["policy", "put", "anna", "door", "/nowhere"]).await, code(2));
    assert_eq!(run(&["policy", "show", "anna", "door"]).await, code(0));
    assert_eq!(run(&["key", "create", "anna", "--output", annas.to_str().unwrap()]).await, code(0));
    for list in [&["user", "list"][..], &["user", "show", "anna"], &["key", "list", "anna"]] {
        assert_eq!(run(list).await, code(0), "{list:?}");
    }
    let made = Credentials::read(&annas).unwrap();
    let key = Key { id: made.key_id.clone(), secret: made.secret };
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 200);
    let arn = |name: &str| format!("arn:aws:kinesisvideo:us-east-1:000000000000:stream/{name}/0");
    let check = ["policy", "check", "anna", "kinesisvideo:PutMedia"];
    assert_eq!(run(&[&check[..], &[arn("door").as_str()]].concat()).await, code(0));
    assert_eq!(
        run(&[&check[..], &[arn("yard").as_str(), "--context", "aws:SourceIp=10.0.0.1"]].concat()).await,
        code(1)
    );
    assert_eq!(run(&["key", "disable", "anna", &key.id]).await, code(0));
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 401);
    assert_eq!(run(&["key", "enable", "anna", &key.id]).await, code(0));
    assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 200);
    assert_eq!(run(&["key", "delete", "anna", &key.id]).await, code(0));
    assert_eq!(run(&["policy", "delete", "anna", "door"]).await, code(0));
    assert_eq!(run(&["user", "delete", "anna"]).await, code(0));
    assert_eq!(run(&["user", "show", "anna"]).await, code(1));
}

#[tokio::test]
async fn a_check_says_which_statement_decides() {
    let server = TestServer::start().await;
    server.user("anna", &door()).await;
    let arn = "arn:aws:kinesisvideo:us-east-1:000000000000:stream/door/17";
    let check = async |body: Value| server.must(Method::POST, "/v1/policies/check", body).await;
    let asked = json!({"user": "anna", "action": "kinesisvideo:PutMedia", "resource": arn});
    let answer = check(asked.clone()).await;
    assert_eq!(answer["allowed"], true);
    assert_eq!((&answer["because"]["sid"], &answer["because"]["policy"]), (&"Door".into(), &"p".into()));
    let mut with = asked.clone();
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
    with["policies"] = json!({"extra": {"Statement": deny}});
    with["context"] = json!({"aws:SourceIp": "192.0.2.1"});
    assert_eq!(check(with.clone()).await["because"]["policy"], "extra");
    with["context"] = json!({"aws:SourceIp": "10.0.0.1"});
    assert_eq!(check(with).await["allowed"], true);
    assert_eq!(
        check(json!({"user": "anna", "action": "iam:CreateUser"})).await,
        json!({"allowed": false, "because": null})
    );
}

#[tokio::test]
async fn who_did_what_is_written_down() {
    let server = TestServer::start().await;
    let key = server.user("anna", &door()).await;
    let lines = || {
        let text = std::fs::read_to_string(server.app.data.join("audit/audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let created = server.request(Method::PUT, "/v1/video/door").send().await.unwrap();
    let last = lines().pop().unwrap();
    assert_eq!((&last["action"], &last["who"]), (&"kinesisvideo:CreateStream".into(), &"root".into()));
    assert_eq!(last["request_id"], created.headers()["x-request-id"].to_str().unwrap());
    assert_eq!((&last["source"], &last["allowed"]), (&"127.0.0.1".into(), &true.into()));
    for _ in 0..3 {
        assert_eq!(server.status_by(&key, Method::GET, "/v1/video/door").await, 200);
        assert_eq!(server.status_by(&key, Method::DELETE, "/v1/video/door").await, 403);
    }
    let wrong =
        server.anonymous(Method::GET, "/v1/video").basic_auth(&key.id, Some("wrong-password-of-anna"));
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    server.app.audit.write_counts().await;
    let all = lines();
    let of = |event: &str, action: Option<&str>| -> Vec<u64> {
        let matching = all.iter().filter(|line| line["event"] == event && line["action"].as_str() == action);
        matching.map(|line| line["count"].as_u64().unwrap_or(0)).collect()
    };
    assert_eq!(of("use", Some("kinesisvideo:DescribeStream")), [0, 2], "{all:?}");
    assert_eq!(of("refusal", Some("kinesisvideo:DeleteStream")), [0, 2]);
    assert_eq!(of("refusal", None), [0]);
    assert!(!format!("{all:?}").contains("wrong-password-of-anna"));
}
