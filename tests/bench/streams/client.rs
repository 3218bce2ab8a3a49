//! A client of Kinesis that costs as little as can be: bodies are made and hashed beforehand, only the signature is new.

use aws_credential_types::Credentials;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use tests::harness::server::{KEY_ID, SECRET};

const JSON: &str = "application/x-amz-json-1.1";

/// A body and what a signature needs to know of it.
#[derive(Clone)]
pub(crate) struct Body {
    bytes: Bytes,
    sha256: String,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let sha256 = digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: bytes.into(), sha256 }
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }
}

/// One connection.
pub(crate) struct Kinesis {
    http: reqwest::Client,
    endpoint: String,
    host: String,
    credentials: Credentials,
}

impl Kinesis {
    pub(crate) fn new(endpoint: &str) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(1).timeout(Duration::from_secs(60));
        Self {
            http: http.build().expect("client"),
            endpoint: format!("{endpoint}/"),
            host: endpoint.trim_start_matches("http://").to_owned(),
            credentials: Credentials::new(KEY_ID, SECRET, None, None, "bench"),
        }
    }

    /// Calls an operation; its answer once it is whole, or what went wrong.
    pub(crate) async fn call(&self, operation: &str, body: &Body) -> Result<Bytes, String> {
        let answer = self.send(operation, body).await?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| error.to_string())?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(format!("{operation}: {status} {}", String::from_utf8_lossy(&bytes[..bytes.len().min(400)])))
    }

    /// The same for small answers in JSON.
    pub(crate) async fn json(&self, operation: &str, body: &Value) -> Result<Value, String> {
        let bytes = self.call(operation, &Body::json(body)).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{operation}: {error}"))
    }

    /// Calls an operation; its answer may go on.
    pub(crate) async fn send(&self, operation: &str, body: &Body) -> Result<reqwest::Response, String> {
        let target = format!("Kinesis_20131202.{operation}");
        let mut request = http::Request::post(&self.endpoint)
            .header("host", &self.host)
            .header("content-type", JSON)
            .header("x-amz-target", &target)
            .body(body.bytes.clone())
            .map_err(|error| error.to_string())?;
        self.sign(&mut request, &target, &body.sha256);
        let request = reqwest::Request::try_from(request).map_err(|error| error.to_string())?;
        self.http.execute(request).await.map_err(|error| error.to_string())
    }

    fn sign(&self, request: &mut http::Request<Bytes>, target: &str, sha256: &str) {
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("kinesis")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .expect("all is given")
            .into();
        let headers = [("host", self.host.as_str()), ("content-type", JSON), ("x-amz-target", target)];
        let hash = SignableBody::Precomputed(sha256.to_owned());
        let signable =
            SignableRequest::new("POST", &self.endpoint, headers.into_iter(), hash).expect("a request");
        let (instructions, _) = sign(signable, &params).expect("a signature").into_parts();
        instructions.apply_to_request_http1x(request);
    }
}
