//! Cameras with clocks that are off, and what their footage is dated.

use super::media_clock::{Hints, MediaClock, MediaTime};
use crate::clock::ProducerClock;
use crate::reason::Reason;

const START_MS: u64 = 1_700_000_000_000;
const TIMESCALE: u64 = 90_000;
/// A chunk lasts a quarter of a second by the camera's crystal.
const CHUNK: u64 = TIMESCALE / 4;
const CHUNK_US: u64 = 250_000;

/// A camera that sends a chunk after the other, and the clock that dates them.
struct Camera {
    /// How slow its crystal is, in millionths.
    slow_ppm: i64,
    /// Whose word its `prft` is.
    prft: ProducerClock,
    chunks: u64,
    /// Lateness of the chunks, in milliseconds, by chance below this.
    jitter_ms: u64,
    dice: u64,
    clock: Option<MediaClock>,
    /// Producer time of the latest chunk.
    latest_us: u64,
    jumps: Vec<u64>,
}

impl Camera {
    fn new(slow_ppm: i64, prft: ProducerClock) -> Self {
        let (clock, jumps) = (None, Vec::new());
        Self { slow_ppm, prft, chunks: 0, jitter_ms: 200, dice: 1, clock, latest_us: 0, jumps }
    }

    /// The true time of the chunk that comes next.
    fn true_us(&self) -> u64 {
        let media_us = (self.chunks * CHUNK_US) as i64;
        START_MS * 1000 + (media_us + media_us / 1_000_000 * self.slow_ppm) as u64
    }

    /// Sends so many seconds of media. `says`: how far the camera's own word is from the truth, in milliseconds; `late`:
    /// how late the chunks come besides their jitter. Says how far the newest chunk's date is from the truth.
    fn send(&mut self, seconds: u64, says: Option<i64>, late_ms: u64) -> i64 {
        let mut error_us = 0;
        for _ in 0..seconds * 4 {
            self.dice =
                self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let true_us = self.true_us();
            let jitter_ms = (self.dice >> 33) % self.jitter_ms.max(1);
            let hints = Hints {
                arrival_ms: (true_us + CHUNK_US) / 1000 + jitter_ms + late_ms,
                sent_us: CHUNK_US,
                prft_ms: says.map(|error_ms| (true_us / 1000) as i64 + error_ms),
                prft: self.prft,
                start_ms: None,
                first_part: true,
            };
            self.place(&hints);
            error_us = self.latest_us as i64 - true_us as i64;
        }
        error_us / 1000
    }

    fn place(&mut self, hints: &Hints) {
        let decode_time = self.chunks * CHUNK;
        let media = MediaTime {
            timescale: TIMESCALE as u32,
            decode_time,
            duration: CHUNK,
            next: decode_time + CHUNK,
            last_duration: 3_600,
            presentation_offset: Some(0),
        };
        let placed = match &mut self.clock {
            Some(clock) => clock.place(&media, hints),
            None => {
                let (clock, placed) = MediaClock::begin(&media, hints, 0);
                self.clock = Some(clock);
                self.latest_us = placed.producer_us - CHUNK_US;
                placed
            }
        };
        let advanced_us = placed.producer_us.checked_sub(self.latest_us).expect("time goes back");
        match placed.discontinuity {
            Reason::None => assert!(advanced_us.abs_diff(CHUNK_US) <= CHUNK_US / 200, "{advanced_us}"),
            _ => self.jumps.push(self.chunks / 4),
        }
        self.latest_us = placed.producer_us;
        self.chunks += 1;
    }

    fn clock(&self) -> &MediaClock {
        self.clock.as_ref().unwrap()
    }
}

const DAY_S: u64 = 24 * 3600;

#[test]
fn a_crystal_that_is_off_is_followed_by_arrival_for_a_day() {
    for slow_ppm in [200, -200] {
        let mut camera = Camera::new(slow_ppm, ProducerClock::Prft);
        camera.send(600, None, 0);
        for _ in 0..24 {
            let error_ms = camera.send(3600, None, 0);
            assert!(error_ms.abs() < 150, "{slow_ppm}: {error_ms}");
        }
        assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Arrival, 0));
        let drift_ms = camera.clock().drift_ms();
        let lost_ms = slow_ppm * (DAY_S as i64 + 600) / 1000;
        assert!((drift_ms - lost_ms).abs() < 500, "{drift_ms} for {lost_ms}");
        assert_eq!(camera.clock().camera_offset_ms(), None);
    }
}

#[test]
fn a_crystal_that_is_off_is_followed_by_the_cameras_clock_for_a_day() {
    for (slow_ppm, prft) in
        [(200, ProducerClock::Rtcp), (-200, ProducerClock::Rtcp), (200, ProducerClock::Prft)]
    {
        let mut camera = Camera::new(slow_ppm, prft);
        // The camera's clock is two seconds slow, and so are the dates: they are its own.
        for _ in 0..24 {
            let error_ms = camera.send(3600, Some(-2000), 0);
            assert!((error_ms + 2000).abs() < 20, "{slow_ppm}: {error_ms}");
        }
        assert_eq!((camera.clock().source(), camera.jumps.len()), (prft, 0));
        let offset_ms = camera.clock().camera_offset_ms().unwrap();
        assert!((2000..2300).contains(&offset_ms), "{offset_ms}");
    }
}

