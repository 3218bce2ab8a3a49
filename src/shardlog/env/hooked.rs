//! Any files, with something that happens before some of their operations: for tests and benchmarks that fail, hold up or
//! count them.

use super::{File, FileSystem, Lock, OpenMode, Space};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What happens. An error is the operation's, which is then not done.
pub trait FileHooks: Send + Sync + 'static {
    /// Before so many bytes are read from a file.
    fn before_read(&self, bytes: usize) -> io::Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// Before a file's data is synced.
    fn before_sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Files with hooks.
#[derive(Clone)]
pub struct HookedFiles {
    files: Arc<dyn FileSystem>,
    hooks: Arc<dyn FileHooks>,
}

impl HookedFiles {
    /// Puts hooks before the operations of `files`.
    pub fn new(files: Arc<dyn FileSystem>, hooks: Arc<dyn FileHooks>) -> Self {
        Self { files, hooks }
    }
}

struct HookedFile {
    file: Arc<dyn File>,
    hooks: Arc<dyn FileHooks>,
}

impl FileSystem for HookedFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(HookedFile { file: self.files.open(path, mode)?, hooks: self.hooks.clone() }))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.files.create_dir_all(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.files.list(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.files.sync_dir(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.files.lock(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.files.space(path)
    }
}

impl File for HookedFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.hooks.before_read(buffer.len())?;
        self.file.read_exact_at(buffer, offset)
    }
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.file.write_at(slices, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.hooks.before_sync()?;
        self.file.sync_data()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn allocated(&self) -> io::Result<u64> {
        self.file.allocated()
    }
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.punch_hole(offset, len)
    }
}
