//! Pictures of a range, at a rate or every key frame, as a stream of plans.

use super::gop::{self, NEWEST};
use super::one::LINGER_US;
use super::plan::{FramePlan, MissingFrame, MissingReason};
use crate::clock::Clock;
use crate::error::ReadError;
use crate::reason::Reason;
use crate::recording::Recording;
use crate::timeline::{Fragment, Walk};
use futures_util::stream::{self, BoxStream, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;

/// Fragments looked up at once.
const FRAGMENTS_PER_PAGE: usize = 64;
/// Most pictures of one batch.
const PICTURES_PER_BATCH: usize = 1024;

/// Which pictures of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// So many per second, at most 1000, beginning at the start of the range. A higher rate than the footage has repeats
    /// its pictures.
    Fps(f64),
    /// The first picture of every fragment that begins with a key frame.
    KeyFrames,
}

/// The next pictures of a range, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameBatch {
    /// Pictures that can be made.
    Plan(FramePlan),
    /// Pictures that do not exist, at most 1024.
    Missing(Vec<MissingFrame>),
}

/// Walks through a range, one batch at a time.
struct Sampler {
    recording: Arc<Recording>,
    from_us: u64,
    to_us: u64,
    sampling: Sampling,
    /// Index of the next instant.
    index: u64,
    /// Fragments of the range that have been looked up and not sampled.
    fragments: VecDeque<Fragment>,
    /// The newest fragment looked up.
    last: Option<Fragment>,
    /// There are no further fragments in the range.
    exhausted: bool,
}

/// Plans the pictures of a range by the camera's clock, in microseconds.
pub(crate) async fn sample(
    recording: Arc<Recording>,
    from_us: u64,
    to_us: u64,
    sampling: Sampling,
) -> Result<BoxStream<'static, Result<FrameBatch, ReadError>>, ReadError> {
    if from_us >= to_us {
        return Err(ReadError::Backwards);
    }
    if let Sampling::Fps(fps) = sampling
        && !(fps.is_finite() && fps > 0.0 && fps <= 1000.0)
    {
        return Err(ReadError::InvalidRate);
    }
    let sampler = Sampler {
        // Nothing can be said of pictures that are yet to come.
        to_us: to_us.min(known_until(&recording).await?).max(from_us),
        recording,
        from_us,
        sampling,
        index: 0,
        fragments: VecDeque::new(),
        last: None,
        exhausted: false,
    };
    let batches = stream::try_unfold(sampler, |mut sampler| async move {
        Ok(sampler.next_batch().await?.map(|batch| (batch, sampler)))
    });
    Ok(batches.boxed())
}

/// Now, or the end of the footage if a camera's clock runs ahead.
async fn known_until(recording: &Recording) -> Result<u64, ReadError> {
    let end = recording.timeline.end().await?;
    let recorded = end.newest.last().map_or(0, |newest| newest.end_us(Clock::Producer));
    Ok(recording.now_ms().saturating_mul(1000).max(recorded))
}

impl Sampler {
    async fn next_batch(&mut self) -> Result<Option<FrameBatch>, ReadError> {
        loop {
            // The next fragment tells how long the one before is shown.
            if self.fragments.len() < 2 && !self.exhausted {
                self.look_up().await?;
            }
            let Some(fragment) = self.fragments.front() else { return self.after_all().await };
            if self.instant().is_some_and(|instant| instant < fragment.producer_us) {
                let fragment = fragment.clone();
                return self.before(&fragment).await.map(Some);
            }
            let Some(fragment) = self.fragments.pop_front() else { continue };
            if let Some(batch) = self.pictures_of(&fragment).await? {
                return Ok(Some(batch));
            }
        }
    }

    async fn pictures_of(&mut self, fragment: &Fragment) -> Result<Option<FrameBatch>, ReadError> {
        if self.sampling == Sampling::KeyFrames {
            if !fragment.independent() {
                return Ok(None);
            }
            let planned = gop::key(&self.recording, std::slice::from_ref(fragment), NEWEST).await?;
            let in_range = |plan: &FramePlan| {
                plan.wanted.iter().all(|wanted| (self.from_us..self.to_us).contains(&wanted.producer_us))
            };
            return Ok(planned.filter(in_range).map(FrameBatch::Plan));
        }
        let end_us = fragment.end_us(Clock::Producer);
        let next_us = self.fragments.front().map(|next| next.producer_us);
        let shown_until = next_us.filter(|next| *next <= end_us.saturating_add(LINGER_US)).unwrap_or(end_us);
        let mut instants = Vec::new();
        while let Some(instant) = self.instant().filter(|instant| *instant < shown_until) {
            if instants.len() == PICTURES_PER_BATCH {
                // The rest of the fragment's pictures come with the next batch.
                self.fragments.push_front(fragment.clone());
                break;
            }
            instants.push(instant);
            self.index += 1;
        }
        if instants.is_empty() {
            return Ok(None);
        }
        Ok(Some(match gop::exact(&self.recording, fragment, &instants).await? {
            Some(plan) => FrameBatch::Plan(plan),
            None => missing(&instants, MissingReason::NoKeyFrame, Reason::None),
        }))
    }

