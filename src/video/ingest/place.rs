//! Gives chunks their time and their numbers.

use super::SessionOptions;
use super::live::LiveStatus;
use super::media_clock::{Hints, MediaClock, MediaTime};
use super::numbering::{NewChunk, Numbering};
use crate::clock::{Clock, ProducerClock};
use crate::config::VideoConfig;
use crate::error::IngestError;
use crate::head::{ChunkHead, EndHead, InitId, TRACKS_MAX, Tag, ticks_to_us};
use crate::reason::Reason;
use crate::timeline::{Fragment, StreamEnd};
use media::fmp4::{Chunk, Init, Prft};
use shardlog::{Arrival, Seq};

/// What we wrote into the media ourselves can have been on its way here so long, in milliseconds.
const WAY_MS_MAX: u64 = 10_000;

/// Dates and numbers a session's chunks.
pub(super) struct Placer {
    /// How the stream ended before the session.
    before: StreamEnd,
    /// Why it ended.
    ended: Reason,
    /// An id for the session, should it be a new one.
    session: u128,
    config: VideoConfig,
    start_ms: Option<u64>,
    /// Whose word a `prft` is.
    prft: ProducerClock,
    /// For the first chunk.
    tags: Vec<Tag>,
    /// Whether the connection has sent an initialisation segment.
    restated: bool,
    /// The initialisation segment of the latest chunk, or stated since.
    in_force: Option<InitId>,
    /// It has changed since the session's latest chunk.
    changed: bool,
    /// From the first chunk on.
    running: Option<(MediaClock, Numbering)>,
}

/// A chunk that is dated and has yet to be numbered.
pub(super) struct Dated {
    chunk: NewChunk,
    reason: Reason,
}

impl Placer {
    pub(super) fn new(
        before: StreamEnd,
        ended: Reason,
        session: u128,
        config: VideoConfig,
        options: &SessionOptions,
        tags: Vec<Tag>,
    ) -> Self {
        let in_force = before.last_chunk.as_ref().map(|(_, _, head)| head.init);
        let (restated, changed, running) = (false, false, None);
        let start_ms = options.start_ms;
        let prft = match options.prft {
            ProducerClock::Rtcp => ProducerClock::Rtcp,
            _ => ProducerClock::Prft,
        };
        Self { before, ended, session, config, start_ms, prft, tags, restated, in_force, changed, running }
    }

    /// The initialisation segment in force: it need not be stated again.
    pub(super) fn in_force(&self) -> Option<InitId> {
        self.in_force
    }

    /// An initialisation segment has been stated.
    pub(super) fn stated(&mut self, id: InitId) {
        self.in_force = Some(id);
        self.changed = true;
    }

    /// The sender has sent an initialisation segment.
    pub(super) fn restated(&mut self) {
        self.restated = true;
    }

    /// What is known of a chunk's time besides its own.
    pub(super) fn hints(&self, init: &Init, chunk: &Chunk, arrival_ms: u64) -> Result<Hints, IngestError> {
        let tracks = chunk.info.tracks.len();
        if tracks > TRACKS_MAX {
            return Err(IngestError::TooManyTracks { tracks, max: TRACKS_MAX });
        }
        let time = media_time(init, chunk, self.config.fragment_us_max());
        let (arrival_ms, prft) = self.arrived(chunk, arrival_ms);
        let prft_ms = prft.and_then(|prft| prft.start_ms(init, &chunk.info, arrival_ms));
        let sent_us = ticks_to_us(time.duration, time.timescale);
        Ok(Hints { arrival_ms, sent_us, prft_ms, prft: self.prft, start_ms: self.start_ms, first_part: true })
    }

    /// When a chunk had arrived that is complete here now, in milliseconds since the Unix epoch, and what it says of its
    /// capture. A camera's media can be held back before it comes here, until its sender reports are there; whoever does
    /// that notes when its packets reached us.
    fn arrived(&self, chunk: &Chunk, now_ms: u64) -> (u64, Option<Prft>) {
        if self.prft != ProducerClock::Rtcp {
            return (now_ms, chunk.prft);
        }
        let noted = chunk.written.and_then(|written| u64::try_from(written.unix_us()).ok());
        let arrival_ms = noted.map_or(now_ms, |us| (us / 1000).max(now_ms.saturating_sub(WAY_MS_MAX)));
        (arrival_ms.min(now_ms), chunk.prft.filter(|prft| !prft.is_of_writing()))
    }

