//! A slot of the pool: keeps one worker up and gives it one request after the other.

use super::Shared;
use super::error::WorkerError;
use super::frames::Job;
use super::process::{Fault, Process};
use super::request::{self, Outcome};
use super::stats::count;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Wait before the second start after failures in a row; doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait before a start.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(super) struct Runner {
    slot: usize,
    shared: Arc<Shared>,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
    process: Option<Process>,
    /// Starts that failed and workers that broke since the last request that was served.
    failures: u32,
}

/// What a runner does next.
enum Next {
    Serve(Job),
    /// The worker has ended although nobody told it to.
    Ended(String),
    Stop,
}

impl Runner {
    pub(super) fn new(slot: usize, shared: Arc<Shared>, queue: Arc<Mutex<mpsc::Receiver<Job>>>) -> Self {
        Self { slot, shared, queue, process: None, failures: 0 }
    }

    /// Works until the pool is shut down or dropped.
    pub(super) async fn run(mut self) {
        while !self.shared.stop.is_cancelled() {
            if self.process.is_none()
                && let Err(reason) = self.start().await
            {
                self.fail_queue(&reason).await;
                continue;
            }
            match self.next().await {
                Next::Serve(job) => self.serve(job).await,
                Next::Ended(how) => self.lost(&how),
                Next::Stop => break,
            }
        }
        if let Some(process) = self.process.take() {
            process.end(&*self.shared.clock).await;
        }
        self.shared.counters.down(self.slot);
        // What is still queued would wait for nobody.
        let mut queue = self.queue.lock().await;
        queue.close();
        while queue.try_recv().is_ok() {}
    }

    async fn next(&mut self) -> Next {
        let Some(process) = &mut self.process else { return Next::Stop };
        let job = async { self.queue.lock().await.recv().await };
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Next::Stop,
            how = process.ended() => Next::Ended(how),
            job = job => job.map_or(Next::Stop, Next::Serve),
        }
    }

    /// Starts a worker, after a wait if there have been failures. The error is for people.
    async fn start(&mut self) -> Result<(), String> {
        let stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Err("the pool is shutting down".into()),
            started = self.start_in_a_while() => started,
        }
    }

    async fn start_in_a_while(&mut self) -> Result<(), String> {
        let clock = &*self.shared.clock;
        if self.failures > 1 {
            let doubled = BACKOFF_MIN.saturating_mul(1 << (self.failures - 2).min(16));
            clock.sleep(doubled.min(BACKOFF_MAX)).await;
        }
        match Process::start(&self.shared.config, clock).await {
            Ok(process) => {
                let pid = process.pid;
                tracing::debug!(
                    slot = self.slot,
                    pid,
                    description = process.description,
                    "media worker is up"
                );
                self.shared.counters.up(self.slot, pid, &process.description);
                self.process = Some(process);
                Ok(())
            }
            Err(reason) => {
                tracing::error!(slot = self.slot, reason, "media worker does not start");
                self.failures += 1;
                count(&self.shared.counters.restarts);
                self.shared.counters.start_failed(&reason);
                Err(reason)
            }
        }
    }

    /// Serves a request, with a second worker if the first one breaks.
    async fn serve(&mut self, job: Job) {
        if job.items.is_closed() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        count(&shared.counters.requests);
        shared.counters.busy.fetch_add(1, Ordering::Relaxed);
        let result = self.attempts(&job).await;
        shared.counters.busy.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = &result {
            count(&shared.counters.failures);
            tracing::info!(slot = self.slot, %error, "request for frames failed");
        }
        job.finish(result);
    }

    async fn attempts(&mut self, job: &Job) -> Result<String, WorkerError> {
        let shared = Arc::clone(&self.shared);
        let mut delivered = 0;
        let mut retry = true;
        loop {
            let Some(process) = &mut self.process else {
                match self.start().await {
                    Ok(()) => continue,
                    Err(reason) => return Err(WorkerError::Unavailable { reason }),
                }
            };
            match request::serve(process, job, &mut delivered, &shared).await {
                Outcome::Done { decoder, cpu_ms } => {
                    self.failures = 0;
                    self.recycle(cpu_ms).await;
                    return Ok(decoder);
                }
                Outcome::Refused(error) => {
                    self.failures = 0;
                    return Err(error);
                }
                Outcome::Overdue(error) => {
                    self.discard().await;
                    return Err(error);
                }
                Outcome::Broken(fault) => {
                    let error = self.broken(fault).await;
                    if !retry || job.items.is_closed() {
                        return Err(error);
                    }
                    retry = false;
                    count(&shared.counters.retries);
                    tracing::warn!(slot = self.slot, %error, "request for frames is done again");
                }
            }
        }
    }

    /// Replaces a worker that has done its share.
    async fn recycle(&mut self, cpu_ms: u64) {
        let config = &self.shared.config;
        let spent = cpu_ms / 1000 >= config.cpu_max_s / 2;
        if let Some(process) =
            self.process.take_if(|process| spent || process.requests >= config.requests_max)
        {
            self.shared.counters.down(self.slot);
            process.end(&*self.shared.clock).await;
            count(&self.shared.counters.recycled);
        }
    }

    /// Does away with a broken worker; what to tell the caller.
    async fn broken(&mut self, fault: Fault) -> WorkerError {
        self.failures += 1;
        let gone = matches!(fault, Fault::Gone);
        let how = if gone { self.collect().await } else { self.discard().await };
        match fault {
            Fault::Gone => WorkerError::Died { how },
            Fault::Silent => WorkerError::TimedOut { limit: self.shared.config.request_timeout },
            Fault::Garbage(what) => WorkerError::Garbage(what),
        }
    }

    /// Kills the worker.
    async fn discard(&mut self) -> String {
        let Some(process) = self.process.take() else { return String::new() };
        let how = process.kill().await;
        self.replaced();
        how
    }

    /// Waits for a worker that is ending by itself, to learn why.
    async fn collect(&mut self) -> String {
        let Some(process) = self.process.take() else { return String::new() };
        let how = process.end(&*self.shared.clock).await;
        self.replaced();
        how
    }

    /// An idle worker has ended by itself.
    fn lost(&mut self, how: &str) {
        tracing::warn!(slot = self.slot, how, "idle media worker ended");
        self.failures += 1;
        self.process = None;
        self.replaced();
    }

    fn replaced(&self) {
        self.shared.counters.down(self.slot);
        count(&self.shared.counters.restarts);
    }

    /// When no worker is up and none starts, the requests that wait are told so.
    async fn fail_queue(&self, reason: &str) {
        if self.shared.counters.out_of_order().is_none() {
            return;
        }
        let mut queue = self.queue.lock().await;
        while let Ok(job) = queue.try_recv() {
            job.finish(Err(WorkerError::Unavailable { reason: reason.to_owned() }));
        }
    }
}
