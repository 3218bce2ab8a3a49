//! Threads of which one runs at a time, and a seed says which.
//!
//! They are threads of the operating system, but each waits for its turn: it goes on until it comes to a *switch*, and there
//! the seed picks who is next among those that could go on. A switch is every operation on a simulated file, every wait for
//! a [`Signal`], and every await of [`SimThreads::block_on`]. Whatever lies between two switches happens at once, so nobody
//! may hold a lock at a switch: whoever wanted it would wait for a thread that is not allowed to run.
//!
//! Outside [`SimThreads::run`] the same objects are ordinary threads and nothing is decided by the seed.

use super::random::SeededRandom;
use crate::env::{Signal, Threads, Work};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The first thread: the one that called [`SimThreads::run`].
const MAIN: usize = 0;

/// The threads of a simulated machine. Clones are the same threads.
#[derive(Clone)]
pub struct SimThreads {
    turns: Arc<Turns>,
}

/// Whose turn it is.
struct Turns {
    state: Mutex<State>,
}

struct State {
    random: SeededRandom,
    threads: Vec<Thread>,
    running: usize,
    /// Who could go on.
    ready: Vec<usize>,
    /// Threads besides the main one that have not ended.
    alive: usize,
    /// Nobody could go on, so the main thread was given the turn although it waits.
    stuck: bool,
    /// Of 256 pieces of blocking work so many run at once on the thread that asks for them.
    at_once: u64,
    /// What the first thread that panicked said.
    panic: Option<Box<dyn Any + Send>>,
}

struct Thread {
    name: String,
    turn: Arc<Condvar>,
}

thread_local! {
    /// Which simulated thread this is, if any.
    static SELF: RefCell<Option<(Arc<Turns>, usize)>> = const { RefCell::new(None) };
}

/// Lets the seed decide who goes on. Does nothing in a thread that is not simulated.
pub(super) fn switch() {
    if let Some((turns, me)) = SELF.with_borrow(Clone::clone) {
        let mut state = turns.state();
        if !state.ready.is_empty() {
            state.ready.push(me);
            drop(turns.hand_over(state, me));
        }
    }
}

impl State {
    /// Gives the turn to one of those that could go on.
    fn pass_turn(&mut self) {
        self.stuck = self.ready.is_empty();
        self.running = if self.stuck {
            MAIN
        } else {
            let pick = self.random.below(self.ready.len() as u64) as usize;
            self.ready.swap_remove(pick)
        };
        self.threads[self.running].turn.notify_one();
    }
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the turn on, and returns when it is this thread's again.
    fn hand_over<'a>(&'a self, mut state: MutexGuard<'a, State>, me: usize) -> MutexGuard<'a, State> {
        state.pass_turn();
        Self::await_turn(state, me)
    }

    fn await_turn(mut state: MutexGuard<'_, State>, me: usize) -> MutexGuard<'_, State> {
        let turn = state.threads[me].turn.clone();
        while state.running != me {
            state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Waits until somebody makes the thread ready again.
    fn block(&self, me: usize) {
        let state = self.hand_over(self.state(), me);
        if state.stuck {
            let names: Vec<_> = state.threads.iter().map(|thread| thread.name.clone()).collect();
            drop(state);
            panic!("nobody can go on, of {names:?}");
        }
    }

    /// What a thread does from its beginning to its end.
    fn live(self: Arc<Self>, me: usize, work: Work) {
        drop(Self::await_turn(self.state(), me));
        SELF.set(Some((self.clone(), me)));
        let outcome = catch_unwind(AssertUnwindSafe(work));
        SELF.set(None);
        let mut state = self.state();
        if let Err(panic) = outcome {
            state.panic.get_or_insert(panic);
        }
        state.alive -= 1;
        state.pass_turn();
    }

    fn start(self: &Arc<Self>, name: String, work: Work) {
        let mut state = self.state();
        let me = state.threads.len();
        state.threads.push(Thread { name, turn: Arc::default() });
        state.alive += 1;
        state.ready.push(me);
        drop(state);
        let turns = self.clone();
        run_pooled(Box::new(move || turns.live(me, work)));
    }
}

impl SimThreads {
    /// The threads that a seed decides on.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: SeededRandom::new(seed),
            threads: vec![Thread { name: "main".to_owned(), turn: Arc::default() }],
            running: MAIN,
            ready: Vec::new(),
            alive: 0,
            stuck: false,
            at_once: 128,
            panic: None,
        };
        Self { turns: Arc::new(Turns { state: Mutex::new(state) }) }
    }

    /// Runs `body` as the machine's first thread, and then whatever it started, to the end.
    ///
    /// # Panics
    /// When a thread panicked, or when some are left that wait for ever.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        SELF.set(Some((self.turns.clone(), MAIN)));
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let mut state = self.turns.state();
        // It is this thread's turn again when nobody else can go on.
        while state.alive > 0 && !std::mem::take(&mut state.stuck) {
            state = self.turns.hand_over(state, MAIN);
        }
        SELF.set(None);
        let panic = state.panic.take();
        let left = state.alive;
        drop(state);
        match (outcome, panic) {
            (Err(panic), _) | (Ok(_), Some(panic)) => resume_unwind(panic),
            (Ok(value), None) => {
                assert_eq!(left, 0, "threads are left that wait for ever");
                value
            }
        }
    }

