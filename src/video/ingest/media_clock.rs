//! Dates chunks: from a session's media timeline to the camera's time.
//!
//! At a session's first chunk the media timeline is tied to a Unix time, the *anchor*: the start that the uploader gave,
//! else the chunk's `prft` when it is sane, else the decoding time when it looks like Unix time, else the arrival of
//! the chunk less its duration. In every case it is not before the end of what the stream already has, so producer time
//! never goes back within a stream. From then on the media timeline counts, so that a slow network does not stretch
//! time, and where it differs from the camera's word, or else from the arrivals, it is *steered*: producer time runs up to
//! half a per cent faster or slower than the media (see [`super::steering`]), so that crystals that are off, clocks that
//! are set and sender reports that come late neither leave a hole nor turn time back. A start that the uploader gave, and
//! decoding times that are Unix time, stand as they are. So it goes until
//!
//! - the media leaves a hole of a second or more: a discontinuity, the hole stays;
//! - it goes back, or runs ahead of the time that really passed by more than ten seconds: a discontinuity and a new
//!   anchor;
//! - the clock of sender reports jumps ahead by more than ten seconds, or arrivals have been that late for some minutes
//!   in spite of the steering: likewise.
//!
//! Nothing is ever thrown away because of its time.

use super::steering::{Heard, Steer, Steering};
use crate::clock::ProducerClock;
use crate::head::ChunkHead;
use crate::head::ticks_to_us;
use crate::reason::Reason;

/// Media may overlap the end of what came before by this much, and by its last sample, and still continue it.
const OVERLAP_US: i128 = 100_000;
/// The same for a chunk without samples of the lead track, since tracks are interleaved loosely.
const LOOSE_OVERLAP_US: i128 = 1_000_000;
/// A hole in the media as large as this is a discontinuity.
const HOLE_US: i128 = 1_000_000;
/// The media clock may differ from the time that passed by this much before it is held to have jumped.
pub(super) const JUMP_US: i128 = 10_000_000;
/// A camera's clock may be ahead of ours by this much.
const FUTURE_US_MAX: u64 = 10_000_000;
/// A `prft` older than this is not believed; say `start` for older footage.
const PRFT_AGE_US_MAX: u64 = 24 * 3600 * 1_000_000;
/// Decoding times from here on (the year 2001) are taken for Unix time.
const UNIX_US_MIN: u64 = 1_000_000_000 * 1_000_000;
/// The time of a camera's sender reports is not believed when it is further behind.
const RTCP_AGE_US_MAX: u64 = 60 * 1_000_000;

/// A chunk's place on the media timeline, in ticks of the lead track.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaTime {
    /// Ticks per second.
    pub(super) timescale: u32,
    /// Decoding time of the first sample.
    pub(super) decode_time: u64,
    /// Sum of the samples' durations, at most the longest fragment: a single sample may claim to last for years.
    pub(super) duration: u64,
    /// Decoding time that follows the last sample, as the media says it.
    pub(super) next: u64,
    /// Duration of the last sample. Muxers guess it, so what follows may overlap it.
    pub(super) last_duration: u64,
    /// `pts - dts` of the first sample; `None` for a chunk without samples of the lead track.
    pub(super) presentation_offset: Option<i64>,
}

impl MediaTime {
    pub(super) fn us(&self) -> i128 {
        i128::from(ticks_to_us(self.decode_time, self.timescale))
    }

    fn duration_us(&self) -> u64 {
        ticks_to_us(self.duration, self.timescale)
    }

    /// The Unix time that the decoding time says, if it looks like one.
    fn unix_us(&self, now_us: u64) -> Option<u64> {
        let shown = i128::from(self.decode_time) + i128::from(self.presentation_offset.unwrap_or(0));
        let us = ticks_to_us(u64::try_from(shown).ok()?, self.timescale);
        (UNIX_US_MIN..=now_us.saturating_add(FUTURE_US_MAX)).contains(&us).then_some(us)
    }
}

/// What else is known of a chunk's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hints {
    /// When it was complete here, or would have been if we had not held it back, in milliseconds since the Unix epoch.
    pub(super) arrival_ms: u64,
    /// How long the chunk lasted as it was sent, before it was split here.
    pub(super) sent_us: u64,
    /// Start of the chunk by its `prft`, in milliseconds since the Unix epoch.
    pub(super) prft_ms: Option<i64>,
    /// Whose word that is: [`ProducerClock::Prft`] or [`ProducerClock::Rtcp`].
    pub(super) prft: ProducerClock,
    /// Start of the session as the uploader gave it, in milliseconds since the Unix epoch.
    pub(super) start_ms: Option<u64>,
    /// Whether the chunk is the first, or the only, part of what was sent: the others arrived with it.
    pub(super) first_part: bool,
}

impl Hints {
    fn now_us(&self) -> u64 {
        self.arrival_ms.saturating_mul(1000)
    }

