//! The machine itself: its clock, its randomness, its file system.

use super::files::{File, FileSystem, Lock, OpenMode, Space};
use super::{Clock, Random};
use futures_util::future::BoxFuture;
use rustix::fs::FallocateFlags;
use std::fs::{self, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What Linux takes in one vectored write.
const SLICES_MAX: usize = 1024;

/// The operating system's clocks and tokio's timer.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time counts from now.
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now_ms(&self) -> u64 {
        // A clock set before 1970 reads as 1970; one beyond the year 584 million as the largest number.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The generator of the crypto library, seeded by the operating system.
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system has no randomness to give: no key or id may be made without it.
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives randomness");
    }
}

/// The operating system's files. New files are for the owner alone (mode 0600).
pub struct RealFiles;

impl FileSystem for RealFiles {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).mode(0o600);
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => _ = options.write(true),
            OpenMode::CreateNew => _ = options.write(true).create_new(true),
        }
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(PathBuf::from(entry?.file_name()));
        }
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is held by another process", path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Space { free: stat.f_bavail * stat.f_frsize, total: stat.f_blocks * stat.f_frsize })
    }
}

struct RealFile(fs::File);

impl File for RealFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(&self.0, &slices[..slices.len().min(SLICES_MAX)], offset)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocated(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.blocks() * 512) // whatever the file system's blocks are
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(rustix::fs::fallocate(&self.0, flags, offset, len)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn many_parts_are_written_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealFiles.open(&dir.path().join("a"), OpenMode::CreateNew).unwrap();
        let parts: Vec<Vec<u8>> = (0..3000_u32).map(|i| vec![i as u8; (i % 7) as usize]).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        file.write_all_at(&slices, 3).unwrap();
        let mut all = vec![0; parts.concat().len()];
        file.read_exact_at(&mut all, 3).unwrap();
        assert_eq!(all, parts.concat());
        assert_eq!(file.size().unwrap(), 3 + all.len() as u64);
        assert_eq!(file.read_exact_at(&mut all, 4).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_punched_range_reads_as_zeros_and_the_length_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealFiles.open(&dir.path().join("a"), OpenMode::CreateNew).unwrap();
        file.write_all_at(&[&[7; 16384]], 0).unwrap();
        file.sync_data().unwrap();
        file.punch_hole(4096, 8192).unwrap();
        let mut all = vec![1; 16384];
        file.read_exact_at(&mut all, 0).unwrap();
        assert!(all[4096..12288].iter().all(|byte| *byte == 0));
        assert!(all[..4096].iter().chain(&all[12288..]).all(|byte| *byte == 7));
    }

    #[test]
    fn files_are_private_and_locks_exclusive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = RealFiles.lock(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(RealFiles.lock(&path).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        drop(RealFiles.lock(&path).unwrap());
        assert_eq!(RealFiles.list(dir.path()).unwrap(), [PathBuf::from("lock")]);
        assert!(RealFiles.space(dir.path()).unwrap().total > 0);
    }
}
