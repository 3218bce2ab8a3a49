//! Tests of the engine as a whole.

use super::*;
use crate::env::sim::sim_env;
use crate::store::LogStore;

/// Segments so small that every test rolls through several.
fn small() -> LocalOptions {
    LocalOptions { segment_bytes: 4 << 10, table_bytes: 4 << 10, ..LocalOptions::default() }
}

#[tokio::test]
async fn conforms_with_large_segments() {
    crate::conformance::run(async || {
        let (env, _) = sim_env(1);
        Arc::new(LocalStore::open("/log", LocalOptions::default(), env).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}

#[tokio::test]
async fn conforms_with_small_segments() {
    crate::conformance::run(async || {
        let (env, _) = sim_env(1);
        Arc::new(LocalStore::open("/log", small(), env).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}

#[tokio::test]
async fn conforms_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU64::new(0);
    crate::conformance::run(async || {
        let dir = dir.path().join(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string());
        Arc::new(LocalStore::open(dir, small(), Env::real()).await.unwrap()) as Arc<dyn LogStore>
    })
    .await;
}
