//! Looking at a camera before it is recorded: what it sends, and its first picture.

use super::client::Client;
use super::error::PullError;
use super::settings::Source;
use super::supervise::worker_open;
use crate::cameras::socket::Messages;
use crate::cameras::{Cameras, RecordError};
use crate::workers::process::within;
use bytes::Bytes;
use media::fmp4::{Init, Key, Piece, ScanLimits, Scanner, TrackKind};
use media::rtp::RtpTrack;
use media::worker_protocol::camera::{CameraRequest, CameraResponse, Open};
use serde::Serialize;
use shardlog::env::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// How long a camera may take until it plays.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// How long its first key frame may take, from the beginning.
const MEDIA_TIMEOUT: Duration = Duration::from_millis(12_500);

/// What a camera sends.
#[derive(Debug)]
pub struct Probe {
    /// Its tracks.
    pub tracks: Vec<ProbeTrack>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
    /// An initialisation segment and a chunk that begins with a key frame, if there are pictures and one came in time.
    pub media: Option<(Arc<Init>, Bytes)>,
}

/// A track of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeTrack {
    kind: &'static str,
    /// RFC 6381 name, or that of the session description while no media has come.
    codec: String,
    /// In pixels.
    width: Option<u32>,
    /// In pixels.
    height: Option<u32>,
    /// Samples per second.
    sample_rate: Option<u32>,
    channels: Option<u16>,
}

/// Calls a camera and looks at what it sends, for at most thirteen seconds.
pub(super) async fn probe(cameras: &Cameras, source: &Source, clock: &dyn Clock) -> Result<Probe, PullError> {
    let began = clock.monotonic();
    let mut not_understood = None;
    let mut client = match source.tls() {
        true => None,
        false => match within(clock, CONNECT_TIMEOUT, Client::connect(source, clock, cameras.pace())).await {
            Some(Ok(client)) => Some(client),
            // What our client does not speak, GStreamer may.
            Some(Err(error @ PullError::Protocol(_))) => {
                not_understood = Some(error);
                None
            }
            Some(Err(error)) => return Err(error),
            None => return Err(PullError::Unreachable(format!("no answer within {CONNECT_TIMEOUT:?}"))),
        },
    };
    let open = client.as_ref().map_or_else(|| worker_open(source), |client| client.open.clone());
    let mut warnings = client.as_mut().map(|client| std::mem::take(&mut client.warnings)).unwrap_or_default();
    let limit = MEDIA_TIMEOUT.saturating_sub(clock.monotonic().saturating_sub(began));
    let direct = client.is_some();
    let looked = within(clock, limit, look(cameras, &open, client.as_mut(), clock)).await;
    let media = match looked {
        Some(Ok(media)) => Some(media),
        // The description is something to show already.
        Some(Err(PullError::Record(error))) if direct => {
            warnings.push(format!("no picture: {error}"));
            None
        }
        Some(Err(error)) => return Err(not_understood.unwrap_or(error)),
        None if direct => {
            warnings.push("no picture: no key frame came in time".to_owned());
            None
        }
        None => return Err(not_understood.unwrap_or(PullError::Silent(limit))),
    };
    let tracks = match &media {
        Some((init, _)) => init.tracks.iter().map(ProbeTrack::of_media).collect(),
        None => open.tracks.iter().map(ProbeTrack::announced).collect(),
    };
    let media = media.filter(|(init, _)| init.video().is_some());
    Ok(Probe { tracks, warnings, media })
}

/// Sends the packets through a worker until the first chunk with a key frame comes out.
async fn look(
    cameras: &Cameras,
    open: &Open,
    mut client: Option<&mut Client>,
    clock: &dyn Clock,
) -> Result<(Arc<Init>, Bytes), PullError> {
    let no_worker = |how: String| PullError::from(RecordError::NoWorker(how));
    let mut attachment = cameras.inner.attach().map_err(no_worker)?;
    let socket = attachment.socket.take().map(UnixStream::from_std);
    let Some(Ok(socket)) = socket else { return Err(PullError::Internal) };
    let (read, mut write) = socket.into_split();
    let mut messages = Messages::new(read);
    let mut first = FirstPicture { scanner: Scanner::new(ScanLimits::default()), init: None };
    let begin = CameraRequest::Open(open.clone()).encode().map_err(|error| no_worker(error.to_string()))?;
    let gone = |error: std::io::Error| no_worker(error.to_string());
    write.write_all(&begin.concat()).await.map_err(gone)?;
    loop {
        let packets = async {
            match &mut client {
                Some(client) => client.packets(clock).await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            message = messages.next() => message,
            batch = packets => {
                write.write_all(&batch?).await.map_err(gone)?;
                continue;
            }
        };
        match message {
            Ok(CameraResponse::Media(media)) => {
                if let Some(found) = first.take(media).map_err(|error| no_worker(error.to_string()))? {
                    return Ok(found);
                }
            }
            Ok(CameraResponse::Report(_)) => {}
            Ok(CameraResponse::Failed { code, detail }) => {
                return Err(RecordError::failed(code, detail).into());
            }
            Ok(CameraResponse::Ended) => return Err(RecordError::SourceEnded.into()),
            Err(fault) => return Err(no_worker(format!("{fault:?}"))),
        }
    }
}

/// Waits for the first chunk that can be decoded.
struct FirstPicture {
    scanner: Scanner,
    init: Option<Arc<Init>>,
}

impl FirstPicture {
    fn take(&mut self, media: Bytes) -> Result<Option<(Arc<Init>, Bytes)>, media::MediaError> {
        self.scanner.push(media);
        while let Some(piece) = self.scanner.next()? {
            match (piece, &self.init) {
                (Piece::Init(init), _) => self.init = Some(init),
                (Piece::Chunk(chunk), Some(init)) if chunk.key(init) != Key::No => {
                    return Ok(Some((init.clone(), chunk.bytes)));
                }
                (Piece::Chunk(_), _) => {}
            }
        }
        Ok(None)
    }
}

impl ProbeTrack {
    fn of_media(track: &media::fmp4::Track) -> Self {
        let video = track.kind == TrackKind::Video;
        Self {
            kind: if video { "video" } else { "audio" },
            codec: track.codec_string.clone(),
            width: video.then_some(track.width),
            height: video.then_some(track.height),
            sample_rate: (!video).then_some(track.sample_rate),
            channels: (!video).then_some(track.channels),
        }
    }

    fn announced(track: &RtpTrack) -> Self {
        let video = track.encoding.kind() == TrackKind::Video;
        Self {
            kind: if video { "video" } else { "audio" },
            codec: format!("{:?}", track.encoding).to_lowercase(),
            width: None,
            height: None,
            sample_rate: (!video).then_some(track.clock_rate),
            channels: (!video).then_some(track.channels),
        }
    }
}
