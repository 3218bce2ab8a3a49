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

#[tokio::test]
async fn what_a_stream_may_take_can_be_said_and_taken_back() {
    let server = TestServer::start().await;
    let put = |settings: Value| server.request(Method::PUT, "/v1/video/cam").json(&settings).send();
    let settings = json!({"retention_bytes": 1 << 30, "when_full": "drop_oldest"});
    let created: Value = put(settings.clone()).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&created["retention_bytes"], &created["when_full"]),
        (&json!(1 << 30), &json!("drop_oldest"))
    );
    assert_eq!(put(settings).await.unwrap().status(), 200, "the same settings");
    assert_eq!(error_code(put(json!({"when_full": "refuse"})).await.unwrap(), 409).await, "STREAM_EXISTS");
    let patch = |settings: Value| server.request(Method::PATCH, "/v1/video/cam").json(&settings).send();
    assert_eq!(error_code(patch(json!({"retention_bytes": 5})).await.unwrap(), 400).await, "INVALID_SETTING");
    assert_eq!(error_code(patch(json!({"when_full": "panic"})).await.unwrap(), 400).await, "BAD_BODY");
    let patched: Value = patch(json!({"retention_bytes": null})).await.unwrap().json().await.unwrap();
    assert_eq!((&patched["retention_bytes"], &patched["when_full"]), (&Value::Null, &json!("drop_oldest")));
}

#[tokio::test]
async fn holds_are_placed_listed_and_released() {
    let server = TestServer::start().await;
    server.request(Method::PUT, "/v1/video/cam").send().await.unwrap();
    let at = |name: &str| format!("/v1/video/cam/holds/{name}");
    let put = |name: &str, hold: Value| server.request(Method::PUT, &at(name)).json(&hold).send();
    let delete = async |path: String| server.request(Method::DELETE, &path).send().await.unwrap();
    let range = json!({"from": 1_769_860_800, "to": "2026-01-31T12:00:10.5Z", "reason": "case 17"});
    let placed: Value = put("a", range).await.unwrap().json().await.unwrap();
    let expected =
        json!({"from_ms": 1_769_860_800_000_u64, "to_ms": 1_769_860_810_500_u64, "clock": "producer"});
    assert_eq!((&placed["range"], &placed["reason"]), (&expected, &json!("case 17")));
    assert_eq!(put("b", json!({})).await.unwrap().status(), 200);
    let listed = server.json("/v1/video/cam/holds").await;
    assert_eq!((&listed["holds"][0]["name"], &listed["holds"][1]["name"]), (&json!("a"), &json!("b")));
    assert_eq!((&listed["oldest_hold"], &listed["held_bytes"]), (&json!("b"), &json!(0)));

    assert_eq!(error_code(put("c", json!({"from": 1})).await.unwrap(), 400).await, "BAD_HOLD");
    assert_eq!(
        error_code(put("c", json!({"from": 5, "to": 5})).await.unwrap(), 400).await,
        "INVALID_SETTING"
    );
    assert_eq!(error_code(put("c", json!({"form": 5})).await.unwrap(), 400).await, "BAD_BODY");
    assert_eq!(error_code(put(&"x".repeat(65), json!({})).await.unwrap(), 400).await, "INVALID_SETTING");
    assert_eq!(error_code(delete("/v1/video/cam".to_owned()).await, 409).await, "STREAM_HELD");
    for name in ["a", "b"] {
        assert_eq!(delete(at(name)).await.status(), 204);
    }
    assert_eq!(error_code(delete(at("a")).await, 404).await, "HOLD_NOT_FOUND");
    assert_eq!(delete("/v1/video/cam".to_owned()).await.status(), 204);
}