    /// The camera's own word, if it is sane.
    pub(super) fn prft_us(&self) -> Option<u64> {
        let us = u64::try_from(self.prft_ms?).ok()?.checked_mul(1000)?;
        let now = self.now_us();
        let age_us_max = match self.prft {
            ProducerClock::Rtcp => RTCP_AGE_US_MAX.saturating_add(self.sent_us),
            _ => PRFT_AGE_US_MAX,
        };
        let sane = now.saturating_sub(age_us_max)..=now.saturating_add(FUTURE_US_MAX);
        sane.contains(&us).then_some(us)
    }

    /// How late the camera's clock (and the way here) is by its own word, in milliseconds.
    fn camera_offset_ms(&self) -> Option<i64> {
        let arrived = i128::from(self.arrival_ms) - i128::from(self.sent_us / 1000);
        self.prft_ms.map(|prft_ms| clamped(arrived - i128::from(prft_ms)))
    }

    /// The camera's own word on the time, best first.
    fn camera_us(&self, media: &MediaTime) -> Option<(u64, ProducerClock)> {
        let prft = self.prft_us().map(|us| (us, self.prft));
        prft.or_else(|| media.unix_us(self.now_us()).map(|us| (us, ProducerClock::Media)))
    }

    fn arrived_us(&self) -> (u64, ProducerClock) {
        (self.now_us().saturating_sub(self.sent_us), ProducerClock::Arrival)
    }
}

/// A chunk's place in the camera's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Microseconds since the Unix epoch.
    pub(super) producer_us: u64,
    /// See [`ChunkHead::presentation_offset`].
    pub(super) presentation_offset: i64,
    /// Why the chunk does not continue the one before it; [`Reason::None`] when it does.
    pub(super) discontinuity: Reason,
}

/// A session's media timeline, tied to the camera's time.
#[derive(Clone, Debug)]
pub(super) struct MediaClock {
    source: ProducerClock,
    /// Producer time less media time, in microseconds.
    offset_us: i128,
    steering: Steering,
    /// Media time of the latest chunk of the lead track.
    lead_us: i128,
    presentation_offset: Option<i64>,
    /// Media time at which the next chunk of the lead track is expected.
    next_us: i128,
    /// So much before that it may begin.
    slack_us: i128,
    /// Producer time of the latest chunk; later ones are not before it.
    latest_us: u64,
    /// Producer time up to which there is media.
    end_us: u64,
    arrival_ms: u64,
    /// Arrival less the end by producer time.
    offset_ms: i64,
    camera_offset_ms: Option<i64>,
}

impl MediaClock {
    /// Ties a new session's timeline at its first chunk. The anchor is not before `floor_us`.
    pub(super) fn begin(media: &MediaTime, hints: &Hints, floor_us: u64) -> (Self, Placed) {
        let given = hints.start_ms.map(|ms| (ms.saturating_mul(1000), ProducerClock::Start));
        let (us, source) = given.or_else(|| hints.camera_us(media)).unwrap_or_else(|| hints.arrived_us());
        let mut clock = Self {
            source,
            offset_us: i128::from(us.max(floor_us)) - media.us(),
            steering: Steering::new(hints.arrival_ms, hints.prft),
            lead_us: media.us(),
            presentation_offset: None,
            next_us: media.us(),
            slack_us: 0,
            latest_us: 0,
            end_us: floor_us,
            arrival_ms: hints.arrival_ms,
            offset_ms: 0,
            camera_offset_ms: None,
        };
        clock.hear(media, hints);
        let placed = clock.advance(media, hints, Reason::None);
        (clock, placed)
    }

    /// The timeline of an earlier connection, as its last chunk left it. `prft`: see [`Hints::prft`].
    pub(super) fn resume(last: &ChunkHead, arrival_ms: u64, prft: ProducerClock) -> Self {
        let start_us = i128::from(ticks_to_us(last.decode_time, last.timescale));
        let end_us = last.end_us();
        Self {
            source: last.clock,
            offset_us: i128::from(last.position.producer_us) - start_us,
            steering: Steering::new(arrival_ms, prft),
            lead_us: start_us,
            presentation_offset: Some(last.presentation_offset),
            next_us: start_us + i128::from(last.duration_us()),
            slack_us: 0,
            latest_us: last.position.producer_us,
            end_us,
            arrival_ms,
            offset_ms: offset_ms(arrival_ms, end_us),
            camera_offset_ms: None,
        }
    }

    /// Whether a new connection's first chunk goes on where this timeline ended. `restated`: the connection began with an
    /// initialisation segment, as one does that knows nothing of the connection before.
    pub(super) fn continues(&self, media: &MediaTime, hints: &Hints, restated: bool) -> bool {
        let ahead = media.us() - self.next_us;
        let overlap = if media.presentation_offset.is_some() { OVERLAP_US } else { LOOSE_OVERLAP_US };
        let in_time = !restated || self.passed_us(hints) - ahead <= JUMP_US;
        let as_given = hints.start_ms.is_none_or(|start| {
            let expected = i128::from(self.end_us) + ahead;
            (i128::from(start) * 1000 - expected).abs() <= HOLE_US
        });
        (-overlap..HOLE_US).contains(&ahead) && in_time && as_given
    }

