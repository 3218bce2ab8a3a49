//! What of a running process's files has not been sent to the disk: without rights of root, and without file systems of our
//! own, a look at which blocks the file system has not even chosen a place for (`filefrag`: `delalloc`).

use super::processes::{Signal, signal};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// Copies a process's folder as a power cut would leave it, as far as that can be seen: without the data that the kernel
/// keeps for later. Names and overwritten blocks are as the process sees them. The process stands still meanwhile.
pub fn copy_without(pid: u32, folder: &Path, to: &Path) -> Result<(), String> {
    signal(pid, Signal::STOP);
    let copied = copy(folder, to);
    signal(pid, Signal::CONT);
    copied
}

fn copy(folder: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(|error| format!("{}: {error}", path.display()))?;
            forget(&path, &target)?;
        }
    }
    Ok(())
}

/// Takes out of a copy what of the file is not on the disk: it reads as zeros, and is missing at the end.
fn forget(path: &Path, copy: &Path) -> Result<(), String> {
    let output = Command::new("filefrag").arg("-v").arg(path).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{output:?}"));
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let file = File::options().write(true).open(copy).map_err(|error| error.to_string())?;
    let len = file.metadata().map_err(|error| error.to_string())?.len();
    for line in said.lines().filter(|line| line.contains("delalloc")) {
        let (from, to) = blocks(line).ok_or_else(|| format!("not understood: {line}"))?;
        let (from, to) = (from * BLOCK, (to + 1) * BLOCK);
        let done = if to >= len {
            file.set_len(from.min(len))
        } else {
            file.write_all_at(&vec![0; (to - from) as usize], from)
        };
        done.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The unit that `filefrag` counts in, in bytes.
const BLOCK: u64 = 4096;

/// `   1:       25..      36:          0..         0:      0:             last,unknown_loc,delalloc,eof`
fn blocks(line: &str) -> Option<(u64, u64)> {
    let (from, to) = line.split(':').nth(1)?.split_once("..")?;
    Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
}
