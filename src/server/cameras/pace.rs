//! Where cameras' connections are served: by a thread that looks at all of them together, thirty-odd times a second.
//!
//! A camera at 4 Mbit/s sends 370 packets a second. Whoever waits for a socket is woken up for each of them, even if it does
//! not read each time; for sixteen cameras that is six thousand wake-ups a second, which cost more than all that is done
//! with the packets. So the runtime here sleeps, between one look at its sockets and the next, without waiting for anything:
//! the kernel collects what comes. What its tasks have to do is done in one go, and what they give to others goes along
//! together, down to the sync of the log. Each thing waits for at most [`BEAT`], far less than the duration of a chunk.

use shardlog::env::Clock;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// From one look at the sockets to the next.
pub(crate) const BEAT: Duration = Duration::from_millis(30);
/// The same while somebody is waiting for answers.
const BEAT_HURRIED: Duration = Duration::from_millis(2);
/// How long that is after each time that someone says so.
const HURRY: Duration = Duration::from_millis(500);

/// The thread and its runtime; they end when this is dropped.
pub(crate) struct Pace {
    handle: Handle,
    clock: Arc<dyn Clock>,
    hurried_until_ms: Arc<AtomicU64>,
    _end: DropGuard,
}

impl Pace {
    /// Starts the thread. Must be called within a tokio runtime, which also serves the cameras if there can be no thread.
    pub(crate) fn start(clock: Arc<dyn Clock>) -> Self {
        let (hurried_until_ms, end) = (Arc::default(), CancellationToken::new());
        let handle =
            spawn(clock.clone(), Arc::clone(&hurried_until_ms), end.clone()).unwrap_or_else(|error| {
                tracing::warn!(%error, "no thread for cameras: they are served along with everything else");
                Handle::current()
            });
        Self { handle, clock, hurried_until_ms, _end: end.drop_guard() }
    }

    /// Where connections to cameras are to be served. Tasks must not wait there for long work of their own making.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// For the next half second answers do not wait for the beat: a session begins with many short ones.
    pub(crate) fn hurry(&self) {
        let until_ms = millis(self.clock.monotonic() + HURRY);
        self.hurried_until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }
}

fn spawn(
    clock: Arc<dyn Clock>,
    hurried_until_ms: Arc<AtomicU64>,
    end: CancellationToken,
) -> io::Result<Handle> {
    let sleep = move || {
        let now = clock.monotonic();
        let hurried = millis(now) < hurried_until_ms.load(Ordering::Relaxed);
        let beat = if hurried { BEAT_HURRIED } else { BEAT };
        wait(beat.saturating_sub(Duration::from_nanos((now.as_nanos() % beat.as_nanos()) as u64)));
    };
    let runtime = Builder::new_current_thread().enable_all().on_thread_park(sleep).build()?;
    let handle = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("cameras".to_owned());
    thread.spawn(move || {
        runtime.block_on(end.cancelled());
        // What still blocks must not keep the thread.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, whose business it is to sleep")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shardlog::env::Env;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    /// A sender of many small pieces wakes the reader up for several at a time, and everything arrives.
    #[tokio::test]
    async fn pieces_are_read_together_and_none_is_lost() {
        const PIECES: usize = 200;
        let pace = Pace::start(Env::real().clock);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reading = pace.handle().spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (mut reads, mut total) = (0, 0);
            let mut buffer = vec![0; 64 << 10];
            while let read @ 1.. = stream.read(&mut buffer).await.unwrap() {
                (reads, total) = (reads + 1, total + read);
            }
            (reads, total)
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        for _ in 0..PIECES {
            stream.write_all(&[7; 100]).await.unwrap();
            Env::real().clock.sleep(Duration::from_millis(1)).await;
        }
        drop(stream);
        let (reads, total) = reading.await.unwrap();
        assert_eq!(total, PIECES * 100);
        assert!(reads <= PIECES / 3, "{reads} reads");
    }

    #[tokio::test]
    async fn the_thread_ends_with_what_it_serves() {
        let pace = Pace::start(Env::real().clock);
        let kept = Arc::new(());
        let held = kept.clone();
        let task = pace.handle().spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(pace);
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