    /// Dates a chunk that belongs to the initialisation segment in force.
    pub(super) fn date(&mut self, id: InitId, init: &Init, chunk: &Chunk, hints: &Hints) -> Dated {
        let time = media_time(init, chunk, self.config.fragment_us_max());
        let (placed, clock) = match &mut self.running {
            Some((clock, _)) => (clock.place(&time, hints), clock.source()),
            None => self.begin(id, &time, hints),
        };
        let changed = std::mem::take(&mut self.changed);
        let reason = match placed.discontinuity {
            Reason::None
                if changed && self.running.as_ref().is_some_and(|(_, numbering)| numbering.follows()) =>
            {
                Reason::CodecChanged
            }
            reason => reason,
        };
        let chunk = NewChunk {
            tracks: chunk.info.tracks.iter().map(super::numbering::track_head).collect(),
            head_len: chunk.info.head_len,
            init: id,
            key: chunk.key(init),
            sound_only: init.video().is_none(),
            time,
            placed,
            clock,
            tags: std::mem::take(&mut self.tags),
        };
        Dated { chunk, reason }
    }

    /// Begins the session, or goes on with the latest one.
    fn begin(
        &mut self,
        id: InitId,
        time: &MediaTime,
        hints: &Hints,
    ) -> (super::media_clock::Placed, ProducerClock) {
        let before = &self.before;
        let resumed = before.last_chunk.as_ref().filter(|(_, _, head)| head.init == id).and_then(
            |(_, arrival, head)| {
                let clock = MediaClock::resume(head, arrival.0, hints.prft);
                clock.continues(time, hints, self.restated).then_some(clock)
            },
        );
        let numbering = Numbering::new(before, self.session, resumed.is_some(), &self.config);
        let (clock, placed) = match resumed {
            Some(mut clock) => {
                let placed = clock.place(time, hints);
                (clock, placed)
            }
            None => {
                let (clock, mut placed) = MediaClock::begin(time, hints, end_us(before));
                if numbering.follows() {
                    placed.discontinuity = self.ended;
                }
                (clock, placed)
            }
        };
        let source = clock.source();
        self.running = Some((clock, numbering));
        (placed, source)
    }

    /// The head of a chunk that has been dated.
    pub(super) fn head(&self, dated: Dated, newest_init: Option<Seq>) -> Option<ChunkHead> {
        let (_, numbering) = self.running.as_ref()?;
        Some(numbering.head(dated.chunk, dated.reason, newest_init))
    }

    /// The chunk with this head has its place. Returns the fragment that it begins, if it does.
    pub(super) fn admitted(
        &mut self,
        head: &ChunkHead,
        has_lead: bool,
        seq: Seq,
        arrival: Arrival,
        len: u64,
    ) -> Option<&Fragment> {
        let (_, numbering) = self.running.as_mut()?;
        numbering.admitted(head, has_lead, seq, arrival, len)
    }

    /// The head of the record that ends the connection; `None` when it stored nothing.
    pub(super) fn end(&self, reason: Reason, newest_init: Option<Seq>) -> Option<EndHead> {
        let (_, numbering) = self.running.as_ref()?;
        numbering.end(reason, newest_init)
    }

    pub(super) fn status(&self) -> LiveStatus {
        let Some((clock, numbering)) = &self.running else { return LiveStatus::default() };
        LiveStatus {
            session: Some(numbering.session()),
            clock: Some(clock.source()),
            offset_ms: clock.offset_ms(),
            drift_ms: clock.drift_ms(),
            camera_offset_ms: clock.camera_offset_ms(),
        }
    }
}

impl Dated {
    /// Whether the chunk has samples of the lead track.
    pub(super) fn has_lead(&self) -> bool {
        self.chunk.time.presentation_offset.is_some()
    }
}

/// The end of what the stream has, by the camera's clock.
fn end_us(end: &StreamEnd) -> u64 {
    let said = end.ended.as_ref().map_or(0, |(_, ended)| ended.position.producer_us);
    let chunk = end.last_chunk.as_ref().map_or(0, |(_, _, head)| head.end_us());
    let fragment = end.newest.last().map_or(0, |fragment| fragment.end_us(Clock::Producer));
    said.max(chunk).max(fragment)
}

/// A chunk's place on the media timeline, in ticks of the lead track even if it has no samples of that.
fn media_time(init: &Init, chunk: &Chunk, longest_us: u64) -> MediaTime {
    let (lead, dating) = (init.lead(), chunk.info.lead(init));
    let own = init.track(dating.track_id).map_or(lead.timescale, |track| track.timescale);
    let scaled = |ticks: u64| scale(ticks, own, lead.timescale);
    let of_lead = dating.track_id == lead.id;
    let first = dating.samples.first().filter(|_| of_lead);
    let longest = scale(longest_us, 1_000_000, lead.timescale);
    MediaTime {
        timescale: lead.timescale,
        decode_time: scaled(dating.decode_time),
        duration: scaled(dating.duration).min(longest),
        next: scaled(dating.decode_time.saturating_add(dating.duration)),
        last_duration: scaled(dating.samples.last().map_or(0, |last| last.duration.into())),
        presentation_offset: first.map(|sample| sample.pts.saturating_sub(sample.dts)),
    }
}

/// Ticks in another timescale, at most what fits.
fn scale(ticks: u64, from: u32, to: u32) -> u64 {
    let scaled = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
