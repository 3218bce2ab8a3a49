//! Accepting connections and serving them until told to stop.

use super::io::{Guarded, KeepReading, Prefixed};
use super::limits::{
    H2_PING, H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, H2_WINDOW_BYTES, HEADER_BYTES_MAX, HEADERS_MAX, Limits,
    READ_BUFFER_BYTES, WRITE_STALL,
};
use super::preface::{Opening, read_opening};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use shardlog::env::Clock;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The client of a request; an extension of every request.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// See [`Guarded`].
    pub keep_reading: KeepReading,
}

/// What is needed to serve connections.
pub struct Server {
    /// Where they come in.
    pub listener: TcpListener,
    /// Speaks TLS when given.
    pub tls: Option<TlsAcceptor>,
    /// Answers requests.
    pub router: Router,
    /// Bounds.
    pub limits: Limits,
    /// For timeouts.
    pub clock: Arc<dyn Clock>,
}

/// What each connection needs.
#[derive(Clone)]
struct Connections {
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

impl Server {
    /// Serves until `stop`; then takes no more connections, lets each finish the request it is at, and returns when all
    /// are closed or `grace` has passed.
    pub async fn run(self, stop: CancellationToken, grace: Duration) {
        let Self { listener, tls, router, limits, clock } = self;
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(limits.connections_max));
        let connections = Connections { tls, router, limits, clock: clock.clone(), stop: stop.clone() };
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => match room.clone().try_acquire_owned() {
                    Ok(permit) => {
                        let serve = connections.clone().serve(stream, address, graceful.watcher(), permit);
                        tokio::spawn(serve);
                    }
                    Err(_) => refuse(&stream, address),
                },
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    clock.sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        tracing::info!(connections = graceful.count(), "stopped accepting");
        tokio::select! {
            () = graceful.shutdown() => {}
            () = clock.sleep(grace) => tracing::warn!("some connections did not finish in time"),
        }
    }
}

/// There is no room. Waiting in a queue would make every client slow; this one can try again.
fn refuse(stream: &TcpStream, address: SocketAddr) {
    tracing::warn!(peer = %address, "too many connections, refused one");
    // Best effort: over TLS, or when the peer is not ready, it only sees the connection close.
    let _ = stream.try_write(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

impl Connections {
    async fn serve(
        self,
        stream: TcpStream,
        address: SocketAddr,
        watcher: Watcher,
        permit: OwnedSemaphorePermit,
    ) {
        let outcome = match &self.tls {
            None => self.http(stream, address, None, watcher).await,
            Some(tls) => match self.handshake(tls, stream).await {
                Ok(stream) => {
                    let agreed = stream.get_ref().1.alpn_protocol().map(|protocol| protocol == b"h2");
                    self.http(stream, address, agreed, watcher).await
                }
                Err(error) => return tracing::debug!(peer = %address, %error, "tls handshake failed"),
            },
        };
        if let Err(error) = outcome {
            // Clients that hang up are daily bread.
            tracing::debug!(peer = %address, %error, "connection ended early");
        }
        drop(permit);
    }

    async fn handshake(
        &self,
        tls: &TlsAcceptor,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        tokio::select! {
            accepted = tls.accept(stream) => accepted,
            () = self.clock.sleep(self.limits.header_timeout) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Serves a connection. `agreed` says what TLS has agreed on: HTTP/2, or not; `None` if nothing was said.
    async fn http<T>(
        &self,
        mut stream: T,
        address: SocketAddr,
        agreed: Option<bool>,
        watcher: Watcher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let opening = match agreed {
            Some(h2) => Opening { h2, taken: Bytes::new() },
            None => self.opening(&mut stream).await?,
        };
        let peer = Peer { address, keep_reading: KeepReading::default() };
        let io = Prefixed::new(opening.taken, stream);
        let io = Guarded::new(io, self.clock.clone(), WRITE_STALL, peer.keep_reading.clone());
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            router.clone().oneshot(request.map(Body::new))
        });
        let io = TokioIo::new(io);
        if opening.h2 {
            watcher.watch(self.http2().serve_connection(io, service)).await?;
        } else {
            watcher.watch(self.http1().serve_connection(io, service)).await?;
        }
        Ok(())
    }

    /// Looks at the first bytes of a connection for which no protocol was agreed on, as long as a header may take.
    async fn opening<T: AsyncRead + Unpin>(&self, stream: &mut T) -> io::Result<Opening> {
        tokio::select! {
            opening = read_opening(stream) => opening,
            () = self.clock.sleep(self.limits.header_timeout) => Err(io::ErrorKind::TimedOut.into()),
            () = self.stop.cancelled() => Err(io::Error::other("stopping")),
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_BYTES_MAX)
            .max_buf_size(READ_BUFFER_BYTES);
        builder
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
            .max_concurrent_streams(H2_STREAMS_MAX)
            .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(H2_WINDOW_BYTES)
            .keep_alive_interval(H2_PING)
            .keep_alive_timeout(H2_PING);
        builder
    }
}
