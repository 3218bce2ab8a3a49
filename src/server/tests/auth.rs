//! Who gets in, and to what.

use super::*;
use crate::auth::{Grant, Identities, Verb};
use http::header::WWW_AUTHENTICATE;

impl TestServer {
    async fn token(&self, wish: Value) -> Response {
        self.request(Method::POST, "/v1/tokens").json(&wish).send().await.unwrap()
    }

    async fn token_for(&self, stream: Option<&str>, verbs: &[&str]) -> String {
        let answer = self.token(serde_json::json!({"stream": stream, "verbs": verbs})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn status(&self, method: Method, path: &str, token: &str) -> u16 {
        self.anonymous(method, path).bearer_auth(token).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn nothing_but_health_and_the_console_is_open() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/readyz", "/"] {
        let status = server.anonymous(Method::GET, path).send().await.unwrap().status();
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for (method, path) in [
        (Method::GET, "/v1/video"),
        (Method::GET, "/v1/video/cam"),
        (Method::PUT, "/v1/video/cam"),
        (Method::PATCH, "/v1/video/cam"),
        (Method::DELETE, "/v1/video/cam"),
        (Method::PUT, "/v1/video/cam/ingest"),
        (Method::POST, "/v1/video/cam/ingest"),
        (Method::GET, "/v1/video/cam/hls/live.m3u8"),
        (Method::GET, "/v1/video/cam/hls/live/media.m3u8"),
        (Method::GET, "/v1/video/cam/hls/archive.m3u8"),
        (Method::GET, "/v1/video/cam/hls/archive/media.m3u8"),
        (Method::GET, "/v1/video/cam/hls/segment/1.m4s"),
        (Method::GET, "/v1/video/cam/hls/init/0.mp4"),
        (Method::GET, "/v1/video/cam/clip.mp4"),
        (Method::GET, "/v1/video/cam/clip.frames.json"),
        (Method::GET, "/v1/video/cam/timeline"),
        (Method::GET, "/v1/video/cam/fragments"),
        (Method::GET, "/v1/video/cam/frame.jpg"),
        (Method::GET, "/v1/video/cam/frame.png"),
        (Method::GET, "/v1/video/cam/frames.tar?from=0"),
        (Method::GET, "/v1/video/cam/media.mp4"),
        (Method::POST, "/v1/tokens"),
        (Method::GET, "/v1/server"),
    ] {
        let response = server.anonymous(method.clone(), path).send().await.unwrap();
        assert!(response.headers().contains_key(WWW_AUTHENTICATE), "{method} {path}");
        assert_eq!(error_code(response, 401).await, "SIGN_IN_REQUIRED", "{method} {path}");
    }
}

#[tokio::test]
async fn metrics_name_streams_only_to_who_signs_in() {
    let server = TestServer::start().await;
    server.push("the-vault-door", FOOTAGE.clone()).await;
    let response = server.anonymous(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(text.contains("kinetoscope_ingest_fragments_total 4"), "{text}");
    assert!(!text.contains("the-vault-door"), "{text}");
    assert!(server.get("/metrics").await.text().await.unwrap().contains("the-vault-door"));
}

#[tokio::test]
async fn wrong_sign_ins_are_refused() {
    let server = TestServer::start().await;
    let attempts = [
        format!("Basic {}", base64(&format!("{KEY_ID}:wrong"))),
        format!("Basic {}", base64(&format!("nobody:{SECRET}"))),
        format!("Basic {}", base64(&format!("{KEY_ID}:"))),
        format!("Basic {}", base64("no colon")),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
        "Digest x".to_owned(),
        "Bearer kt_AAAA".to_owned(),
        "Bearer ".to_owned(),
    ];
    for attempt in attempts {
        let request = server.anonymous(Method::GET, "/v1/video").header("authorization", &attempt);
        assert_eq!(request.send().await.unwrap().status(), 401, "{attempt}");
    }
    let right = server
        .anonymous(Method::GET, "/v1/video")
        .header("authorization", format!("bAsIc {}", base64(&format!("{KEY_ID}:{SECRET}"))));
    assert_eq!(right.send().await.unwrap().status(), 200);
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn the_console_is_not_asked_with_a_dialog() {
    let server = TestServer::start().await;
    let request = server.anonymous(Method::GET, "/v1/video").header("x-requested-with", "kinetoscope");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
}

#[tokio::test]
async fn tokens_are_good_for_what_they_say() {
    let server = TestServer::start_with(|layer| layer.media_worker = Some("/nowhere".into())).await;
    for stream in ["mine", "other"] {
        let created = server.request(Method::PUT, &format!("/v1/video/{stream}")).send().await.unwrap();
        assert_eq!(created.status(), 201);
    }
    let play = server.token_for(Some("mine"), &["play"]).await;
    let frames = server.token_for(Some("mine"), &["frames"]).await;
    let ingest = server.token_for(Some("mine"), &["ingest"]).await;
    let manage = server.token_for(Some("mine"), &["manage"]).await;
    let metrics = server.token_for(None, &["metrics"]).await;
    let all = server.token_for(None, &["play", "ingest", "manage", "metrics"]).await;
    // 404, 400, 503: the token was good, but there is no footage, no media in the request, no media-worker.
    for (method, path, token, status) in [
        (Method::GET, "/v1/video/mine", &play, 200),
        (Method::GET, "/v1/video/mine/hls/live.m3u8", &play, 404),
        (Method::GET, "/v1/video/mine/frame.jpg", &frames, 503),
        (Method::GET, "/v1/video/mine/frame.jpg", &play, 503),
        (Method::GET, "/v1/video/mine", &frames, 403),
        (Method::GET, "/v1/video/other", &play, 403),
        (Method::GET, "/v1/video", &play, 403),
        (Method::PUT, "/v1/video/mine/ingest", &play, 403),
        (Method::DELETE, "/v1/video/mine", &play, 403),
        (Method::GET, "/metrics", &play, 403),
        (Method::POST, "/v1/tokens", &play, 403),
        (Method::PUT, "/v1/video/mine/ingest", &ingest, 400),
        (Method::PUT, "/v1/video/other/ingest", &ingest, 403),
        (Method::GET, "/v1/video/mine", &ingest, 403),
        (Method::PATCH, "/v1/video/mine", &manage, 200),
        (Method::PATCH, "/v1/video/other", &manage, 403),
        (Method::GET, "/metrics", &metrics, 200),
        (Method::GET, "/v1/video", &metrics, 403),
        (Method::GET, "/v1/video", &all, 200),
        (Method::GET, "/v1/video/other", &all, 200),
        (Method::GET, "/metrics", &all, 200),
        (Method::POST, "/v1/tokens", &all, 403),
    ] {
        assert_eq!(server.status(method.clone(), path, token).await, status, "{method} {path}");
    }
    let in_query = server.anonymous(Method::GET, &format!("/v1/video/mine?token={play}"));
    assert_eq!(in_query.send().await.unwrap().status(), 200);
    let tampered = format!("{}A", &play[..play.len() - 1]);
    let tampered = if tampered == play { format!("{}B", &play[..play.len() - 1]) } else { tampered };
    let response =
        server.anonymous(Method::GET, "/v1/video/mine").bearer_auth(tampered).send().await.unwrap();
    assert_eq!(error_code(response, 401).await, "TOKEN_INVALID");
}

#[tokio::test]
async fn tokens_end() {
    let server = TestServer::start().await;
    let now_s = server.app.env.clock.now_ms() / 1000;
    let sign = |until_s, key_id: &str| {
        let grant = Grant {
            until_s,
            verbs: [Verb::Play].into_iter().collect(),
            key_id: key_id.to_owned(),
            stream: None,
        };
        grant.sign(|bytes| server.app.vault.mac(Identities::TOKEN_PURPOSE, bytes))
    };
    assert_eq!(server.status(Method::GET, "/v1/video", &sign(now_s + 60, KEY_ID)).await, 200);
    let over =
        server.anonymous(Method::GET, "/v1/video").bearer_auth(sign(now_s, KEY_ID)).send().await.unwrap();
    assert_eq!(error_code(over, 401).await, "TOKEN_EXPIRED");
    // With the access key go its tokens.
    assert_eq!(server.status(Method::GET, "/v1/video", &sign(now_s + 60, "GONE")).await, 401);
}

#[tokio::test]
async fn wishes_for_tokens_are_checked() {
    let server = TestServer::start().await;
    for wish in [
        serde_json::json!({"verbs": []}),
        serde_json::json!({"verbs": ["everything"]}),
        serde_json::json!({"verbs": ["play"], "expires_in_s": 0}),
        serde_json::json!({"verbs": ["play"], "expires_in_s": 99_999_999_999_u64}),
        serde_json::json!({"verbs": ["play"], "stream": "a/b"}),
        serde_json::json!({"verbs": ["play"], "streem": "a"}),
    ] {
        assert_eq!(server.token(wish.clone()).await.status(), 400, "{wish}");
    }
}

#[tokio::test]
async fn other_web_sites_cannot_change_anything() {
    let server = TestServer::start().await;
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 201), ("none", 200)] {
        let request = server.request(Method::PUT, "/v1/video/cam").header("sec-fetch-site", site);
        assert_eq!(request.send().await.unwrap().status(), status, "{site}");
    }
}
