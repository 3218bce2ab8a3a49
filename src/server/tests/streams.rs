//! The list of streams, and what is done to one.

use super::*;
use serde_json::json;

#[tokio::test]
async fn create_describe_change_delete() {
    let server = TestServer::start().await;
    let put = |settings: Value| server.request(Method::PUT, "/v1/video/cam.1").json(&settings).send();
    let created = put(json!({"retention_hours": 48, "attributes": {"site": "north"}})).await.unwrap();
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    assert_eq!((&created["state"], &created["retention_hours"]), (&json!("empty"), &json!(48)));
    assert_eq!(put(json!({"retention_hours": 48})).await.unwrap().status(), 200, "the same settings");
    assert_eq!(put(json!({})).await.unwrap().status(), 200, "no settings");
    assert_eq!(error_code(put(json!({"retention_hours": 49})).await.unwrap(), 409).await, "STREAM_EXISTS");

    let patch = server.request(Method::PATCH, "/v1/video/cam.1").json(&json!({"retention_hours": 24}));
    let patched: Value = patch.send().await.unwrap().json().await.unwrap();
    assert_eq!(patched["retention_hours"], 24);
    assert_eq!(patched["attributes"]["site"], "north", "what is not said stays");
    assert_eq!(server.json("/v1/video/cam.1").await["retention_hours"], 24);

    let deleted = server.request(Method::DELETE, "/v1/video/cam.1").send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(error_code(server.get("/v1/video/cam.1").await, 404).await, "STREAM_NOT_FOUND");
    let again = server.request(Method::DELETE, "/v1/video/cam.1").send().await.unwrap();
    assert_eq!(error_code(again, 404).await, "STREAM_NOT_FOUND");
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let server = TestServer::start().await;
    for name in ["b", "a", "c"] {
        server.request(Method::PUT, &format!("/v1/video/{name}")).send().await.unwrap();
    }
    let names = |page: &Value| {
        let streams = page["streams"].as_array().unwrap();
        streams.iter().map(|stream| stream["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = server.json("/v1/video?limit=2").await;
    assert_eq!((names(&page), &page["next"]), (vec!["a".to_owned(), "b".to_owned()], &json!("b")));
    let page = server.json("/v1/video?limit=2&after=b").await;
    assert_eq!((names(&page), &page["next"]), (vec!["c".to_owned()], &Value::Null));
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let server = TestServer::start().await;
    let put = |name: &str, body: &'static str| {
        server.request(Method::PUT, &format!("/v1/video/{name}")).body(body).send()
    };
    assert_eq!(error_code(put("cam", "{").await.unwrap(), 400).await, "BAD_BODY");
    assert_eq!(error_code(put("cam", r#"{"retention": 1}"#).await.unwrap(), 400).await, "BAD_BODY");
    assert_eq!(
        error_code(put("cam", r#"{"retention_hours": 0}"#).await.unwrap(), 400).await,
        "INVALID_SETTING"
    );
    assert_eq!(error_code(put("a%20b", "").await.unwrap(), 400).await, "BAD_STREAM_NAME");
    assert_eq!(error_code(put(&"x".repeat(257), "").await.unwrap(), 400).await, "BAD_STREAM_NAME");
    assert_eq!(error_code(server.get("/v1/video/cam/timeline?from=yesterday").await, 400).await, "BAD_QUERY");
    assert_eq!(error_code(server.get("/v1/video/cam/timeline?clock=cuckoo").await, 400).await, "BAD_QUERY");
    assert_eq!(error_code(server.get("/v1/video/cam/clip.mp4").await, 404).await, "STREAM_NOT_FOUND");
    assert_eq!(error_code(server.get("/v1/nothing").await, 404).await, "NO_SUCH_PATH");
    let post = server.request(Method::POST, "/v1/video").send().await.unwrap();
    assert_eq!(error_code(post, 405).await, "METHOD_NOT_ALLOWED");
    put("cam", "").await.unwrap();
    assert_eq!(error_code(server.get("/v1/video/cam/clip.mp4?from=1").await, 404).await, "NO_MEDIA");
    assert_eq!(
        error_code(server.get("/v1/video/cam/clip.mp4?from=5&to=4").await, 400).await,
        "INVALID_RANGE"
    );
}

#[tokio::test]
async fn the_server_describes_itself() {
    let server = TestServer::start().await;
    let info = server.json("/v1/server").await;
    assert!(
        info["storage"]["total_bytes"].as_u64().unwrap() > info["storage"]["free_bytes"].as_u64().unwrap()
    );
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let metrics = server.get("/metrics").await.text().await.unwrap();
    for name in [
        "kinetoscope_http_requests_total{",
        "kinetoscope_log_fsyncs_total ",
        "process_resident_memory_bytes ",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
}
