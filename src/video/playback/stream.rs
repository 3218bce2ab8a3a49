//! Endless fragmented MP4 from an instant on, into the live edge.
//!
//! One initialisation segment, then every chunk with its decoding times moved to one timeline: within a session the
//! media's own times stay, after a discontinuity they go on where the session before ended, plus the time that is
//! missing in between. Ends when codec, size or tracks change, since a decoder that was given one initialisation segment
//! cannot go on.

use super::body::{BodyStream, expired};
use crate::clock::Clock;
use crate::config::BYTES_PER_READ;
use crate::error::ReadError;
use crate::head::{ChunkHead, Flags, Head, InitId, ticks_to_us};
use crate::recording::Recording;
use crate::timeline::{Fragment, Read, Walk};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use media::fmp4::{Init, retime};
use shardlog::{ReadLimit, Seq};
use std::collections::VecDeque;
use std::sync::Arc;
use streams::Pages;

/// Chunks fetched by one read.
const CHUNKS_PER_READ: usize = 32;

struct Playing {
    recording: Arc<Recording>,
    pages: Pages,
    /// A fragment that can be decoded from its first chunk on, although it may be a later chunk that holds the key frame:
    /// a connection that sends every frame by itself may begin with sound.
    entry: Option<Seq>,
    /// Bytes that are ready to be sent.
    ready: VecDeque<Bytes>,
    /// Known from the first chunk on.
    started: Option<Started>,
    over: bool,
}

struct Started {
    id: InitId,
    init: Arc<Init>,
    /// Where the first chunk stands: by the camera's clock, and on the timeline that is sent, in microseconds.
    origin: (u64, i128),
    /// What is added to the current session's media times, in microseconds.
    shift_us: i128,
    /// Up to where there is media on the timeline that is sent, in microseconds.
    end_us: i128,
    sequence: u32,
}

/// Media from `from_ms` (the camera's clock) on; from the newest fragment on if absent.
pub(crate) async fn media_from(
    recording: Arc<Recording>,
    from_ms: Option<u64>,
) -> Result<BodyStream, ReadError> {
    let (next, entry) = start(&recording, from_ms).await?;
    let limit = ReadLimit { records: CHUNKS_PER_READ, bytes: BYTES_PER_READ };
    let pages = recording.shard.pages(next, limit);
    let playing = Playing { recording, pages, entry, ready: VecDeque::new(), started: None, over: false };
    let body = stream::try_unfold(playing, |mut playing| async move {
        loop {
            if let Some(bytes) = playing.ready.pop_front() {
                return Ok(Some((bytes, playing)));
            }
            if playing.over {
                return Ok(None);
            }
            playing.advance().await?;
        }
    });
    Ok(body.boxed())
}

/// The fragment to begin with: the newest one that can be decoded and does not begin after `from_ms`, if it reaches that
/// far; else the next one. Where to read from, and the fragment there if it can be decoded.
async fn start(recording: &Recording, from_ms: Option<u64>) -> Result<(Seq, Option<Seq>), ReadError> {
    let timeline = &recording.timeline;
    let from_us = from_ms.unwrap_or(u64::MAX).saturating_mul(1000);
    let mut covering = None;
    let mut covered = from_ms.is_none();
    timeline
        .walk_back(Clock::Producer, from_us.saturating_add(1), |fragment: &Fragment| {
            covered |= fragment.end_us(Clock::Producer) > from_us;
            if covered && fragment.independent() {
                covering = Some(fragment.seq);
            }
            if covering.is_some() || !covered { Walk::Stop } else { Walk::On }
        })
        .await?;
    if let Some(seq) = covering {
        return Ok((seq, covering));
    }
    let later = timeline.forward(Clock::Producer, from_us, None, 1).await?;
    Ok(match later.first() {
        Some(fragment) => (fragment.seq, Some(fragment.seq).filter(|_| fragment.independent())),
        None => (timeline.tail()?.next, None),
    })
}

impl Playing {
    async fn advance(&mut self) -> Result<(), ReadError> {
        let mut watch = self.recording.shard.watch()?;
        let next = self.pages.position();
        // The channel closes when the stream is deleted or the server goes down.
        if watch.wait_for(|tail| tail.next > next).await.is_err() {
            self.over = true;
            return Ok(());
        }
        for mut record in self.pages.next().await.map_err(expired)? {
            let body = record.body.take().unwrap_or_default();
            if let Head::Chunk(head) = Read::of(&record)?.head {
                let entry = head.flags.has(Flags::INDEPENDENT) || self.entry == Some(record.seq);
                self.chunk(&head, entry, body).await?;
                if self.over {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes a chunk; `entry`: decoding can begin with the fragment that it begins.
    async fn chunk(&mut self, head: &ChunkHead, entry: bool, body: Bytes) -> Result<(), ReadError> {
        let media_us = i128::from(ticks_to_us(head.decode_time, head.timescale));
        let begins = head.flags.has(Flags::STARTS_FRAGMENT);
        match &mut self.started {
            None if begins && entry => {
                let init = self.recording.init(head.init).await?;
                self.ready.push_back(init.bytes.clone());
                let origin = (head.position.producer_us, media_us);
                self.started =
                    Some(Started { id: head.init, init, origin, shift_us: 0, end_us: media_us, sequence: 0 });
            }
            None => return Ok(()),
            Some(started) if started.id != head.init => {
                self.over = true;
                return Ok(());
            }
            Some(started) if head.flags.has(Flags::DISCONTINUITY) => {
                let passed_us = i128::from(head.position.producer_us) - i128::from(started.origin.0);
                // Steered clocks run a little slower than media: what follows must not overlap it.
                started.shift_us = (started.origin.1 + passed_us).max(started.end_us) - media_us;
            }
            Some(_) => {}
        }
        if let Some(started) = &mut self.started {
            started.end_us = media_us + started.shift_us + i128::from(head.duration_us());
            started.sequence = started.sequence.wrapping_add(1);
            let (moof, rest) = started.moved(body)?;
            self.ready.extend([moof, rest]);
        }
        Ok(())
    }
}

impl Started {
    /// The chunk on the timeline that is sent.
    fn moved(&self, mut body: Bytes) -> Result<(Bytes, Bytes), ReadError> {
        let len = body.first_chunk::<4>().map_or(0, |len| u32::from_be_bytes(*len)) as usize;
        let moof = body.split_to(len.min(body.len()));
        let shift = |track_id| {
            let timescale = self.init.track(track_id).map_or(1, |track| track.timescale);
            let ticks = self.shift_us * i128::from(timescale) / 1_000_000;
            ticks.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
        };
        Ok((retime(&moof, self.sequence, shift)?, body))
    }
}
