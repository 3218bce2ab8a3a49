//! Gives chunks their place: session, fragment, discontinuity, directory.

use super::media_clock::{MediaTime, Placed};
use crate::clock::ProducerClock;
use crate::config::VideoConfig;
use crate::head::{
    ChunkHead, DIRECTORY_FRAGMENTS, DirectoryEntry, EndHead, Flags, InitId, Position, Tag, TrackHead,
};
use crate::reason::Reason;
use crate::timeline::{Fragment, StreamEnd};
use media::fmp4::{Key, TrackChunk};
use shardlog::{Arrival, Seq};

/// What a chunk is, before it has a place.
pub(super) struct NewChunk {
    pub(super) tracks: Vec<TrackHead>,
    /// Bytes before the media data.
    pub(super) head_len: u32,
    pub(super) init: InitId,
    /// Whether decoding can start at its first picture.
    pub(super) key: Key,
    /// Whether the initialisation segment has no track of pictures.
    pub(super) sound_only: bool,
    pub(super) time: MediaTime,
    pub(super) placed: Placed,
    pub(super) clock: ProducerClock,
    pub(super) tags: Vec<Tag>,
}

impl NewChunk {
    fn has_lead(&self) -> bool {
        self.time.presentation_offset.is_some()
    }
}

/// Where a session stands in its stream.
pub(super) struct Numbering {
    session: u128,
    /// Chunks of the session so far.
    index: u64,
    /// Fragments of the stream so far.
    fragments: u64,
    discontinuity_ordinal: u64,
    /// The current fragment, and whether it has samples of the lead track.
    open: Option<(Fragment, bool)>,
    /// Complete fragments since the newest directory, its own included.
    recent: Vec<DirectoryEntry>,
    directory_seq: Option<Seq>,
    end_us: u64,
    fragment_us_max: u64,
    fragment_us_min: u64,
    sound_us_min: u64,
}

impl Numbering {
    /// Goes on where the stream ends; as its latest session if `resumed`, else as a new one.
    pub(super) fn new(end: &StreamEnd, session: u128, resumed: bool, config: &VideoConfig) -> Self {
        let last_chunk = end.last_chunk.as_ref().map(|(_, _, head)| head);
        let position =
            end.ended.as_ref().map(|(_, ended)| &ended.position).or(last_chunk.map(|head| &head.position));
        let next_index = match (&end.ended, last_chunk) {
            (Some((_, ended)), _) => ended.position.index,
            (None, Some(last)) => last.position.index + 1,
            (None, None) => 0,
        };
        Self {
            session: position.filter(|_| resumed).map_or(session, |position| position.session),
            index: if resumed { next_index } else { 0 },
            fragments: position.map_or(0, |position| position.fragment_ordinal + 1),
            discontinuity_ordinal: position.map_or(0, |position| position.discontinuity_ordinal),
            open: None,
            recent: end.since_directory.clone(),
            directory_seq: end.directory_seq,
            end_us: 0,
            fragment_us_max: config.fragment_us_max(),
            fragment_us_min: u64::from(config.fragment_min_ms) * 1000,
            sound_us_min: u64::from(config.sound_fragment_ms) * 1000,
        }
    }

    /// The session's id.
    pub(super) fn session(&self) -> u128 {
        self.session
    }

    /// Whether the stream had a fragment before this session's first.
    pub(super) fn follows(&self) -> bool {
        self.fragments > 0
    }

    /// Whether a chunk begins a fragment.
    pub(super) fn begins(&self, chunk: &NewChunk, reason: Reason) -> bool {
        let Some((open, has_lead)) = &self.open else { return true };
        if reason != Reason::None {
            return true;
        }
        let end_us = chunk.placed.producer_us.saturating_add(self.duration_us(chunk));
        let lasts_us = end_us.saturating_sub(open.producer_us);
        let least_us = if chunk.sound_only { self.sound_us_min } else { self.fragment_us_min };
        // Without pictures so far, the fragment waits for its key frame.
        let key = chunk.key.is_key() && *has_lead && u64::from(open.duration_us) >= least_us;
        // Of a fragment that does not start with a key frame, nothing can be shown until one comes.
        let first_key = chunk.key.is_key() && *has_lead && !open.independent();
        key || first_key || lasts_us > self.fragment_us_max
    }

    /// What a chunk adds to the time its fragment lasts: other tracks count only while there is nothing of the lead.
    fn duration_us(&self, chunk: &NewChunk) -> u64 {
        let waits_for_lead = self.open.as_ref().is_none_or(|(_, has_lead)| !has_lead);
        if chunk.has_lead() || waits_for_lead {
            crate::head::ticks_to_us(chunk.time.duration, chunk.time.timescale)
        } else {
            0
        }
    }