    async fn look_up(&mut self) -> Result<(), ReadError> {
        let timeline = &self.recording.timeline;
        let (from_us, after) = match &self.last {
            Some(last) => (0, Some(last.seq)),
            None => {
                // What covers the start of the range begins before it.
                let mut covering = None;
                timeline
                    .walk_back(Clock::Producer, self.from_us, |fragment| {
                        covering = Some(fragment.clone());
                        Walk::Stop
                    })
                    .await?;
                let covers = |fragment: &Fragment| fragment.end_us(Clock::Producer) > self.from_us;
                self.fragments.extend(covering.filter(covers));
                (self.from_us, None)
            }
        };
        let found = timeline.forward(Clock::Producer, from_us, after, FRAGMENTS_PER_PAGE).await?;
        let complete = found.len() == FRAGMENTS_PER_PAGE;
        let before = self.fragments.len();
        self.fragments.extend(found.into_iter().take_while(|fragment| fragment.producer_us < self.to_us));
        self.exhausted = !complete || self.fragments.len() - before < FRAGMENTS_PER_PAGE;
        self.last = self.fragments.back().cloned().or(self.last.take());
        Ok(())
    }

    fn instant(&self) -> Option<u64> {
        let Sampling::Fps(fps) = self.sampling else { return None };
        let into_us = (self.index as f64 * 1_000_000.0 / fps).round();
        let instant = self.from_us.saturating_add(into_us as u64);
        (instant < self.to_us).then_some(instant)
    }

    /// Instants before this fragment, which nothing covers.
    async fn before(&mut self, fragment: &Fragment) -> Result<FrameBatch, ReadError> {
        let earlier = self.recording.timeline.before(fragment).await?;
        let (reason, gap) = match (earlier, fragment.ordinal) {
            (Some(_), _) if fragment.reason == Reason::None => (MissingReason::Gap, Reason::NoData),
            (Some(_), _) => (MissingReason::Gap, fragment.reason),
            (None, 0) => (MissingReason::NoMedia, Reason::NotRecorded),
            (None, _) => (MissingReason::NoMedia, Reason::Retention),
        };
        Ok(missing(&self.uncovered(fragment.producer_us), reason, gap))
    }

    /// Instants after the last fragment of the range.
    async fn after_all(&mut self) -> Result<Option<FrameBatch>, ReadError> {
        let instants = self.uncovered(self.to_us);
        let Some(first) = instants.first() else { return Ok(None) };
        let timeline = &self.recording.timeline;
        let later = timeline.forward(Clock::Producer, *first, None, 1).await?;
        if let Some(later) = later.first() {
            let gap = if later.reason == Reason::None { Reason::NoData } else { later.reason };
            return Ok(Some(missing(&instants, MissingReason::Gap, gap)));
        }
        let end = timeline.end().await?;
        let gap = match end.newest.is_empty() {
            true => Reason::NotRecorded,
            false => self.recording.trailing(&end, self.recording.now_ms()).unwrap_or(Reason::NoData),
        };
        Ok(Some(missing(&instants, MissingReason::NoMedia, gap)))
    }

    /// The next instants before `until_us`.
    fn uncovered(&mut self, until_us: u64) -> Vec<u64> {
        let mut instants = Vec::new();
        while let Some(instant) = self.instant().filter(|instant| *instant < until_us)
            && instants.len() < PICTURES_PER_BATCH
        {
            instants.push(instant);
            self.index += 1;
        }
        instants
    }
}

fn missing(instants: &[u64], reason: MissingReason, gap: Reason) -> FrameBatch {
    let frame = |requested_us: &u64| MissingFrame { requested_us: *requested_us, reason, gap };
    FrameBatch::Missing(instants.iter().map(frame).collect())
}
