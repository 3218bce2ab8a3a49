//! The multivariant playlist: what there is to choose from. One rendition, as it was sent.

use super::playlist::recorded;
use crate::clock::TimeRange;
use crate::config::INITS_IN_MEMORY;
use crate::error::ReadError;
use crate::head::{ChunkHead, Head, InitId};
use crate::recording::Recording;
use crate::timeline::{Fragment, head_at};
use media::fmp4::Init;
use media::playlist::{MultivariantPlaylist, Variant};
use std::sync::Arc;

/// Fragments shorter than this say nothing about the peak bit rate.
const PEAK_US_MIN: u32 = 500_000;

/// One variant, described by the fragments of a range, or by the newest ones.
pub(crate) async fn multivariant(
    recording: &Recording,
    range: Option<TimeRange>,
    media_uri: String,
) -> Result<MultivariantPlaylist, ReadError> {
    let fragments = match range {
        Some(range) => recorded(recording, range).await?.0,
        None => recording.timeline.end().await?.newest,
    };
    let Some(newest) = fragments.last() else { return Err(ReadError::Empty) };
    let inits = inits(recording, &fragments).await?;
    let (peak, average) = bandwidths(&fragments);
    let mut codecs: Vec<&str> = Vec::new();
    for track in inits.iter().flat_map(|init| &init.tracks) {
        if !codecs.contains(&track.codec_string.as_str()) {
            codecs.push(&track.codec_string);
        }
    }
    let sizes = inits.iter().filter_map(|init| init.video()).map(|track| (track.width, track.height));
    let frame_rate_millis = match head_at(&recording.shard, newest.seq).await {
        Ok(read) => match (&read.head, inits.last()) {
            (Head::Chunk(head), Some(init)) => frame_rate_millis(head, init),
            _ => None,
        },
        Err(_) => None,
    };
    Ok(MultivariantPlaylist {
        independent_segments: fragments.iter().all(Fragment::stands_alone),
        variants: vec![Variant {
            uri: media_uri,
            bandwidth_bps: peak,
            average_bandwidth_bps: Some(average),
            codecs: codecs.join(","),
            resolution: sizes.max_by_key(|(width, height)| u64::from(*width) * u64::from(*height)),
            frame_rate_millis,
        }],
    })
}

/// The different initialisation segments of these fragments, oldest first; the newest few of them.
async fn inits(recording: &Recording, fragments: &[Fragment]) -> Result<Vec<Arc<Init>>, ReadError> {
    let mut ids: Vec<InitId> = Vec::new();
    let mut inits = Vec::new();
    for fragment in fragments.iter().rev() {
        if !ids.contains(&fragment.init) {
            ids.push(fragment.init);
            inits.insert(0, recording.init_of(fragment).await?);
            if ids.len() == INITS_IN_MEMORY {
                break;
            }
        }
    }
    Ok(inits)
}

/// Peak and average bits per second; never zero.
fn bandwidths(fragments: &[Fragment]) -> (u64, u64) {
    let rate = |bytes: u64, lasts_us: u64| {
        let bits = u128::from(bytes) * 8 * 1_000_000 / u128::from(lasts_us.max(1));
        u64::try_from(bits).unwrap_or(u64::MAX).max(1)
    };
    let bytes = fragments.iter().map(|fragment| fragment.bytes).fold(0, u64::saturating_add);
    let lasts_us =
        fragments.iter().map(|fragment| u64::from(fragment.duration_us)).fold(0, u64::saturating_add);
    let average = rate(bytes, lasts_us);
    let long = fragments.iter().filter(|fragment| fragment.duration_us >= PEAK_US_MIN);
    let peak = long.map(|fragment| rate(fragment.bytes, fragment.duration_us.into())).max();
    (peak.unwrap_or(average).max(average), average)
}

/// Frames per second times 1000 in a chunk.
fn frame_rate_millis(head: &ChunkHead, init: &Init) -> Option<u32> {
    let video = init.video()?;
    let track = head.tracks.iter().find(|track| track.track_id == video.id)?;
    let frames = u128::from(track.samples) * u128::from(video.timescale) * 1000;
    let rate = frames.checked_div(u128::from(track.duration))?;
    u32::try_from(rate).ok().filter(|rate| *rate > 0)
}
