//! Each rule of dating, on a camera of 90 000 ticks per second that sends chunks of one second.

use super::media_clock::*;
use crate::clock::ProducerClock;
use crate::reason::Reason;

/// 2023-11-14 22:13:20 UTC.
const NOW_MS: u64 = 1_700_000_000_000;
const SECOND: u64 = 1_000_000;

fn at(seconds: f64) -> MediaTime {
    let decode_time = (seconds * 90_000.0) as u64;
    of(decode_time, 90_000)
}

/// A chunk whose last sample lasts 40 ms.
fn of(decode_time: u64, duration: u64) -> MediaTime {
    MediaTime {
        timescale: 90_000,
        decode_time,
        duration,
        next: decode_time + duration,
        last_duration: 3_600.min(duration),
        presentation_offset: Some(6_000),
    }
}

fn arrived(ms: u64) -> Hints {
    Hints {
        arrival_ms: ms,
        sent_us: SECOND,
        prft_ms: None,
        prft: ProducerClock::Prft,
        start_ms: None,
        first_part: true,
    }
}

/// A session that began at media time 100 s, arriving at `NOW_MS`.
fn begun() -> (MediaClock, Placed) {
    MediaClock::begin(&at(100.0), &arrived(NOW_MS), 0)
}

#[test]
fn without_any_better_word_the_first_chunk_ended_when_it_arrived() {
    let (clock, placed) = begun();
    assert_eq!(placed.producer_us, NOW_MS * 1000 - SECOND);
    assert_eq!(placed.presentation_offset, 6_000);
    assert_eq!(placed.discontinuity, Reason::None);
    assert_eq!((clock.source(), clock.offset_ms(), clock.drift_ms()), (ProducerClock::Arrival, 0, 0));
}

#[test]
fn the_uploaders_word_comes_first_then_prft_then_unix_decoding_times() {
    let unix = at(1_600_000_000.5);
    let shown_us = 1_600_000_000_500_000 + 66_666;
    let hints = arrived(NOW_MS);
    let (clock, placed) = MediaClock::begin(&unix, &hints, 0);
    assert_eq!((clock.source(), placed.producer_us), (ProducerClock::Media, shown_us));
    let hints = Hints { prft_ms: Some(NOW_MS as i64 - 3000), ..hints };
    let (clock, placed) = MediaClock::begin(&unix, &hints, 0);
    assert_eq!((clock.source(), placed.producer_us), (ProducerClock::Prft, (NOW_MS - 3000) * 1000));
    let hints = Hints { start_ms: Some(5000), ..hints };
    let (clock, placed) = MediaClock::begin(&unix, &hints, 0);
    assert_eq!((clock.source(), placed.producer_us), (ProducerClock::Start, 5_000_000));
}

#[test]
fn clocks_that_cannot_be_right_are_not_believed() {
    let day_ms = 24 * 3600 * 1000;
    for prft_ms in [NOW_MS as i64 + 10_001, NOW_MS as i64 - day_ms - 1, 0, -5] {
        let hints = Hints { prft_ms: Some(prft_ms), ..arrived(NOW_MS) };
        assert_eq!(MediaClock::begin(&at(3.0), &hints, 0).0.source(), ProducerClock::Arrival, "{prft_ms}");
    }
    let future = at(NOW_MS as f64 / 1000.0 + 11.0);
    assert_eq!(MediaClock::begin(&future, &arrived(NOW_MS), 0).0.source(), ProducerClock::Arrival);
    assert_eq!(MediaClock::begin(&at(999_999_999.0), &arrived(NOW_MS), 0).0.source(), ProducerClock::Arrival);
}

#[test]
fn a_session_never_begins_before_the_end_of_the_one_before() {
    let floor_us = (NOW_MS + 60_000) * 1000;
    let (_, placed) = MediaClock::begin(&at(0.0), &arrived(NOW_MS), floor_us);
    assert_eq!(placed.producer_us, floor_us);
    let hints = Hints { start_ms: Some(1), ..arrived(NOW_MS) };
    assert_eq!(MediaClock::begin(&at(0.0), &hints, floor_us).1.producer_us, floor_us);
}

