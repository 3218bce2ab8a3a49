//! A file that is nothing but room, given back when somebody else has filled the disk to the last byte: then what makes
//! room (a trim, a deletion, the release of a hold) can still be written. It goes piece by piece, so that whoever eats the
//! first one does not have it all.

use rustix::fs::{FallocateFlags, fallocate};
use shardlog::env::{Clock, FileSystem, RealFiles};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// In how many pieces it is given up.
const PIECES: u64 = 8;
/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_millis(250);
/// Looks at a full disk before a piece goes: whoever fills it must have done, else the piece is theirs.
const FULL_LOOKS: u32 = 12;

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
        let (mut said, mut full_looks) = (false, 0);
        loop {
            let (ballast, give) = (self.clone(), full_looks >= FULL_LOOKS);
            full_looks = match tokio::task::spawn_blocking(move || ballast.look(give)).await {
                Ok(Ok(true)) => full_looks % FULL_LOOKS + 1,
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut said, true) {
                        let path = self.path.display();
                        tracing::warn!(%path, %error, "no room can be set aside for a full disk");
                    }
                    0
                }
                Ok(Ok(false)) | Err(_) => 0,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(INTERVAL) => {}
            }
        }
    }

    /// Gives up a piece, if it is to, when there is no room, and makes the file whole when there is. Whether the disk is
    /// full to the last.
    fn look(&self, give: bool) -> io::Result<bool> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let free = RealFiles.space(dir)?.free;
        let len = if self.path.try_exists()? { std::fs::metadata(&self.path)?.len() } else { 0 };
        let piece = self.bytes / PIECES;
        let full = free < piece;
        if full && give && len > 0 {
            tracing::warn!(free, "the disk is full to the last: giving up some of the room set aside");
            OpenOptions::new().write(true).open(&self.path)?.set_len(len.saturating_sub(piece))?;
        } else if len < self.bytes && free >= self.room {
            self.make()?;
        }
        Ok(full)
    }

    fn make(&self) -> io::Result<()> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        Ok(fallocate(&file, FallocateFlags::empty(), 0, self.bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_there_is_room_and_not_when_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast { path: dir.path().join("ballast"), bytes: 1 << 20, room: 0 };
        let len = |ballast: &Ballast| std::fs::metadata(&ballast.path).unwrap().len();
        for _ in 0..2 {
            assert!(!ballast.look(true).unwrap());
            assert_eq!(len(&ballast), 1 << 20);
        }
        // On a disk that has less free than a piece, a piece goes at a time, up to the last.
        let full = Ballast { bytes: u64::MAX, room: u64::MAX, path: ballast.path.clone() };
        for (give, left) in [(false, 1 << 20), (true, 0), (true, 0)] {
            assert!(full.look(give).unwrap());
            assert_eq!(len(&ballast), left);
        }
        assert!(!ballast.look(true).unwrap());
        assert_eq!(len(&ballast), 1 << 20, "there is room again");
    }
}
