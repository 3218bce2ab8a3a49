//! The audit log: who did what to what, who was refused, and which keys were used.
//!
//! ```text
//! DATA/audit/audit.jsonl                  written now
//! DATA/audit/audit-MILLISECONDS.jsonl     older ones, named by when they were full; the oldest goes when there are too many
//! ```
//! | what | when its line is written |
//! |---|---|
//! | a control call (it changes something) | before it is done, and it waits until the line is on disk |
//! | a refusal, or a use of a key (reading, media) | at once if it is the first of its kind in five minutes; further ones are counted, and one line says how many there were |
//!
//! Of one kind are those with the same key, action, resource, encryption context, source and outcome. One task writes; what waits for it is bounded.
//! When there is no room, control calls wait, and lines of other kinds are dropped: how many is said by the next line that
//! can be written, and by the metric `kinetoscope_audit_dropped_total`. If the disk refuses, calls go on, because what
//! makes room on a full disk is a call too; the server's own log says so, and the lines count as dropped.

mod entry;
mod file;
mod read;
mod seen;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Event};
pub use read::{Found, Wanted};

use crate::error::Causes;
use file::LogFile;
use seen::{Seen, WINDOW};
use shardlog::env::Env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait to be written.
const QUEUE_LINES: usize = 1024;
/// Lines written at once.
const BATCH_LINES: usize = 256;

/// Takes entries.
pub struct Audit {
    queue: mpsc::Sender<Job>,
    seen: Mutex<Seen>,
    dropped: Arc<AtomicU64>,
    dir: PathBuf,
    /// Held while somebody reads: a file is 16 MiB in memory.
    reading: tokio::sync::Mutex<()>,
    env: Env,
}

enum Job {
    Line {
        line: String,
        /// Told when the line is on disk, or is known not to be.
        written: Option<oneshot::Sender<()>>,
    },
    /// Told when everything before is written.
    Barrier(oneshot::Sender<()>),
}

impl Audit {
    /// Opens the log in a directory, which is made if it is not there, and starts the task that writes. Blocks.
    pub fn open(dir: &Path, env: Env) -> io::Result<Self> {
        let file = LogFile::open(dir)?;
        let (queue, jobs) = mpsc::channel(QUEUE_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(file, jobs, dropped.clone(), env.clone()));
        let (dir, reading) = (dir.to_owned(), tokio::sync::Mutex::default());
        Ok(Self { queue, seen: Mutex::default(), dropped, dir, reading, env })
    }

    /// The newest lines that are wanted. One caller at a time; others wait.
    pub async fn read(&self, wanted: Wanted) -> io::Result<Found> {
        let _reading = self.reading.lock().await;
        let dir = self.dir.clone();
        let found = self.env.blocking(move || read::read(&dir, &wanted)).await;
        found.unwrap_or_else(|| Err(io::Error::other("the reader broke off")))
    }

    /// Writes an entry down; returns when it is on disk.
    pub async fn record(&self, entry: &Entry) {
        let (tell, written) = oneshot::channel();
        let line = entry.line(self.env.clock.now_ms(), None);
        if self.queue.send(Job::Line { line, written: Some(tell) }).await.is_ok() {
            // An error: the server is ending.
            let _ = written.await;
        }
    }

    /// Writes an entry down if it is the first of its kind in a while, and counts it otherwise. Does not wait.
    pub fn note(&self, entry: &Entry) {
        let now_ms = self.env.clock.now_ms();
        let full = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.is_new(entry, now_ms) {
                return;
            }
            seen.take_if_full()
        };
        self.offer(entry.line(now_ms, None));
        full.into_iter().for_each(|line| self.offer(line));
    }

    /// Lines that could not be written.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn offer(&self, line: String) {
        if self.queue.try_send(Job::Line { line, written: None }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps saying how many there were of each kind.
    pub async fn keep_counting(&self) {
        loop {
            self.env.clock.sleep(WINDOW).await;
            self.write_counts().await;
        }
    }

    /// Says how many there were of each kind since it was last said; returns when everything is on disk.
    pub async fn write_counts(&self) {
        let lines = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        for line in lines {
            if self.queue.send(Job::Line { line, written: None }).await.is_err() {
                return;
            }
        }
        let (tell, written) = oneshot::channel();
        if self.queue.send(Job::Barrier(tell)).await.is_ok() {
            let _ = written.await;
        }
    }
}

/// Writes what comes, some lines at a time, until nobody can send any more.
async fn write(file: LogFile, mut jobs: mpsc::Receiver<Job>, dropped: Arc<AtomicU64>, env: Env) {
    let file = Arc::new(Mutex::new(file));
    let mut said = 0;
    let mut batch = Vec::with_capacity(BATCH_LINES);
    while jobs.recv_many(&mut batch, BATCH_LINES).await > 0 {
        let (mut text, mut tell, mut lines) = (String::new(), Vec::new(), 0);
        let lost = dropped.load(Ordering::Relaxed);
        if lost > said {
            text.push_str(&Entry::dropped(lost - said).line(env.clock.now_ms(), None));
        }
        for job in batch.drain(..) {
            match job {
                Job::Line { line, written } => {
                    text.push_str(&line);
                    tell.extend(written);
                    lines += 1;
                }
                Job::Barrier(written) => tell.push(written),
            }
        }
        let (to, now_ms, sync) = (file.clone(), env.clock.now_ms(), !tell.is_empty());
        let work = move || to.lock().unwrap_or_else(PoisonError::into_inner).append(&text, sync, now_ms);
        match env.blocking(work).await.unwrap_or_else(|| Err(io::Error::other("the writer broke off"))) {
            Ok(()) => said = lost,
            Err(error) => {
                dropped.fetch_add(lines, Ordering::Relaxed);
                tracing::error!(cause = %Causes(&error), "the audit log cannot be written");
            }
        }
        for written in tell {
            // Whoever waited may have gone.
            let _ = written.send(());
        }
    }
}
