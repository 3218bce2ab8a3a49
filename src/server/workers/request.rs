//! One attempt to have one request served by one worker.

use super::Shared;
use super::error::WorkerError;
use super::frames::{Item, Job};
use super::process::{Fault, Process, within};
use super::stats::count;
use media::worker_protocol::{ErrorCode, Request, Response};
use std::time::Duration;

/// The worker gives up by itself after the request's timeout; this much later we stop waiting for it to say so.
const GRACE: Duration = Duration::from_secs(1);
/// How long a worker may go on with a request whose caller has gone. Most are done by then, and killing one is dearer.
const DRAIN: Duration = Duration::from_secs(1);
/// A request may take this many times the timeout for one frame.
const TIMEOUTS_MAX: u32 = 10;

/// How an attempt ended.
pub(super) enum Outcome {
    /// Everything was answered.
    Done {
        /// The worker's decoder.
        decoder: String,
        /// Processor time that the worker has used in its life, in milliseconds.
        cpu_ms: u64,
    },
    /// The worker refused, and is ready for the next request.
    Refused(WorkerError),
    /// The worker is of no use any more; another one may do better.
    Broken(Fault),
    /// The worker is busy with what nobody wants or has time for: it must be killed, and the request is over.
    Overdue(WorkerError),
}

/// Sends the request to the worker and its answers to the caller. `delivered` counts the entries that the caller has been
/// given, over all attempts.
pub(super) async fn serve(process: &mut Process, job: &Job, delivered: &mut u32, shared: &Shared) -> Outcome {
    let clock = &*shared.clock;
    let timeout = shared.config.request_timeout;
    let caller_gone = async {
        job.items.closed().await;
        clock.sleep(DRAIN).await;
    };
    // Whichever of the others comes first, the worker is killed: so it does no harm that a message may be half read.
    tokio::select! {
        biased;
        outcome = Attempt { process, job, delivered, shared, next: 0 }.run() => outcome,
        () = caller_gone => Outcome::Overdue(WorkerError::NotTaken { limit: DRAIN }),
        () = clock.sleep(timeout * TIMEOUTS_MAX) => {
            Outcome::Overdue(WorkerError::TookTooLong { limit: timeout * TIMEOUTS_MAX })
        }
        () = shared.stop.cancelled() => Outcome::Overdue(WorkerError::ShuttingDown),
    }
}

struct Attempt<'a> {
    process: &'a mut Process,
    job: &'a Job,
    delivered: &'a mut u32,
    shared: &'a Shared,
    /// The entry whose answer must come next.
    next: u32,
}

impl Attempt<'_> {
    async fn run(mut self) -> Outcome {
        let clock = &*self.shared.clock;
        let timeout = self.shared.config.request_timeout;
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let parts = match (Request { id: self.job.id, timeout_ms, work: self.job.work.clone() }).encode() {
            Ok(parts) => parts,
            Err(error) => return Outcome::Refused(WorkerError::Invalid(error)),
        };
        self.process.requests += 1;
        if let Err(fault) = self.process.send(&parts, timeout, clock).await {
            return Outcome::Broken(fault);
        }
        loop {
            let outcome = match self.process.receive(timeout + GRACE, clock).await {
                Ok(response) => self.take(response).await,
                Err(fault) => Some(Outcome::Broken(fault)),
            };
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// Deals with one answer; `None` when more are to come.
    async fn take(&mut self, response: Response) -> Option<Outcome> {
        let ours = self.job.id;
        let item = match response {
            Response::Frame { id, frame } if id == ours => Item::Frame(frame),
            Response::Missing { id, missing } if id == ours => Item::Missing(missing),
            Response::Done { id, items, cpu_ms, decoder } if id == ours && items == self.next => {
                return Some(Outcome::Done { decoder, cpu_ms });
            }
            Response::Error { id, code: ErrorCode::Timeout, .. } if id == ours => {
                return Some(Outcome::Broken(Fault::Silent));
            }
            Response::Error { id, code, detail } if id == ours => {
                return Some(Outcome::Refused(WorkerError::Refused { code, detail }));
            }
            _ => return Some(garbage("an answer to something else".into())),
        };
        if item.index() != self.next {
            return Some(garbage(format!("entry {} instead of {}", item.index(), self.next)));
        }
        self.next += 1;
        if self.next > *self.delivered { self.deliver(item).await } else { None }
    }

    async fn deliver(&mut self, item: Item) -> Option<Outcome> {
        let limit = self.shared.config.request_timeout;
        match within(&*self.shared.clock, limit, self.job.items.reserve()).await {
            Some(Ok(room)) => {
                if matches!(item, Item::Frame(_)) {
                    count(&self.shared.counters.frames);
                }
                room.send(item);
                *self.delivered = self.next;
                None
            }
            // The caller has gone: the rest is passed over, for a while.
            Some(Err(_)) => None,
            None => Some(Outcome::Overdue(WorkerError::NotTaken { limit })),
        }
    }
}

fn garbage(what: String) -> Outcome {
    Outcome::Broken(Fault::Garbage(what))
}
