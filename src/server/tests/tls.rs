//! TLS.

use super::*;
use crate::http::{TlsError, acceptor};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client};

async fn connect(server: &TestServer, roots: RootCertStore, alpn: &[u8]) -> client::TlsStream<TcpStream> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn both_versions_of_http_over_tls() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();

    let config = config(&folder.path().join("data"), |_| {});
    let server = TestServer::start_on(config, Some(acceptor(&cert, &key).unwrap())).await;
    let request = |uri: String| {
        http::Request::get(uri).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap()
    };

    let stream = connect(&server, roots.clone(), b"http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request("/healthz".to_owned())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok\n");

    let stream = connect(&server, roots, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let uri = format!("https://localhost:{}/healthz", server.address.port());
    let response = sender.send_request(request(uri)).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok\n");
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.pem");
    assert!(matches!(acceptor(&path, &path), Err(TlsError::Pem { .. })));
    std::fs::write(&path, "nothing").unwrap();
    let error = acceptor(&path, &path).err().unwrap();
    assert!(matches!(&error, TlsError::NoCertificate(named) if *named == path), "{error}");
}
