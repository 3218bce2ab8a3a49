//! TLS.

use super::*;
use crate::http::{TlsError, acceptor};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client};

async fn connect(address: SocketAddr, roots: RootCertStore, alpn: &[&[u8]]) -> client::TlsStream<TcpStream> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// A server with a certificate, and who trusts it.
async fn start() -> (TestServer, RootCertStore) {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();

    let config = config(&folder.path().join("data"), |_| {});
    let mut server = TestServer::start_on(config, Some(acceptor(&cert, &key).unwrap())).await;
    server._folder = Some(folder);
    (server, roots)
}

#[tokio::test]
async fn rtsp_with_and_without_tls_on_one_port() {
    async fn options(mut io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> String {
        io.write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 15];
        io.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
    let (server, roots) = start().await;
    // Protocols of HTTP that a client offers are no reason to turn it away.
    assert_eq!(options(connect(server.rtsp, roots, &[b"rtsp"]).await).await, "RTSP/1.0 200 OK");
    assert_eq!(options(TcpStream::connect(server.rtsp).await.unwrap()).await, "RTSP/1.0 200 OK");
}

#[tokio::test]
async fn both_versions_of_http_over_tls() {
    let (server, roots) = start().await;
    let request = |uri: String| {
        http::Request::get(uri).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap()
    };

    let stream = connect(server.address, roots.clone(), &[b"http/1.1"]).await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request("/healthz".to_owned())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok\n");

    // Some clients agree on no protocol and begin with the preface of HTTP/2 all the same.
    for alpn in [&[&b"h2"[..]][..], &[]] {
        let stream = connect(server.address, roots.clone(), alpn).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), alpn.first().copied());
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.unwrap();
        tokio::spawn(connection);
        let uri = format!("https://localhost:{}/healthz", server.address.port());
        let response = sender.send_request(request(uri)).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok\n");
    }
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

/// The KMS of this server holds a root key, asked over TLS by those who trust its certificate.
#[tokio::test]
async fn a_root_key_is_held_over_tls() {
    use crate::aws::root_kms::{RootKms, Settings};
    use crate::http::{ExchangeError, connector, exchange};
    let (server, _) = start().await;
    let folder = server.app.data.parent().unwrap().to_owned();
    let key = server.app.vault.create_key("").unwrap();
    let settings = Settings {
        key: key.to_string(),
        endpoint: Some(format!("https://localhost:{}", server.address.port()).parse().unwrap()),
        region: Some("us-east-1".to_owned()),
    };
    let kms = |bundle: &Path| {
        RootKms::new(settings.clone(), |name| match name {
            "AWS_CA_BUNDLE" => Some(bundle.display().to_string()),
            "AWS_ACCESS_KEY_ID" => Some(KEY_ID.to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some(SECRET.to_owned()),
            _ => None,
        })
    };
    let env = Env::real();
    let root = kms(&folder.join("cert.pem")).unwrap().create(&env).await.unwrap();
    let keys = folder.join("other-keys");
    let entropy: Arc<dyn vault::Entropy> = Arc::new(vault::SystemEntropy);
    drop(vault::Vault::open(&keys, &root, entropy.clone()).unwrap());
    let carried = vault::stated_root(&keys).unwrap().unwrap().wrapped;
    let again = kms(&folder.join("cert.pem")).unwrap().open(&carried, &env).await.unwrap();
    assert!(vault::Vault::open(&keys, &again, entropy).is_ok());

    // Somebody else's certificate is no answer.
    let other = folder.join("other.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let endpoint = format!("https://localhost:{}", server.address.port()).parse().unwrap();
    let request = http::Request::get("/").header("host", "localhost").body(Default::default()).unwrap();
    let refused = exchange(&endpoint, Some(&connector(&other).unwrap()), request, 1 << 10).await;
    assert!(matches!(refused, Err(ExchangeError::Tls { .. })), "{refused:?}");
    assert!(kms(&folder.join("none.pem")).is_err());
}
