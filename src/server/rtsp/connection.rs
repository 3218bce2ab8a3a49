//! A camera's connection: reading, packets, time limits, and the end.

use super::framing::{Frame, Framer, FramingError};
use super::refusal::Refusal;
use super::requests::Answer;
use super::session::{Channels, Plan, Session};
use super::sign_in::SignIn;
use super::status::{Counted, Rtsp};
use super::udp::{Ports, Receiver};
use crate::app::App;
use crate::cameras::{BEAT, RecordError, RecordOptions, Recorder};
use crate::http::Idle;
use futures_util::FutureExt;
use media::worker_protocol::camera::{BatchBuilder, PacketKind};
use std::future::{pending, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use video::{End, IngestError, Reason};

/// From connecting to RECORD it takes no longer than this, however often a client says something.
const PRELUDE_MAX: Duration = Duration::from_secs(60);
/// A client that does not take our answer is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Read at a time while media comes; more than a key frame.
const READ_BYTES: usize = 256 << 10;
/// And before that: a client that says nothing should cost nothing.
const READ_FIRST_BYTES: usize = 4 << 10;
/// After an answer that the client should get to read: how long, and how much of what it had sent meanwhile, is taken.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 << 10;
/// A camera that comes back waits at most this long for its earlier recording to end.
const ENDING_MAX: Duration = Duration::from_secs(3);
/// The camera's earlier connection may be between two beats and not know yet that the camera has gone.
const NOTICE: Duration = BEAT.saturating_mul(7);
/// The bit rate is measured over this.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Shorter ones are no RTP packets.
const RTP_BYTES_MIN: usize = 12;

/// A camera's connection, `T` its byte stream.
pub(super) struct Connection<T> {
    pub(super) app: App,
    pub(super) io: T,
    /// Whom the camera says it is by its address.
    pub(super) peer: SocketAddr,
    /// Where it came in.
    pub(super) local: IpAddr,
    /// It is encrypted.
    pub(super) secured: bool,
    pub(super) sign_in: SignIn,
    pub(super) session: Session,
    /// The session's id.
    pub(super) id: String,
    /// UDP ports, with the announced track they are for.
    pub(super) ports: Vec<(usize, Ports)>,
    pub(super) media: Option<Media>,
    /// Wrong sign-ins so far.
    pub(super) failures: u32,
    /// It was asked to sign in, and did not yet.
    pub(super) challenged: bool,
    pub(super) idle: Idle,
    framer: Framer,
    _counted: Counted,
}

/// A recording.
pub(super) struct Media {
    stream: String,
    recorder: Recorder,
    channels: Channels,
    udp: Option<Receiver>,
    batch: BatchBuilder,
    rate: Rate,
    /// Media came since the idle timer was last set.
    heard: bool,
    stray: u64,
    _counted: Counted,
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Over {
    #[error("the camera ended it")]
    TornDown,
    #[error("the connection closed")]
    Gone,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("the camera sent nothing")]
    Silent,
    #[error("the server is being shut down")]
    Stopped,
    #[error("more than {0} Mbit/s over five seconds")]
    TooFast(u64),
    #[error(transparent)]
    Recording(RecordError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error("refused")]
    Refused,
}

enum Event {
    Read(io::Result<usize>),
    Datagrams(io::Result<()>),
    Ended(RecordError),
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection<T> {
    pub(super) fn new(app: &App, io: T, peer: SocketAddr, local: IpAddr, secured: bool) -> Self {
        let clock = app.env.clock.clone();
        let mut id = [0; 8];
        app.env.random.fill(&mut id);
        Self {
            sign_in: SignIn::new(app, peer.ip(), secured),
            session: Session::default(),
            id: format!("{:016x}", u64::from_be_bytes(id)),
            ports: Vec::new(),
            media: None,
            failures: 0,
            challenged: false,
            idle: Idle::new(clock, Duration::from_secs(app.config.header_timeout_s)),
            framer: Framer::default(),
            _counted: Rtsp::connection(app),
            app: app.clone(),
            io,
            peer,
            local,
            secured,
        }
    }

    /// Serves the camera until one side ends it.
    pub(super) async fn run(mut self) {
        let over = match self.serve().await {
            Err(over) => over,
            Ok(never) => match never {},
        };
        if matches!(over, Over::TornDown | Over::Gone | Over::Broken(_)) {
            self.take_last_datagrams().await;
        }
        self.finish(&over).await;
        if matches!(over, Over::Framing(_)) {
            let _ = self.write(&Answer::new(&Refusal::new(400, over.to_string())), None).await;
        }
        if !matches!(over, Over::Gone | Over::Broken(_) | Over::Stopped) {
            // After TEARDOWN the client is to close; clients that still have reports to send take our closing for a fault.
            self.linger(!matches!(over, Over::TornDown)).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Over> {
        let mut prelude = self.app.env.clock.sleep(PRELUDE_MAX);
        loop {
            let recording = self.media.is_some();
            let Self { app, io, framer, media, idle, .. } = self;
            let (mut recorder, mut udp) = (None, None);
            if let Some(media) = media {
                recorder = Some(&mut media.recorder);
                udp = media.udp.as_mut().map(|udp| (udp, &mut media.batch));
            }
            let event = tokio::select! {
                read = framer.read(io, if recording { READ_BYTES } else { READ_FIRST_BYTES }) => Event::Read(read),
                received = receive(udp) => Event::Datagrams(received),
                error = ended(recorder) => Event::Ended(error),
                () = poll_fn(|cx| idle.poll_expired(cx)) => return Err(Over::Silent),
                () = &mut prelude, if !recording => return Err(Over::Silent),
                () = app.stop.cancelled() => return Err(Over::Stopped),
            };
            match event {
                Event::Read(read) => match read? {
                    0 => return Err(Over::Gone),
                    read => {
                        if read >= READ_BYTES || self.media.is_none() {
                            // Answers are waited for, or the camera is behind.
                            self.app.cameras.pace().hurry();
                        }
                        self.take_frames().await?;
                    }
                },
                Event::Datagrams(received) => {
                    received?;
                    if let Some(media) = &mut self.media {
                        media.heard = true;
                    }
                    self.hand_on().await?;
                }
                Event::Ended(error) => return Err(Over::Recording(error)),
            }
        }
    }

    /// Works off what was read.
    async fn take_frames(&mut self) -> Result<(), Over> {
        loop {
            match self.framer.next()? {
                None => return self.hand_on().await,
                Some(Frame::Packet { channel, data }) => {
                    // A camera that does not wait for our answer to RECORD sends these a little too early.
                    let Some(media) = &mut self.media else { continue };
                    let Some((track, kind)) = media.channels.get(channel) else {
                        media.stray += 1;
                        continue;
                    };
                    media.heard |= kind == PacketKind::Rtp && data.len() >= RTP_BYTES_MIN;
                    if !media.batch.push(track, kind, data) {
                        media.hand_on(&self.app).await?;
                        media.batch.push(track, kind, data);
                    }
                }
                Some(Frame::Request(request)) => {
                    self.hand_on().await?;
                    self.request(&request).await?;
                }
                Some(Frame::Answer) => {}
            }
        }
    }

    /// What came before the end counts, though it was read after it.
    async fn take_last_datagrams(&mut self) {
        while let Some(Media { udp: Some(udp), batch, .. }) = &mut self.media {
            let received = receive(Some((udp, batch))).now_or_never();
            if !matches!(received, Some(Ok(()))) || self.hand_on().await.is_err() {
                break;
            }
        }
    }

    /// Hands the packets on that were collected.
    async fn hand_on(&mut self) -> Result<(), Over> {
        let Some(media) = &mut self.media else { return Ok(()) };
        media.hand_on(&self.app).await?;
        if std::mem::take(&mut media.heard) {
            // Only now: what we were late with is not the camera's silence.
            self.idle.touch();
        }
        Ok(())
    }

    /// Begins what `plan` says.
    pub(super) async fn begin(&mut self, plan: Plan) -> Result<(), Refusal> {
        let recorder = take_stream(&self.app, self.peer, &plan).await.map_err(|error| match error {
            RecordError::Unsupported(reason) => Refusal::new(415, reason),
            error => crate::error::ApiError::from(error).into(),
        })?;
        let ports = plan.announced.iter().filter_map(|index| {
            let at = self.ports.iter().position(|(announced, _)| announced == index)?;
            Some(self.ports.swap_remove(at).1)
        });
        let ports: Vec<Ports> = ports.collect();
        let udp = (!ports.is_empty()).then(|| Receiver::new(ports, self.peer.ip()));
        let config = &self.app.config;
        tracing::info!(peer = %self.peer, stream = plan.stream, udp = udp.is_some(), tls = self.secured, "a camera records over RTSP");
        self.media = Some(Media {
            stream: plan.stream,
            recorder,
            channels: plan.channels,
            udp,
            batch: BatchBuilder::default(),
            rate: Rate::new(config.rtsp_bitrate_max_mbit, self.app.env.clock.monotonic()),
            heard: false,
            stray: 0,
            _counted: Rtsp::recording(&self.app),
        });
        self.session.recording();
        self.idle = Idle::new(self.app.env.clock.clone(), Duration::from_secs(config.rtsp_idle_timeout_s));
        Ok(())
    }

    /// Sends an answer.
    pub(super) async fn write(&mut self, answer: &Answer, cseq: Option<&str>) -> io::Result<()> {
        let text = answer.text(cseq);
        let sent = async {
            self.io.write_all(text.as_bytes()).await?;
            self.io.flush().await
        };
        tokio::select! {
            sent = sent => sent,
            () = self.app.env.clock.sleep(WRITE_TIMEOUT) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Ends the recording, and remembers what people should know.
    async fn finish(&mut self, over: &Over) {
        let now_ms = self.app.env.clock.now_ms();
        let Some(media) = self.media.take() else {
            tracing::debug!(peer = %self.peer, cause = %over, "a connection over RTSP ended");
            if self.challenged {
                let refusal = Refusal::new(401, "The camera did not sign in");
                self.app.rtsp.refuse(now_ms, self.peer, self.session.stream(), &refusal);
            }
            return;
        };
        self.app.rtsp.add_stray(media.stray);
        let (end, status) = match over {
            Over::TornDown => (End::Eof, None),
            Over::Stopped => (End::Shutdown, None),
            Over::Silent => (End::Failed(Reason::NoData), Some(408)),
            Over::TooFast(_) => (End::Disconnected, Some(453)),
            Over::Recording(RecordError::Unsupported(_)) => (End::Disconnected, Some(415)),
            Over::Recording(error) => {
                let refusal = Refusal::from(crate::error::ApiError::from(error.clone()));
                (End::Disconnected, Some(refusal.status))
            }
            Over::Framing(_) => (End::Disconnected, Some(400)),
            Over::Gone | Over::Broken(_) | Over::Refused => (End::Disconnected, None),
        };
        if let Some(status) = status {
            let refusal = Refusal::new(status, over.to_string());
            self.app.rtsp.refuse(now_ms, self.peer, Some(&media.stream), &refusal);
        }
        let ending = self.app.rtsp.ending().begin(&media.stream);
        let summary = media.recorder.finish(end).await;
        drop(ending);
        tracing::info!(
            peer = %self.peer, stream = media.stream, cause = %over,
            fragments = summary.fragments, chunks = summary.chunks, bytes = summary.stored_bytes,
            stray_packets = media.stray, "a camera's recording over RTSP ended"
        );
    }

    /// Closes so that the client gets to read what was sent last.
    async fn linger(&mut self, close_first: bool) {
        let mut left = LINGER_BYTES_MAX;
        let draining = async {
            if close_first {
                let _ = self.io.shutdown().await;
            }
            let mut buffer = vec![0; READ_FIRST_BYTES];
            while let Ok(read @ 1..) = self.io.read(&mut buffer).await {
                left = left.saturating_sub(read);
                if left == 0 {
                    break;
                }
            }
        };
        tokio::select! {
            () = draining => {}
            () = self.app.env.clock.sleep(LINGER) => {}
            () = self.app.stop.cancelled() => {}
        }
    }
}

impl Media {
    async fn hand_on(&mut self, app: &App) -> Result<(), Over> {
        if self.batch.is_empty() {
            return Ok(());
        }
        if !self.rate.admits(self.batch.len() as u64, app.env.clock.monotonic()) {
            return Err(Over::TooFast(app.config.rtsp_bitrate_max_mbit));
        }
        let batch = self.batch.take(app.env.clock.now_ms().saturating_mul(1000));
        tokio::select! {
            taken = self.recorder.packets(batch) => taken.map_err(Over::Recording),
            () = app.stop.cancelled() => Err(Over::Stopped),
        }
    }
}

/// Takes the stream; waits a little when the one who had it has only just gone.
async fn take_stream(app: &App, peer: SocketAddr, plan: &Plan) -> Result<Recorder, RecordError> {
    let options = RecordOptions { peer: peer.to_string(), auto_create: plan.auto_create };
    let record = || app.cameras.record(&plan.stream, plan.open.clone(), options.clone());
    let ending = app.rtsp.ending();
    let mut patience = app.env.clock.sleep(ENDING_MAX);
    let mut looked = false;
    loop {
        let ended = ending.ended();
        let before = ending.contains(&plan.stream);
        match record().await {
            Err(RecordError::Ingest(IngestError::PublisherActive { .. }))
                if before || ending.contains(&plan.stream) =>
            {
                tokio::select! {
                    () = ended => {}
                    () = &mut patience => return record().await,
                }
            }
            Err(RecordError::Ingest(IngestError::PublisherActive { .. })) if !looked => {
                looked = true;
                app.env.clock.sleep(NOTICE).await;
            }
            answer => return answer,
        }
    }
}

/// Resolves when datagrams have come; never without ports.
async fn receive(udp: Option<(&mut Receiver, &mut BatchBuilder)>) -> io::Result<()> {
    match udp {
        Some((udp, batch)) => poll_fn(|cx| udp.poll_receive(cx, batch)).await,
        None => pending().await,
    }
}

/// Resolves when the recording is over although nobody finished it.
async fn ended(recorder: Option<&mut Recorder>) -> RecordError {
    match recorder {
        Some(recorder) => recorder.ended().await,
        None => pending().await,
    }
}

/// Watches over the bit rate.
struct Rate {
    bytes_max: u64,
    bytes: u64,
    since: Duration,
}

impl Rate {
    fn new(mbit_max: u64, now: Duration) -> Self {
        let bytes_max = mbit_max.saturating_mul(1_000_000 / 8 * RATE_WINDOW.as_secs());
        Self { bytes_max, bytes: 0, since: now }
    }

    /// Counts; `false` when it was too much in too short a time.
    fn admits(&mut self, bytes: u64, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= RATE_WINDOW {
            (self.bytes, self.since) = (0, now);
        }
        self.bytes += bytes;
        self.bytes <= self.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bit_rate_is_measured_over_five_seconds() {
        let second = Duration::from_secs;
        let mut rate = Rate::new(8, second(0));
        assert!(rate.admits(5_000_000, second(0)), "a burst is none of our business");
        assert!(!rate.admits(1, second(4)));
        assert!(rate.admits(5_000_000, second(5)));
    }
}
