//! Files in memory whose power can be cut and whose device can fail.

use super::disk::{Disk, Faults, Node, due, injected};
use super::threads::switch;
use crate::env::{File, FileSystem, Lock, OpenMode, Space};
use std::io::{self, IoSlice};
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

/// What is to go wrong later.
pub struct SuspendedFaults(Faults);

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
        disk.faults = Faults::default();
        Self { disk: self.disk.clone(), boot: disk.boot }
    }

    /// After `count` more writes that succeed, one fails (EIO) with any part of it written.
    pub fn fail_write_after(&self, count: u64) {
        self.disk().faults.write = Some(count);
    }

    /// After `count` more syncs of files or directories that succeed, one fails (EIO).
    pub fn fail_sync_after(&self, count: u64) {
        self.disk().faults.sync = Some(count);
    }

    /// After `count` more reads that succeed, one fails (EIO).
    pub fn fail_read_after(&self, count: u64) {
        self.disk().faults.read = Some(count);
    }

    /// After `count` more that succeed, a creation, rename, removal, change of length or hole fails (EIO).
    pub fn fail_change_after(&self, count: u64) {
        self.disk().faults.change = Some(count);
    }

    /// From now on a write takes any part of what it is given.
    pub fn write_short(&self) {
        self.disk().faults.short_writes = true;
    }

    /// After `count` more operations of any kind the machine stops, as by [`SimFiles::kill`]: this handle fails from then on.
    pub fn stop_after(&self, count: u64) {
        self.disk().faults.stop = Some(count);
    }

    /// Whether the machine has stopped since this handle was made.
    pub fn has_stopped(&self) -> bool {
        self.disk().boot != self.boot
    }

    /// Nothing is to go wrong any more.
    pub fn clear_faults(&self) {
        self.suspend_faults();
    }

    /// Nothing is to go wrong until what this returns is given to [`SimFiles::resume_faults`].
    pub fn suspend_faults(&self) -> SuspendedFaults {
        SuspendedFaults(std::mem::take(&mut self.disk().faults))
    }

    /// What was to go wrong is to go wrong again.
    pub fn resume_faults(&self, faults: SuspendedFaults) {
        self.disk().faults = faults.0;
    }

    /// Whether the disk has a bound.
    pub fn is_bounded(&self) -> bool {
        self.disk().capacity.is_some()
    }

    /// Turns the bits of `mask` over in one byte of a file, on the disk too. False if there is no such byte.
    pub fn rot(&self, path: &Path, offset: u64, mask: u8) -> bool {
        self.disk().rot(path, offset, mask)
    }

    /// Adds something a test did or saw to the trace, which has every operation on files and its answer.
    pub fn note(&self, line: impl FnOnce() -> String) {
        self.disk().trace.add(line);
    }

    /// Begins (or begins again) to keep the words of the trace.
    pub fn keep_trace(&self) {
        self.disk().trace.lines = Some(Vec::new());
    }

    /// A checksum of the trace since the disk was made, and its lines if they are kept.
    pub fn trace(&self) -> (u64, Vec<String>) {
        let disk = self.disk();
        (disk.trace.sum, disk.trace.lines.clone().unwrap_or_default())
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
        if disk.boot == self.boot { Ok(disk) } else { Err(stopped()) }
    }

    /// Does an operation: others may come first, the machine may stop instead or right after it, and the trace has it.
    fn operate<T>(
        &self,
        what: impl FnOnce() -> String,
        operation: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        switch();
        let mut disk = self.running()?;
        let stops = due(&mut disk.faults.stop);
        let result = if stops && disk.random.coin() { Err(stopped()) } else { operation(&mut disk) };
        if stops {
            disk.boot += 1;
        }
        let outcome = result.as_ref().err().map(io::Error::kind);
        disk.trace.add(|| match outcome {
            None => what(),
            Some(error) => format!("{}: {error:?}", what()),
        });
        if stops { Err(stopped()) } else { result }
    }

    /// The same for a change that may be about to fail.
    fn change<T>(
        &self,
        what: impl FnOnce() -> String,
        operation: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        let operation = |disk: &mut Disk| {
            if due(&mut disk.faults.change) { Err(injected()) } else { operation(disk) }
        };
        self.operate(what, operation)
    }
}