    /// The head of the session's next chunk.
    pub(super) fn head(&self, chunk: NewChunk, reason: Reason, init_seq: Option<Seq>) -> ChunkHead {
        let begins = self.begins(&chunk, reason);
        let fragment_ordinal = if begins { self.fragments } else { self.fragments.saturating_sub(1) };
        let discontinuity = begins && reason != Reason::None;
        let next_us = (!discontinuity).then_some(chunk.placed.producer_us);
        let lists = begins && fragment_ordinal.is_multiple_of(DIRECTORY_FRAGMENTS);
        let first_of_lead = begins || self.open.as_ref().is_some_and(|(_, has_lead)| !has_lead);
        let independent = first_of_lead && chunk.has_lead() && chunk.key.is_key();
        let duration = if self.duration_us(&chunk) > 0 || begins { chunk.time.duration } else { 0 };
        ChunkHead {
            flags: Flags::default()
                .with(Flags::STARTS_FRAGMENT, begins)
                .with(Flags::DISCONTINUITY, discontinuity)
                .with(Flags::CONNECTION, self.open.is_none())
                .with(Flags::INDEPENDENT, independent)
                .with(Flags::OPEN_GOP, independent && chunk.key == Key::Open)
                .with(Flags::GRADUAL, independent && matches!(chunk.key, Key::Gradual { .. })),
            position: Position {
                session: self.session,
                index: self.index,
                fragment_ordinal,
                discontinuity_ordinal: self.discontinuity_ordinal + u64::from(discontinuity),
                fragment_seq: self.open.as_ref().filter(|_| !begins).map(|(open, _)| open.seq),
                directory_seq: self.directory_seq,
                init_seq,
                producer_us: chunk.placed.producer_us,
            },
            clock: chunk.clock,
            reason: if discontinuity { reason } else { Reason::None },
            timescale: chunk.time.timescale,
            decode_time: chunk.time.decode_time,
            duration,
            presentation_offset: chunk.placed.presentation_offset,
            init: chunk.init,
            head_len: chunk.head_len,
            tracks: chunk.tracks,
            tags: chunk.tags,
            directory: if lists { self.complete(next_us) } else { Vec::new() },
        }
    }

    /// The chunk with this head has its place. Returns the fragment that it begins, if it does.
    pub(super) fn admitted(
        &mut self,
        head: &ChunkHead,
        has_lead: bool,
        seq: Seq,
        arrival: Arrival,
        len: u64,
    ) -> Option<&Fragment> {
        self.index += 1;
        self.end_us = self.end_us.max(head.end_us());
        if !head.flags.has(Flags::STARTS_FRAGMENT) {
            if let Some((open, open_has_lead)) = &mut self.open {
                open.add(head, len);
                *open_has_lead |= has_lead;
            }
            return None;
        }
        if head.directory.is_empty() {
            let goes_on = !head.flags.has(Flags::DISCONTINUITY);
            self.recent = self.complete(goes_on.then_some(head.position.producer_us));
        } else {
            self.directory_seq = Some(seq);
            self.recent.clear();
        }
        self.fragments = head.position.fragment_ordinal + 1;
        self.discontinuity_ordinal = head.position.discontinuity_ordinal;
        let open = self.open.insert((Fragment::begin(seq, arrival, head, len), has_lead));
        Some(&open.0)
    }

    /// The fragments since the newest directory, at most 32, as they are once the current one is complete: `next_us` is
    /// where the session goes on with the next one, if it does.
    fn complete(&self, next_us: Option<u64>) -> Vec<DirectoryEntry> {
        let open = self.open.as_ref().map(|(open, _)| {
            let mut open = open.clone();
            next_us.into_iter().for_each(|next_us| open.followed_at(next_us));
            open.to_entry()
        });
        let excess =
            (self.recent.len() + usize::from(open.is_some())).saturating_sub(DIRECTORY_FRAGMENTS as usize);
        self.recent.iter().skip(excess).cloned().chain(open).collect()
    }

    /// The head of the record that ends the connection; `None` when it had no chunk.
    pub(super) fn end(&self, reason: Reason, init_seq: Option<Seq>) -> Option<EndHead> {
        let (open, _) = self.open.as_ref()?;
        Some(EndHead {
            position: Position {
                session: self.session,
                index: self.index,
                fragment_ordinal: open.ordinal,
                discontinuity_ordinal: open.discontinuity_ordinal,
                fragment_seq: Some(open.seq),
                directory_seq: self.directory_seq,
                init_seq,
                producer_us: self.end_us,
            },
            reason,
        })
    }
}

/// What a head says of one track.
pub(super) fn track_head(track: &TrackChunk) -> TrackHead {
    TrackHead {
        track_id: track.track_id,
        samples: u32::try_from(track.samples.len()).unwrap_or(u32::MAX),
        decode_time: track.decode_time,
        duration: track.duration,
    }
}
