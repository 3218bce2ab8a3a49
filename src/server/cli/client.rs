//! A client of a running server, for commands.

use super::Failure;
use crate::auth::Credentials;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

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
        default_value = "/etc/ssl/certs/ca-certificates.crt"
    )]
    ca: PathBuf,
}

impl Connection {
    /// Makes a request; its answer as JSON, or what the server says is wrong.
    pub(super) async fn request(&self, method: Method, path: &str, body: Body) -> Result<Value, Failure> {
        let host = self.endpoint.host().unwrap_or_default();
        let tls = match self.endpoint.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(Failure::usage("--endpoint must begin with http:// or https://")),
        };
        let port = self.endpoint.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let request = self.head(method, path)?.body(body).map_err(Failure::failed)?;
        // Brackets belong to the address in a URL, not to the address.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await;
        let stream =
            stream.map_err(|error| Failure::Failed(format!("cannot reach {}: {error}", self.endpoint)))?;
        if tls {
            let name = ServerName::try_from(host.to_owned()).map_err(Failure::usage)?;
            let stream = self.connector()?.connect(name, stream).await.map_err(Failure::failed)?;
            exchange(stream, request).await
        } else {
            exchange(stream, request).await
        }
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

    fn connector(&self) -> Result<TlsConnector, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", self.ca.display()));
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&self.ca).map_err(|error| failed(&error))? {
            roots.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.map_err(Failure::failed)?.with_root_certificates(roots).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

async fn exchange<T>(stream: T, request: Request<Body>) -> Result<Value, Failure>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Failure::failed)?;
    // Its error also comes out of the request.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(Failure::failed)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(Failure::failed)?.to_bytes();
    if status.is_success() {
        return if body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&body).map_err(Failure::failed)
        };
    }
    Err(Failure::Failed(complaint(&body).unwrap_or_else(|| format!("the server answered {status}"))))
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
