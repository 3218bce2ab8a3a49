//! A signed-in HTTP client of the native interface.

use super::server::{KEY_ID, SECRET};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// Talks to one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(super) fn new(url: &str) -> Self {
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

    /// PUT of JSON.
    pub async fn put_json(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, path)
            .json(body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("PUT {path}: {error}"))
    }
}
