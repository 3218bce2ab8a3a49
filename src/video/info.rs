//! What a stream looks like from outside.

use crate::clock::{Clock, ProducerClock, TimeRange};
use crate::error::ReadError;
use crate::reason::Reason;
use crate::recording::Recording;
use crate::timeline::{Fragment, StreamEnd, view};
use media::fmp4::{Init, Track, TrackKind};
use serde::Serialize;
use std::collections::BTreeMap;
use streams::{Held, Hold, WhenFull};

/// Gaps are counted over this time.
const GAP_WINDOW_MS: u64 = 24 * 3600 * 1000;
/// The bit rate is that of the newest fragments of about this duration.
const RATE_WINDOW_US: u64 = 20_000_000;

/// Whether anybody is sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// A camera is connected.
    Live,
    /// There is footage and no camera.
    Idle,
    /// There is no footage and no camera.
    Empty,
}

/// A video stream. All times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VideoInfo {
    /// Its name.
    pub name: String,
    /// Whether anybody is sending.
    pub state: StreamState,
    /// When it was made.
    pub created_ms: u64,
    /// How long footage is kept.
    pub retention_hours: u32,
    /// How many bytes of it are kept, if that is bounded.
    pub retention_bytes: Option<u64>,
    /// What happens when the disk is full.
    pub when_full: WhenFull,
    /// What must not be trimmed, in the order of their names.
    pub holds: Vec<Hold>,
    /// The hold that decides: the one that covers the oldest footage.
    pub oldest_hold: Option<String>,
    /// Bytes of `stored_bytes` that stay until it is released: what it covers, and all that came after.
    pub held_bytes: u64,
    /// Whatever the user wanted to be kept with it.
    pub attributes: BTreeMap<String, String>,
    /// RFC 6381 names of the newest footage's tracks, comma-separated.
    pub codecs: Option<String>,
    /// The newest footage's tracks.
    pub tracks: Vec<TrackInfo>,
    /// Width of the pictures in pixels.
    pub width: Option<u32>,
    /// Height of the pictures in pixels.
    pub height: Option<u32>,
    /// Start of the oldest footage by the camera's clock.
    pub first_ms: Option<u64>,
    /// End of the newest footage by the camera's clock.
    pub last_ms: Option<u64>,
    /// The newest chunk.
    pub last_durable: Option<LastDurable>,
    /// Bits per second of the newest footage.
    pub bitrate_bps: u64,
    /// Bytes on disk: sealed records and their framing.
    pub stored_bytes: u64,
    /// Fragments that are there.
    pub fragments: u64,
    /// Footage that is missing of the last 24 hours, since the first that is there.
    pub gap_ms_24h: u64,
    /// Who is sending.
    pub session: Option<SessionInfo>,
}

/// A track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrackInfo {
    /// Pictures.
    Video {
        /// RFC 6381 name.
        codec: String,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Sound.
    Audio {
        /// RFC 6381 name.
        codec: String,
        /// Samples per second.
        sample_rate: u32,
        /// Channels.
        channels: u16,
    },
}

/// The newest chunk that is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastDurable {
    /// Its end by the camera's clock.
    pub producer_ms: u64,
    /// When it reached us.
    pub server_ms: u64,
    /// How long ago that was, in milliseconds.
    pub age_ms: u64,
    /// Its fragment, in decimal.
    pub fragment_number: String,
}

/// Who is sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// Address or name.
    pub peer: String,
    /// Since when.
    pub since_ms: u64,
    /// Where its producer time comes from; `None` before its first chunk.
    pub clock: Option<ProducerClock>,
    /// Arrival less producer time at the end of its newest chunk, in milliseconds: how late the camera's clock (and the
    /// way here) is.
    pub offset_ms: i64,
    /// How much its media clock has lost against ours since the session began: what steering makes up for.
    pub drift_ms: i64,
    /// Arrival less the camera's own time (sender reports or `prft`), in milliseconds: also when that is not believed.
    /// `None` when it tells none.
    pub camera_offset_ms: Option<i64>,
}

/// A page of streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VideoPage {
    /// In the order of their names.
    pub streams: Vec<VideoInfo>,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

impl From<&Track> for TrackInfo {
    fn from(track: &Track) -> Self {
        let codec = track.codec_string.clone();
        match track.kind {
            TrackKind::Video => Self::Video { codec, width: track.width, height: track.height },
            TrackKind::Audio => {
                Self::Audio { codec, sample_rate: track.sample_rate, channels: track.channels }
            }
        }
    }
}