#[test]
fn media_time_alone_counts_after_the_first_chunk_however_it_arrives() {
    let (mut clock, first) = begun();
    // All at once, then nothing for a minute, then the rest of what was meant to come meanwhile.
    for (index, arrival_ms) in [(1, NOW_MS), (2, NOW_MS + 60_000), (3, NOW_MS + 60_001)] {
        let placed = clock.place(&at(100.0 + f64::from(index)), &arrived(arrival_ms));
        // That the second one came with the first, which had been a second late then, is worked off unnoticed.
        let media_us = first.producer_us + u64::from(index as u32) * SECOND;
        assert!(placed.producer_us.abs_diff(media_us) <= 10_000, "{index}: {placed:?}");
        assert_eq!(placed.discontinuity, Reason::None);
    }
    assert!(clock.offset_ms().abs_diff(60_001 - 3000) <= 10);
    assert_eq!(clock.drift_ms(), 0);
}

#[test]
fn a_hole_stays_a_hole_and_a_small_one_is_not_worth_a_word() {
    let (mut clock, first) = begun();
    let placed = clock.place(&at(101.9), &arrived(NOW_MS + 1900));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + 1_900_000, Reason::None));
    let placed = clock.place(&at(108.0), &arrived(NOW_MS + 8000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + 8 * SECOND, Reason::NoData));
    // A camera that was silent for an hour and says so.
    let placed = clock.place(&at(3709.0), &arrived(NOW_MS + 3_609_000));
    assert_eq!(
        (placed.producer_us, placed.discontinuity),
        (first.producer_us + 3609 * SECOND, Reason::NoData)
    );
}

#[test]
fn a_media_clock_that_jumps_ahead_is_tied_anew_to_the_arrival() {
    let (mut clock, first) = begun();
    let placed = clock.place(&at(5000.0), &arrived(NOW_MS + 1000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + SECOND, Reason::ClockJump));
    let placed = clock.place(&at(5001.0), &arrived(NOW_MS + 2000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + 2 * SECOND, Reason::None));
}

#[test]
fn a_media_clock_that_goes_back_is_tied_anew_and_producer_time_goes_on() {
    let (mut clock, first) = begun();
    let placed = clock.place(&at(0.0), &arrived(NOW_MS + 6000));
    assert_eq!(
        (placed.producer_us, placed.discontinuity),
        (first.producer_us + 6 * SECOND, Reason::ClockJump)
    );
    // Even if nothing says that time passed.
    let placed = clock.place(&at(0.0), &arrived(NOW_MS + 6000));
    assert_eq!(
        (placed.producer_us, placed.discontinuity),
        (first.producer_us + 7 * SECOND, Reason::ClockJump)
    );
}

#[test]
fn after_a_given_start_only_time_that_passed_counts() {
    let hints = Hints { start_ms: Some(1_000_000), ..arrived(NOW_MS) };
    let (mut clock, _) = MediaClock::begin(&at(50.0), &hints, 0);
    let placed = clock.place(&at(0.0), &Hints { arrival_ms: NOW_MS + 5000, ..hints });
    assert_eq!((placed.producer_us, placed.discontinuity), (1_005_000_000, Reason::ClockJump));
    assert_eq!(clock.source(), ProducerClock::Start);
}

#[test]
fn a_unix_clock_that_is_corrected_is_followed_forward() {
    let (mut clock, _) = MediaClock::begin(&at(1_699_990_000.0), &arrived(NOW_MS), 0);
    assert_eq!(clock.source(), ProducerClock::Media);
    let placed = clock.place(&at(1_700_000_000.0), &arrived(NOW_MS + 1000));
    assert_eq!(placed.producer_us, 1_700_000_000 * SECOND + 66_666);
    assert_eq!(placed.discontinuity, Reason::ClockJump);
}

#[test]
fn a_small_overlap_is_no_jump_and_times_do_not_go_back() {
    let (mut clock, first) = begun();
    let placed = clock.place(&at(100.95), &arrived(NOW_MS + 1000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + 950_000, Reason::None));
    let short = of(1019 * 9_000, 900);
    let placed = clock.place(&short, &arrived(NOW_MS + 2000));
    let overlapping = of(10_185 * 900, 900);
    let next = clock.place(&overlapping, &arrived(NOW_MS + 2000));
    assert_eq!((next.producer_us, next.discontinuity), (placed.producer_us, Reason::None));
}

#[test]
fn a_last_sample_that_claims_too_much_is_no_jump() {
    let (_, first) = begun();
    // Its last sample claims a second, and the next chunk begins after 40 ms of it.
    let claims = MediaTime { next: 101 * 90_000 + 86_400, last_duration: 90_000, ..at(100.0) };
    let (mut clock, _) = MediaClock::begin(&claims, &arrived(NOW_MS), 0);
    let placed = clock.place(&at(101.0), &arrived(NOW_MS + 1000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + SECOND, Reason::None));
}

