//! A connection's byte stream with the limits that hyper does not have.

use super::idle::Idle;
use bytes::Bytes;
use shardlog::env::Clock;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Wraps a connection:
///
/// - A peer that reads nothing of what we have to send for `stall` is cut off.
/// - While [`KeepReading`] is set, failing writes are taken for done, so that everything the peer sent before it stopped
///   listening is still read: a camera may hang up right after its last byte, and that byte must count.
pub struct Guarded<T> {
    inner: T,
    stall: Idle,
    /// A write is waiting for the peer to make room.
    waiting: bool,
    keep_reading: KeepReading,
    /// Writing has failed, reading goes on.
    deaf: bool,
    /// Reading has come to its end.
    ended: bool,
}

/// Shared between a connection and the request on it.
#[derive(Clone, Debug, Default)]
pub struct KeepReading(Arc<AtomicBool>);

impl KeepReading {
    /// See [`Guarded`].
    pub fn set(&self, keep: bool) {
        self.0.store(keep, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T> Guarded<T> {
    /// Wraps `inner`.
    pub fn new(inner: T, clock: Arc<dyn Clock>, stall: Duration, keep_reading: KeepReading) -> Self {
        let stall = Idle::new(clock, stall);
        Self { inner, stall, waiting: false, keep_reading, deaf: false, ended: false }
    }

    /// What to make of a write's outcome; `len` is what it was asked to write.
    fn written<N: Copy>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<N>>,
        all: N,
    ) -> Poll<io::Result<N>> {
        match outcome {
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    self.stall.touch();
                }
                self.stall.poll_expired(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Err(_)) if self.keep_reading.get() && !self.ended => {
                self.deaf = true;
                Poll::Ready(Ok(all))
            }
            ready @ Poll::Ready(_) => {
                self.waiting = false;
                ready
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(result) = &outcome {
            self.ended = result.is_err() || (buf.filled().len() == before && buf.remaining() > 0);
        }
        outcome
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf && !self.ended {
            return Poll::Ready(Ok(buf.len()));
        }
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.written(cx, outcome, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        if self.deaf && !self.ended {
            return Poll::Ready(Ok(all));
        }
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.written(cx, outcome, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf && !self.ended {
            return Poll::Ready(Ok(()));
        }
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(cx, outcome, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A connection of which the first bytes have been read already.
pub(super) struct Prefixed<T> {
    prefix: Bytes,
    inner: T,
}

impl<T> Prefixed<T> {
    /// Gives `prefix` before what `inner` gives.
    pub(super) fn new(prefix: Bytes, inner: T) -> Self {
        Self { prefix, inner }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefixed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let len = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefixed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shardlog::env::Env;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn guarded<T>(inner: T, stall_ms: u64) -> (Guarded<T>, KeepReading) {
        let keep = KeepReading::default();
        (Guarded::new(inner, Env::real().clock, Duration::from_millis(stall_ms), keep.clone()), keep)
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_cut_off() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let (mut ours, _) = guarded(ours, 50);
        let error = ours.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_reader_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let (mut ours, _) = guarded(ours, 300);
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 16];
            let mut read = 0;
            while read < 160 {
                Env::real().clock.sleep(Duration::from_millis(50)).await;
                read += theirs.read(&mut buffer).await.unwrap();
            }
        });
        ours.write_all(&[0; 160]).await.unwrap();
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn what_was_sent_is_read_after_writing_has_failed() {
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let (mut theirs, (mut ours, keep)) = (theirs, guarded(ours, 1000));
        theirs.write_all(b"last words").await.unwrap();
        drop(theirs);
        assert!(ours.write_all(b"ack").await.is_err(), "nobody asked to keep reading");
        keep.set(true);
        ours.write_all(b"ack").await.unwrap();
        ours.flush().await.unwrap();
        let mut words = Vec::new();
        ours.read_to_end(&mut words).await.unwrap();
        assert_eq!(words, b"last words");
        assert!(ours.write_all(b"ack").await.is_err(), "once everything is read, a failure is a failure");
    }
}
