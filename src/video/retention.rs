//! What retention must leave, so that the footage that stays can be read.
//!
//! Records that have expired go up to the first fragment that has a younger chunk: a fragment is never cut. If that
//! fragment's initialisation segment is older, it is stated again first: any later fragment has the same one, or one
//! that is stated between the two. And the last word on where the stream stands (its end record) always stays, so that
//! numbers go on where they were even after everything has expired.

use crate::clock::Clock;
use crate::error::ReadError;
use crate::head::{ChunkHead, EndHead, Head};
use crate::ingest::Slot;
use crate::recording::{PlaceError, Purpose, Recording};
use crate::timeline::{Fragment, StreamEnd, Walk, read_heads};
use crate::video::Video;
use async_trait::async_trait;
use bytes::Bytes;
use shardlog::{Seq, Source};
use std::sync::Arc;
use streams::{AppendError, HeldRange, HoldClock, Shard, StreamInfo, StreamKind, TrimGuard};

/// Guards the footage of every video stream; other streams are trimmed exactly.
pub(crate) struct FootageGuard(pub(crate) Video);

/// Why a stream could not be made ready to be trimmed.
#[derive(Debug, thiserror::Error)]
enum GuardError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

#[async_trait]
impl TrimGuard for FootageGuard {
    async fn trim_point(&self, stream: &StreamInfo, shard: &Shard, proposed: Seq) -> Result<Seq, Source> {
        if stream.kind != StreamKind::Video {
            return Ok(proposed);
        }
        let recording = self.0.recording_of(shard.clone());
        let point: Result<Seq, GuardError> = trim_point(&recording, proposed).await;
        point.map_err(|error| Arc::new(error) as Source)
    }

    async fn held_from(
        &self,
        stream: &StreamInfo,
        shard: &Shard,
        range: HeldRange,
    ) -> Result<Option<Seq>, Source> {
        let found = if stream.kind == StreamKind::Video {
            held_from(&self.0.recording_of(shard.clone()), range).await
        } else {
            shard.arrived_in(range.from_ms, range.to_ms).await.map_err(ReadError::from)
        };
        found.map_err(|error| Arc::new(error) as Source)
    }
}

/// The first fragment that overlaps a range by the camera's clock, or the first record that arrived within it. By arrival
/// fragments can overlap each other, so there a record is all that can be named; its fragment stays whole.
async fn held_from(recording: &Recording, range: HeldRange) -> Result<Option<Seq>, ReadError> {
    if range.clock == HoldClock::Server {
        return Ok(recording.shard.arrived_in(range.from_ms, range.to_ms).await?);
    }
    let (from_us, to_us) = (range.from_ms.saturating_mul(1000), range.to_ms.saturating_mul(1000));
    let mut reaches_in = None;
    let visit = |fragment: &Fragment| {
        reaches_in = (fragment.end_us(Clock::Producer) > from_us).then_some(fragment.seq);
        Walk::Stop
    };
    recording.timeline.walk_back(Clock::Producer, from_us, visit).await?;
    if reaches_in.is_some() {
        return Ok(reaches_in);
    }
    let begins = recording.timeline.forward(Clock::Producer, from_us, None, 1).await?;
    let first = begins.first().filter(|fragment| fragment.start_us(Clock::Producer) < to_us);
    Ok(first.map(|fragment| fragment.seq))
}

async fn trim_point(recording: &Arc<Recording>, proposed: Seq) -> Result<Seq, GuardError> {
    let end = recording.timeline.end().await?;
    if let Some((seq, head)) = first_chunk(recording, proposed).await? {
        return keep_from(recording, proposed, seq, &head).await;
    }
    // Everything has expired.
    match (&end.ended, &end.last_chunk) {
        (Some((seq, _)), _) => Ok(proposed.min(*seq)),
        (None, Some((seq, _, head))) => match end_now(recording, &end).await? {
            true => Ok(proposed),
            false => keep_from(recording, proposed, *seq, head).await,
        },
        (None, None) => Ok(proposed),
    }
}

/// Keeps the fragment of this chunk, and what it needs.
async fn keep_from(
    recording: &Recording,
    proposed: Seq,
    seq: Seq,
    head: &ChunkHead,
) -> Result<Seq, GuardError> {
    let point = head.position.fragment_seq.unwrap_or(seq).min(proposed);
    let stated = recording.timeline.find_init(head.init).await?;
    if stated.is_none_or(|stated| stated < point) {
        let init = recording.init(head.init).await?;
        recording.append_init(head.init, init.bytes.clone(), Purpose::Upkeep, None).await?.durable.await?;
    }
    Ok(point)
}

/// The first chunk from `from` on.
async fn first_chunk(recording: &Recording, from: Seq) -> Result<Option<(Seq, Box<ChunkHead>)>, ReadError> {
    let tail = recording.timeline.tail()?;
    let mut next = from.max(tail.first);
    while next < tail.next {
        // One is nearly always enough.
        for read in read_heads(&recording.shard, next, next.plus(1)).await? {
            if let Head::Chunk(head) = read.head {
                return Ok(Some((read.seq, head)));
            }
            next = read.seq.plus(1);
        }
    }
    Ok(None)
}

/// Writes down the end of a stream whose last session was cut off together with the server, or found no room for it;
/// `false` when somebody is sending.
async fn end_now(recording: &Arc<Recording>, end: &StreamEnd) -> Result<bool, GuardError> {
    let Some(_slot) = Slot::take_idle(recording) else { return Ok(false) };
    // Whoever was sending may have just ended.
    let now = recording.timeline.end().await?;
    let same = now.ended.is_none()
        && now.last_chunk.as_ref().map(|last| last.0) == end.last_chunk.as_ref().map(|last| last.0);
    let (Some((seq, _, last)), true) = (&now.last_chunk, same) else { return Ok(false) };
    let place = recording.next_place(Purpose::Upkeep).await?;
    let mut position = last.position.clone();
    position.index += 1;
    position.fragment_seq = position.fragment_seq.or(Some(*seq));
    position.init_seq = place.newest_init;
    position.directory_seq = end.directory_seq;
    position.producer_us =
        last.end_us().max(end.newest.last().map_or(0, |fragment| fragment.end_us(Clock::Producer)));
    let head = EndHead { position, reason: recording.ended(&now) };
    place.append(head.encode(), Bytes::new(), None).await?.durable.await?;
    Ok(true)
}
