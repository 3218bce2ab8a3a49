//! The files of the audit log. Everything here blocks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes after which a file is full.
const FILE_BYTES: u64 = 16 << 20;
/// Full files that are kept.
const FULL_FILES_MAX: usize = 15;
const CURRENT: &str = "audit.jsonl";

pub(super) struct LogFile {
    dir: PathBuf,
    file: File,
    bytes: u64,
    file_bytes: u64,
}

impl LogFile {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        Self::open_with(dir, FILE_BYTES)
    }

    pub(super) fn open_with(dir: &Path, file_bytes: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let mut file = append_to(&dir.join(CURRENT))?;
        let mut bytes = file.metadata()?.len();
        let mut last = [b'\n'];
        if bytes > 0 {
            file.read_exact_at(&mut last, bytes - 1)?;
        }
        if last != *b"\n" {
            // What a crash left of a line must not become the beginning of the next one.
            file.write_all(b"\n")?;
            bytes += 1;
        }
        Ok(Self { dir: dir.to_owned(), file, bytes, file_bytes })
    }

    /// Appends lines. With `sync`, they are on disk on return.
    pub(super) fn append(&mut self, lines: &str, sync: bool, now_ms: u64) -> io::Result<()> {
        if self.bytes >= self.file_bytes {
            self.file.sync_data()?;
            self.begin_another(now_ms)?;
        }
        self.file.write_all(lines.as_bytes())?;
        self.bytes += lines.len() as u64;
        if sync { self.file.sync_data() } else { Ok(()) }
    }

    fn begin_another(&mut self, now_ms: u64) -> io::Result<()> {
        let mut full = self.full_files()?;
        // The clock may have gone back; names must not.
        let newest = full.last().and_then(|name| name[6..19].parse().ok()).unwrap_or(0);
        let name = format!("audit-{:013}.jsonl", now_ms.max(newest + 1));
        fs::rename(self.dir.join(CURRENT), self.dir.join(&name))?;
        self.file = append_to(&self.dir.join(CURRENT))?;
        self.bytes = 0;
        full.push(name);
        for oldest in full.iter().take(full.len().saturating_sub(FULL_FILES_MAX)) {
            fs::remove_file(self.dir.join(oldest))?;
        }
        File::open(&self.dir)?.sync_all()
    }

    fn full_files(&self) -> io::Result<Vec<String>> {
        full_files(&self.dir)
    }
}

/// The files of a directory, oldest first, the one that is written now last.
pub(super) fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let names = full_files(dir)?.into_iter().chain([CURRENT.to_owned()]);
    Ok(names.map(|name| dir.join(name)).collect())
}

/// Names of the full files, oldest first.
fn full_files(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let digits = name.strip_prefix("audit-").and_then(|rest| rest.strip_suffix(".jsonl"));
        if digits.is_some_and(|digits| digits.len() == 13 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_full_at_some_time_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::open_with(dir.path(), 10).unwrap();
        for number in 0..40 {
            // The clock stands still, then goes back.
            log.append(&format!("line {number:04}\n"), number % 2 == 0, 1000 - number).unwrap();
        }
        let full = log.full_files().unwrap();
        assert_eq!(full.len(), FULL_FILES_MAX);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let all: String = full.iter().map(|name| read(name)).chain([read(CURRENT)]).collect();
        let expected: String = (24..40).map(|number| format!("line {number:04}\n")).collect();
        assert_eq!(all, expected, "{full:?}");
    }

    #[test]
    fn a_torn_line_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CURRENT), "whole\nto").unwrap();
        LogFile::open(dir.path()).unwrap().append("next\n", true, 0).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(CURRENT)).unwrap(), "whole\nto\nnext\n");
    }
}
