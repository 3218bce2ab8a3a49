//! Accepting cameras' connections: room for them, and TLS told from plain RTSP by its first byte.

use super::connection::Connection;
use super::refusal::Refusal;
use crate::app::App;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

/// The first byte of a TLS handshake; a request begins with a letter.
const TLS_HANDSHAKE: u8 = 0x16;

/// What is needed to take cameras in.
pub struct RtspServer {
    /// Where they connect.
    pub listener: TcpListener,
    /// Speaks TLS when given.
    pub tls: Option<TlsAcceptor>,
    /// Everything else.
    pub app: App,
}

impl RtspServer {
    /// Takes cameras in until the server stops. Their connections are among [`App`]'s sessions and may outlive this.
    pub async fn run(self) {
        let Self { listener, tls, app } = self;
        let tls = tls.as_ref().map(without_alpn);
        let room =
            Arc::new(Semaphore::new(usize::try_from(app.config.rtsp_sessions_max).unwrap_or(usize::MAX)));
        loop {
            let accepted = tokio::select! {
                () = app.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match room.clone().try_acquire_owned() {
                    Ok(permit) => {
                        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                        app.cameras.pace().hurry();
                        let serving = serve(app.clone(), tls.clone(), stream.into_std(), peer, permit);
                        app.sessions.spawn_on(serving, app.cameras.pace().handle());
                    }
                    Err(_) => {
                        let refusal = Refusal::new(503, "Too many RTSP connections (rtsp_sessions_max)");
                        app.rtsp.refuse(app.env.clock.now_ms(), peer, None, &refusal);
                        // Best effort: over TLS, or when the peer is not ready, it only sees the connection close.
                        let _ =
                            stream.try_write(b"RTSP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n");
                    }
                },
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept an RTSP connection");
                    app.env.clock.sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// HTTP's protocols are not offered to cameras, and clients that ask for others are not turned away.
fn without_alpn(acceptor: &TlsAcceptor) -> TlsAcceptor {
    let mut config = (**acceptor.config()).clone();
    config.alpn_protocols.clear();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    app: App,
    tls: Option<TlsAcceptor>,
    stream: io::Result<std::net::TcpStream>,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    let opened = tokio::select! {
        opened = open(&app, tls, stream, peer) => opened,
        () = app.env.clock.sleep(Duration::from_secs(app.config.header_timeout_s)) => Err(io::ErrorKind::TimedOut.into()),
        () = app.stop.cancelled() => return,
    };
    match opened {
        Ok(Opened::Plain(stream, local)) => {
            Box::pin(Connection::new(&app, stream, peer, local, false).run()).await;
        }
        Ok(Opened::Secured(stream, local)) => {
            Box::pin(Connection::new(&app, stream, peer, local, true).run()).await;
        }
        Ok(Opened::Refused(reason)) => {
            app.rtsp.refuse(app.env.clock.now_ms(), peer, None, &Refusal::new(400, reason));
        }
        Err(error) => tracing::debug!(%peer, %error, "an RTSP connection ended before its first request"),
    }
    drop(permit);
}

enum Opened {
    Plain(TcpStream, IpAddr),
    Secured(Box<tokio_rustls::server::TlsStream<TcpStream>>, IpAddr),
    Refused(&'static str),
}

/// Finds out what the client speaks.
async fn open(
    app: &App,
    tls: Option<TlsAcceptor>,
    stream: io::Result<std::net::TcpStream>,
    peer: SocketAddr,
) -> io::Result<Opened> {
    let stream = TcpStream::from_std(stream?)?;
    // Answers are small and waited for.
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?.ip().to_canonical();
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(match (first[0] == TLS_HANDSHAKE, tls) {
        (true, Some(tls)) => Opened::Secured(Box::new(tls.accept(stream).await?), local),
        (true, None) => Opened::Refused("rtsps:// needs tls_cert and tls_key"),
        (false, Some(_)) if !peer.ip().is_loopback() && !app.config.insecure_http => {
            Opened::Refused("Plain RTSP is not taken from other machines here: use rtsps://")
        }
        (false, _) => Opened::Plain(stream, local),
    })
}
