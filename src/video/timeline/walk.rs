//! Questions about fragments.

use super::fragment::Fragment;
use super::run::Run;
use super::{TRIM_RETRIES, Timeline, locate};
use crate::clock::Clock;
use crate::config::HEADS_PER_READ;
use crate::error::ReadError;
use shardlog::{Seq, Tail};
use std::collections::VecDeque;

/// What to tell the one who walks back.
pub(crate) enum Walk {
    On,
    Stop,
}

impl Timeline {
    /// Every fragment that overlaps a time range, in microseconds; an error when there are more than `max`.
    ///
    /// By the server's clock fragments may overlap each other (footage that is sent faster than real time); then the
    /// ones that begin in the range and the one before them count.
    pub(crate) async fn overlapping(
        &self,
        clock: Clock,
        from_us: u64,
        to_us: u64,
        max: usize,
    ) -> Result<Vec<Fragment>, ReadError> {
        let mut found = VecDeque::new();
        let mut too_many = false;
        self.walk_back(clock, to_us, |fragment| {
            let inside = fragment.end_us(clock) > from_us;
            too_many = inside && found.len() == max;
            if too_many {
                return Walk::Stop;
            }
            if inside {
                found.push_front(fragment.clone());
            }
            if fragment.start_us(clock) <= from_us { Walk::Stop } else { Walk::On }
        })
        .await?;
        if too_many {
            return Err(ReadError::TooManyFragments { max });
        }
        Ok(found.into())
    }

