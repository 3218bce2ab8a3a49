//! Checks that a stream's records fit together, from the first to the last.

use crate::error::ReadError;
use crate::head::{ChunkHead, DIRECTORY_FRAGMENTS, EndHead, Flags, Head, InitHead, InitId, Position};
use crate::recording::Recording;
use crate::timeline::{Fragment, Read, read_heads};
use serde::Serialize;
use shardlog::Seq;
use std::collections::{BTreeSet, VecDeque};

/// A stream with so many faults is not looked at any further.
const FAULTS_MAX: usize = 20;

/// What checking a stream found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Records that were looked at.
    pub records: u64,
    /// Fragments among them.
    pub fragments: u64,
    /// One sentence for each fault; at most 20.
    pub faults: Vec<String>,
}

/// Reads every head, and every initialisation segment, and checks
///
/// - that sessions, fragments and discontinuities are numbered without a hole, and producer time never goes back;
/// - that every chunk belongs to the fragment it says, and every directory lists what was there;
/// - that every chunk's initialisation segment is there, under its name, and the chain of them leads to each.
pub(crate) async fn verify(recording: &Recording) -> Result<Verified, ReadError> {
    let tail = recording.timeline.tail()?;
    let mut check = Check { first: tail.first, ..Check::default() };
    let mut next = tail.first;
    while next < tail.next && check.report.faults.len() < FAULTS_MAX {
        for read in read_heads(&recording.shard, next, tail.next).await? {
            next = read.seq.plus(1);
            check.record(recording, read).await?;
        }
    }
    for id in check.needed.difference(&check.stated) {
        check.report.faults.push(format!("init segment {id} is needed and not there"));
    }
    check.report.faults.truncate(FAULTS_MAX);
    Ok(check.report)
}

#[derive(Default)]
struct Check {
    first: Seq,
    report: Verified,
    /// Where the latest record said that the stream stands, and the index of the session's next chunk.
    position: Option<(Position, u64)>,
    /// The latest fragments, complete but for the last.
    fragments: VecDeque<Fragment>,
    newest_init: Option<Seq>,
    newest_directory: Option<Seq>,
    stated: BTreeSet<InitId>,
    needed: BTreeSet<InitId>,
}

impl Check {
    fn expect(&mut self, holds: bool, seq: Seq, what: &str) {
        if !holds && self.report.faults.len() < FAULTS_MAX {
            self.report.faults.push(format!("record {seq}: {what}"));
        }
    }

    /// Whether a pointer leads to what was seen; what is trimmed cannot be checked.
    fn expect_link(&mut self, seq: Seq, link: Option<Seq>, seen: Option<Seq>, what: &str) {
        let checkable = link.filter(|link| *link >= self.first);
        self.expect(checkable == seen, seq, what);
    }

    async fn record(&mut self, recording: &Recording, read: Read) -> Result<(), ReadError> {
        self.report.records += 1;
        match &read.head {
            Head::Init(head) => self.init(recording, read.seq, head, read.body_len).await?,
            Head::Chunk(head) => self.chunk(&read, head),
            Head::End(head) => self.end(read.seq, head),
        }
        Ok(())
    }

    async fn init(
        &mut self,
        recording: &Recording,
        seq: Seq,
        head: &InitHead,
        len: u64,
    ) -> Result<(), ReadError> {
        self.expect_link(seq, head.previous, self.newest_init, "it does not name the init segment before it");
        let body = recording.shard.body(seq, 0..len).await?;
        self.expect(InitId::of(&body) == head.id, seq, "the init segment is not what its name says");
        self.newest_init = Some(seq);
        self.stated.insert(head.id);
        Ok(())
    }

    fn chunk(&mut self, read: &Read, head: &ChunkHead) {
        let (seq, position) = (read.seq, &head.position);
        self.needed.insert(head.init);
        self.linked(seq, position);
        let starts = head.flags.has(Flags::STARTS_FRAGMENT);
        let discontinuity = head.flags.has(Flags::DISCONTINUITY);
        self.expect(
            starts == position.fragment_seq.is_none(),
            seq,
            "it does not know whether it starts a fragment",
        );
        if let Some((before, next_index)) = &self.position {
            let same = before.session == position.session;
            let index = if same { *next_index } else { 0 };
            let fragment = before.fragment_ordinal + u64::from(starts);
            let discontinuities = before.discontinuity_ordinal + u64::from(discontinuity);
            let later = position.producer_us >= before.producer_us;
            let counted =
                position.fragment_ordinal == fragment && position.discontinuity_ordinal == discontinuities;
            self.expect(position.index == index, seq, "its session has a hole before it");
            self.expect(same || discontinuity, seq, "a session begins without a discontinuity");
            self.expect(
                counted,
                seq,
                "its fragment or discontinuity is not counted on from the record before",
            );
            self.expect(later, seq, "its producer time goes back");
        }
        self.position = Some((position.clone(), position.index.saturating_add(1)));
        if starts {
            self.begin(read, head);
        } else if let Some(fragment) = self.fragments.back_mut() {
            fragment.add(head, read.body_len);
            let own = position.fragment_seq == Some(fragment.seq);
            self.expect(own, seq, "it belongs to a fragment that is not the latest");
        }
    }

    fn begin(&mut self, read: &Read, head: &ChunkHead) {
        let fragment = Fragment::begin(read.seq, read.arrival, head, read.body_len);
        if let Some(before) = self.fragments.back_mut().filter(|_| fragment.continues()) {
            before.followed_at(fragment.producer_us);
        }
        let listed: Vec<_> = head.directory.iter().filter(|entry| entry.seq >= self.first).cloned().collect();
        let there: Vec<_> = self.fragments.iter().map(Fragment::to_entry).collect();
        let lists = head.position.fragment_ordinal.is_multiple_of(DIRECTORY_FRAGMENTS);
        self.expect(listed.is_empty() || lists, read.seq, "a directory stands where none is due");
        self.expect(!lists || listed == there, read.seq, "its directory is not what was there");
        if !head.directory.is_empty() {
            self.newest_directory = Some(read.seq);
            self.fragments.clear();
        }
        if self.fragments.len() as u64 == DIRECTORY_FRAGMENTS {
            self.fragments.pop_front();
        }
        self.fragments.push_back(fragment);
        self.report.fragments += 1;
    }

    fn end(&mut self, seq: Seq, head: &EndHead) {
        self.linked(seq, &head.position);
        if let Some((before, next_index)) = &self.position {
            let (position, last) = (&head.position, before);
            let same = position.session == last.session
                && position.fragment_ordinal == last.fragment_ordinal
                && position.discontinuity_ordinal == last.discontinuity_ordinal;
            let (index, later) = (*next_index, position.producer_us >= last.producer_us);
            self.expect(same, seq, "it ends another session than the latest");
            self.expect(head.position.index == index, seq, "its session has a hole before it");
            self.expect(later, seq, "its producer time goes back");
        }
        self.position = Some((head.position.clone(), head.position.index));
    }

    fn linked(&mut self, seq: Seq, position: &Position) {
        self.expect_link(
            seq,
            position.init_seq,
            self.newest_init,
            "it does not name the newest init segment",
        );
        self.expect_link(
            seq,
            position.directory_seq,
            self.newest_directory,
            "it does not name the newest directory",
        );
    }
}