fn stopped() -> io::Error {
    io::Error::other("the power was cut")
}

impl FileSystem for SimFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let what = || format!("open {} {mode:?}", path.display());
        let operation = |disk: &mut Disk| match (mode, disk.node(path)) {
            (OpenMode::CreateNew, _) if due(&mut disk.faults.change) => Err(injected()),
            (OpenMode::CreateNew, _) => disk.make_file(path),
            (_, Some(Node::File(inode))) => Ok(inode),
            (_, Some(Node::Dir)) => Err(io::ErrorKind::IsADirectory.into()),
            (_, None) => Err(io::ErrorKind::NotFound.into()),
        };
        let inode = self.operate(what, operation)?;
        let writable = mode != OpenMode::Read;
        Ok(Arc::new(SimFile { files: self.clone(), path: path.to_owned(), inode, writable }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.change(|| format!("mkdir {}", path.display()), |disk| disk.make_dirs(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.operate(|| format!("list {}", path.display()), |disk| disk.children(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let what = || format!("rename {} {}", from.display(), to.display());
        self.change(what, |disk| disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|| format!("remove {}", path.display()), |disk| disk.remove(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.operate(|| format!("sync {}", path.display()), |disk| disk.sync_dir(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let operation = |disk: &mut Disk| {
            if disk.node(path).is_none() {
                disk.make_file(path)?;
            }
            if disk.locks.insert(path.to_owned()) { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        };
        self.operate(|| format!("lock {}", path.display()), operation)?;
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
    fn refuse_reader(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn name(&self, what: &str, offset: u64, len: u64) -> String {
        format!("{what} {} {offset}+{len}", self.path.display())
    }
}

impl File for SimFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let len = buffer.len() as u64;
        let operation = |disk: &mut Disk| {
            if let Some(reads) = &mut disk.reads {
                reads.push((self.path.clone(), offset..offset + len));
            }
            if due(&mut disk.faults.read) {
                return Err(injected());
            }
            disk.inode(self.inode).read(buffer, offset)
        };
        self.files.operate(|| self.name("read", offset, len), operation)
    }

    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.refuse_reader()?;
        let mut data = Vec::with_capacity(slices.iter().map(|slice| slice.len()).sum());
        slices.iter().for_each(|slice| data.extend_from_slice(slice));
        let (sum, len) = (crc32c::crc32c(&data), data.len() as u64);
        let what = || format!("{} {sum:08x}", self.name("write", offset, len));
        self.files.operate(what, |disk| disk.write(self.inode, data, offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.files.operate(|| format!("sync {}", self.path.display()), |disk| disk.sync(self.inode))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.refuse_reader()?;
        let operation = |disk: &mut Disk| {
            disk.inode(self.inode).set_len(len);
            Ok(())
        };
        self.files.change(|| self.name("set_len", 0, len), operation)
    }

    fn size(&self) -> io::Result<u64> {
        let size = |disk: &mut Disk| Ok(disk.inode(self.inode).len());
        self.files.operate(|| format!("size {}", self.path.display()), size)
    }

    fn allocated(&self) -> io::Result<u64> {
        let allocated = |disk: &mut Disk| Ok(disk.inode(self.inode).allocated());
        self.files.operate(|| format!("allocated {}", self.path.display()), allocated)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.refuse_reader()?;
        let operation = |disk: &mut Disk| {
            disk.inode(self.inode).punch(offset, len);
            Ok(())
        };
        self.files.change(|| self.name("punch", offset, len), operation)
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
