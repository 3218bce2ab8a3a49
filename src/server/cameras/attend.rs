//! A camera in one worker's hands: packets go to it, media comes back and goes into the stream.

use super::error::RecordError;
use super::process::Attachment;
use super::recorder::Input;
use super::socket::{Fault, Messages};
use super::status::Status;
use crate::workers::process::within;
use bytes::Bytes;
use media::worker_protocol::camera::{CameraFailure, CameraRequest, CameraResponse, Open};
use prometheus::IntCounter;
use shardlog::env::Clock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use video::{End, IngestSession};

/// A worker that takes no packets for this long hangs, unless it is us who are behind.
const STUCK: Duration = Duration::from_secs(10);
/// How long a worker may take to give up what it holds back.
const FLUSH: Duration = Duration::from_secs(5);
/// The same of one that has given nothing yet: on a busy machine it may still be starting, with all of a short recording
/// waiting for it.
const FLUSH_FIRST: Duration = Duration::from_secs(20);
/// The same when the server is being shut down.
const FLUSH_AT_SHUTDOWN: Duration = Duration::from_millis(700);

/// How a worker was left.
#[derive(Debug)]
pub(super) enum Left {
    /// As it was asked for; everything has been given up.
    Finished(End),
    /// The session takes no more; its summary says why.
    SessionOver,
    /// There is no use in another worker.
    Over(RecordError),
    /// The worker failed: at this camera at least, or as a whole if it has ended.
    Lost(String),
    /// The worker hangs or talks nonsense: no camera should be in its hands.
    Bad(String),
    /// The worker is to have no cameras any more.
    Moved,
}

/// What both directions need.
pub(super) struct Attending<'a> {
    pub(super) open: &'a Open,
    pub(super) session: &'a mut IngestSession,
    pub(super) input: &'a mut mpsc::Receiver<Input>,
    pub(super) status: &'a Status,
    pub(super) clock: &'a dyn Clock,
    pub(super) stop: &'a CancellationToken,
    pub(super) bytes: &'a IntCounter,
    /// Set when media has come.
    pub(super) has_media: &'a AtomicBool,
}

/// Why no more packets go to the worker.
enum Quit {
    End(End),
    Leave,
    Stuck,
}

/// What the worker said last, or what became of its words.
enum Heard {
    Fault(Fault),
    Failed(CameraFailure, String),
    Ended,
    SessionOver,
}

/// Feeds the worker and takes what it gives until one of them, or the session, is over.
pub(super) async fn attend(attending: Attending<'_>, attachment: &mut Attachment) -> Left {
    let Attending { open, session, input, status, clock, stop, bytes, has_media } = attending;
    let socket = attachment.socket.take().map(UnixStream::from_std);
    let Some(Ok(socket)) = socket else { return Left::Lost("it has no socket".to_owned()) };
    let (read, write) = socket.into_split();
    let behind = AtomicBool::new(false);
    let down = Down { session, messages: Messages::new(read), status, behind: &behind, bytes, has_media };
    let up = Up { input, socket: write, clock, stop, leave: &attachment.process.leave, behind: &behind };
    let (down, up) = (down.run(), up.run(open));
    tokio::pin!(down, up);
    let quit = tokio::select! {
        biased;
        heard = &mut down => return left(heard, open),
        quit = &mut up => quit,
    };
    let flush = match quit {
        Quit::Stuck => return Left::Bad(format!("it takes no packets for {STUCK:?}")),
        Quit::End(End::Shutdown) => FLUSH_AT_SHUTDOWN,
        Quit::End(_) if !has_media.load(Ordering::Relaxed) => FLUSH_FIRST,
        Quit::End(_) | Quit::Leave => FLUSH,
    };
    match (within(clock, flush, down).await, quit) {
        (Some(Heard::SessionOver), _) => Left::SessionOver,
        (_, Quit::End(end)) => Left::Finished(end),
        (_, Quit::Leave | Quit::Stuck) => Left::Moved,
    }
}

