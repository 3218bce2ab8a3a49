//! Reading a request's body with a limit on silence.

use super::idle::Idle;
use super::limits::{LINGER, LINGER_BYTES_MAX};
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt;
use shardlog::env::Clock;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Why there is no more of a body.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Nothing came for too long.
    #[error("no byte for {0:?}")]
    Idle(Duration),
    /// The client hung up before the end.
    #[error("the connection broke: {0}")]
    Broken(axum::Error),
}

/// A request's body.
pub struct Upload {
    stream: BodyDataStream,
    idle: Idle,
    idle_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Upload {
    /// Allows `idle_timeout` of silence.
    pub fn new(body: Body, clock: Arc<dyn Clock>, idle_timeout: Duration) -> Self {
        let idle = Idle::new(clock.clone(), idle_timeout);
        Self { stream: body.into_data_stream(), idle, idle_timeout, clock }
    }

    /// The next bytes; `None` at the proper end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, UploadError> {
        // The time we took to digest the last bytes is not the client's.
        self.idle.touch();
        let (stream, idle, timeout) = (&mut self.stream, &mut self.idle, self.idle_timeout);
        poll_fn(|cx| match stream.poll_next_unpin(cx) {
            Poll::Ready(next) => Poll::Ready(next.transpose().map_err(UploadError::Broken)),
            Poll::Pending => idle.poll_expired(cx).map(|()| Err(UploadError::Idle(timeout))),
        })
        .await
    }

    /// Takes a little more of a body that nobody wants, so that the client, busy sending, gets to read its answer before
    /// the connection closes.
    pub async fn linger(mut self) {
        let deadline = self.clock.sleep(LINGER);
        let take = async {
            let mut taken = 0;
            while let (true, Ok(Some(bytes))) = (taken < LINGER_BYTES_MAX, self.next().await) {
                taken += bytes.len();
            }
        };
        tokio::select! {
            () = take => {}
            () = deadline => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use shardlog::env::Env;

    fn upload(body: Body) -> Upload {
        Upload::new(body, Env::real().clock, Duration::from_millis(60))
    }

    #[tokio::test]
    async fn silence_ends_an_upload() {
        let parts =
            stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"a"))]).chain(stream::pending());
        let mut upload = upload(Body::from_stream(parts));
        assert_eq!(upload.next().await.unwrap().unwrap(), "a");
        assert!(matches!(upload.next().await, Err(UploadError::Idle(_))));
    }

    #[tokio::test]
    async fn a_slow_upload_goes_on_and_ends_properly() {
        let parts = stream::iter(0..5).then(|_| async {
            Env::real().clock.sleep(Duration::from_millis(30)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"a"))
        });
        let mut upload = upload(Body::from_stream(parts));
        for _ in 0..5 {
            assert!(upload.next().await.unwrap().is_some());
        }
        assert!(upload.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_broken_connection_is_not_an_end() {
        let parts = stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]);
        assert!(matches!(upload(Body::from_stream(parts)).next().await, Err(UploadError::Broken(_))));
    }
}
