//! A disk whose syncs wait until the test lets them through: what is not synced is not shown, and what waits is synced
//! together.

use super::*;
use crate::env::hooked::{FileHooks, HookedFiles};
use futures_util::FutureExt;
use std::io;
use std::sync::Condvar;
use tokio::time::timeout;

/// Syncs wait while it is shut.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    waiting: usize,
}

impl Gate {
    fn set_shut(&self, shut: bool) {
        lock(&self.state).shut = shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = lock(&self.state);
        state.waiting += 1;
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.shut).unwrap();
        state.waiting -= 1;
    }

    /// Blocks until somebody waits at the gate.
    fn await_arrival(&self) {
        drop(self.changed.wait_while(lock(&self.state), |state| state.waiting == 0).unwrap());
    }
}

impl FileHooks for Gate {
    fn before_sync(&self) -> io::Result<()> {
        self.pass();
        Ok(())
    }
}

/// A machine with a gate before its disk.
fn gated() -> (Env, SimHandles, Arc<Gate>) {
    let (mut env, machine) = sim_env(1);
    let gate = Arc::new(Gate::default());
    env.files = Arc::new(HookedFiles::new(env.files, gate.clone()));
    (env, machine, gate)
}

#[tokio::test]
async fn nothing_is_shown_or_acknowledged_before_its_sync_and_one_sync_serves_all_that_wait() {
    let (env, _, gate) = gated();
    let options = LocalOptions::default();
    let store = LocalStore::open("/log", options.clone(), env.clone()).await.unwrap();
    let mut writers = Vec::new();
    for _ in 0..20 {
        let shard = ShardId::new(&env);
        store.create(shard, RetentionClass(0)).await.unwrap();
        writers.push((shard, store.claim(shard, Epoch(1)).await.unwrap().1));
    }
    let before = store.stats();

    gate.set_shut(true);
    let mut in_flight = Vec::new();
    for (_, writer) in &mut writers {
        in_flight.push(writer.append(Seq(0), vec![record(0, 10_000), record(1, 0)]).await.unwrap());
    }
    assert!(
        timeout(Duration::from_millis(50), &mut in_flight[0]).await.is_err(),
        "acknowledged before the sync"
    );
    assert!(store.stats().queue_bytes > 20 * 10_000);
    for (shard, _) in &writers {
        assert_eq!(store.state(*shard).await.unwrap().tail, Tail::default());
        assert_eq!(store.read(*shard, Seq(0), EVERYTHING, Parts::Whole).await.unwrap(), []);
        assert_eq!(*store.watch(*shard).unwrap().borrow(), Tail::default());
    }

    gate.set_shut(false);
    for durable in in_flight {
        durable.await.unwrap();
    }
    let stats = store.stats();
    assert!(stats.fsyncs - before.fsyncs <= 2, "those that came while the first waited share one sync");
    assert_eq!(stats.records_written, 40);
    assert!(stats.bytes_written - before.bytes_written > 20 * 10_000);
    assert_eq!(stats.queue_bytes, 0);
    for (shard, _) in &writers {
        assert_eq!(store.read(*shard, Seq(0), EVERYTHING, Parts::Whole).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn an_append_waits_while_the_queue_is_full() {
    let (env, _, gate) = gated();
    let store =
        LocalStore::open("/log", LocalOptions { queue_bytes: 0, ..small() }, env.clone()).await.unwrap();
    let shard = ShardId::new(&env);
    store.create(shard, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = store.claim(shard, Epoch(1)).await.unwrap();

    gate.set_shut(true);
    let half = Bytes::from(vec![1; Limits::default().batch_bytes_max / 2]);
    let large = |seq| vec![SealedRecord { body: half.clone(), ..record(seq, 0) }];
    let first = writer.append(Seq(0), large(0)).await.unwrap();
    let second = timeout(Duration::from_millis(50), writer.append(Seq(1), large(1)));
    let second = second.await.unwrap().unwrap();
    let waiting = timeout(Duration::from_millis(50), writer.append(Seq(2), large(2))).await;
    assert!(waiting.is_err(), "more was admitted than the queue holds");

    gate.set_shut(false);
    first.await.unwrap();
    second.await.unwrap();
    // The call that was given up has admitted nothing.
    writer.append(Seq(2), large(2)).await.unwrap().await.unwrap();
}

/// A store with one record being synced, behind which a test can make things wait.
async fn with_a_record_at_the_gate(options: LocalOptions) -> (Bench, Arc<Gate>, crate::store::Durable) {
    let (env, machine, gate) = gated();
    let store = LocalStore::open("/log", options.clone(), env.clone()).await.unwrap();
    let shard = ShardId::new(&env);
    store.create(shard, RetentionClass(0)).await.unwrap();
    let (_, mut writer) = store.claim(shard, Epoch(1)).await.unwrap();
    gate.set_shut(true);
    let durable = writer.append(Seq(0), vec![record(0, 10)]).await.unwrap();
    gate.await_arrival();
    (Bench { machine, store, options, shard, writer, next: 1 }, gate, durable)
}

/// Whatever a writer asked after a batch that did not happen, relying on it, must not happen either.
#[tokio::test]
async fn a_refused_batch_takes_what_was_asked_after_it_along() {
    for group_bytes in [1, 1 << 20] {
        let options = LocalOptions { group_bytes, ..LocalOptions::default() };
        let (mut bench, gate, durable) = with_a_record_at_the_gate(options).await;
        let files = bench.machine.files.clone();
        files.set_capacity(Some(files.used() + (1 << 20))); // which is less than the reserve
        let refused = bench.writer.append(Seq(1), vec![record(1, 10)]).await.unwrap();
        let follower = bench.writer.append(Seq(2), vec![record(2, 10)]).await.unwrap();
        let mut seal = bench.writer.seal();
        assert!((&mut seal).now_or_never().is_none());
        gate.set_shut(false);
        durable.await.unwrap();
        for result in [refused.await, follower.await, seal.await] {
            assert!(matches!(result, Err(StoreError::Unavailable(_) | StoreError::Full(_))), "{result:?}");
        }
        let tail = bench.store.state(bench.shard).await.unwrap().tail;
        assert_eq!((tail.next, tail.sealed), (Seq(1), false));

        files.set_capacity(None);
        bench.append(1, 10).await;
        bench.writer.seal().await.unwrap();
    }
}

/// The first of two batches written together fits, the second does not: neither happened, not even after a crash.
#[tokio::test]
async fn a_group_for_which_the_disk_has_no_room_leaves_nothing_behind() {
    let options = LocalOptions { reserve_bytes: 0, ..LocalOptions::default() };
    let (mut bench, gate, durable) = with_a_record_at_the_gate(options).await;
    bench.machine.files.set_capacity(Some(bench.machine.files.used() + 12_000));
    let fits = bench.writer.append(Seq(1), vec![record(1, 9000)]).await.unwrap();
    let does_not = bench.writer.append(Seq(2), vec![record(2, 9000)]).await.unwrap();
    gate.set_shut(false);
    durable.await.unwrap();
    for result in [fits.await, does_not.await] {
        assert!(matches!(result, Err(StoreError::Unavailable(_) | StoreError::Full(_))), "{result:?}");
    }
    bench.kill().await;
    bench.assert_records(0..1).await;
}

/// What did not come to be is no reason to refuse anybody.
#[tokio::test]
async fn a_claim_that_could_not_be_written_fences_nobody() {
    let options = LocalOptions { reserve_bytes: 0, ..LocalOptions::default() };
    let (mut bench, gate, durable) = with_a_record_at_the_gate(options).await;
    bench.machine.files.set_capacity(Some(bench.machine.files.used()));
    let (store, shard) = (bench.store.clone(), bench.shard);
    let mut claim = store.claim(shard, Epoch(2));
    assert!((&mut claim).now_or_never().is_none());
    let append = bench.writer.append(Seq(1), vec![record(1, 10)]).await.unwrap();
    gate.set_shut(false);
    durable.await.unwrap();
    assert!(matches!(claim.await.map(drop), Err(StoreError::Unavailable(_) | StoreError::Full(_))));
    let appended = append.await;
    assert!(matches!(appended, Err(StoreError::Unavailable(_) | StoreError::Full(_))), "{appended:?}");
    bench.machine.files.set_capacity(None);
    bench.append(1, 10).await;
}
