//! The data directory: where things lie in it, and that only one process uses it.
//!
//! ```text
//! DATA/
//!   lock          held (flock) by the process that uses the directory; says which
//!   audit/        the audit log
//!   root.key      seals the keystore, unless another root is configured
//!   keys/         the keystore
//!   meta.sqlite   streams and access keys, sealed
//!   log/          the record log
//!   credentials   the root access key, written on the first start
//!   workers/      the media-workers' list of decoders
//! ```

use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What may lie in the directory, half written files included.
const OURS: &[&str] = &[
    "lock",
    "audit",
    "ballast",
    "root.key",
    "root.key.tmp",
    "keys",
    "meta.sqlite",
    "meta.sqlite-wal",
    "meta.sqlite-shm",
    "meta.sqlite-journal",
    "log",
    "credentials",
    "credentials.tmp",
    "workers",
];
/// What the vault may have in `keys`.
const OF_KEYS: &[&str] = &["keystore", "keystore.tmp", "lock"];
/// What GStreamer may have in `workers`.
const OF_WORKERS: &[&str] = &["gstreamer-1.0"];

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The file system refused.
    #[error("data directory {path}: {source}")]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process has it.
    #[error("data directory {path} is in use by another kinetoscope process{}", holder.as_ref().map_or(String::new(), |pid| format!(" (pid {pid})")))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// What the lock file says.
        holder: Option<String>,
    },
}

/// A data directory that belongs to this process until dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Closing it gives the lock back, also when the process is killed.
    _lock: File,
}

impl DataDir {
    /// Takes the directory; makes it, readable by its owner alone, when `create`. Blocks.
    pub fn open(path: &Path, create: bool) -> Result<Self, DataDirError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        if create {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        }
        let lock_path = path.join("lock");
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path);
        let mut lock = options.map_err(failed(&lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // Only to say who it is; never mind if it cannot be read.
                let _ = lock.take(20).read_to_string(&mut pid);
                let holder = Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty());
                return Err(DataDirError::InUse { path: path.to_owned(), holder });
            }
            Err(error) => return Err(failed(&lock_path)(error.into())),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(failed(&lock_path))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record log.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The audit log.
    pub fn audit(&self) -> PathBuf {
        self.path.join("audit")
    }

    /// The keystore.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The metadata.
    pub fn meta(&self) -> PathBuf {
        self.path.join("meta.sqlite")
    }

    /// The root access key for clients.
    pub fn credentials(&self) -> PathBuf {
        self.path.join("credentials")
    }

    /// What lies in the directory and is not ours, but for the log, which looks after itself. What cannot be listed is left
    /// out: whoever needs it says so. Blocks.
    pub fn unknown(&self) -> Vec<PathBuf> {
        let Self { path, .. } = self;
        let mut unknown = Vec::new();
        for (dir, ours) in [(path.clone(), OURS), (self.keys(), OF_KEYS), (self.workers(), OF_WORKERS)] {
            let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
            let strange = entries.filter(|entry| !ours.iter().any(|name| entry.file_name() == *name));
            unknown.extend(strange.map(|entry| entry.path()));
        }
        unknown.sort_unstable();
        unknown
    }

    /// What media-workers may write.
    pub fn workers(&self) -> PathBuf {
        self.path.join("workers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn one_process_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let first = DataDir::open(&path, true).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let error = DataDir::open(&path, true).unwrap_err().to_string();
        assert!(
            error.contains("in use") && error.contains(&format!("pid {}", std::process::id())),
            "{error}"
        );
        drop(first);
        DataDir::open(&path, true).unwrap();
    }

    #[test]
    fn what_is_not_ours_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path(), true).unwrap();
        assert_eq!(data.unknown(), Vec::<PathBuf>::new());
        let paths = ["keys/keystore", "keys/old/keystore", "log/00-00/x", "notes", "workers/gstreamer-1.0/r"];
        for path in paths.map(|path| parent.path().join(path)) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(data.unknown(), ["keys/old", "notes"].map(|path| parent.path().join(path)));
    }

    #[test]
    fn a_directory_that_is_not_there_is_made_only_when_asked() {
        let parent = tempfile::tempdir().unwrap();
        assert!(matches!(DataDir::open(&parent.path().join("none"), false), Err(DataDirError::Io { .. })));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
