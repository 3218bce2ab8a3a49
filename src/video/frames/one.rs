//! One picture at an instant.

use super::gop::{self, NEWEST};
use super::plan::FramePlan;
use crate::clock::{Clock, TimeRange};
use crate::error::ReadError;
use crate::reason::Reason;
use crate::recording::Recording;
use crate::timeline::{Fragment, Walk, view};

/// After a fragment's end its last picture is still shown for this long: durations are guesses.
pub(super) const LINGER_US: u64 = 500_000;

/// Which picture is wanted at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameMode {
    /// The one that is on screen then.
    #[default]
    Exact,
    /// The key frame nearest to it: much cheaper.
    Keyframe,
}

/// Plans the picture at `at_us` by the camera's clock; the newest one if absent.
pub(crate) async fn frame_at(
    recording: &Recording,
    at_us: Option<u64>,
    mode: FrameMode,
) -> Result<FramePlan, ReadError> {
    let instant = at_us.unwrap_or(NEWEST);
    let fragment = covering(recording, at_us).await?;
    let planned = match mode {
        FrameMode::Exact => gop::exact(recording, &fragment, &[instant]).await?,
        FrameMode::Keyframe => {
            let candidates = key_fragments(recording, fragment, at_us).await?;
            gop::key(recording, &candidates, instant).await?
        }
    };
    planned.ok_or(ReadError::NoMedia { reason: Reason::NoData })
}

/// Fragments around an instant that begin with a key frame: this one or one before it, and the next one.
async fn key_fragments(
    recording: &Recording,
    covering: Fragment,
    at_us: Option<u64>,
) -> Result<Vec<Fragment>, ReadError> {
    let next = match at_us {
        Some(_) => recording.timeline.forward(Clock::Producer, 0, Some(covering.seq), 1).await?,
        None => Vec::new(),
    };
    let mut earlier = covering;
    while !earlier.independent() {
        let before = recording.timeline.before(&earlier).await?;
        earlier = before.ok_or(ReadError::NoMedia { reason: Reason::NoData })?;
    }
    Ok(std::iter::once(earlier).chain(next.into_iter().filter(Fragment::independent)).collect())
}

/// The fragment that covers an instant; the newest one if absent.
async fn covering(recording: &Recording, at_us: Option<u64>) -> Result<Fragment, ReadError> {
    let mut found = None;
    recording
        .timeline
        .walk_back(Clock::Producer, at_us.unwrap_or(NEWEST).saturating_add(1), |fragment| {
            found = Some(fragment.clone());
            Walk::Stop
        })
        .await?;
    let Some(at_us) = at_us else { return found.ok_or(ReadError::Empty) };
    match found {
        Some(fragment) if at_us < fragment.end_us(Clock::Producer).saturating_add(LINGER_US) => Ok(fragment),
        _ => Err(ReadError::NoMedia { reason: absence(recording, at_us).await? }),
    }
}

/// Why there is nothing at an instant.
async fn absence(recording: &Recording, at_us: u64) -> Result<Reason, ReadError> {
    let end = recording.timeline.end().await?;
    let at_ms = at_us / 1000;
    let upto_ms = at_ms.saturating_add(1);
    let trailing = recording.trailing(&end, recording.now_ms());
    let range = TimeRange::producer(at_ms, upto_ms);
    let seen = view(&recording.timeline, range, upto_ms, trailing, 16).await?;
    Ok(seen.gaps.first().map_or(Reason::NoData, |gap| gap.reason))
}
