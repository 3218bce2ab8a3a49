//! `kinetoscope push`: a file or standard input, sent as a camera would.

use super::client::Connection;
use super::{Failure, block_on, say, stream};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::Method;
use media::MediaError;
use media::fmp4::{Chunk, Init, Piece, ScanLimits, Scanner, retime};
use shardlog::env::{Clock, Env};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes read at a time.
const READ_BYTES: usize = 256 << 10;
/// Chunks that may wait to be sent.
const QUEUE: usize = 4;

/// Pushes fragmented MP4 to a stream of a running server, as a camera would
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Fragmented MP4; - for standard input
    file: PathBuf,
    /// The stream to push to; created if it is not there
    #[arg(long, value_name = "NAME")]
    stream: String,
    /// Send at the speed of the footage instead of as fast as possible
    #[arg(long)]
    realtime: bool,
    /// Begin anew at the end of the file, with times that go on; ends with Ctrl-C
    #[arg(long = "loop")]
    repeat: bool,
    /// Time of the first frame: RFC 3339, or seconds since the Unix epoch
    #[arg(long, value_name = "TIME", value_parser = crate::http::Instant::parse)]
    start: Option<crate::http::Instant>,
    #[command(flatten)]
    connection: Connection,
}

/// Why the footage cannot be sent.
#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error("{path}: {source}", path = path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    #[error("{0} ({hint})", hint = .0.hint())]
    Media(#[from] MediaError),
    /// The server's answer says why.
    #[error("the server takes no more")]
    Refused,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { file, stream, realtime, repeat, start, connection } = arguments;
    let standard_input = file == Path::new("-");
    if repeat && standard_input {
        return Err(Failure::usage("--loop needs a file that can be read again"));
    }
    let start = start.map_or(String::new(), |start| {
        format!("?start={}.{:06}", start.us / 1_000_000, start.us % 1_000_000)
    });
    let path = format!("{}/ingest{start}", stream::path(&stream)?);
    block_on(async {
        let (output, body) = mpsc::channel::<Result<Bytes, io::Error>>(QUEUE);
        let mut camera = Camera::new(output, realtime.then(|| Env::real().clock));
        let sending = tokio::spawn(async move {
            loop {
                if standard_input {
                    camera.pass(tokio::io::stdin()).await?;
                } else {
                    let opened = tokio::fs::File::open(&file).await;
                    let opened = opened.map_err(|source| PushError::Open { path: file.clone(), source })?;
                    camera.pass(opened).await?;
                }
                if !repeat {
                    return Ok::<_, PushError>(());
                }
            }
        });
        let answer =
            connection.request(Method::POST, &path, Body::from_stream(ReceiverStream::new(body))).await;
        // An answer that comes early ends the sending.
        let sent = sending.await.map_err(Failure::failed)?;
        match (sent, answer) {
            (Err(error), _) if !matches!(error, PushError::Refused) => Err(Failure::failed(error)),
            (_, answer) => {
                say(answer?);
                Ok(())
            }
        }
    })
}

/// Sends footage, once or again and again.
struct Camera {
    output: mpsc::Sender<Result<Bytes, io::Error>>,
    /// Paces the sending, if given.
    clock: Option<Arc<dyn Clock>>,
    init: Option<Arc<Init>>,
    /// When the first chunk was sent, and where its media begins in milliseconds.
    began: Option<(Duration, i64)>,
    /// First and last millisecond of the footage's media.
    span_ms: Option<(i64, i64)>,
    /// What is added to the media's times in this pass.
    shift_ms: i64,
    sequence: u32,
}

impl Camera {
    fn new(output: mpsc::Sender<Result<Bytes, io::Error>>, clock: Option<Arc<dyn Clock>>) -> Self {
        Self { output, clock, init: None, began: None, span_ms: None, shift_ms: 0, sequence: 0 }
    }

    /// Sends the footage from its beginning to its end.
    async fn pass(&mut self, mut input: impl AsyncRead + Unpin) -> Result<(), PushError> {
        let first_pass = self.init.is_none();
        if let Some((start_ms, end_ms)) = self.span_ms {
            self.shift_ms += end_ms - start_ms;
        }
        let mut scanner = Scanner::new(ScanLimits::default());
        loop {
            let mut buffer = BytesMut::with_capacity(READ_BYTES);
            if input.read_buf(&mut buffer).await? == 0 {
                return Ok(scanner.finish()?);
            }
            scanner.push(buffer.freeze());
            while let Some(piece) = scanner.next()? {
                match piece {
                    Piece::Init(init) => {
                        // A later pass goes on with the same one.
                        if first_pass {
                            self.send(init.bytes.clone()).await?;
                        }
                        self.init = Some(init);
                    }
                    Piece::Chunk(chunk) => self.chunk(chunk).await?,
                }
            }
        }
    }

    async fn chunk(&mut self, chunk: Chunk) -> Result<(), PushError> {
        let Some(init) = self.init.clone() else { return Err(MediaError::NoInit.into()) };
        let (start_ms, end_ms) = (chunk.info.start_ms(&init), chunk.info.end_ms(&init));
        let (first_ms, last_ms) = self.span_ms.unwrap_or((start_ms, end_ms));
        self.span_ms = Some((first_ms.min(start_ms), last_ms.max(end_ms)));
        self.pace(start_ms, end_ms).await;
        self.sequence = self.sequence.wrapping_add(1);
        let shift_ms = self.shift_ms;
        let ticks = |track| init.track(track).map_or(0, |track| shift_ms * i64::from(track.timescale) / 1000);
        let moof = retime(&chunk.bytes, self.sequence, ticks)?;
        let media = chunk.bytes.slice(moof.len()..);
        self.send(moof).await?;
        self.send(media).await
    }

    /// A camera sends a chunk when its last frame has been taken.
    async fn pace(&mut self, start_ms: i64, end_ms: i64) {
        let Some(clock) = &self.clock else { return };
        let (began, origin_ms) = *self.began.get_or_insert((clock.monotonic(), start_ms));
        let due = Duration::from_millis(u64::try_from(end_ms + self.shift_ms - origin_ms).unwrap_or(0));
        clock.sleep(due.saturating_sub(clock.monotonic().saturating_sub(began))).await;
    }

    async fn send(&self, bytes: Bytes) -> Result<(), PushError> {
        self.output.send(Ok(bytes)).await.map_err(|_| PushError::Refused)
    }
}
