//! On the local engine: in a real directory, and on a simulated disk whose power is cut.

use crate::world::{World, heads, new, put, read_all, record};
use shardlog::env::Env;
use shardlog::env::sim::sim_env;
use shardlog::local::{LocalOptions, LocalStore};
use std::sync::Arc;
use std::time::Duration;
use streams::{NewStream, Seq, Shard, TrimExactly};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let open = async || {
        Arc::new(
            LocalStore::open(dir.path().join("log"), LocalOptions::default(), Env::real()).await.unwrap(),
        )
    };
    let store = open().await;
    let mut world = World::on(store.clone());
    let streams = world.open().await;
    streams.create(NewStream { shards: 2, ..new("data") }).await.unwrap();
    let body: Vec<u8> = (0..700_000_u32).map(|i| (i % 253) as u8).collect();
    for index in 0..2 {
        let shard = streams.shard("data", index).unwrap();
        put(&shard, &format!("small {index}")).await;
        shard.append(vec![record("large", body.clone())]).await.unwrap().durable.await.unwrap();
    }
    streams.shutdown().await;
    store.close().await;

    let store = open().await;
    world.replace_store(store.clone());
    let streams = world.open().await;
    for index in 0..2 {
        let shard = streams.shard("data", index).unwrap();
        assert_eq!(heads(&shard).await, [format!("small {index}"), "large".to_owned()]);
        assert_eq!(shard.body(Seq(1), 262_000..262_300).await.unwrap(), &body[262_000..262_300]);
        assert_eq!(put(&shard, "next").await, Seq(2));
    }
    world.sim.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(streams.retention_pass(&TrimExactly, world.now()).await.records, 6);
    streams.delete("data").await.unwrap();
    streams.create(new("data")).await.unwrap();
    assert_eq!(put(&streams.shard("data", 0).unwrap(), "again").await, Seq(0));
    streams.shutdown().await;
    store.close().await;
}

/// Appends until it is refused; returns what was acknowledged.
async fn write(shard: Shard, name: String) -> Vec<(Seq, String)> {
    let mut acknowledged = Vec::new();
    for number in 0..500_usize {
        let head = format!("{name} {number}");
        let Ok(appended) = shard.append(vec![record(&head, vec![7; number * 31 % 3000])]).await else {
            break;
        };
        if appended.durable.await.is_err() {
            break;
        }
        acknowledged.push((appended.first, head));
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    for seed in 0..8 {
        let (env, mut sim) = sim_env(seed);
        let open = async |env: Env| {
            // Small segments, so that cuts also hit the making of new ones.
            let options = LocalOptions { segment_bytes: 64 << 10, ..LocalOptions::default() };
            Arc::new(LocalStore::open("/log", options, env).await.unwrap())
        };
        let mut world = World::on(open(env.clone()).await);
        world.env = env;
        let mut acknowledged = Vec::new();
        world.open().await.create(NewStream { shards: 2, ..new("data") }).await.unwrap();
        for boot in 0..3_u64 {
            let streams = world.open().await;
            let shards = [0, 1].map(|index| streams.shard("data", index).unwrap());
            for (index, seq, head) in &acknowledged {
                let shard: &Shard = &shards[*index];
                let found = read_all(shard).await.into_iter().find(|record| record.seq == *seq);
                assert_eq!(found.unwrap().head, *head, "seed {seed} boot {boot}");
            }
            let writers = [0, 1, 0].map(|index| {
                let name = format!("{boot} {index}");
                (index, tokio::spawn(write(shards[index].clone(), name)))
            });
            let enough = Seq(shards[0].state().await.unwrap().tail.next.0 + 20 + seed * 7);
            shards[0].watch().unwrap().wait_for(|tail| tail.next >= enough).await.unwrap();
            let env = sim.power_cut(seed * 10 + boot);
            for (index, writer) in writers {
                acknowledged.extend(writer.await.unwrap().into_iter().map(|(seq, head)| (index, seq, head)));
            }
            streams.shutdown().await;
            world.replace_store(open(env.clone()).await);
            world.env = env;
        }
        assert!(acknowledged.len() > 60, "seed {seed}");
    }
}
