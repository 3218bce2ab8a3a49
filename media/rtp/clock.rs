//! The one timeline that all tracks of a camera share.
//!
//! Each track counts in its own ticks from a start of its own. What brings them together are sender reports, which tie
//! ticks to the sender's clock; when a track has none, the times at which packets arrive. So the clock first waits for
//! ties of all tracks, [`WAIT_US`] at most, then *settles*: the earliest first packet of all is time zero. From then on
//! a track's place only changes by sliding, at most [`SLIDE_PER_MILLE`] ‰ of the time that passes, so that media time
//! never goes back; what slides are the tracks beside the lead (the first of pictures, or else the first), towards where
//! later ties say that they belong.

use super::ntp::NtpTime;
use super::receiver::{Received, Tie};
use super::track::RtpTrack;
use crate::fmp4::TrackKind;

/// How long ties are waited for, in microseconds of arrival.
pub const WAIT_US: u64 = 2_000_000;
/// How long ties are waited for, in microseconds of media: some cameras begin with pictures that they kept.
const WAIT_MEDIA_US: i64 = 4_000_000;
/// Ties that place a track this far from where its packets' arrival does are not believed, in microseconds.
const BELIEVED_US: i64 = 10_000_000;
/// A track slides when it is this far off, in microseconds: less is what reports are inexact by …
const SLIDE_FROM_US: i64 = 20_000;
/// … and until it is this close.
const SLIDE_TO_US: i64 = 2_000;
/// How fast a track slides, in thousandths of the time that passes.
pub const SLIDE_PER_MILLE: i64 = 5;

/// Brings a camera's tracks onto one timeline. Pure: times of arrival come in as arguments, in microseconds since the Unix
/// epoch.
#[derive(Debug)]
pub struct SessionClock {
    lines: Vec<Line>,
    lead: usize,
    /// When the first packet of all arrived.
    begun_us: Option<u64>,
    settled: bool,
}

/// A track.
#[derive(Debug)]
struct Line {
    rate: i64,
    first: Option<Point>,
    /// The packet with the highest ticks.
    newest: Option<Point>,
    tie: Option<Tie>,
    /// Its place on the timeline, once it has one.
    place: Option<Place>,
}

/// Ticks, and when they arrived.
#[derive(Clone, Copy, Debug)]
struct Point {
    ticks: i64,
    arrival_us: i64,
}

/// What is added to a track's ticks to get media time, in ticks.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: i64,
    /// Where it slides to.
    target: i64,
    sliding: bool,
    /// Up to which ticks it has slid.
    at: i64,
}

impl Line {
    fn us(&self, ticks: i64) -> i64 {
        rescale(ticks, self.rate, 1_000_000)
    }

    fn ticks(&self, us: i64) -> i64 {
        rescale(us, 1_000_000, self.rate)
    }

    /// The sender's clock at these ticks, in microseconds of whatever it counts from.
    fn sender_us(&self, ticks: i64) -> Option<i64> {
        self.tie.map(|tie| tie.ntp.us().saturating_add(self.us(ticks - tie.ticks)))
    }
}

/// Ticks as nanoseconds, to the nearest: [`ns_to_ticks`] gives them back exactly for rates up to 500 MHz.
pub fn ticks_to_ns(ticks: i64, rate: u32) -> i64 {
    nearest(ticks, i64::from(rate), 1_000_000_000)
}

/// Nanoseconds as ticks, to the nearest.
pub fn ns_to_ticks(ns: i64, rate: u32) -> i64 {
    nearest(ns, 1_000_000_000, i64::from(rate))
}

