//! The file system as the core sees it: positioned reads and writes, and explicit syncs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading.
    Read,
    /// For reading and writing; the file must be there.
    Write,
    /// For reading and writing; the file must not be there yet. Its directory entry is durable only after
    /// [`FileSystem::sync_dir`].
    CreateNew,
}

/// A directory tree.
pub trait FileSystem: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Makes a directory and its parents.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names of the files and directories in `path`, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file. All calls block: call them from a thread that may.
pub trait File: Send + Sync + 'static {
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `parts`, one after the other, from `offset`.
    fn write_all_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()>;
    /// Makes the data, and the length needed to read it, durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// The file's length.
    fn len(&self) -> io::Result<u64>;
    /// Gives the space of a range back to the file system; it reads as zeros afterwards. The length stays.
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;
}
