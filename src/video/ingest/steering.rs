//! Where a session's producer time is steered to: what the camera's word and the arrivals say of how far its media
//! timeline is from Unix time.
//!
//! Both are heard with every chunk as an *offset*, Unix time less media time in microseconds. A chunk may come late, but
//! hardly early; so the least offset of the latest minutes counts, and a jam on the way moves nothing.

use super::media_clock::{JUMP_US, MediaTime};
use crate::clock::ProducerClock;

/// Nothing is steered before a session has lasted so long here: a file that is sent at once goes by its own time.
const SETTLING_MS: u64 = 10_000;
/// Media time over which the least offset by arrival counts: at least half of it, at most all.
const ARRIVAL_WINDOW_US: i128 = 5 * 60 * 1_000_000;
/// The same for an encoder's word, which may stamp the time of writing.
const PRFT_WINDOW_US: i128 = 60 * 1_000_000;
/// The same for sender reports, which are exact.
const RTCP_WINDOW_US: i128 = 10 * 1_000_000;
/// The beginning, by which drift is measured.
const BEGINNING_US: i128 = 30 * 1_000_000;
/// Producer time runs faster or slower than the media by at most one part in this many: half a per cent.
const SLEW_PARTS: i128 = 200;
/// An error is worked off within about this much media, if the limit above allows it: jitter is smoothed out.
const SMOOTHING_US: i128 = 10_000_000;

/// What to do about the offset in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steer {
    /// Go on.
    Hold,
    /// Add so many microseconds, and say that this is where the time comes from.
    Slew(i128, ProducerClock),
    /// Tie the timeline anew.
    Jump,
}

/// What is heard of a session's offset.
#[derive(Clone, Debug)]
pub(super) struct Steering {
    /// Arrival of the first chunk.
    since_ms: u64,
    arrival: Least,
    camera: Least,
    /// The camera's newest word was not believed.
    doubted: bool,
    /// Media time of the first chunk, and the least offset by arrival soon after it: the first chunks often come late.
    began: Option<(i128, i128)>,
}

/// What a chunk says of the offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) arrival_ms: u64,
    /// By its arrival.
    pub(super) arrival: i128,
    /// By the camera's word, and whether that is sane beside the arrival.
    pub(super) camera: Option<(i128, bool)>,
    /// Whose word that is.
    pub(super) prft: ProducerClock,
}

impl Steering {
    pub(super) fn new(since_ms: u64, prft: ProducerClock) -> Self {
        let camera = if prft == ProducerClock::Rtcp { RTCP_WINDOW_US } else { PRFT_WINDOW_US };
        Self {
            since_ms,
            arrival: Least::new(ARRIVAL_WINDOW_US),
            camera: Least::new(camera),
            doubted: false,
            began: None,
        }
    }

    /// Hears what the chunk says that begins at this media time.
    pub(super) fn hear(&mut self, media_us: i128, heard: &Heard, source: ProducerClock, offset: i128) {
        self.arrival.hear(media_us, Some(heard.arrival));
        let (began_us, least) = self.began.get_or_insert((media_us, heard.arrival));
        if media_us - *began_us < BEGINNING_US {
            *least = heard.arrival.min(*least);
        }
        // A clock that has been believed, and goes on as it did, is not doubted for coming late.
        let steady = |camera: i128| source == heard.prft && (camera - offset).abs() <= JUMP_US;
        let believed =
            heard.camera.filter(|(camera, sane)| *sane || steady(*camera)).map(|(camera, _)| camera);
        self.camera.hear(media_us, believed);
        if heard.camera.is_some() {
            self.doubted = believed.is_none();
        }
    }

