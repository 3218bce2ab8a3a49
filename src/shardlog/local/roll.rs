//! Rolling: the open segment is closed with a footer and the next one made with a statement.
//!
//! A crash in between leaves a newest segment with a whole or torn footer. Recovery takes either for what follows the last
//! frame, cuts it off and goes on in that segment; the next roll writes the footer again.

use super::block::Entry;
use super::context::lock;
use super::footer::FooterWriter;
use super::index::BlockRef;
use super::lane::Lane;
use super::segment::OpenSegment;
use super::shard::Shard;
use crate::error::Source;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A segment with fewer bytes of frames is kept although nothing in it is readable any more: the gain would be small.
const DEAD_BYTES_MIN: u64 = 64 << 10;

/// The blocks of a shard, and their entries for the cache.
type ShardBlocks = (Arc<Shard>, Vec<BlockRef>, Vec<Arc<Vec<Entry>>>);

impl Lane {
    /// Rolls when the segment is large, old, or nothing but a burden.
    pub(super) fn roll_if_due(&mut self) {
        let options = &self.context.options;
        let open = &self.open;
        let frames = open.end - open.first_frame;
        let age_ms = self.context.env.clock.now_ms().saturating_sub(open.made_ms);
        let large = open.end >= options.segment_bytes || open.table_bytes >= options.table_bytes;
        let old = u128::from(age_ms) >= options.segment_age.as_millis() && open.records > 0;
        let dead = open.records > 0 && open.records_live == 0 && frames >= DEAD_BYTES_MIN;
        // Holes are made in closed segments only.
        let holes = open.dead_bytes >= options.sweep_bytes().max(DEAD_BYTES_MIN);
        if !(frames > 0 && (large || old || dead || holes)) {
            return;
        }
        if let Err(error) = self.roll() {
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            let cause: Source = Arc::new(error);
            if full && self.open.cut().is_ok() {
                tracing::warn!(lane = %self.shared.name, "the disk is full: the log's segment grows on instead of rolling");
            } else {
                self.die("roll", &cause);
            }
        }
    }

    fn roll(&mut self) -> io::Result<()> {
        let (footer, blocks) = self.footer();
        self.open.file.write_all_at(&[&footer], self.open.end)?;
        let file = &self.open.file;
        self.context.counters.timed_sync(&self.context.env, || file.sync_data())?;
        let statement: Vec<_> = self.shards.values().map(|shard| shard.index().statement()).collect();
        let next = OpenSegment::make(&self.context, &self.shared, self.open.segment.number + 1, &statement)?;

        // Now the new segment is the lane's newest, whatever happens.
        let written = footer.len() as u64;
        self.context.counters.bytes_written.fetch_add(written, Ordering::Relaxed);
        self.shared.counted.bytes.fetch_add(written, Ordering::Relaxed);
        let OpenSegment { segment: closed, file, first_frame, end, .. } =
            std::mem::replace(&mut self.open, next);
        self.show_tip();
        let len = end + written;
        closed.bytes.store(len, Ordering::Relaxed);
        self.shared.recount(&closed, file.allocated().unwrap_or(len));
        let mut dead = end - first_frame;
        for (shard, blocks, entries) in blocks {
            for (block, entries) in blocks.iter().zip(entries) {
                dead -= block.info.frames_len;
                self.context.blocks.insert((closed.lane, closed.number, block.info.offset), entries);
            }
            shard.index().roll(blocks, self.open.segment.clone());
        }
        if closed.live.load(Ordering::Relaxed) == 0 {
            lock(&self.shared.dead_segments).push(closed);
        } else {
            self.shared.died(&closed, dead);
        }
        Ok(())
    }

    /// The open segment's footer and what it says of each shard of the lane.
    fn footer(&self) -> (Vec<u8>, Vec<ShardBlocks>) {
        let segment = &self.open.segment;
        let mut footer = FooterWriter::new(segment.number, self.open.end);
        let mut all = Vec::with_capacity(self.shards.len());
        for shard in self.shards.values() {
            let mut index = shard.index();
            let (first, mut rest) = index.open_entries();
            let mut blocks = Vec::new();
            let mut entries = Vec::new();
            for info in footer.add(shard.id, first, rest) {
                let (block, after) = rest.split_at(info.count as usize);
                blocks.push(BlockRef { segment: segment.clone(), info: *info, pinned: None });
                entries.push(Arc::new(block.to_vec()));
                rest = after;
            }
            all.push((shard.clone(), blocks, entries));
        }
        (footer.finish(), all)
    }
}
