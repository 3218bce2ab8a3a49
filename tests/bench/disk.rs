//! The disk's own limit: sequential writes with one fdatasync each.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// MB/s of writing `total` bytes in pieces of `piece` bytes, each followed by fdatasync.
pub(crate) fn write_and_sync(folder: &Path, piece: usize, total: usize) -> f64 {
    let path = folder.join("disk-limit");
    let mut file = std::fs::File::create(&path).expect("create");
    let bytes: Vec<u8> = (0..piece).map(|index| (index * 31 % 251) as u8).collect();
    let start = Instant::now();
    for _ in 0..total / piece {
        file.write_all(&bytes).expect("write");
        file.sync_data().expect("fdatasync");
    }
    let rate = (total / piece * piece) as f64 / 1e6 / start.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("remove");
    rate
}
