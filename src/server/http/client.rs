//! A request of our own to another server: one connection, one answer.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection.
    #[error("cannot reach {host}:{port}: {source}")]
    Connect {
        /// Where to.
        host: String,
        /// Where to.
        port: u16,
        /// The cause.
        source: std::io::Error,
    },
    /// A connection, but no trust.
    #[error("no TLS with {host}: {source}")]
    Tls {
        /// With whom.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The connection broke, or what came is no answer.
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    /// The body broke off or is too long.
    #[error("no whole answer: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

/// Sends a request to the host of `endpoint` (of which nothing else is used), over TLS if there is a connector, and takes an
/// answer of at most `bytes_max`. The request names the host in its header, and only a path in its URI.
pub async fn exchange(
    endpoint: &Uri,
    tls: Option<&TlsConnector>,
    request: Request<Body>,
    bytes_max: usize,
) -> Result<Response<Bytes>, ExchangeError> {
    let port = endpoint.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    // Brackets belong to the address in a URL, not to the address.
    let host = endpoint.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|source| ExchangeError::Connect { host: host.to_owned(), port, source })?;
    let Some(tls) = tls else { return send(stream, request, bytes_max).await };
    let failed = |source| ExchangeError::Tls { host: host.to_owned(), source };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(std::io::Error::other(error)))?;
    send(tls.connect(name, stream).await.map_err(failed)?, request, bytes_max).await
}

async fn send<T>(
    stream: T,
    request: Request<Body>,
    bytes_max: usize,
) -> Result<Response<Bytes>, ExchangeError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error also comes out of the request.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, bytes_max).collect().await.map_err(ExchangeError::Body)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
