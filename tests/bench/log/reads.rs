//! A count of what is read from files.

use shardlog::env::hooked::FileHooks;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads since the count was made: calls and bytes.
#[derive(Default)]
pub(crate) struct Reads {
    calls: AtomicU64,
    bytes: AtomicU64,
}

impl Reads {
    /// Calls and bytes so far.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.calls.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl FileHooks for Reads {
    fn before_read(&self, bytes: usize) -> io::Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }
}