/// Describes a stream.
pub(crate) async fn describe(recording: &Recording, held: Held) -> Result<VideoInfo, ReadError> {
    let now_ms = recording.now_ms();
    let end = recording.timeline.end().await?;
    let oldest = recording.timeline.oldest().await?;
    let gap_ms_24h = match &oldest {
        Some(oldest) => gap_ms(recording, oldest, &end, now_ms).await?,
        None => 0,
    };
    let init = match &end.last_chunk {
        Some((_, _, head)) => Some(recording.init(head.init).await?),
        None => None,
    };
    let session = recording.live().as_ref().map(|live| {
        let status = live.status();
        SessionInfo {
            peer: live.peer.clone(),
            since_ms: live.since_ms,
            clock: status.clock,
            offset_ms: status.offset_ms,
            drift_ms: status.drift_ms,
            camera_offset_ms: status.camera_offset_ms,
        }
    });
    let newest = end.newest.last();
    let state = match (&session, newest) {
        (Some(_), _) => StreamState::Live,
        (None, Some(_)) => StreamState::Idle,
        (None, None) => StreamState::Empty,
    };
    let stream = recording.shard.stream();
    let video = init.as_ref().and_then(|init| init.video());
    Ok(VideoInfo {
        name: stream.name.clone(),
        state,
        created_ms: stream.created_ms,
        retention_hours: stream.retention_hours,
        retention_bytes: stream.retention_bytes,
        when_full: stream.when_full,
        holds: stream.holds.clone(),
        oldest_hold: held.oldest,
        held_bytes: held.bytes,
        attributes: stream.attributes.clone(),
        codecs: init.as_ref().map(|init| init.codecs()),
        tracks: init.as_ref().map(|init| tracks(init)).unwrap_or_default(),
        width: video.map(|track| track.width),
        height: video.map(|track| track.height),
        first_ms: oldest.as_ref().map(|fragment| fragment.producer_us / 1000),
        last_ms: newest.map(|fragment| fragment.end_us(Clock::Producer) / 1000),
        last_durable: newest.and_then(|fragment| last_durable(&end, fragment, now_ms)),
        bitrate_bps: bitrate_bps(&end.newest),
        stored_bytes: recording.shard.state().await?.stored_bytes,
        fragments: match (&oldest, newest) {
            (Some(oldest), Some(newest)) => (newest.ordinal + 1).saturating_sub(oldest.ordinal),
            _ => 0,
        },
        gap_ms_24h,
        session,
    })
}

fn tracks(init: &Init) -> Vec<TrackInfo> {
    init.tracks.iter().map(TrackInfo::from).collect()
}

fn last_durable(end: &StreamEnd, newest: &Fragment, now_ms: u64) -> Option<LastDurable> {
    let (_, arrival, _) = end.last_chunk.as_ref()?;
    Some(LastDurable {
        producer_ms: newest.end_us(Clock::Producer) / 1000,
        server_ms: arrival.0,
        age_ms: now_ms.saturating_sub(arrival.0),
        fragment_number: newest.seq.0.to_string(),
    })
}

async fn gap_ms(
    recording: &Recording,
    oldest: &Fragment,
    end: &StreamEnd,
    now_ms: u64,
) -> Result<u64, ReadError> {
    let from_ms = now_ms.saturating_sub(GAP_WINDOW_MS).max(oldest.producer_us / 1000);
    let range = TimeRange::producer(from_ms, now_ms);
    let spans_max = recording.config.fragments_per_answer_max;
    let seen = view(&recording.timeline, range, now_ms, recording.trailing(end, now_ms), spans_max).await?;
    let counts = |reason| !matches!(reason, Reason::Retention | Reason::NotRecorded);
    Ok(seen.gaps.iter().filter(|gap| counts(gap.reason)).map(|gap| gap.end_ms - gap.start_ms).sum())
}

/// Bits per second of the newest of these fragments.
fn bitrate_bps(newest: &[Fragment]) -> u64 {
    let (mut bytes, mut lasts_us) = (0_u64, 0_u64);
    for fragment in newest.iter().rev() {
        bytes = bytes.saturating_add(fragment.bytes);
        lasts_us = lasts_us.saturating_add(fragment.duration_us.into());
        if lasts_us >= RATE_WINDOW_US {
            break;
        }
    }
    let bits = u128::from(bytes) * 8 * 1_000_000;
    u64::try_from(bits / u128::from(lasts_us.max(1))).unwrap_or(u64::MAX)
}
