//! Media playlists.

use crate::clock::{Clock, TimeRange};
use crate::error::ReadError;
use crate::head::InitId;
use crate::reason::Reason;
use crate::recording::Recording;
use crate::timeline::{Fragment, Walk, view};
use media::playlist::{MediaPlaylist, PlaylistType, Segment};
use std::collections::VecDeque;

/// A live playlist is at least this many target durations long.
const LIVE_TARGETS_MIN: u64 = 3;

/// Who asks for all there is rounds the end up; that much is not worth waiting for.
const BOUND_SLACK_MS: u64 = 1000;

/// How a playlist names segments and initialisation segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uris {
    /// What leads from the playlist to the folder of `segment/` and `init/`, such as `../`.
    pub prefix: String,
    /// What follows each name, such as `?token=…`.
    pub suffix: String,
}

impl Uris {
    fn segment(&self, fragment: &Fragment) -> String {
        format!("{}segment/{}.m4s{}", self.prefix, fragment.seq, self.suffix)
    }

    fn init(&self, id: InitId) -> String {
        format!("{}init/{id}.mp4{}", self.prefix, self.suffix)
    }
}

/// The newest complete fragments: as many as last `dvr_ms`, and at least three target durations.
pub(crate) async fn live(
    recording: &Recording,
    dvr_ms: u64,
    uris: &Uris,
) -> Result<MediaPlaylist, ReadError> {
    let targets_ms = LIVE_TARGETS_MIN * u64::from(recording.config.target_duration_s) * 1000;
    let wanted_us = dvr_ms.max(targets_ms).saturating_mul(1000);
    let complete_before = recording.complete_before(&recording.timeline.end().await?);
    let max = recording.config.fragments_per_answer_max;
    let mut fragments = VecDeque::new();
    let mut lasts_us = 0_u64;
    recording
        .timeline
        .walk_back(Clock::Producer, u64::MAX, |fragment| {
            if fragment.seq >= complete_before {
                return Walk::On;
            }
            if lasts_us >= wanted_us || fragments.len() >= max {
                return Walk::Stop;
            }
            lasts_us = lasts_us.saturating_add(fragment.duration_us.into());
            fragments.push_front(fragment.clone());
            Walk::On
        })
        .await?;
    if fragments.is_empty() {
        return Err(ReadError::Empty);
    }
    Ok(playlist(recording, &Vec::from(fragments), uris, None, false))
}

/// The complete fragments that overlap a range. It may still grow while the range, or the newest fragment in it, is not
/// over.
pub(crate) async fn archive(
    recording: &Recording,
    range: TimeRange,
    uris: &Uris,
) -> Result<MediaPlaylist, ReadError> {
    let (fragments, over) = recorded(recording, range).await?;
    let kind = if over { PlaylistType::Vod } else { PlaylistType::Event };
    Ok(playlist(recording, &fragments, uris, Some(kind), over))
}

/// The complete fragments that overlap a range, at least one, and whether there will never be more of them.
pub(crate) async fn recorded(
    recording: &Recording,
    range: TimeRange,
) -> Result<(Vec<Fragment>, bool), ReadError> {
    let TimeRange { from_ms, to_ms, clock } = range;
    if from_ms >= to_ms {
        return Err(ReadError::Backwards);
    }
    let end = recording.timeline.end().await?;
    let complete_before = recording.complete_before(&end);
    let to_us = to_ms.saturating_mul(1000);
    let max = recording.config.fragments_per_answer_max;
    let mut fragments =
        recording.timeline.overlapping(clock, from_ms.saturating_mul(1000), to_us, max).await?;
    let found = fragments.len();
    fragments.retain(|fragment| fragment.seq < complete_before);
    let now_ms = recording.now_ms();
    let more = match recording.growing(&end) {
        // A camera may be late: until its newest footage begins after the range, more may come.
        true => {
            found > fragments.len() || end.newest.last().is_none_or(|newest| newest.start_us(clock) < to_us)
        }
        false => !settled(&end.newest, range, now_ms),
    };
    if fragments.is_empty() {
        let trailing = recording.trailing(&end, now_ms);
        let seen = view(&recording.timeline, range, now_ms, trailing, max).await?;
        let reason = seen.gaps.first().map_or(Reason::NoData, |gap| gap.reason);
        return Err(ReadError::NoMedia { reason });
    }
    Ok((fragments, !more))
}

/// Whether nothing can be added to a range any more while nobody sends: it is over by our clock, or by the footage.
/// A file that is sent faster than it plays reaches into the future, and producer time never goes back.
fn settled(newest: &[Fragment], range: TimeRange, now_ms: u64) -> bool {
    let TimeRange { to_ms, clock, .. } = range;
    let reached_ms = newest.last().map_or(0, |last| last.end_us(clock) / 1000);
    to_ms <= now_ms || (clock == Clock::Producer && to_ms <= reached_ms.saturating_add(BOUND_SLACK_MS))
}

fn playlist(
    recording: &Recording,
    fragments: &[Fragment],
    uris: &Uris,
    playlist_type: Option<PlaylistType>,
    ended: bool,
) -> MediaPlaylist {
    let longest_ms = recording.config.fragment_us_max() / 1000;
    let first = fragments.first();
    let segments = fragments.iter().enumerate().map(|(index, fragment)| {
        let start_ms = fragment.producer_us / 1000;
        // From rounded start to rounded end, so that rounding does not add up.
        let lasts_ms = (fragment.end_us(Clock::Producer) / 1000).saturating_sub(start_ms);
        Segment {
            uri: uris.segment(fragment),
            duration_ms: lasts_ms.clamp(1, longest_ms),
            program_date_time_ms: i64::try_from(start_ms).unwrap_or(i64::MAX),
            // The one before the first segment has slid out: it counts in the sequence number.
            discontinuity: index > 0 && fragment.discontinuity(),
            gap: false,
            map_uri: uris.init(fragment.init),
        }
    });
    MediaPlaylist {
        target_duration_s: recording.config.target_duration_s.into(),
        media_sequence: first.map_or(0, |first| first.ordinal),
        discontinuity_sequence: first.map_or(0, |first| first.discontinuity_ordinal),
        playlist_type,
        segments: segments.collect(),
        ended,
    }
}
