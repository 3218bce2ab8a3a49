//! The simulated disk: a tree of names, the inodes they lead to, and what is to go wrong.

use super::inode::Inode;
use super::random::SeededRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    File(usize),
}

/// A change of one directory that its sync has not made durable yet.
enum Change {
    Link(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

impl Change {
    fn path(&self) -> &Path {
        match self {
            Self::Link(path, _) | Self::Rename(_, path) | Self::Unlink(path) => path,
        }
    }
}

type Tree = BTreeMap<PathBuf, Node>;

pub(super) struct Disk {
    /// Counts the starts of the machine: files opened before the last one are dead.
    pub(super) boot: u64,
    /// What the running system sees.
    tree: Tree,
    /// What is surely on disk.
    durable: Tree,
    pending: Vec<Change>,
    inodes: Vec<Inode>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) random: SeededRandom,
    pub(super) faults: Faults,
    /// Bytes the disk holds.
    pub(super) capacity: Option<u64>,
    /// Every read since recording began.
    pub(super) reads: Option<Vec<(PathBuf, Range<u64>)>>,
    pub(super) trace: Trace,
}

/// What is to go wrong: how many operations of a kind still succeed before one fails.
#[derive(Clone, Default)]
pub(super) struct Faults {
    pub(super) write: Option<u64>,
    /// Of files and directories.
    pub(super) sync: Option<u64>,
    pub(super) read: Option<u64>,
    /// Creations, renames, removals, changes of length, holes.
    pub(super) change: Option<u64>,
    /// A write takes only a part of what it is given.
    pub(super) short_writes: bool,
    /// How many operations of any kind are done before the machine stops.
    pub(super) stop: Option<u64>,
}

/// What happened: a checksum of it, and the words if they are wanted.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) sum: u64,
    pub(super) lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn add(&mut self, line: impl FnOnce() -> String) {
        let line = line();
        // FNV-1a: it need only tell traces apart.
        let fold = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.sum = line.bytes().chain([b'\n']).fold(self.sum ^ 0xcbf2_9ce4_8422_2325, fold);
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

pub(super) fn injected() -> io::Error {
    io::Error::other("injected failure of the device")
}

/// Counts down to a failure, which happens once.
pub(super) fn due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        None => false,
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    }
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        let root = Tree::from([(PathBuf::from("/"), Node::Dir)]);
        Self {
            boot: 0,
            tree: root.clone(),
            durable: root,
            pending: Vec::new(),
            inodes: Vec::new(),
            locks: BTreeSet::new(),
            random: SeededRandom::new(seed),
            faults: Faults::default(),
            capacity: None,
            reads: None,
            trace: Trace::default(),
        }
    }

    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        self.tree.get(path).copied()
    }

    pub(super) fn children(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        if self.node(path) != Some(Node::Dir) {
            return Err(not_found());
        }
        let inside = self.tree.keys().filter(|other| other.parent() == Some(path));
        Ok(inside.filter_map(|child| child.file_name().map(PathBuf::from)).collect())
    }

    pub(super) fn make_dirs(&mut self, path: &Path) -> io::Result<()> {
        match self.node(path) {
            Some(Node::Dir) => return Ok(()),
            Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => self.make_dirs(path.parent().ok_or_else(not_found)?)?,
        }
        self.change(Change::Link(path.to_owned(), Node::Dir));
        Ok(())
    }

    pub(super) fn make_file(&mut self, path: &Path) -> io::Result<usize> {
        if self.node(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.free() == 0 {
            return Err(io::ErrorKind::StorageFull.into()); // there is no room for the name
        }
        if path.parent().and_then(|parent| self.node(parent)) != Some(Node::Dir) {
            return Err(not_found());
        }
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.change(Change::Link(path.to_owned(), Node::File(inode)));
        Ok(inode)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.node(from).ok_or_else(not_found)?;
        assert_eq!(from.parent(), to.parent(), "the simulation renames within one directory only");
        self.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        match self.node(path) {
            Some(Node::File(_)) => self.change(Change::Unlink(path.to_owned())),
            Some(Node::Dir) => return Err(io::ErrorKind::IsADirectory.into()),
            None => return Err(not_found()),
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.tree, &change);
        self.pending.push(change);
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        if self.node(path) != Some(Node::Dir) {
            return Err(not_found());
        }
        if due(&mut self.faults.sync) {
            return Err(injected());
        }
        for change in std::mem::take(&mut self.pending) {
            if change.path().parent() == Some(path) {
                apply(&mut self.durable, &change);
            } else {
                self.pending.push(change);
            }
        }
        Ok(())
    }

    pub(super) fn inode(&mut self, inode: usize) -> &mut Inode {
        &mut self.inodes[inode]
    }

    /// Writes some of `data`; returns how much.
    pub(super) fn write(&mut self, inode: usize, mut data: Vec<u8>, offset: u64) -> io::Result<usize> {
        if due(&mut self.faults.write) {
            data.truncate(self.random.below(data.len() as u64 + 1) as usize);
            self.inodes[inode].write(data, offset);
            return Err(injected());
        }
        if self.faults.short_writes && data.len() > 1 {
            data.truncate(1 + self.random.below(data.len() as u64) as usize);
        }
        let room = self.free().saturating_add(self.inodes[inode].len().saturating_sub(offset));
        if room == 0 && !data.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        data.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        let written = data.len();
        self.inodes[inode].write(data, offset);
        Ok(written)
    }

    pub(super) fn sync(&mut self, inode: usize) -> io::Result<()> {
        if due(&mut self.faults.sync) {
            let random = self.random.clone();
            self.inodes[inode].fail_sync(|| random.coin());
            return Err(injected());
        }
        self.inodes[inode].sync();
        Ok(())
    }

    pub(super) fn used(&self) -> u64 {
        let file =
            |node: &Node| if let Node::File(inode) = node { self.inodes[*inode].allocated() } else { 0 };
        self.tree.values().map(file).sum()
    }

    pub(super) fn free(&self) -> u64 {
        self.capacity.map_or(u64::MAX / 2, |capacity| capacity.saturating_sub(self.used()))
    }

    /// Turns bits of a byte over where it lies: reads see it, and so does whoever comes after a power cut.
    pub(super) fn rot(&mut self, path: &Path, offset: u64, mask: u8) -> bool {
        match self.node(path) {
            Some(Node::File(inode)) => self.inodes[inode].rot(offset, mask),
            _ => false,
        }
    }

    /// Loses what the seed does not keep of everything that was not synced.
    pub(super) fn power_cut(&mut self, seed: u64) {
        let random = SeededRandom::new(seed);
        for change in std::mem::take(&mut self.pending) {
            if random.coin() {
                apply(&mut self.durable, &change);
            }
        }
        // What lies in a directory that was lost is lost with it.
        while let Some(orphan) = self.durable.keys().find(|path| !self.rooted(path)).cloned() {
            self.durable.remove(&orphan);
        }
        self.tree.clone_from(&self.durable);
        for inode in &mut self.inodes {
            inode.power_cut(|| random.coin());
        }
    }

    fn rooted(&self, path: &Path) -> bool {
        path.parent().is_none_or(|parent| self.durable.contains_key(parent))
    }
}

/// Does nothing when the source is missing: an earlier change on which this one builds was lost.
fn apply(tree: &mut Tree, change: &Change) {
    match change {
        Change::Link(path, node) => _ = tree.insert(path.clone(), *node),
        Change::Unlink(path) => _ = tree.remove(path),
        Change::Rename(from, to) => {
            if let Some(node) = tree.remove(from) {
                tree.insert(to.clone(), node);
            }
        }
    }
}
