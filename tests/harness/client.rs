//! A signed-in HTTP client of the native interface.

use super::server::{KEY_ID, SECRET};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Talks to one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    /// Talks to the server at `url`.
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("http client");
        Self { http, url: url.to_owned() }
    }

    /// A request to `path`, signed in as root.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).basic_auth(KEY_ID, Some(SECRET))
    }

    /// A request without sign-in.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// GET, whatever comes back.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// GET that must answer 200, as bytes.
    pub async fn bytes(&self, path: &str) -> Bytes {
        let response = self.get(path).await;
        let status = response.status();
        let body = response.bytes().await.unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(status, StatusCode::OK, "GET {path}: {}", String::from_utf8_lossy(&body));
        body
    }

    /// GET that must answer 200, as text.
    pub async fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).await.to_vec()).expect("UTF-8")
    }

    /// GET that must answer 200, as JSON.
    pub async fn json(&self, path: &str) -> Value {
        let body = self.bytes(path).await;
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// A token for one stream and some verbs, good for ten minutes.
    pub async fn token(&self, stream: &str, verbs: &[&str]) -> String {
        let wish = serde_json::json!({"stream": stream, "verbs": verbs, "expires_in_s": 600});
        let answer =
            self.request(Method::POST, "/v1/tokens").json(&wish).send().await.expect("POST /v1/tokens");
        let answer: Value = answer.error_for_status().expect("a token").json().await.expect("JSON");
        answer["token"].as_str().expect("token").to_owned()
    }

    /// GET of something endless: reads until nothing has come for two seconds.
    pub async fn read_until_idle(&self, path: &str) -> Vec<u8> {
        let mut response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "GET {path}");
        let mut all = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::from_secs(2), response.chunk()).await {
            match next.unwrap_or_else(|error| panic!("GET {path}: {error}")) {
                Some(bytes) => all.extend_from_slice(&bytes),
                None => break,
            }
        }
        all
    }

    /// PUT of JSON.
    pub async fn put_json(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, path)
            .json(body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("PUT {path}: {error}"))
    }
}