#[test]
fn a_cameras_clock_that_is_set_a_little_is_followed_slowly() {
    for set_ms in [3000, -8000] {
        let mut camera = Camera::new(0, ProducerClock::Rtcp);
        camera.send(60, Some(0), 0);
        let error_ms = camera.send(60, Some(set_ms), 0);
        assert!((error_ms * set_ms.signum()).is_positive() && error_ms.abs() < 400, "{error_ms}");
        let error_ms = camera.send(2000, Some(set_ms), 0);
        assert!((error_ms - set_ms).abs() < 20, "{error_ms}");
        assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Rtcp, 0));
    }
}

#[test]
fn a_cameras_clock_that_is_set_far_ahead_jumps_and_far_back_is_followed_slowly() {
    let mut camera = Camera::new(0, ProducerClock::Rtcp);
    camera.send(60, Some(-40_000), 0);
    let error_ms = camera.send(60, Some(0), 0);
    assert!(error_ms.abs() < 20, "{error_ms}");
    assert_eq!(camera.jumps.len(), 1);
    let error_ms = camera.send(4000, Some(-15_000), 0);
    assert!((error_ms + 15_000).abs() < 20, "{error_ms}");
    assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Rtcp, 1));
}

#[test]
fn sender_reports_that_come_late_are_slewed_to() {
    let mut camera = Camera::new(0, ProducerClock::Rtcp);
    camera.send(20, None, 0);
    assert_eq!(camera.clock().source(), ProducerClock::Arrival);
    let error_ms = camera.send(2000, Some(-5000), 0);
    assert!((error_ms + 5000).abs() < 20, "{error_ms}");
    assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Rtcp, 0));
}

#[test]
fn a_cameras_clock_that_cannot_be_right_is_only_reported() {
    // In 1970; sane, but nothing like the arrivals that were gone by.
    for (first, then) in [(Some(-(START_MS as i64)), Some(-(START_MS as i64))), (None, Some(-30_000))] {
        let mut camera = Camera::new(0, ProducerClock::Rtcp);
        camera.send(20, first, 0);
        let error_ms = camera.send(1000, then, 0);
        assert!((0..200).contains(&error_ms), "{error_ms}");
        assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Arrival, 0));
        let offset_ms = camera.clock().camera_offset_ms().unwrap() + then.unwrap();
        assert!((0..200).contains(&offset_ms), "{offset_ms}");
    }
}

#[test]
fn a_cameras_clock_that_goes_wrong_is_given_up_and_believed_again_when_it_is_right() {
    let mut camera = Camera::new(0, ProducerClock::Rtcp);
    camera.send(600, Some(0), 0);
    let error_ms = camera.send(600, Some(-7_200_000), 0);
    assert!(error_ms.abs() < 200, "{error_ms}");
    assert_eq!(camera.clock().source(), ProducerClock::Arrival);
    camera.send(600, Some(0), 0);
    assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Rtcp, 0));
    // Nor does a single word count.
    camera.send(1, Some(-50_000), 0);
    let error_ms = camera.send(20, Some(0), 0);
    assert!(error_ms.abs() < 50, "{error_ms}");
    assert_eq!((camera.clock().source(), camera.jumps.len()), (ProducerClock::Rtcp, 0));
}

#[test]
fn a_jam_on_the_way_moves_nothing() {
    for says in [None, Some(-1000)] {
        let mut camera = Camera::new(0, ProducerClock::Rtcp);
        let before_ms = camera.send(600, says, 0);
        for _ in 0..20 {
            // Two minutes late, which is more than a camera's clock may be off: but this one is known.
            camera.send(20, says, 120_000);
            let error_ms = camera.send(60, says, 0);
            assert!((error_ms - before_ms).abs() < 50, "{error_ms} after {before_ms}");
        }
        assert!(camera.jumps.is_empty());
        assert_eq!(camera.clock().source() == ProducerClock::Rtcp, says.is_some());
    }
}

#[test]
fn sender_reports_that_stop_leave_the_time_as_it_is() {
    let mut camera = Camera::new(0, ProducerClock::Rtcp);
    camera.send(60, Some(-3000), 0);
    let error_ms = camera.send(3600, None, 0);
    assert!((error_ms + 3000).abs() < 20, "{error_ms}");
    assert_eq!(camera.clock().source(), ProducerClock::Rtcp);
}

#[test]
fn a_file_sent_faster_or_slower_than_it_plays_keeps_its_length() {
    for per_chunk_ms in [10, 500] {
        for stamped in [false, true] {
            let mut camera = Camera::new(0, ProducerClock::Prft);
            let first_us = START_MS * 1000;
            for chunk in 0..40_000 {
                let now_ms = START_MS + 250 + chunk * per_chunk_ms;
                let hints = Hints {
                    arrival_ms: now_ms,
                    sent_us: CHUNK_US,
                    // The time of writing.
                    prft_ms: stamped.then_some(now_ms as i64 - 250),
                    prft: ProducerClock::Prft,
                    start_ms: None,
                    first_part: true,
                };
                camera.place(&hints);
            }
            let error_us = (camera.latest_us - first_us).abs_diff(39_999 * CHUNK_US);
            let slow_and_by_arrival = per_chunk_ms == 500 && !stamped;
            assert!(error_us <= 11_000_000 || slow_and_by_arrival, "{per_chunk_ms} {stamped}: {error_us}");
        }
    }
}
