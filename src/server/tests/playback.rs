//! What was pushed comes out again.

use super::*;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use serde_json::json;
use tokio_stream::StreamExt;

/// Addresses in a playlist.
fn addresses(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

async fn with_footage() -> TestServer {
    let server = TestServer::start().await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
    server
}

#[tokio::test]
async fn playlists_lead_to_the_footage() {
    let server = with_footage().await;
    for (top, folder) in [("live.m3u8?dvr=60", "live"), ("archive.m3u8", "archive")] {
        let response = server.get(&format!("/v1/video/cam/hls/{top}")).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/vnd.apple.mpegurl");
        let text = response.text().await.unwrap();
        let [media] = addresses(&text)[..] else { panic!("{text}") };
        assert!(media.starts_with(&format!("{folder}/media.m3u8?")), "{text}");
        let text = server.get(&format!("/v1/video/cam/hls/{media}")).await.text().await.unwrap();
        assert_eq!(text.contains("#EXT-X-ENDLIST"), folder == "archive", "{text}");
        let segments = addresses(&text);
        assert_eq!(segments.len(), 4, "{text}");

        let (_, init) = text.split_once("#EXT-X-MAP:URI=\"../").unwrap();
        let init = init.split('"').next().unwrap();
        let mut played =
            server.get(&format!("/v1/video/cam/hls/{init}")).await.bytes().await.unwrap().to_vec();
        for segment in segments {
            let path = format!("/v1/video/cam/hls/{}", segment.trim_start_matches("../"));
            let response = server.get(&path).await;
            assert!(response.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
            let etag = response.headers()[ETAG].clone();
            played.extend_from_slice(&response.bytes().await.unwrap());
            let again =
                server.request(Method::GET, &path).header("if-none-match", etag).send().await.unwrap();
            assert_eq!(again.status(), 304);
        }
        // What ffmpeg writes after the last fragment (mfra) is not media.
        assert_eq!(played, FOOTAGE[..played.len()], "the bytes that were pushed");
    }
}

#[tokio::test]
async fn playlists_hand_a_token_in_the_address_on() {
    let server = with_footage().await;
    let wish = json!({"stream": "cam", "verbs": ["play"]});
    let answer = server.request(Method::POST, "/v1/tokens").json(&wish).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let token = answer["token"].as_str().unwrap();
    let get = async |path: &str| {
        let response =
            server.anonymous(Method::GET, &format!("/v1/video/cam/hls/{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap()
    };
    let top = get(&format!("live.m3u8?token={token}")).await;
    let media = get(addresses(std::str::from_utf8(&top).unwrap())[0]).await;
    for segment in addresses(std::str::from_utf8(&media).unwrap()) {
        get(segment.trim_start_matches("../")).await;
    }
    // A header says who one is; a token beside it that nobody checked is not repeated.
    let text = server.get("/v1/video/cam/hls/live.m3u8?token=%0A%23EVIL").await.text().await.unwrap();
    assert!(!text.contains("EVIL") && !text.contains("token"), "{text}");
}

#[tokio::test]
async fn playlists_are_compressed_and_media_is_not() {
    let server = with_footage().await;
    let get = |path: &str| server.request(Method::GET, path).header("accept-encoding", "gzip").send();
    let playlist = get("/v1/video/cam/hls/live/media.m3u8").await.unwrap();
    assert_eq!(playlist.headers()[CONTENT_ENCODING], "gzip");
    for path in ["/v1/video/cam/hls/segment/1.m4s", "/v1/video/cam/clip.mp4"] {
        assert!(!get(path).await.unwrap().headers().contains_key(CONTENT_ENCODING), "{path}");
    }
}

#[tokio::test]
async fn a_clip_is_one_file_in_any_parts() {
    let server = with_footage().await;
    let whole = server.get("/v1/video/cam/clip.mp4").await;
    assert_eq!(whole.status(), 200);
    let etag = whole.headers()[ETAG].clone();
    let whole = whole.bytes().await.unwrap();
    let head = server.request(Method::HEAD, "/v1/video/cam/clip.mp4").send().await.unwrap();
    assert_eq!(
        (head.headers()["content-length"].to_str().unwrap(), &head.headers()[ETAG]),
        (&*whole.len().to_string(), &etag)
    );
    let middle = whole.len() / 2;
    for (range, expected) in [
        ("bytes=0-99".to_owned(), 0..100),
        (format!("bytes={middle}-"), middle..whole.len()),
        ("bytes=-10".to_owned(), whole.len() - 10..whole.len()),
    ] {
        let request = server.request(Method::GET, "/v1/video/cam/clip.mp4").header("range", &range);
        let part = request.header("if-range", &etag).send().await.unwrap();
        assert_eq!(part.status(), 206, "{range}");
        let content_range = format!("bytes {}-{}/{}", expected.start, expected.end - 1, whole.len());
        assert_eq!(part.headers()[CONTENT_RANGE], content_range);
        assert_eq!(part.bytes().await.unwrap(), whole[expected], "{range}");
    }
    let frames = server.json("/v1/video/cam/clip.frames.json").await;
    assert_eq!(frames["frames"].as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn the_timeline_and_the_fragments() {
    let server = with_footage().await;
    let fragments = server.json("/v1/video/cam/fragments?limit=3").await;
    assert_eq!(fragments["fragments"].as_array().unwrap().len(), 3);
    let next = fragments["next"].as_str().unwrap();
    let rest = server.json(&format!("/v1/video/cam/fragments?limit=3&after={next}")).await;
    assert_eq!((rest["fragments"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let first = fragments["fragments"][0]["producer_ms"].as_u64().unwrap();
    let range = format!("from={}.{:03}&to={}", first / 1000, first % 1000, first / 1000 + 10);
    let timeline = server.json(&format!("/v1/video/cam/timeline?{range}")).await;
    assert_eq!(timeline["spans"][0]["start_ms"], first, "{timeline}");
    let by_server = server.json(&format!("/v1/video/cam/timeline?{range}&clock=server")).await;
    assert_eq!(by_server["clock"], "server");
}

#[tokio::test]
async fn media_goes_on_into_the_live_edge() {
    let server = with_footage().await;
    let response = server.get("/v1/video/cam/media.mp4?from=0").await;
    assert_eq!(response.headers()[CONTENT_TYPE], "video/mp4");
    let mut body = response.bytes_stream();
    let mut played = 0;
    while played < FOOTAGE.len() * 8 / 10 {
        played += body.next().await.unwrap().unwrap().len();
    }
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
    while played < FOOTAGE.len() * 16 / 10 {
        played += body.next().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn without_media_workers_everything_but_frames_works() {
    let server =
        TestServer::start_with(|layer| layer.media_worker = Some("/nowhere/media-worker".into())).await;
    assert_eq!(server.push("cam", FOOTAGE.clone()).await.status(), 200);
    assert_eq!(server.get("/v1/video/cam/clip.mp4").await.status(), 200);
    assert_eq!(error_code(server.get("/v1/video/cam/frame.jpg").await, 503).await, "NO_WORKER");
    assert_eq!(error_code(server.get("/v1/video/cam/frames.tar?from=0&fps=1").await, 503).await, "NO_WORKER");
    assert_eq!(server.get("/healthz").await.status(), 200);
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.unwrap();
    assert_eq!(ready["checks"]["disk"], "ok");
    assert!(ready["checks"]["workers"].as_str().unwrap().contains("/nowhere/media-worker"));
}
