//! On the log's own engine and a simulated disk: the process dies or the power goes at any operation on files.

use super::world::{World, all};
use crate::LogStore;
use crate::env::Env;
use crate::env::sim::sim_env;
use crate::local::{LocalOptions, LocalStore};
use crate::meta::table::Snapshot;
use std::sync::Arc;

const SEEDS: u64 = 24;
const LIVES: u64 = 6;

/// Segments so small that the journal spans several.
async fn open(env: &Env) -> Arc<LocalStore> {
    let options = LocalOptions { segment_bytes: 3000, scrub_bytes_per_second: 0, ..LocalOptions::default() };
    Arc::new(LocalStore::open("/log", options, env.clone()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_power_cuts_without_the_table() {
    let mut stopped = 0;
    for seed in 0..SEEDS {
        let (env, machine) = sim_env(seed);
        let mut world = World::on(seed, env.clone(), machine, open(&env).await);
        let mut old = Snapshot::default();
        for life in 0..LIVES {
            let meta = world.open().await.unwrap();
            world.change(&meta, 3).await;
            world.machine.files.stop_after(world.machine.random.below(80));
            let mut in_flight = None;
            for _ in 0..40 {
                let (key, to) = world.choose();
                if let Err(error) = world.make(&meta, &key, to.as_ref()).await {
                    assert!(world.machine.files.has_stopped(), "seed {seed}, life {life}: {error}");
                    in_flight = Some((key, to));
                    break;
                }
                world.note(&key, to);
            }
            stopped += u64::from(in_flight.is_some());
            drop(meta);
            let cut = world.machine.random.coin();
            let env = if cut { world.machine.power_cut(seed ^ life) } else { world.machine.kill() };
            world.replace_log(env.clone(), open(&env).await);
            let what = world.machine.random.below(3);
            match what {
                0 => {}
                1 => world.table.put_back(Snapshot::default()),
                _ => world.table.put_back(old),
            }
            let found = all(&world.open().await.unwrap()).await;
            if let Some((key, to)) = in_flight
                && found != world.model
            {
                world.note(&key, to);
            }
            assert_eq!(found, world.model, "seed {seed}, life {life}, power cut {cut}, table {what}");
            old = world.table.copy();
            assert!(world.journal_len().await < 40, "the journal stays short: {}", world.journal_len().await);
            assert_eq!(world.log.shards().await.unwrap(), [crate::JOURNAL_SHARD]);
        }
    }
    assert!(stopped > SEEDS, "{stopped} changes were cut off");
}
