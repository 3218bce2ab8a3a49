//! A client of a running server, for commands.

use super::Failure;
use crate::auth::Credentials;
use crate::http::{SYSTEM_CERTIFICATES, connector, exchange};
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, Uri};
use serde_json::Value;
use std::path::PathBuf;

const KEY_ID: &str = "KINETOSCOPE_ACCESS_KEY_ID";
const SECRET: &str = "KINETOSCOPE_SECRET_ACCESS_KEY";
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Which server, and who asks. The access key comes from KINETOSCOPE_ACCESS_KEY_ID and KINETOSCOPE_SECRET_ACCESS_KEY, or
/// from a credentials file.
#[derive(clap::Args)]
pub(super) struct Connection {
    /// The server
    #[arg(long, value_name = "URL", env = "KINETOSCOPE_ENDPOINT", default_value = "http://127.0.0.1:8080")]
    endpoint: Uri,
    /// File with the access key, unless KINETOSCOPE_ACCESS_KEY_ID and KINETOSCOPE_SECRET_ACCESS_KEY hold it
    #[arg(
        long,
        value_name = "FILE",
        env = "AWS_SHARED_CREDENTIALS_FILE",
        default_value = "data/credentials"
    )]
    credentials: PathBuf,
    /// PEM file with the certificates to trust
    #[arg(
        long,
        value_name = "FILE",
        env = "SSL_CERT_FILE",
        default_value = SYSTEM_CERTIFICATES
    )]
    ca: PathBuf,
}

impl Connection {
    /// Makes a request; its answer as JSON, or what the server says is wrong.
    pub(super) async fn request(&self, method: Method, path: &str, body: Body) -> Result<Value, Failure> {
        let tls = match self.endpoint.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(Failure::usage("--endpoint must begin with http:// or https://")),
        };
        let request = self.head(method, path)?.body(body).map_err(Failure::failed)?;
        let tls = tls.then(|| connector(&self.ca)).transpose().map_err(Failure::usage)?;
        let response = exchange(&self.endpoint, tls.as_ref(), request, ANSWER_BYTES_MAX).await;
        told(&response.map_err(Failure::failed)?)
    }

    fn head(&self, method: Method, path: &str) -> Result<http::request::Builder, Failure> {
        let Credentials { key_id, secret } = self.credentials()?;
        let sign_in = format!("Basic {}", STANDARD.encode(format!("{key_id}:{secret}")));
        let mut sign_in = HeaderValue::try_from(sign_in).map_err(Failure::usage)?;
        sign_in.set_sensitive(true);
        let host = self.endpoint.authority().map(Authority::as_str).unwrap_or_default();
        Ok(Request::builder().method(method).uri(path).header(HOST, host).header(AUTHORIZATION, sign_in))
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        if let (Ok(key_id), Ok(secret)) = (std::env::var(KEY_ID), std::env::var(SECRET)) {
            return Ok(Credentials { key_id, secret });
        }
        let path = self.credentials.display();
        let hint = format!("set {KEY_ID} and {SECRET}, or name a file with --credentials");
        Credentials::read(&self.credentials)
            .map_err(|error| Failure::Usage(format!("{path}: {error}; {hint}")))
    }
}

/// What the answer holds, or what the server says is wrong.
fn told(response: &Response<Bytes>) -> Result<Value, Failure> {
    let status = response.status();
    let body = response.body();
    if status.is_success() {
        return if body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(body).map_err(Failure::failed)
        };
    }
    Err(Failure::Failed(complaint(body).unwrap_or_else(|| format!("the server answered {status}"))))
}

/// The server's own words, with its advice.
fn complaint(body: &Bytes) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = body["error"]["message"].as_str()?;
    Some(match body["error"]["hint"].as_str() {
        Some(hint) => format!("{message} ({hint})"),
        None => message.to_owned(),
    })
}
