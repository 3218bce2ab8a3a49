//! A disk whose syncs fail, under the whole server: what clients and operators are told.

use super::*;
use shardlog::env::RealFiles;
use shardlog::env::hooked::{FileHooks, HookedFiles};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A sync fails when told so, once. As on Linux, one that failed is not to be believed when it succeeds.
#[derive(Default)]
struct FailingSync(AtomicBool);

impl FileHooks for FailingSync {
    fn before_sync(&self) -> io::Result<()> {
        if self.0.swap(false, Ordering::SeqCst) {
            return Err(io::Error::other("injected failure of a sync"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn after_one_failed_sync_nothing_is_taken_until_the_next_start() {
    let failing = Arc::new(FailingSync::default());
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let files = HookedFiles::new(Arc::new(RealFiles), failing.clone());
    let env = Env { files: Arc::new(files), ..Env::real() };
    let mut server = TestServer::start_in(env, config.clone(), None).await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), StatusCode::OK);
    let before = server.json("/v1/video/cam/fragments").await;

    failing.0.store(true, Ordering::SeqCst);
    // The sync fails once, and every later one would succeed.
    for _ in 0..2 {
        let refused = server.push("cam", FOOTAGE.clone()).await;
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(error_code(refused, 503).await, "STORAGE_FAILED");
    }
    assert!(!failing.0.load(Ordering::SeqCst));
    let events = server.request(Method::PUT, "/v1/video/cam/ingest").header("accept", "application/x-ndjson");
    let events = events.body(FOOTAGE.clone()).send().await.unwrap().text().await.unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["EventType"] != "PERSISTED"), "{events:?}");
    let last = &events[events.len() - 1];
    assert_eq!((&last["EventType"], &last["ErrorId"]), (&"ERROR".into(), &5001.into()), "{last}");
    assert_eq!(server.json("/v1/video/cam/fragments").await, before, "what was there is read");

    let answer = server.anonymous(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let log = answer.json::<Value>().await.unwrap()["checks"]["log"].clone();
    assert!(log.as_str().unwrap().contains("injected failure of a sync"), "{log}");
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("\nkinetoscope_log_lanes_dead 1\n"), "{metrics}");

    server.stop().await;
    drop(server);
    let server = TestServer::start_on(config, None).await;
    let after = server.json("/v1/video/cam/fragments").await["fragments"].as_array().unwrap().clone();
    let before = before["fragments"].as_array().unwrap();
    assert!(after.starts_with(before), "{after:?}");
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn records_are_not_acknowledged_after_a_failed_sync() {
    let failing = Arc::new(FailingSync::default());
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let files = HookedFiles::new(Arc::new(RealFiles), failing.clone());
    let env = Env { files: Arc::new(files), ..Env::real() };
    let server = TestServer::start_in(env, config, None).await;
    let ask = async |operation: &str, input: Value| {
        let request = server.request(Method::POST, &format!("/v1/kinesis/{operation}"));
        let answer = request.body(input.to_string()).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let created = ask("CreateStream", serde_json::json!({"StreamName": "s", "ShardCount": 1})).await;
    assert_eq!(created, (StatusCode::OK, String::new()));
    let record = serde_json::json!({"Data": "", "PartitionKey": "a"});
    let one = serde_json::json!({"StreamName": "s", "Data": "", "PartitionKey": "a"});
    let many = serde_json::json!({"StreamName": "s", "Records": [record]});
    assert_eq!(ask("PutRecord", one.clone()).await.0, StatusCode::OK);

    failing.0.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let (status, said) = ask("PutRecord", one.clone()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{said}");
        assert!(said.contains(r#""__type":"InternalFailure""#) && !said.contains("injected"), "{said}");
        let (status, said) = ask("PutRecords", many.clone()).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        assert!(said.contains(r#""FailedRecordCount":1"#), "{said}");
        assert!(said.contains(r#""ErrorCode":"InternalFailure""#), "{said}");
    }
    assert!(!failing.0.load(Ordering::SeqCst));
}