    /// Dates the session's next chunk.
    pub(super) fn place(&mut self, media: &MediaTime, hints: &Hints) -> Placed {
        if media.presentation_offset.is_none() {
            return self.aside(media);
        }
        let ahead = media.us() - self.next_us;
        let jumped = ahead < -(OVERLAP_US + self.slack_us)
            || ahead > JUMP_US && ahead - self.passed_us(hints) > JUMP_US;
        let heard = self.hear(media, hints);
        let steer = match heard {
            Some(heard) if !jumped => {
                self.steering.steer(&heard, self.source, self.offset_us, media.us() - self.lead_us)
            }
            _ => Steer::Hold,
        };
        if jumped || steer == Steer::Jump {
            self.tie_anew(media, hints);
            return self.advance(media, hints, Reason::ClockJump);
        }
        if let Steer::Slew(added_us, source) = steer {
            self.offset_us += added_us;
            self.source = source;
        }
        let reason = if ahead >= HOLE_US { Reason::NoData } else { Reason::None };
        self.advance(media, hints, reason)
    }

    /// Where the session's producer time comes from.
    pub(super) fn source(&self) -> ProducerClock {
        self.source
    }

    /// Arrival less producer time at the end of the latest chunk, in milliseconds: how late the camera's clock (and the
    /// way here) is.
    pub(super) fn offset_ms(&self) -> i64 {
        self.offset_ms
    }

    /// What the media's own clock has lost against ours since the session began, or its timeline was tied anew.
    pub(super) fn drift_ms(&self) -> i64 {
        clamped(self.steering.drift_us() / 1000)
    }

    /// Arrival less the camera's own time, if it tells one: also when that is not believed.
    pub(super) fn camera_offset_ms(&self) -> Option<i64> {
        self.camera_offset_ms
    }

    /// What the chunk says of the offset.
    fn hear(&mut self, media: &MediaTime, hints: &Hints) -> Option<Heard> {
        if !hints.first_part {
            return None;
        }
        self.camera_offset_ms = hints.camera_offset_ms().or(self.camera_offset_ms);
        let heard = Heard::of(media, hints);
        self.steering.hear(media.us(), &heard, self.source, self.offset_us);
        Some(heard)
    }

    /// Time that passed here since the latest chunk, beyond what the new chunk lasts.
    fn passed_us(&self, hints: &Hints) -> i128 {
        let passed_ms = hints.arrival_ms.saturating_sub(self.arrival_ms);
        i128::from(passed_ms) * 1000 - i128::from(hints.sent_us)
    }

    fn tie_anew(&mut self, media: &MediaTime, hints: &Hints) {
        // A start given by the uploader says nothing about the time of day of the upload: only time that passed counts.
        let passed = u64::try_from(self.passed_us(hints)).unwrap_or(0);
        let (us, source) = match (hints.camera_us(media), self.source) {
            (Some(camera), _) => camera,
            (None, ProducerClock::Start) => (self.end_us.saturating_add(passed), ProducerClock::Start),
            (None, _) => hints.arrived_us(),
        };
        self.source = source;
        self.offset_us = i128::from(us.max(self.end_us)) - media.us();
        self.presentation_offset = None;
        self.steering = Steering::new(hints.arrival_ms, hints.prft);
        self.hear(media, hints);
    }

    fn advance(&mut self, media: &MediaTime, hints: &Hints, discontinuity: Reason) -> Placed {
        let producer_us = self.producer_us(media).max(self.latest_us);
        self.presentation_offset = self.presentation_offset.or(media.presentation_offset);
        self.next_us = i128::from(ticks_to_us(media.next, media.timescale));
        self.slack_us = i128::from(ticks_to_us(media.last_duration, media.timescale));
        self.lead_us = media.us();
        self.latest_us = producer_us;
        self.end_us = self.end_us.max(producer_us.saturating_add(media.duration_us()));
        self.arrival_ms = hints.arrival_ms;
        self.offset_ms = offset_ms(hints.arrival_ms, self.end_us);
        Placed { producer_us, presentation_offset: self.presentation_offset.unwrap_or(0), discontinuity }
    }

    /// A chunk of other tracks: dated, but the timeline does not move. It is often a little ahead of the lead track,
    /// whose next chunk must not be dated later for that; unless the lead track has stopped.
    fn aside(&mut self, media: &MediaTime) -> Placed {
        let own_us = self.producer_us(media);
        let stopped = i128::from(own_us) - i128::from(self.end_us) > HOLE_US;
        let dated_us = if stopped { own_us } else { own_us.min(self.end_us) };
        self.latest_us = dated_us.max(self.latest_us);
        let offset = self.presentation_offset.unwrap_or(0);
        Placed { producer_us: self.latest_us, presentation_offset: offset, discontinuity: Reason::None }
    }

    fn producer_us(&self, media: &MediaTime) -> u64 {
        let us = media.us().saturating_add(self.offset_us);
        u64::try_from(us.max(0)).unwrap_or(u64::MAX)
    }
}

fn offset_ms(arrival_ms: u64, end_us: u64) -> i64 {
    clamped(i128::from(arrival_ms) - i128::from(end_us / 1000))
}

fn clamped(ms: i128) -> i64 {
    ms.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
