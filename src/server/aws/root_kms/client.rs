//! Signed calls, JSON 1.1.

use super::credentials::{AccessKey, Keyring};
use super::failure::{RootKmsError, Unanswered, failure};
use super::settings::{BadSettings, Settings};
use crate::aws::sigv4::Signer;
use crate::http::{SYSTEM_CERTIFICATES, connector, exchange};
use crate::workers::process::within;
use axum::body::Body;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, Uri};
use serde_json::Value;
use shardlog::env::Env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// How long a call may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// More than the service's longest answers to what is asked here.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub(super) struct Client {
    /// For its host and port alone.
    endpoint: Uri,
    region: String,
    tls: Option<TlsConnector>,
    keyring: Arc<Keyring>,
    key: String,
}

impl Client {
    /// Blocks: reads certificates.
    pub(super) fn new(
        settings: &Settings,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadSettings> {
        let region = settings.region()?;
        let url = settings.endpoint(&region)?;
        let endpoint = url.as_str().parse().map_err(|_| BadSettings::Endpoint(url.clone()))?;
        let bundle = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].iter().find_map(|name| environment(name));
        let bundle = bundle.unwrap_or_else(|| SYSTEM_CERTIFICATES.to_owned());
        let tls = (url.scheme() == "https").then(|| connector(Path::new(&bundle))).transpose()?;
        let keyring = Arc::new(Keyring::new(environment));
        Ok(Self { endpoint, region, tls, keyring, key: settings.key.clone() })
    }

    /// Asks for an operation.
    pub(super) async fn call(
        &self,
        operation: &'static str,
        question: &Value,
        env: &Env,
    ) -> Result<Value, RootKmsError> {
        let keyring = self.keyring.clone();
        let key = env.blocking(move || keyring.read()).await;
        let key = key.unwrap_or_else(|| Err("the server is ending".to_owned()));
        let key = key.map_err(RootKmsError::Credentials)?;
        let request = self.request(operation, question.to_string(), &key, env.clock.now_ms())?;
        let answer = exchange(&self.endpoint, self.tls.as_ref(), request, ANSWER_BYTES_MAX);
        let unanswered = |why: String| Unanswered(format!("{operation} at {}: {why}", self.endpoint));
        let answer = within(&*env.clock, ANSWER_TIMEOUT, answer).await;
        let answer = answer.ok_or_else(|| unanswered(format!("nothing in {ANSWER_TIMEOUT:?}")))?;
        let answer = answer.map_err(|error| unanswered(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(failure(operation, &self.key, answer.status(), answer.body()));
        }
        serde_json::from_slice(answer.body()).map_err(|_| RootKmsError::Strange("JSON"))
    }

    fn request(
        &self,
        operation: &str,
        body: String,
        key: &AccessKey,
        now_ms: u64,
    ) -> Result<Request<Body>, RootKmsError> {
        let host = self.endpoint.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let malformed = |error: http::Error| RootKmsError::Credentials(error.to_string());
        let request = Request::post("/")
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(())
            .map_err(malformed)?;
        let (mut parts, ()) = request.into_parts();
        let signer = Signer {
            key_id: &key.id,
            secret: &key.secret,
            session_token: key.session_token.as_deref(),
            region: &self.region,
            service: "kms",
            now_ms,
        };
        signer.sign(&mut parts, body.as_bytes()).map_err(|error| malformed(error.into()))?;
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}
