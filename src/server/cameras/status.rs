//! How cameras are doing, as the workers report it.

use media::worker_protocol::camera::{Carriage, Report};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a camera is doing, by what its packets say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RtpStatus {
    /// How its packets come.
    pub transport: Carriage,
    /// RTP packets taken.
    pub packets: u64,
    /// RTP packets that never came.
    pub packets_lost: u64,
    /// RTP packets that were of no use.
    pub packets_dropped: u64,
    /// What was wrong lately, in words.
    pub warning: Option<String>,
}

/// One camera's status, over all workers that have had it.
pub(super) struct Status {
    stream: String,
    board: Arc<Board>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is shown.
    shown: RtpStatus,
    /// What the worker that has the camera now reported last; it counts from the beginning.
    last: Report,
}

/// Sums over all cameras since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) packets_lost: u64,
    pub(super) packets_dropped: u64,
}

/// Where every camera's status hangs.
#[derive(Default)]
pub(super) struct Board {
    cameras: Mutex<HashMap<String, Arc<Status>>>,
    totals: Mutex<Totals>,
}

impl Board {
    /// Hangs a camera's status up. The stream is the camera's alone.
    pub(super) fn hang(self: &Arc<Self>, stream: &str, transport: Carriage) -> Arc<Status> {
        let shown = RtpStatus { transport, ..RtpStatus::default() };
        let state = Mutex::new(State { shown, last: Report::default() });
        let status = Arc::new(Status { stream: stream.to_owned(), board: self.clone(), state });
        lock(&self.cameras).insert(stream.to_owned(), status.clone());
        status
    }

    /// Takes a camera's status down.
    pub(super) fn take_down(&self, status: &Arc<Status>) {
        let mut cameras = lock(&self.cameras);
        if cameras.get(&status.stream).is_some_and(|other| Arc::ptr_eq(other, status)) {
            cameras.remove(&status.stream);
        }
    }

    /// A camera's status.
    pub(super) fn find(&self, stream: &str) -> Option<RtpStatus> {
        lock(&self.cameras).get(stream).map(|status| status.shown())
    }

    /// How many cameras hang there.
    pub(super) fn cameras(&self) -> usize {
        lock(&self.cameras).len()
    }

    pub(super) fn totals(&self) -> Totals {
        *lock(&self.totals)
    }
}

impl Status {
    /// As it is shown.
    pub(super) fn shown(&self) -> RtpStatus {
        lock(&self.state).shown.clone()
    }

    /// Another worker has the camera from now on.
    pub(super) fn begin(&self) {
        lock(&self.state).last = Report::default();
    }

    /// Something is wrong.
    pub(super) fn warn(&self, warning: String) {
        lock(&self.state).shown.warning = Some(warning);
    }

    /// Takes a report in. What it counts is a worker's word and may be nonsense, so nothing here overflows.
    pub(super) fn report(&self, report: Report) {
        let mut state = lock(&self.state);
        let State { shown, last } = &mut *state;
        let packets = report.packets.saturating_sub(last.packets);
        let lost = report.packets_lost.saturating_sub(last.packets_lost);
        let dropped = report.packets_dropped.saturating_sub(last.packets_dropped);
        shown.packets = shown.packets.saturating_add(packets);
        shown.packets_lost = shown.packets_lost.saturating_add(lost);
        shown.packets_dropped = shown.packets_dropped.saturating_add(dropped);
        shown.warning.clone_from(&report.warning);
        *last = report;
        drop(state);
        let mut totals = lock(&self.board.totals);
        totals.packets = totals.packets.saturating_add(packets);
        totals.packets_lost = totals.packets_lost.saturating_add(lost);
        totals.packets_dropped = totals.packets_dropped.saturating_add(dropped);
    }
}

/// Nothing that holds one of these locks can leave it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_count_one_after_the_other_is_added_up() {
        let board = Arc::new(Board::default());
        let status = board.hang("yard", Carriage::Tcp);
        let report = |packets, packets_lost| Report { packets, packets_lost, ..Report::default() };
        status.report(report(10, 1));
        status.report(report(30, 1));
        status.begin();
        status.report(report(5, 2));
        let shown = board.find("yard").unwrap();
        assert_eq!((shown.packets, shown.packets_lost), (35, 3));
        board.take_down(&status);
        assert_eq!((board.find("yard"), board.cameras()), (None, 0));
        assert_eq!(board.totals(), Totals { packets: 35, packets_lost: 3, packets_dropped: 0 });
    }
}
