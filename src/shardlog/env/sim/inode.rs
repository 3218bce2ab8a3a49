//! One simulated file: what reads see, what is on the platter, and the changes in between.

use std::io;

/// What a device writes whole or not at all.
const SECTOR: usize = 512;
/// What a file system allocates.
const BLOCK: usize = 4096;

enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
    Punch { offset: usize, len: usize },
}

/// A file's contents.
#[derive(Default)]
pub(super) struct Inode {
    /// What reads see: the page cache.
    data: Vec<u8>,
    /// What is surely on disk.
    durable: Vec<u8>,
    /// What leads from `durable` to `data`.
    pending: Vec<Change>,
}

impl Inode {
    pub(super) fn len(&self) -> u64 {
        self.data.len() as u64
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(buffer.len());
        buffer.copy_from_slice(self.data.get(offset..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    pub(super) fn write(&mut self, data: Vec<u8>, offset: u64) {
        self.change(Change::Write { offset: offset as usize, data });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.change(Change::SetLen(len as usize));
    }

    pub(super) fn punch(&mut self, offset: u64, len: u64) {
        self.change(Change::Punch { offset: offset as usize, len: len as usize });
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.data, &change);
        self.pending.push(change);
    }

    /// A sync that succeeds.
    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// A sync that fails, as Linux does it: what has not reached the disk never will, yet reads go on seeing it.
    pub(super) fn fail_sync(&mut self, keep: impl FnMut() -> bool) {
        self.settle(keep);
    }

    /// Loses power: what was pending is kept or lost sector by sector, and reads see what is left.
    pub(super) fn power_cut(&mut self, keep: impl FnMut() -> bool) {
        self.settle(keep);
        self.data.clone_from(&self.durable);
    }

    /// Turns bits of a byte over, in the cache and on the disk; false if there is no such byte.
    pub(super) fn rot(&mut self, offset: u64, mask: u8) -> bool {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(byte) = self.durable.get_mut(offset) {
            *byte ^= mask;
        }
        match self.data.get_mut(offset) {
            Some(byte) => *byte ^= mask,
            None => return false,
        }
        true
    }

    fn settle(&mut self, mut keep: impl FnMut() -> bool) {
        for change in self.pending.drain(..) {
            let Change::Write { offset, data } = change else {
                if keep() {
                    apply(&mut self.durable, &change);
                }
                continue;
            };
            let (mut at, mut rest) = (offset, data.as_slice());
            while !rest.is_empty() {
                let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                if keep() {
                    overwrite(&mut self.durable, at, sector);
                } else if keep() && self.durable.len() < at + sector.len() {
                    self.durable.resize(at + sector.len(), 0); // the length arrived, the data did not
                }
                at += sector.len();
                rest = after;
            }
        }
    }

    /// Bytes the file takes on disk, counting blocks that hold anything but zeros.
    pub(super) fn allocated(&self) -> u64 {
        let used = self.data.chunks(BLOCK).filter(|block| block.iter().any(|byte| *byte != 0));
        (used.count() * BLOCK) as u64
    }
}

fn apply(data: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, data: new } => overwrite(data, *offset, new),
        Change::SetLen(len) => data.resize(*len, 0),
        Change::Punch { offset, len } => {
            let end = data.len().min(offset.saturating_add(*len));
            if let Some(range) = data.get_mut(*offset..end) {
                range.fill(0);
            }
        }
    }
}

fn overwrite(data: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if data.len() < end {
        data.resize(end, 0);
    }
    data[offset..end].copy_from_slice(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(inode: &Inode) -> Vec<u8> {
        let mut all = vec![0; inode.len() as usize];
        inode.read(&mut all, 0).unwrap();
        all
    }

    #[test]
    fn what_was_synced_survives_and_the_rest_is_torn_at_sectors() {
        let mut inode = Inode::default();
        inode.write(vec![1; 1000], 0);
        inode.sync();
        inode.write(vec![2; 2000], 1000);
        let mut turn = 0;
        inode.power_cut(|| {
            turn += 1;
            turn == 2 // the write's first sector (24 bytes of it) is lost though its length arrives, as are all others
        });
        assert_eq!(contents(&inode), [vec![1; 1000], vec![0; 24]].concat());
    }

    #[test]
    fn after_a_failed_sync_the_next_one_does_not_bring_the_data_back() {
        let mut inode = Inode::default();
        inode.write(vec![1; 512], 0);
        inode.fail_sync(|| false);
        assert_eq!(contents(&inode), vec![1; 512]);
        inode.write(vec![2; 512], 512);
        inode.sync();
        inode.power_cut(|| true);
        assert_eq!(contents(&inode), [vec![0; 512], vec![2; 512]].concat());
    }
}
