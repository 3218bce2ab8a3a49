//! Files in memory whose power can be cut and whose device can fail.

use super::disk::{Disk, Node};
use crate::env::{File, FileSystem, Lock, OpenMode, Space};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file system in memory. Clones share the disk.
///
/// - Writes reach the disk when the file is synced, names when their directory is; a power cut keeps any part of the rest.
/// - After a failed sync the data that did not reach the disk stays readable but is never written, as on Linux.
/// - Handles from before a power cut fail.
#[derive(Clone)]
pub struct SimFiles {
    disk: Arc<Mutex<Disk>>,
    boot: u64,
}

impl SimFiles {
    /// An empty disk. The seed decides how much of a failing write arrives.
    pub fn new(seed: u64) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::new(seed))), boot: 0 }
    }

    /// Loses what the seed does not keep of everything that was not synced; this handle, its clones and open files fail
    /// from now on. Returns the file system of the machine started again.
    pub fn power_cut(&self, seed: u64) -> Self {
        let mut disk = self.disk();
        disk.power_cut(seed);
        self.restart(disk)
    }

    /// Like [`SimFiles::power_cut`] when only the process dies: nothing is lost.
    pub fn kill(&self) -> Self {
        self.restart(self.disk())
    }

    fn restart(&self, mut disk: MutexGuard<'_, Disk>) -> Self {
        disk.boot += 1;
        disk.locks.clear();
        disk.writes_until_failure = None;
        disk.syncs_until_failure = None;
        Self { disk: self.disk.clone(), boot: disk.boot }
    }

    /// After `count` more writes that succeed, one fails (EIO) with any part of it written.
    pub fn fail_write_after(&self, count: u64) {
        self.disk().writes_until_failure = Some(count);
    }

    /// After `count` more syncs of files or directories that succeed, one fails (EIO).
    pub fn fail_sync_after(&self, count: u64) {
        self.disk().syncs_until_failure = Some(count);
    }

    /// How many bytes the disk holds; `None` for no bound. Writes beyond that fail with `StorageFull`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// Bytes of all files, without their holes.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// Begins (or begins again) to record reads.
    pub fn record_reads(&self) {
        self.disk().reads = Some(Vec::new());
    }

    /// The reads since recording began, which ends: path and byte range.
    pub fn recorded_reads(&self) -> Vec<(PathBuf, Range<u64>)> {
        self.disk().reads.take().unwrap_or_default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk, unless this handle is from before the last start of the machine.
    fn running(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk();
        if disk.boot == self.boot { Ok(disk) } else { Err(io::Error::other("the power was cut")) }
    }
}

impl FileSystem for SimFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut disk = self.running()?;
        let inode = match (mode, disk.node(path)) {
            (OpenMode::CreateNew, _) => disk.make_file(path)?,
            (_, Some(Node::File(inode))) => inode,
            (_, Some(Node::Dir)) => return Err(io::ErrorKind::IsADirectory.into()),
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let writable = mode != OpenMode::Read;
        Ok(Arc::new(SimFile { files: self.clone(), path: path.to_owned(), inode, writable }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.running()?.make_dirs(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.running()?.children(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.running()?.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.running()?.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.running()?.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut disk = self.running()?;
        if disk.node(path).is_none() {
            disk.make_file(path)?;
        }
        if !disk.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held { files: self.clone(), path: path.to_owned() }))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let disk = self.running()?;
        Ok(Space { free: disk.free(), total: disk.capacity.unwrap_or(u64::MAX) })
    }
}

struct Held {
    files: SimFiles,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(mut disk) = self.files.running() {
            disk.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    files: SimFiles,
    path: PathBuf,
    inode: usize,
    writable: bool,
}

impl SimFile {
    fn for_writing(&self) -> io::Result<MutexGuard<'_, Disk>> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.files.running()
    }
}

impl File for SimFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut disk = self.files.running()?;
        if let Some(reads) = &mut disk.reads {
            reads.push((self.path.clone(), offset..offset + buffer.len() as u64));
        }
        disk.inode(self.inode).read(buffer, offset)
    }

    fn write_all_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        self.for_writing()?.write(self.inode, parts.concat(), offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.files.running()?.sync(self.inode)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.for_writing()?.inode(self.inode).set_len(len);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.files.running()?.inode(self.inode).len())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.for_writing()?.inode(self.inode).punch(offset, len);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        Path::new("/data").join(name)
    }

    fn disk() -> SimFiles {
        let files = SimFiles::new(1);
        files.create_dir_all(Path::new("/data")).unwrap();
        files.sync_dir(Path::new("/")).unwrap();
        files
    }

    #[test]
    fn a_name_is_lost_unless_its_directory_was_synced() {
        let mut lost = false;
        for seed in 0..20 {
            let files = disk();
            files.open(&path("kept"), OpenMode::CreateNew).unwrap();
            files.sync_dir(Path::new("/data")).unwrap();
            files.open(&path("new"), OpenMode::CreateNew).unwrap().sync_data().unwrap();
            let names = files.power_cut(seed).list(Path::new("/data")).unwrap();
            assert!(names.contains(&PathBuf::from("kept")));
            lost |= names.len() == 1;
        }
        assert!(lost);
    }

    #[test]
    fn handles_and_locks_end_with_the_power() {
        let files = disk();
        let file = files.open(&path("a"), OpenMode::CreateNew).unwrap();
        let lock = files.lock(&path("lock")).unwrap();
        assert_eq!(files.lock(&path("lock")).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        let restarted = files.kill();
        let held = restarted.lock(&path("lock")).unwrap();
        drop(lock); // of the process that is gone: must not free the new one's
        assert!(restarted.lock(&path("lock")).is_err());
        assert!(file.write_all_at(&[b"x"], 0).is_err());
        assert!(files.list(Path::new("/data")).is_err());
        drop(held);
    }

    #[test]
    fn a_full_disk_takes_what_fits() {
        let files = disk();
        files.set_capacity(Some(8192));
        let file = files.open(&path("a"), OpenMode::CreateNew).unwrap();
        file.write_all_at(&[&[1; 4096]], 0).unwrap();
        assert_eq!(files.space(&path("a")).unwrap(), Space { free: 4096, total: 8192 });
        let error = file.write_all_at(&[&[1; 8192]], 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.size().unwrap(), 8192);
        file.punch_hole(0, 4096).unwrap();
        assert_eq!(files.used(), 4096);
    }
}