    /// What to do about the offset in force, before the chunk that begins so long after the one before.
    pub(super) fn steer(&self, heard: &Heard, source: ProducerClock, offset: i128, passed_us: i128) -> Steer {
        let settled = heard.arrival_ms.saturating_sub(self.since_ms) >= SETTLING_MS;
        if !settled || matches!(source, ProducerClock::Start | ProducerClock::Media) {
            return Steer::Hold;
        }
        let slew = |error, source| Steer::Slew(step(error, passed_us), source);
        if let Some(error) = self.camera.least().map(|camera| camera - offset) {
            let exact = source == ProducerClock::Rtcp;
            return match error.abs() <= JUMP_US {
                true => slew(error, heard.prft),
                // Its clock was set. Forward it is followed at once, back only slowly.
                false if exact && error > 0 => Steer::Jump,
                false if exact => slew(error, source),
                // An encoder that writes faster or slower than it plays.
                false if source == ProducerClock::Prft => Steer::Hold,
                // Nothing like the arrivals that have been gone by.
                false => self.by_arrival(offset, slew),
            };
        }
        match source {
            // Nobody says anything else.
            ProducerClock::Prft => Steer::Hold,
            ProducerClock::Rtcp if !self.doubted => Steer::Hold,
            _ => self.by_arrival(offset, slew),
        }
    }

    /// How much longer than the media it took to arrive since the beginning, whatever jitter there is: what the media's
    /// own clock has lost, in microseconds.
    pub(super) fn drift_us(&self) -> i128 {
        let now = self.arrival.least();
        now.zip(self.began).map_or(0, |(now, (_, began))| now - began)
    }

    fn by_arrival(&self, offset: i128, slew: impl Fn(i128, ProducerClock) -> Steer) -> Steer {
        let Some(error) = self.arrival.least().map(|arrival| arrival - offset) else { return Steer::Hold };
        // What comes early is heard at once; whether it always comes late shows only after a while.
        let known = error < 0 || self.arrival.is_full();
        match error {
            _ if !known => slew(0, ProducerClock::Arrival),
            error if error > JUMP_US => Steer::Jump,
            // Media that is sent faster than it plays.
            error if error < -JUMP_US => Steer::Hold,
            error => slew(error, ProducerClock::Arrival),
        }
    }
}

/// What is worked off of an error while so much media passes.
fn step(error: i128, passed_us: i128) -> i128 {
    let passed_us = passed_us.max(0);
    let most = passed_us / SLEW_PARTS;
    (error * passed_us.min(SMOOTHING_US) / SMOOTHING_US).clamp(-most, most)
}

/// The least of what was heard within a window of media time, in two halves so that it takes no memory.
#[derive(Clone, Debug)]
struct Least {
    half_us: i128,
    began_us: Option<i128>,
    current: Option<i128>,
    previous: Option<i128>,
}

impl Least {
    fn new(window_us: i128) -> Self {
        Self { half_us: window_us / 2, began_us: None, current: None, previous: None }
    }

    fn hear(&mut self, media_us: i128, heard: Option<i128>) {
        let began_us = *self.began_us.get_or_insert(media_us);
        if media_us - began_us >= self.half_us {
            // After a hole of a whole window nothing of it counts any more.
            let recent = media_us - began_us < 2 * self.half_us;
            self.previous = self.current.take().filter(|_| recent);
            self.began_us = Some(media_us);
        }
        self.current = self.current.into_iter().chain(heard).min();
    }

    fn least(&self) -> Option<i128> {
        self.current.into_iter().chain(self.previous).min()
    }

    /// Whether it counts over half a window at least.
    fn is_full(&self) -> bool {
        self.previous.is_some()
    }
}

impl Heard {
    /// What a chunk says that begins at this time of its timeline and that took `sent_us` of it.
    pub(super) fn of(media: &MediaTime, hints: &super::media_clock::Hints) -> Self {
        let offset = |us: i128| us - media.us();
        Self {
            arrival_ms: hints.arrival_ms,
            arrival: offset(i128::from(hints.arrival_ms) * 1000 - i128::from(hints.sent_us)),
            camera: hints.prft_ms.map(|ms| (offset(i128::from(ms) * 1000), hints.prft_us().is_some())),
            prft: hints.prft,
        }
    }
}
