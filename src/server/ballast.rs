//! A file that is nothing but room, given back when somebody else has filled the disk to the last byte: then what makes
//! room (a trim, a deletion, the release of a hold) can still be written.

use rustix::fs::{FallocateFlags, fallocate};
use shardlog::env::{Clock, FileSystem, RealFiles};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// The file, and how large it is to be.
#[derive(Clone)]
pub struct Ballast {
    path: PathBuf,
    bytes: u64,
    /// It is made again when so much is free.
    room: u64,
}

impl Ballast {
    /// A file in `dir` of a quarter of the reserve, made when there is room above `full_below`.
    pub fn new(dir: &Path, reserve: u64, full_below: u64) -> Self {
        let bytes = (reserve / 4).clamp(256 << 10, 16 << 20);
        Self { path: dir.join("ballast"), bytes, room: full_below.saturating_add(2 * bytes) }
    }

    /// Keeps the file while there is room and gives it up while there is none, until `stop`.
    pub async fn keep(self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut said = false;
        loop {
            let ballast = self.clone();
            let looked = tokio::task::spawn_blocking(move || ballast.look()).await;
            if let Ok(Err(error)) = looked
                && !std::mem::replace(&mut said, true)
            {
                tracing::warn!(path = %self.path.display(), %error, "no room can be set aside for a full disk");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(INTERVAL) => {}
            }
        }
    }

    fn look(&self) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let free = RealFiles.space(dir)?.free;
        let there = self.path.try_exists()?;
        if there && free < self.bytes / 2 {
            tracing::warn!(
                free,
                bytes = self.bytes,
                "the disk is full to the last: giving up the room set aside"
            );
            std::fs::remove_file(&self.path)
        } else if !there && free >= self.room {
            self.make()
        } else {
            Ok(())
        }
    }

    fn make(&self) -> io::Result<()> {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?;
        if let Err(error) = fallocate(&file, FallocateFlags::empty(), 0, self.bytes) {
            std::fs::remove_file(&self.path)?; // it holds nothing
            return Err(error.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_there_is_room_and_not_when_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast { path: dir.path().join("ballast"), bytes: 1 << 20, room: 0 };
        ballast.look().unwrap();
        let made = std::fs::metadata(&ballast.path).unwrap();
        assert_eq!(made.len(), 1 << 20);
        ballast.look().unwrap();
        assert!(ballast.path.exists());
        let full = Ballast { bytes: u64::MAX, room: u64::MAX, ..ballast };
        full.look().unwrap();
        assert!(!full.path.exists());
        full.look().unwrap();
        assert!(!full.path.exists());
    }
}
