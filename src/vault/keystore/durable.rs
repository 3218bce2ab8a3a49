//! Files that are replaced whole and durably, and never readable by others.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// How far replacing a file got.
#[derive(Debug)]
pub(super) enum ReplaceError {
    /// The old file stands.
    NotDone(io::Error),
    /// The new file stands, but a power cut may bring the old one back.
    Unknown(io::Error),
}

impl ReplaceError {
    /// The cause, where it doesn't matter how far it got.
    pub(super) fn into_cause(self) -> io::Error {
        match self {
            Self::NotDone(error) | Self::Unknown(error) => error,
        }
    }
}

/// Puts `bytes` at `path` with mode 0600: a crash leaves what was there before, or the bytes, never a part of them.
/// Writes `path` with `.tmp` appended, fsyncs it, renames it over `path`, fsyncs the directory.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReplaceError> {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    let tmp = Path::new(&tmp);
    write_new(tmp, bytes).and_then(|()| fs::rename(tmp, path)).map_err(|error| {
        // As good as it gets: what is left behind goes at the next attempt.
        let _ = fs::remove_file(tmp);
        ReplaceError::NotDone(error)
    })?;
    sync_parent(path).map_err(ReplaceError::Unknown)
}

/// Makes a directory, mode 0700, and the ones above it, all of them durable.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = path.parent().ok_or(error)?;
            create_dir(parent)?;
            return create_dir(path);
        }
        Err(error) if !path.is_dir() => return Err(error),
        // Made now, or before by someone who may have died before the next line.
        _ => {}
    }
    sync_parent(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    };
    File::open(parent)?.sync_all()
}

/// Reads a file of at most `max` bytes; one more byte is read if there are more. `None` if there is no such file.
pub(super) fn read(path: &Path, max: usize) -> io::Result<Option<(File, Vec<u8>)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Room for all of it at once: a buffer that grows leaves copies of a key behind.
    let len = file.metadata()?.len().min(max as u64) as usize;
    let mut bytes = Vec::with_capacity(len + 1);
    (&file).take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some((file, bytes)))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
