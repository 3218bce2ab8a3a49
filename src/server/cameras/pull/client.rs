//! Calling for a camera ourselves: RTSP by retina, of which only the connection and the packets are used.

use super::PULL_SILENCE;
use super::error::PullError;
use super::settings::{Source, Transport};
use crate::cameras::{CHUNK_MS, Pace, Recorder};
use crate::workers::process::within;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use media::rtp::sdp::{self, SdpRefusal, SdpTracks};
use media::worker_protocol::camera::{BatchBuilder, Carriage, Open, PacketKind};
use retina::client::{
    Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PacketItem, PlayOptions, Playing,
    Session, SessionIdPolicy, SessionOptions, SetupOptions, UnknownRtcpSsrcPolicy,
};
use shardlog::env::Clock;
use std::time::Duration;

/// How long a camera may take for each answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A camera that is sending.
pub(super) struct Client {
    session: Session<Playing>,
    /// For each of the session's streams, which of our tracks it is.
    tracks: Vec<Option<u8>>,
    /// What the packets carry.
    pub(super) open: Open,
    /// What is not recorded, in words.
    pub(super) warnings: Vec<String>,
    began: bool,
    /// A packet that did not fit into the batch before.
    left: Option<(u8, PacketKind, Bytes)>,
}

impl Client {
    /// Connects and lets the camera play.
    pub(super) async fn connect(source: &Source, clock: &dyn Clock, pace: &Pace) -> Result<Self, PullError> {
        let credentials = source.credentials().map(|(username, password)| retina::client::Credentials {
            username: username.to_owned(),
            password: password.to_owned(),
        });
        let options = SessionOptions::default()
            .creds(credentials)
            .user_agent(concat!("Kinetoscope/", env!("CARGO_PKG_VERSION")).to_owned())
            .session_id(SessionIdPolicy::UseFirst);
        let mut session = answer(clock, pace, Session::describe(source.url().clone(), options)).await?;
        let found = sdp::tracks(session.sdp()).map_err(|refusal| refused(&refusal))?;
        let SdpTracks { tracks, unsupported, .. } = found;
        let warnings = unsupported.iter().map(|media| format!("not recorded: {media}")).collect();
        let mut of_stream = vec![None; session.streams().len()];
        for (index, track) in tracks.iter().enumerate() {
            let stream = stream_of(&session, track, &of_stream).ok_or_else(|| {
                PullError::Protocol("its description is read in two different ways".to_owned())
            })?;
            let transport = match source.transport {
                Transport::Tcp => retina::client::Transport::Tcp(Default::default()),
                Transport::Udp => retina::client::Transport::Udp(Default::default()),
            };
            answer(clock, pace, session.setup(stream, SetupOptions::default().transport(transport))).await?;
            of_stream[stream] = u8::try_from(index).ok();
        }
        // Which timestamps and sequences to begin with the packets say themselves; what cameras say of them is wrong too often.
        let options = PlayOptions::default()
            .initial_timestamp(InitialTimestampPolicy::Permissive)
            .initial_seq(InitialSequenceNumberPolicy::Ignore)
            .unknown_rtcp_ssrc(UnknownRtcpSsrcPolicy::ProcessPackets);
        let session = answer(clock, pace, session.play(options)).await?;
        let carriage = match source.transport {
            Transport::Tcp => Carriage::Tcp,
            Transport::Udp => Carriage::Udp,
        };
        let open = Open { tracks, carriage, chunk_ms: CHUNK_MS, source: None };
        Ok(Self { session, tracks: of_stream, open, warnings, began: false, left: None })
    }

    /// Waits for packets; the message with all that are there. May be dropped and asked again.
    pub(super) async fn packets(&mut self, clock: &dyn Clock) -> Result<Bytes, PullError> {
        let mut batch = BatchBuilder::default();
        if let Some((track, kind, packet)) = self.left.take() {
            batch.push(track, kind, &packet);
        }
        while batch.is_empty() {
            let Some(item) = within(clock, PULL_SILENCE, self.session.next()).await else {
                return Err(PullError::Silent(PULL_SILENCE));
            };
            self.add(item, &mut batch)?;
        }
        while self.left.is_none()
            && let Some(item) = self.session.next().now_or_never()
        {
            self.add(item, &mut batch)?;
        }
        Ok(batch.take(clock.now_ms().saturating_mul(1000)))
    }

    fn add(
        &mut self,
        item: Option<Result<PacketItem, retina::Error>>,
        batch: &mut BatchBuilder,
    ) -> Result<(), PullError> {
        let item = item.ok_or_else(|| PullError::Ended("the camera closed it".to_owned()))?;
        let item = item.map_err(|error| PullError::of_client(&error, self.began))?;
        self.began = true;
        let (stream, kind, packet) = match &item {
            PacketItem::Rtp(packet) => (packet.stream_id(), PacketKind::Rtp, packet.raw()),
            PacketItem::Rtcp(packet) => (packet.stream_id(), PacketKind::Rtcp, packet.raw()),
            _ => return Ok(()),
        };
        if let Some(track) = self.tracks.get(stream).copied().flatten()
            && !batch.push(track, kind, packet)
        {
            self.left = Some((track, kind, Bytes::copy_from_slice(packet)));
        }
        Ok(())
    }

    /// Records until the camera, or the recording, is over.
    pub(super) async fn record(&mut self, recorder: &mut Recorder, clock: &dyn Clock) -> PullError {
        loop {
            let batch = tokio::select! {
                batch = self.packets(clock) => batch,
                ended = recorder.ended() => return ended.into(),
            };
            match batch {
                Ok(batch) => {
                    if let Err(error) = recorder.packets(batch).await {
                        return error.into();
                    }
                }
                Err(error) => return error,
            }
        }
    }
}

/// The session's stream that a track of ours is. The session leaves media out that it does not understand.
fn stream_of(
    session: &Session<Described>,
    track: &media::rtp::RtpTrack,
    taken: &[Option<u8>],
) -> Option<usize> {
    session.streams().iter().enumerate().position(|(index, stream)| {
        let control = stream.control().map(url::Url::as_str).unwrap_or_default();
        taken[index].is_none()
            && stream.rtp_payload_type() == track.payload_type
            && control.ends_with(&track.control)
    })
}

/// What a description is refused for.
fn refused(refusal: &SdpRefusal) -> PullError {
    match refusal {
        SdpRefusal::Unsupported(_) => PullError::Unsupported(refusal.to_string()),
        SdpRefusal::NoMedia => PullError::NoMedia(refusal.to_string()),
        _ => PullError::Protocol(refusal.to_string()),
    }
}

/// Waits for a camera's answer, for a while.
async fn answer<T>(
    clock: &dyn Clock,
    pace: &Pace,
    asked: impl Future<Output = Result<T, retina::Error>>,
) -> Result<T, PullError> {
    pace.hurry();
    match within(clock, ANSWER_TIMEOUT, asked).await {
        Some(answer) => answer.map_err(|error| PullError::of_client(&error, false)),
        None => Err(PullError::Unreachable(format!("no answer within {ANSWER_TIMEOUT:?}"))),
    }
}
