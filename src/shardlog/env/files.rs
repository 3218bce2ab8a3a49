//! The file system as the core sees it: positioned reads and writes, and explicit syncs.

use std::any::Any;
use std::io::{self, IoSlice};
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

/// An exclusive hold on a file, given back when dropped or when the process ends.
pub type Lock = Box<dyn Any + Send + Sync>;

/// Room on the device that holds a path, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What may still be written.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

/// A directory tree. All calls block: make them from a thread that may.
pub trait FileSystem: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Makes a directory and its parents. The entries are durable after [`FileSystem::sync_dir`] of each parent.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Bare names of the files and directories in `path`, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the file if it is not there and holds it; `WouldBlock` when someone else does.
    fn lock(&self, path: &Path) -> io::Result<Lock>;
    /// Room on the device that holds `path`.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// An open file. All calls block: make them from a thread that may.
pub trait File: Send + Sync + 'static {
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes some of `slices`, one after the other, from `offset`; returns how many bytes, at least one unless there are
    /// none. After an error any part of it may be there.
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;
    /// Writes all of `parts`, one after the other, from `offset`. After an error any part of it may be there.
    fn write_all_at(&self, parts: &[&[u8]], mut offset: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0); // an empty first part would look like a write of nothing
        while !rest.is_empty() {
            match self.write_at(rest, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut rest, written);
                    offset += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
    /// Makes the data, and the length needed to read it, durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Bytes that the file system has given the file; holes take none.
    fn allocated(&self) -> io::Result<u64>;
    /// Gives the space of a range back to the file system; it reads as zeros afterwards. The length stays.
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;
}