#[test]
fn a_crystal_slower_than_steering_can_follow_costs_a_jump_now_and_then() {
    let (mut clock, first) = begun();
    let mut jumps = Vec::new();
    // Its second lasts 1.01 of ours.
    for second in 1..4000_u64 {
        let arrival_ms = NOW_MS + second * 1010;
        let placed = clock.place(&at(100.0 + second as f64), &arrived(arrival_ms));
        if placed.discontinuity != Reason::None {
            jumps.push((second, placed.discontinuity));
            assert_eq!(placed.producer_us, first.producer_us + second * 1_010_000);
        }
        assert!(clock.offset_ms() < 17_000, "{}", clock.offset_ms());
    }
    assert!((1..=2).contains(&jumps.len()), "{jumps:?}");
    assert!(jumps.iter().all(|(_, reason)| *reason == Reason::ClockJump));
}

#[test]
fn a_slow_network_is_not_taken_for_a_slow_crystal() {
    let (mut clock, _) = begun();
    for second in 1..2000_u64 {
        // For 40 seconds of every 50, what is sent is stuck.
        let arrival_ms = NOW_MS + second.next_multiple_of(50).max(second) * 1000;
        let placed = clock.place(&at(100.0 + second as f64), &arrived(arrival_ms));
        assert_eq!(placed.discontinuity, Reason::None, "second {second}");
    }
}

#[test]
fn chunks_of_other_tracks_are_dated_and_move_nothing() {
    let (mut clock, first) = begun();
    let sound = MediaTime { presentation_offset: None, ..of(10_102 * 900, 1920) };
    let placed = clock.place(&sound, &arrived(NOW_MS));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + SECOND, Reason::None));
    let placed = clock.place(&at(101.0), &arrived(NOW_MS + 1000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + SECOND, Reason::None));
    // The pictures stop, the sound goes on.
    let sound = MediaTime { presentation_offset: None, ..of(150 * 90_000, 1920) };
    assert_eq!(clock.place(&sound, &arrived(NOW_MS)).producer_us, first.producer_us + 50 * SECOND);
    let placed = clock.place(&at(151.0), &arrived(NOW_MS + 51_000));
    assert_eq!((placed.producer_us, placed.discontinuity), (first.producer_us + 51 * SECOND, Reason::NoData));
}

#[test]
fn a_new_connection_continues_only_where_the_last_one_ended() {
    let (clock, _) = begun();
    let soon = arrived(NOW_MS + 1000);
    assert!(clock.continues(&at(101.0), &soon, true));
    assert!(clock.continues(&at(101.0), &soon, false));
    assert!(!clock.continues(&at(0.0), &soon, false), "from the beginning");
    assert!(!clock.continues(&at(100.0), &soon, false), "sent again");
    assert!(!clock.continues(&at(103.0), &soon, false), "with a hole");
    // Much later: only one who knows of the connection before, and so sends no initialisation segment.
    let later = arrived(NOW_MS + 60_000);
    assert!(!clock.continues(&at(101.0), &later, true));
    assert!(clock.continues(&at(101.0), &later, false));
    // A start that says otherwise.
    let elsewhere = Hints { start_ms: Some(5), ..soon };
    assert!(!clock.continues(&at(101.0), &elsewhere, false));
    assert!(clock.continues(&at(101.0), &Hints { start_ms: Some(NOW_MS), ..soon }, false));
}

#[test]
fn absurd_times_do_not_overflow() {
    let huge = MediaTime {
        timescale: 1,
        decode_time: u64::MAX,
        duration: u64::MAX,
        next: u64::MAX,
        last_duration: u64::MAX,
        presentation_offset: Some(i64::MIN),
    };
    let hints = Hints {
        arrival_ms: u64::MAX,
        sent_us: u64::MAX,
        prft_ms: Some(i64::MAX),
        start_ms: Some(u64::MAX),
        ..arrived(0)
    };
    let (mut clock, _) = MediaClock::begin(&huge, &hints, u64::MAX);
    for media in [huge, at(0.0), huge] {
        let _ = clock.place(&media, &arrived(0));
        let _ = clock.place(&media, &hints);
        let _ = clock.continues(&media, &hints, true);
    }
}