fn nearest(value: i64, from: i64, to: i64) -> i64 {
    let from = i128::from(from.max(1));
    let scaled = (i128::from(value) * i128::from(to) + from / 2).div_euclid(from);
    scaled.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

fn rescale(value: i64, from: i64, to: i64) -> i64 {
    let scaled = (i128::from(value) * i128::from(to)).div_euclid(i128::from(from.max(1)));
    scaled.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

impl SessionClock {
    /// For a camera's tracks.
    pub fn new(tracks: &[RtpTrack]) -> Self {
        let line = |track: &RtpTrack| Line {
            rate: i64::from(track.clock_rate.max(1)),
            first: None,
            newest: None,
            tie: None,
            place: None,
        };
        let lead = tracks.iter().position(|track| track.encoding.kind() == TrackKind::Video).unwrap_or(0);
        Self { lines: tracks.iter().map(line).collect(), lead, begun_us: None, settled: false }
    }

    /// A packet of a track has been taken.
    pub fn packet(&mut self, track: usize, received: &Received, arrival_us: u64) {
        if let Some(line) = self.lines.get_mut(track) {
            if received.restarted {
                // The ties are of a clock that is gone.
                line.tie = None;
            }
            let arrival = i64::try_from(arrival_us).unwrap_or(i64::MAX / 4);
            let point = Point { ticks: received.ticks, arrival_us: arrival };
            line.first.get_or_insert(point);
            if line.newest.is_none_or(|newest| newest.ticks < point.ticks) {
                line.newest = Some(point);
            }
            self.begun_us.get_or_insert(arrival_us);
        }
        if let Some(tie) = received.tie {
            self.tie(track, tie);
        }
        if !self.settled && self.has_waited(arrival_us) {
            self.settle();
        }
        if self.settled {
            self.admit(track);
        }
    }

    /// A track's ticks have been tied to the sender's clock.
    pub fn tie(&mut self, track: usize, tie: Tie) {
        let Some(line) = self.lines.get_mut(track) else { return };
        line.tie = Some(tie);
        if !self.settled {
            return;
        }
        // The lead stays where it is: the others are measured against it.
        if track == self.lead {
            for other in 0..self.lines.len() {
                self.aim(other);
            }
        } else {
            self.aim(track);
        }
    }

    /// Whether every track that has sent anything has its place. Until then units are to be held back.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Settles with what is known, as when no more can be held back or the camera has ended.
    pub fn settle(&mut self) {
        if self.settled || self.lines.iter().all(|line| line.first.is_none()) {
            return;
        }
        self.settled = true;
        let by_sender: Vec<Option<i64>> =
            self.lines.iter().map(|line| line.sender_us(line.first?.ticks)).collect();
        let by_arrival = || self.lines.iter().map(|line| Some(line.first?.arrival_us)).collect();
        let all = self.lines.iter().zip(&by_sender).all(|(line, us)| line.first.is_none() || us.is_some());
        let starts = if all && self.is_believable(&by_sender) { by_sender } else { by_arrival() };
        let Some(zero) = starts.iter().flatten().min().copied() else { return };
        for (line, start) in self.lines.iter_mut().zip(starts) {
            if let (Some(first), Some(start)) = (line.first, start) {
                line.put(first.ticks, start.saturating_sub(zero));
            }
        }
        self.tie_all();
    }

    /// Media time of a track's ticks, in ticks of the track. `None` until its first packet is there and the clock is settled.
    /// Never goes back while `ticks` do not, and runs up to [`SLIDE_PER_MILLE`] ‰ faster or slower than they do.
    pub fn media_ticks(&mut self, track: usize, ticks: i64) -> Option<i64> {
        let line = self.lines.get_mut(track)?;
        let (step_from, step_to) = (line.ticks(SLIDE_FROM_US), line.ticks(SLIDE_TO_US));
        let place = line.place.as_mut()?;
        let passed = ticks.saturating_sub(place.at);
        if passed > 0 {
            let off = place.target - place.offset;
            place.sliding = off.abs() > if place.sliding { step_to } else { step_from };
            let most = passed * SLIDE_PER_MILLE / 1_000;
            if !place.sliding {
                place.at = ticks;
            } else if most > 0 {
                place.offset += off.clamp(-most, most);
                place.at = ticks;
            }
        }
        Some(ticks + place.offset)
    }

    /// When a track's ticks were captured, by the sender's clock, in microseconds since the Unix epoch; `None` when it has
    /// not said, or does not know the day. What it has said of another track alone counts for what lies beside that on
    /// the timeline.
    pub fn unix_us(&self, track: usize, ticks: i64) -> Option<i64> {
        let line = self.lines.get(track)?;
        line.unix_us(ticks).or_else(|| {
            let media_us = line.us(ticks.saturating_add(line.place?.offset));
            self.lines
                .iter()
                .find_map(|other| other.unix_us(other.ticks(media_us).saturating_sub(other.place?.offset)))
        })
    }

    fn has_waited(&self, arrival_us: u64) -> bool {
        let begun_us = self.begun_us.unwrap_or(arrival_us);
        if arrival_us.saturating_sub(begun_us) >= WAIT_US {
            return true;
        }
        let long = |line: &Line| match (line.first, line.newest) {
            (Some(first), Some(newest)) => line.us(newest.ticks - first.ticks) >= WAIT_MEDIA_US,
            _ => false,
        };
        self.lines.iter().all(|line| line.tie.is_some()) || self.lines.iter().any(long)
    }

    /// Whether the sender's clock places the tracks about where their packets' arrival does.
    fn is_believable(&self, by_sender: &[Option<i64>]) -> bool {
        let behind = |(line, us): (&Line, &Option<i64>)| Some((*us)? - line.first?.arrival_us);
        let behind = || self.lines.iter().zip(by_sender).filter_map(behind);
        match (behind().min(), behind().max()) {
            (Some(least), Some(most)) => most.saturating_sub(least) <= BELIEVED_US,
            _ => true,
        }
    }

    /// Gives a track its place that has sent its first packet after the clock was settled: by ties, or else beside what the
    /// lead sends now.
    fn admit(&mut self, track: usize) {
        let Some(line) = self.lines.get(track) else { return };
        let (Some(first), None) = (line.first, line.place) else { return };
        let by_arrival = self.lines.iter().find_map(|other| {
            let (place, newest) = (other.place?, other.newest?);
            let media_us = other.us(newest.ticks + place.offset);
            Some(media_us + (first.arrival_us - newest.arrival_us))
        });
        let by_tie = self.wanted(track).map(|offset| line.us(first.ticks + offset));
        let start = match (by_tie, by_arrival) {
            (Some(tie), Some(arrival)) if tie.abs_diff(arrival) > BELIEVED_US.unsigned_abs() => arrival,
            (tie, arrival) => tie.or(arrival).unwrap_or(0),
        };
        self.lines[track].put(first.ticks, start);
    }

    /// Where ties say that a track belongs, beside the lead.
    fn wanted(&self, track: usize) -> Option<i64> {
        let (lead, line) = (self.lines.get(self.lead)?, self.lines.get(track)?);
        let tie = line.tie?;
        let ahead_us = tie.ntp.us().saturating_sub(lead.sender_us(0)?);
        let media_us = lead.us(lead.place?.offset).saturating_add(ahead_us);
        Some(line.ticks(media_us).saturating_sub(tie.ticks))
    }

    /// Sets where a track slides to.
    fn aim(&mut self, track: usize) {
        if track == self.lead {
            return;
        }
        let Some(wanted) = self.wanted(track) else { return };
        let line = &mut self.lines[track];
        let believed = line.ticks(BELIEVED_US);
        if let Some(place) = &mut line.place
            && (wanted - place.offset).abs() <= believed
        {
            place.target = wanted;
        }
    }

    fn tie_all(&mut self) {
        for track in 0..self.lines.len() {
            self.aim(track);
        }
    }
}

impl Line {
    /// The sender's clock at these ticks, in microseconds since the Unix epoch.
    fn unix_us(&self, ticks: i64) -> Option<i64> {
        let tie: NtpTime = self.tie?.ntp;
        tie.unix_us().and(self.sender_us(ticks))
    }

    /// Puts the first packet at this media time, in microseconds.
    fn put(&mut self, first: i64, media_us: i64) {
        let offset = self.ticks(media_us) - first;
        self.place = Some(Place { offset, target: offset, sliding: false, at: first });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{Encoding, RtpPacket};
    use proptest::prelude::*;

    const RATES: [i64; 2] = [90_000, 48_000];
    const UNIX_US: i64 = 1_700_000_000_000_000;
    const ARRIVAL_US: u64 = 1_700_000_100_000_000;

    fn clock(encodings: &[Encoding]) -> SessionClock {
        let track = |encoding: &Encoding| RtpTrack {
            encoding: *encoding,
            payload_type: 96,
            clock_rate: if encoding.kind() == TrackKind::Video { 90_000 } else { 48_000 },
            channels: 0,
            fmtp: Default::default(),
            ntp_extension: None,
            control: String::new(),
        };
        SessionClock::new(&encodings.iter().map(track).collect::<Vec<_>>())
    }

    fn both() -> SessionClock {
        clock(&[Encoding::H264, Encoding::Opus])
    }

    fn packet(ticks: i64) -> Received {
        let head = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let packet = RtpPacket::parse(&head.to_vec().into()).unwrap();
        Received { packet, ticks, sequence: 0, lost: 0, late: false, restarted: false, tie: None }
    }

    fn tie(ticks: i64, us: i64) -> Tie {
        Tie { ticks, ntp: NtpTime::at_unix_us(UNIX_US + us) }
    }

    #[test]
    fn tracks_are_brought_together_by_reports() {
        let mut clock = both();
        clock.packet(0, &packet(0), ARRIVAL_US);
        clock.packet(1, &packet(0), ARRIVAL_US + 50_000);
        clock.tie(0, tie(0, 0));
        clock.packet(0, &packet(3_000), ARRIVAL_US + 90_000);
        assert!(!clock.is_settled() && clock.media_ticks(0, 0).is_none());
        // The sound was captured 100 ms before the pictures, though it came 50 ms later.
        clock.tie(1, tie(4_800, 0));
        clock.packet(0, &packet(6_000), ARRIVAL_US + 100_000);
        assert!(clock.is_settled());
        assert_eq!((clock.media_ticks(0, 0), clock.media_ticks(1, 0)), (Some(9_000), Some(0)));
        assert_eq!(
            (clock.unix_us(0, 90_000), clock.unix_us(1, 0)),
            (Some(UNIX_US + 1_000_000), Some(UNIX_US - 100_000))
        );
    }

    #[test]
    fn without_reports_arrival_counts_after_a_while() {
        let mut clock = both();
        clock.packet(0, &packet(0), ARRIVAL_US);
        clock.packet(1, &packet(0), ARRIVAL_US + 50_000);
        clock.packet(0, &packet(9), ARRIVAL_US + WAIT_US - 1);
        assert!(!clock.is_settled());
        clock.packet(0, &packet(10), ARRIVAL_US + WAIT_US);
        assert_eq!((clock.media_ticks(0, 0), clock.media_ticks(1, 0)), (Some(0), Some(2_400)));
        assert_eq!(clock.unix_us(0, 0), None);
        // A camera that starts with seconds of pictures that it kept is not held up.
        let mut clock = both();
        clock.packet(0, &packet(0), ARRIVAL_US);
        clock.packet(0, &packet(4 * 90_000), ARRIVAL_US);
        assert!(clock.is_settled());
        // Its sound begins with what the newest picture shows.
        clock.packet(1, &packet(0), ARRIVAL_US + 10_000);
        assert_eq!(clock.media_ticks(1, 0), Some(4 * 48_000 + 480));
    }

    #[test]
    fn reports_of_one_track_date_the_others_beside_it() {
        let mut clock = both();
        clock.packet(0, &packet(0), ARRIVAL_US);
        clock.packet(1, &packet(0), ARRIVAL_US + 50_000);
        clock.tie(1, tie(48_000, 0));
        assert_eq!(clock.unix_us(0, 0), None, "nobody knows yet what lies beside it");
        clock.packet(0, &packet(180_000), ARRIVAL_US + WAIT_US);
        // The pictures began 50 ms before the sound, and that a second before the report.
        assert_eq!(clock.unix_us(1, 0), Some(UNIX_US - 1_000_000));
        assert_eq!(clock.unix_us(0, 0), Some(UNIX_US - 1_050_000));
        assert_eq!(clock.unix_us(0, 90_000), Some(UNIX_US - 50_000));
        // Its own word counts more.
        clock.tie(0, tie(0, -1_000_000));
        assert_eq!(clock.unix_us(0, 90_000), Some(UNIX_US));
    }

    #[test]
    fn reports_that_cannot_be_are_not_believed() {
        let mut clock = both();
        clock.packet(0, &packet(0), ARRIVAL_US);
        clock.packet(1, &packet(0), ARRIVAL_US);
        clock.tie(0, tie(0, 0));
        clock.tie(1, tie(0, 60_000_000));
        clock.packet(0, &packet(1), ARRIVAL_US);
        assert_eq!((clock.media_ticks(0, 0), clock.media_ticks(1, 0)), (Some(0), Some(0)));
        assert_eq!(clock.media_ticks(1, 48_000 * 100), Some(48_000 * 100), "nor slid to");
    }

    #[test]
    fn a_new_clock_of_the_senders_makes_the_old_ties_void() {
        let mut clock = clock(&[Encoding::H264]);
        clock.packet(0, &Received { tie: Some(tie(0, 0)), ..packet(0) }, ARRIVAL_US);
        assert_eq!((clock.media_ticks(0, 5), clock.unix_us(0, 90)), (Some(5), Some(UNIX_US + 1_000)));
        clock.packet(0, &Received { restarted: true, ..packet(900) }, ARRIVAL_US);
        assert_eq!((clock.media_ticks(0, 900), clock.unix_us(0, 900)), (Some(900), None));
        // A sender that only knows how long it has been up.
        clock.tie(0, Tie { ticks: 0, ntp: NtpTime::at_unix_us(5_000_000) });
        assert_eq!(clock.unix_us(0, 0), None);
    }

    #[test]
    fn sound_that_runs_away_is_slid_back_slowly() {
        let mut clock = both();
        clock.packet(0, &Received { tie: Some(tie(0, 0)), ..packet(0) }, ARRIVAL_US);
        clock.packet(1, &Received { tie: Some(tie(0, 0)), ..packet(0) }, ARRIVAL_US);
        // Its clock is 200 ppm fast: it says 48,009.6 ticks where a second has passed.
        let (mut last, mut worst_us) = (0, 0);
        for second in 1..=3_600_i64 {
            clock.tie(0, tie(second * 90_000, second * 1_000_000));
            clock.tie(1, tie(second * 48_000 + second * 96 / 10, second * 1_000_000));
            for packet in 1..=50 {
                let ticks = (second - 1) * 48_000 + (second - 1) * 96 / 10 + packet * 960;
                let media = clock.media_ticks(1, ticks).unwrap();
                assert!((media - last - 960).abs() <= 10, "{} ticks instead of 960", media - last);
                last = media;
            }
            worst_us = worst_us.max((last - second * 48_000).abs() * 1_000_000 / 48_000);
        }
        assert!(worst_us < SLIDE_FROM_US + 2_000, "it was {worst_us} µs off");
    }

    proptest! {
        #[test]
        fn media_time_never_goes_back(
            steps in prop::collection::vec((0_usize..2, 1_i64..200_000, -20_000_000_i64..20_000_000, 0_u64..3_000_000), 1..100),
        ) {
            let mut clock = both();
            let (mut ticks, mut last, mut arrival_us) = ([0; 2], [i64::MIN; 2], ARRIVAL_US);
            for (track, step, off_us, waited_us) in steps {
                ticks[track] += step;
                arrival_us += waited_us;
                clock.packet(track, &packet(ticks[track]), arrival_us);
                let us = ticks[track] * 1_000_000 / RATES[track];
                clock.tie(track, tie(ticks[track], us + off_us));
                if let Some(media) = clock.media_ticks(track, ticks[track]) {
                    prop_assert!(media > last[track]);
                    last[track] = media;
                }
            }
        }

        #[test]
        fn nanoseconds_give_the_ticks_back(ticks in -1_i64 << 40..1 << 40, rate in 8_000_u32..200_000) {
            prop_assert_eq!(ns_to_ticks(ticks_to_ns(ticks, rate), rate), ticks);
        }
    }
}