    /// Polls a future to its end on this thread; while it waits, the others go on.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let signal = Arc::new(SimSignal::new(&self.turns));
        let waker = Waker::from(Arc::new(Raise(signal.clone())));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => return value,
                Poll::Pending => signal.wait(),
            }
        }
    }

    /// While it is calm, work that may block runs at once, which is quicker; otherwise every other piece gets a thread.
    pub fn set_calm(&self, calm: bool) {
        self.turns.state().at_once = if calm { 256 } else { 128 };
    }
}

impl Threads for SimThreads {
    fn spawn(&self, name: String, work: Work) -> io::Result<()> {
        self.turns.start(name, work);
        Ok(())
    }

    fn run_blocking(&self, work: Work) {
        let at_once = {
            let state = self.turns.state();
            state.random.below(256) < state.at_once
        };
        if at_once {
            work();
        } else {
            self.turns.start("blocking".to_owned(), work);
        }
    }

    fn signal(&self) -> Arc<dyn Signal> {
        Arc::new(SimSignal::new(&self.turns))
    }
}

struct SimSignal {
    turns: Arc<Turns>,
    state: Mutex<SignalState>,
}

#[derive(Default)]
struct SignalState {
    raised: bool,
    waiter: Option<usize>,
}

impl SimSignal {
    fn new(turns: &Arc<Turns>) -> Self {
        Self { turns: turns.clone(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signal for SimSignal {
    fn wait(&self) {
        let me = SELF.with_borrow(|own| own.as_ref().map(|(_, me)| *me)).expect("a simulated thread");
        loop {
            let mut state = self.state();
            if std::mem::take(&mut state.raised) {
                return;
            }
            state.waiter = Some(me);
            drop(state);
            self.turns.block(me);
        }
    }

    /// No switch: this may be called with locks held.
    fn raise(&self) {
        let mut state = self.state();
        state.raised = true;
        if let Some(waiter) = state.waiter.take() {
            self.turns.state().ready.push(waiter);
        }
    }
}

struct Raise(Arc<SimSignal>);

impl Wake for Raise {
    fn wake(self: Arc<Self>) {
        self.0.raise();
    }
}

/// Threads of the operating system that have nothing to do; starting one takes longer than most of them have work.
static IDLE: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Sender<Work>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_pooled(work: Work) {
    let worker = idle().pop().unwrap_or_else(|| {
        let (sender, work) = mpsc::channel::<Work>();
        let own = sender.clone();
        std::thread::spawn(move || {
            for work in work {
                work();
                idle().push(own.clone());
            }
        });
        sender
    });
    worker.send(work).expect("a worker never ends");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tokio::sync::oneshot;

    /// Three threads note their steps; between any two of them somebody else may go on.
    fn order(seed: u64) -> Vec<(usize, usize)> {
        let threads = SimThreads::new(seed);
        let steps = Arc::new(Mutex::new(Vec::new()));
        threads.run(|| {
            for thread in 0..3 {
                let steps = steps.clone();
                let work = move || {
                    for step in 0..3 {
                        switch();
                        steps.lock().unwrap().push((thread, step));
                    }
                };
                threads.spawn(String::new(), Box::new(work)).unwrap();
            }
        });
        Arc::into_inner(steps).unwrap().into_inner().unwrap()
    }

    #[test]
    fn the_seed_decides_who_goes_on_and_decides_the_same_again() {
        let orders: BTreeSet<_> = (0..50).map(order).collect();
        assert!(orders.len() > 20);
        assert!((0..50).all(|seed| order(seed) == order(seed)));
    }

    #[test]
    fn who_waits_is_woken() {
        let threads = SimThreads::new(1);
        let (signal, (reply, answer)) = (threads.signal(), oneshot::channel());
        let waiting = signal.clone();
        let answered = threads.run(|| {
            let work = move || {
                waiting.wait();
                reply.send(7).unwrap();
            };
            threads.spawn("waits".to_owned(), Box::new(work)).unwrap();
            signal.raise();
            threads.block_on(answer)
        });
        assert_eq!(answered, Ok(7));
    }

    #[test]
    fn threads_that_wait_for_ever_and_threads_that_panic_are_noticed() {
        let failed = |work: fn(Arc<dyn Signal>)| {
            let threads = SimThreads::new(1);
            let signal = threads.signal();
            let body = || threads.spawn(String::new(), Box::new(move || work(signal))).unwrap();
            catch_unwind(AssertUnwindSafe(|| threads.run(body))).is_err()
        };
        assert!(failed(|signal| signal.wait()));
        assert!(failed(|_| resume_unwind(Box::new("on purpose"))));
        assert!(!failed(|signal| signal.raise()));
    }
}
