//! File systems of a test's own: in files, by way of loop devices. They need root, and a kernel that has them; where they
//! cannot be had the error says why, for a test to say loudly.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Says that no file system can be had, why, and what is not tested for that. Past the test harness, which keeps to itself
/// what tests print that pass.
pub fn say_none(why: &str, untested: &str) {
    let said = format!("\nNO FILE SYSTEM CAN BE MOUNTED HERE, which needs root: {why}\n{untested}\n\n");
    // Whoever has closed standard error does not want to know.
    let _ = std::io::stderr().write_all(said.as_bytes());
}

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a journal, in its usual mode: data reaches the disk before the journal says so.
    Ext4,
    /// What a cut leaves behind is repaired by `e2fsck`.
    Ext4WithoutJournal,
    /// Also takes copies of files at an instant (reflinks).
    Xfs,
}

impl Kind {
    /// Makes an empty one in a new file that reaches up to `mib`, and takes room only for what is written.
    pub fn make(self, image: &Path, mib: u64) -> Result<(), String> {
        let file = std::fs::File::create_new(image).and_then(|file| file.set_len(mib << 20));
        file.map_err(|error| format!("{}: {error}", image.display()))?;
        let words: &[&str] = match self {
            Self::Ext4 => &["mkfs.ext4", "-q", "-E", "lazy_itable_init=1"],
            Self::Ext4WithoutJournal => {
                &["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=1"]
            }
            Self::Xfs => &["mkfs.xfs", "-q", "-m", "reflink=1"],
        };
        run(Command::new(words[0]).args(&words[1..]).arg(image))
    }

    /// Mounts one as it was left, repairing it if that is how it is done.
    pub fn mount(self, image: &Path, at: &Path) -> Result<Mounted, String> {
        let options = match self {
            Self::Ext4 => "loop",
            Self::Ext4WithoutJournal => {
                // Also ends with 1 when there was something to repair.
                let mut check = Command::new("e2fsck");
                let output = check.arg("-fy").arg(image).output().map_err(|error| error.to_string())?;
                if output.status.code().is_none_or(|code| code > 1) {
                    return Err(format!("e2fsck: {output:?}"));
                }
                "loop"
            }
            // A copy has the same name as the one it was made from, which is mounted as well.
            Self::Xfs => "loop,nouuid",
        };
        Mounted::mount(Command::new("mount").args(["-o", options]).arg(image), at)
    }
}

/// A mounted file system; unmounted when dropped. Whoever has files open there must be gone by then, or go soon.
pub struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// Mounts a file system in memory that holds `mib`.
    pub fn memory(mib: u64, at: &Path) -> Result<Self, String> {
        let options = format!("size={mib}m");
        Self::mount(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "kinetoscope-test"]), at)
    }

    fn mount(command: &mut Command, at: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| format!("{}: {error}", at.display()))?;
        run(command.arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Where it is mounted.
    pub fn at(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let start = Instant::now();
        // A process that was killed just now may still be on its way out.
        while let Err(error) = run(Command::new("umount").arg(&self.at)) {
            if start.elapsed() > Duration::from_secs(10) {
                eprintln!("{error}; it goes when nobody uses it any more");
                let _ = run(Command::new("umount").arg("--lazy").arg(&self.at));
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A copy of a file as it is at one instant, whoever may be writing to it. Both lie on one file system that can do that.
pub fn copy_at_once(from: &Path, to: &Path) -> Result<(), String> {
    run(Command::new("cp").arg("--reflink=always").arg(from).arg(to))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
