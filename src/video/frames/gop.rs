//! Exact pictures of one fragment.

use super::footage::{Footage, footage, lead_in, plan};
use super::plan::{FramePlan, WantedFrame};
use crate::clock::Clock;
use crate::error::ReadError;
use crate::head::Flags;
use crate::recording::Recording;
use crate::timeline::Fragment;
use bytes::Bytes;
use media::fmp4::Init;
use std::sync::Arc;

/// Stands for the newest instant there is.
pub(super) const NEWEST: u64 = u64::MAX;

/// Plans the pictures that are on screen at these instants, ascending, all covered by the fragment. `None` when there is
/// no picture, or no key frame to begin decoding with.
pub(super) async fn exact(
    recording: &Recording,
    fragment: &Fragment,
    instants: &[u64],
) -> Result<Option<FramePlan>, ReadError> {
    let init = recording.init_of(fragment).await?;
    let Some(before) = lead_in(recording, fragment, true).await? else { return Ok(None) };
    let own = footage(recording, &init, fragment, false).await?;
    let next = leading_pictures(recording, &init, fragment).await?;
    let mut wanted = Vec::with_capacity(instants.len());
    let (mut own_chunks, mut next_chunks) = (0, 0);
    for instant in instants {
        let leading = next.as_ref().and_then(|next| Some((next, next.on_screen(*instant)?)));
        let shown = own.on_screen(*instant);
        let latest = |(next, index): &(&Footage, usize)| {
            let leading_us = next.pictures[*index].producer_us;
            shown.is_none_or(|shown| own.pictures[shown].producer_us < leading_us)
        };
        if let Some((next, index)) = leading.filter(latest) {
            next_chunks = next_chunks.max(next.pictures[index].chunk + 1);
            own_chunks = own.chunks.len();
            wanted.push(next.wanted(index, *instant));
        } else if let Some(index) = shown.or((!own.pictures.is_empty()).then_some(0)) {
            // Before the first picture, that one is the nearest.
            own_chunks = own_chunks.max(own.pictures[index].chunk + 1);
            wanted.push(own.wanted(index, *instant));
        }
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut chunks: Vec<Bytes> = Vec::new();
    for fragment in &before {
        chunks.extend(footage(recording, &init, fragment, false).await?.chunks);
    }
    chunks.extend_from_slice(&own.chunks[..own_chunks]);
    if let Some(next) = &next {
        chunks.extend_from_slice(&next.chunks[..next_chunks]);
    }
    plan(&init, &chunks, wanted).map(Some)
}

/// Plans the key picture nearest to an instant, out of the first ones of these fragments; `None` when they have no
/// picture.
pub(super) async fn key(
    recording: &Recording,
    fragments: &[Fragment],
    instant: u64,
) -> Result<Option<FramePlan>, ReadError> {
    let mut nearest: Option<(WantedFrame, Arc<Init>, Footage)> = None;
    for fragment in fragments {
        let init = recording.init_of(fragment).await?;
        let own = footage(recording, &init, fragment, true).await?;
        let Some(index) = own.key_picture() else { continue };
        let wanted = own.wanted(index, instant);
        let distance = |wanted: &WantedFrame| wanted.producer_us.abs_diff(instant);
        if nearest.as_ref().is_none_or(|(other, ..)| distance(&wanted) < distance(other)) {
            nearest = Some((wanted, init, own));
        }
    }
    let Some((wanted, init, own)) = nearest else { return Ok(None) };
    let mut chunks: Vec<Bytes> = Vec::new();
    if own.fragment.flags.has(Flags::GRADUAL) {
        for fragment in lead_in(recording, &own.fragment, true).await?.iter().flatten() {
            chunks.extend(footage(recording, &init, fragment, false).await?.chunks);
        }
    }
    chunks.extend(own.chunks);
    plan(&init, &chunks, vec![wanted]).map(Some)
}

/// The next fragment, reduced to its pictures from before its own start: they belong to this one's time.
async fn leading_pictures(
    recording: &Recording,
    init: &Arc<Init>,
    fragment: &Fragment,
) -> Result<Option<Footage>, ReadError> {
    let next = recording.timeline.forward(Clock::Producer, 0, Some(fragment.seq), 1).await?;
    let leads = |next: &Fragment| {
        next.flags.has(Flags::OPEN_GOP) && !next.discontinuity() && next.init == fragment.init
    };
    let Some(next) = next.into_iter().next().filter(leads) else { return Ok(None) };
    let mut next = footage(recording, init, &next, false).await?;
    let start_us = next.fragment.producer_us;
    next.pictures.retain(|picture| picture.producer_us < start_us);
    Ok(Some(next))
}