/// What it means that the worker says its last word unasked.
fn left(heard: Heard, open: &Open) -> Left {
    match heard {
        Heard::SessionOver => Left::SessionOver,
        Heard::Fault(Fault::Gone) => Left::Lost("it is gone".to_owned()),
        Heard::Fault(Fault::Garbage(what)) => Left::Bad(format!("it talks nonsense: {what}")),
        Heard::Failed(CameraFailure::Broken, detail) => Left::Lost(detail),
        Heard::Failed(code, detail) => Left::Over(RecordError::failed(code, detail)),
        Heard::Ended if open.source.is_some() => Left::Over(RecordError::SourceEnded),
        Heard::Ended => Left::Lost("it ended unasked".to_owned()),
    }
}

/// From the worker.
struct Down<'a> {
    session: &'a mut IngestSession,
    messages: Messages<OwnedReadHalf>,
    status: &'a Status,
    /// Whether the session is being waited for.
    behind: &'a AtomicBool,
    bytes: &'a IntCounter,
    has_media: &'a AtomicBool,
}

impl Down<'_> {
    async fn run(mut self) -> Heard {
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.next() => message,
                () = self.session.closed() => return Heard::SessionOver,
            };
            match message {
                Ok(CameraResponse::Media(media)) => {
                    self.bytes.inc_by(media.len() as u64);
                    self.has_media.store(true, Ordering::Relaxed);
                    self.behind.store(true, Ordering::Relaxed);
                    let pushed = self.session.push(media).await;
                    self.behind.store(false, Ordering::Relaxed);
                    if pushed.is_err() {
                        return Heard::SessionOver;
                    }
                }
                Ok(CameraResponse::Report(report)) => self.status.report(report),
                Ok(CameraResponse::Failed { code, detail }) => return Heard::Failed(code, detail),
                Ok(CameraResponse::Ended) => return Heard::Ended,
                Err(fault) => return Heard::Fault(fault),
            }
        }
    }
}

/// To the worker.
struct Up<'a> {
    input: &'a mut mpsc::Receiver<Input>,
    socket: OwnedWriteHalf,
    clock: &'a dyn Clock,
    stop: &'a CancellationToken,
    leave: &'a CancellationToken,
    behind: &'a AtomicBool,
}

impl Up<'_> {
    async fn run(mut self, open: &Open) -> Quit {
        let quit = match (CameraRequest::Open(open.clone())).encode() {
            Ok(parts) => match self.write(&parts.concat().into()).await {
                Ok(()) => self.packets().await,
                Err(quit) => quit,
            },
            // Larger than any description that tracks are read out of.
            Err(_) => Quit::Stuck,
        };
        if !matches!(quit, Quit::Stuck)
            && let Ok(parts) = CameraRequest::End.encode()
            && let Err(stuck @ Quit::Stuck) = self.write(&parts.concat().into()).await
        {
            return stuck;
        }
        quit
    }

    async fn packets(&mut self) -> Quit {
        loop {
            let input = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Quit::End(End::Shutdown),
                () = self.leave.cancelled() => return Quit::Leave,
                input = self.input.recv() => input,
            };
            match input {
                Some(Input::Packets(batch)) => {
                    if let Err(quit) = self.write(&batch).await {
                        return quit;
                    }
                }
                Some(Input::End(end)) => return Quit::End(end),
                None => return Quit::End(End::Disconnected),
            }
        }
    }

    /// Writes, unless the worker hangs. A socket that is closed is the other direction's to report.
    async fn write(&mut self, message: &Bytes) -> Result<(), Quit> {
        let mut rest = message.clone();
        loop {
            let written = match self.socket.try_write(&rest) {
                Ok(written) if written == rest.len() => return Ok(()),
                Ok(written) => written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
                Err(_) => std::future::pending().await,
            };
            let _ = rest.split_to(written);
            tokio::select! {
                ready = self.socket.writable() => {
                    if ready.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                () = self.stop.cancelled() => return Err(Quit::End(End::Shutdown)),
                () = self.clock.sleep(STUCK) => {
                    if !self.behind.load(Ordering::Relaxed) {
                        return Err(Quit::Stuck);
                    }
                }
            }
        }
    }
}