    /// Visits fragments that begin before `to_us`, newest first, until the visitor stops or there are none older.
    pub(crate) async fn walk_back(
        &self,
        clock: Clock,
        to_us: u64,
        mut visit: impl FnMut(&Fragment) -> Walk,
    ) -> Result<(), ReadError> {
        let mut held = self.run.lock().await;
        let tail = self.refresh(&mut held).await?;
        let Some(run) = held.as_mut() else { return Ok(()) };
        let mut unvisited = run.fragments.partition_point(|fragment| fragment.start_us(clock) < to_us);
        loop {
            if let Walk::Stop = visit_run(run, unvisited, &mut visit) {
                return Ok(());
            }
            let known = run.fragments.len();
            if known >= self.fragments_max {
                break;
            }
            match run.extend_back(&self.shard, tail.first).await {
                Ok(true) => {
                    let added = run.fragments.len() - known;
                    let before = run.fragments.range(..added);
                    unvisited = before.take_while(|fragment| fragment.start_us(clock) < to_us).count();
                }
                Ok(false) => return Ok(()),
                // Trimmed meanwhile: then that was all.
                Err(error) if error.is_trimmed() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let before = run.fragments.front().map(|front| front.seq).filter(|_| run.back.is_some());
        drop(held);
        if let Some(before) = before {
            self.walk_older(tail, before, clock, to_us, &mut visit).await?;
        }
        Ok(())
    }

    /// The fragment before another one.
    pub(crate) async fn before(&self, fragment: &Fragment) -> Result<Option<Fragment>, ReadError> {
        let mut before = None;
        self.walk_back(Clock::Producer, fragment.producer_us.saturating_add(1), |candidate| {
            if candidate.seq < fragment.seq {
                before = Some(candidate.clone());
                return Walk::Stop;
            }
            Walk::On
        })
        .await?;
        Ok(before)
    }

    /// Goes on before the fragments in memory, 32 at a time, keeping nothing.
    async fn walk_older(
        &self,
        tail: Tail,
        before: Seq,
        clock: Clock,
        to_us: u64,
        visit: &mut impl FnMut(&Fragment) -> Walk,
    ) -> Result<(), ReadError> {
        let found = locate::seek(&self.shard, tail.first, before, clock, to_us).await?;
        let upto = locate::fragment_start(&self.shard, found, before).await?;
        let mut run = Run::load(&self.shard, tail.first, upto).await?;
        loop {
            let unvisited = run.fragments.partition_point(|fragment| fragment.start_us(clock) < to_us);
            if let Walk::Stop = visit_run(&run, unvisited, visit) {
                return Ok(());
            }
            // Only the oldest fragment is needed to check that the next directory fits.
            run.fragments.truncate(1);
            match run.extend_back(&self.shard, tail.first).await {
                Ok(true) => run.fragments.truncate(run.fragments.len() - 1),
                Ok(false) => return Ok(()),
                Err(error) if error.is_trimmed() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Up to `max` fragments that begin after the fragment `after` (or at or after `from_us`, whichever is later), oldest
    /// first.
    pub(crate) async fn forward(
        &self,
        clock: Clock,
        from_us: u64,
        after: Option<Seq>,
        max: usize,
    ) -> Result<Vec<Fragment>, ReadError> {
        for _ in 0..TRIM_RETRIES {
            match self.try_forward(clock, from_us, after, max).await {
                Err(error) if error.is_trimmed() => {}
                answer => return answer,
            }
        }
        self.try_forward(clock, from_us, after, max).await
    }

    async fn try_forward(
        &self,
        clock: Clock,
        from_us: u64,
        after: Option<Seq>,
        max: usize,
    ) -> Result<Vec<Fragment>, ReadError> {
        let mut held = self.run.lock().await;
        let tail = self.refresh(&mut held).await?;
        let Some(run) = held.as_ref() else { return Ok(Vec::new()) };
        let before_start = |fragment: &Fragment| {
            fragment.start_us(clock) < from_us || after.is_some_and(|after| fragment.seq <= after)
        };
        let in_memory = run.back.is_none() || run.fragments.front().is_some_and(&before_start);
        if in_memory {
            let start = run.fragments.partition_point(before_start);
            return Ok(run.fragments.range(start..).take(max).cloned().collect());
        }
        drop(held);
        let mut from = locate::seek(&self.shard, tail.first, tail.next, clock, from_us).await?;
        if let Some(after) = after {
            from = from.max(after.plus(1));
        }
        let from = locate::fragment_start(&self.shard, from, tail.next).await?;
        let mut older = Run { next: from, ..Run::default() };
        // A fragment has a few chunks; whoever asks for few fragments should not read a thousand heads.
        let heads = max.saturating_mul(4).clamp(64, HEADS_PER_READ) as u64;
        while older.next < tail.next && older.fragments.len() <= max {
            let page = older.next.plus(heads.min(tail.next.0 - older.next.0));
            older.follow(&self.shard, from, page).await?;
        }
        // The last one may be cut off by the page, unless it is the last of all.
        Ok(older.fragments.into_iter().take(max).collect())
    }

    /// The fragment with this number.
    pub(crate) async fn by_number(&self, seq: Seq) -> Result<Option<Fragment>, ReadError> {
        let mut held = self.run.lock().await;
        let tail = self.refresh(&mut held).await?;
        let Some(run) = held.as_ref() else { return Ok(None) };
        if seq < tail.first || seq >= tail.next {
            return Ok(None);
        }
        if run.back.is_none() || run.fragments.front().is_some_and(|front| front.seq <= seq) {
            let index = run.fragments.partition_point(|fragment| fragment.seq < seq);
            let fragment = run.fragments.get(index).filter(|fragment| fragment.seq == seq);
            return Ok(fragment.cloned());
        }
        drop(held);
        if locate::fragment_start(&self.shard, seq, seq.plus(1)).await? != seq {
            return Ok(None);
        }
        let mut older = Run { next: seq, ..Run::default() };
        while older.next < tail.next && older.fragments.len() < 2 {
            let page = Seq(older.next.0.saturating_add(64)).min(tail.next);
            older.follow(&self.shard, seq, page).await?;
        }
        Ok(older.fragments.pop_front())
    }
}

/// Visits the first `count` fragments, newest first.
fn visit_run(run: &Run, count: usize, visit: &mut impl FnMut(&Fragment) -> Walk) -> Walk {
    for fragment in run.fragments.range(..count).rev() {
        if let Walk::Stop = visit(fragment) {
            return Walk::Stop;
        }
    }
    Walk::On
}
