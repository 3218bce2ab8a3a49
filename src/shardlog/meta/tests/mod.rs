//! What every metadata store must do.

mod crashes;
mod damage;
mod disk;
mod world;

use super::*;
use crate::env::Env;
use crate::memory::MemoryStore;
use std::sync::Arc;

async fn conforms(store: Arc<dyn MetaStore>) {
    writes_compare_versions(&*store).await;
    lists_are_by_prefix_and_in_order(&*store).await;
    of_many_writers_one_wins(store).await;
}

async fn writes_compare_versions(store: &dyn MetaStore) {
    let value = |text: &'static str| Bytes::from_static(text.as_bytes());
    let conflict = |result: Result<u64, MetaError>, expected: Option<u64>, found: Option<u64>| match result {
        Err(MetaError::Conflict { key, expected: e, found: f }) => {
            assert_eq!((key.as_str(), e, f), ("a", expected, found));
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(store.get("a").await.unwrap(), None);
    conflict(store.put("a", Some(1), value("x")).await, Some(1), None);
    assert_eq!(store.put("a", None, value("one")).await.unwrap(), 1);
    conflict(store.put("a", None, value("x")).await, None, Some(1));
    assert_eq!(store.put("a", Some(1), value("two")).await.unwrap(), 2);
    for wrong in [0, 1, 3, u64::MAX] {
        conflict(store.put("a", Some(wrong), value("x")).await, Some(wrong), Some(2));
        conflict(store.remove("a", wrong).await.map(|()| 0), Some(wrong), Some(2));
    }
    assert_eq!(store.get("a").await.unwrap(), Some(Versioned { version: 2, value: value("two") }));
    store.remove("a", 2).await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
    conflict(store.remove("a", 2).await.map(|()| 0), Some(2), None);
    assert_eq!(store.put("a", None, Bytes::new()).await.unwrap(), 1);
    assert_eq!(store.get("a").await.unwrap().unwrap().value, Bytes::new());
    store.remove("a", 1).await.unwrap();
}

async fn lists_are_by_prefix_and_in_order(store: &dyn MetaStore) {
    let keys = [
        "stream/b",
        "stream/a",
        "stream",
        "stream/ü",
        "stream0",
        "stream/a/x",
        "Stream/a",
        "stream.",
        "%",
        "_",
    ];
    for key in keys {
        store.put(key, None, Bytes::from(key)).await.unwrap();
    }
    let listed = async |prefix| {
        let found = store.list(prefix).await.unwrap();
        assert!(found.iter().all(|(key, row)| row.version == 1 && row.value == key.as_bytes()));
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(listed("stream/").await, ["stream/a", "stream/a/x", "stream/b", "stream/ü"]);
    assert_eq!(listed("stream/a").await, ["stream/a", "stream/a/x"]);
    assert_eq!(listed("%").await, ["%"]);
    assert_eq!(listed("zzz").await, Vec::<String>::new());
    assert_eq!(listed("").await.len(), keys.len());
}

async fn of_many_writers_one_wins(store: Arc<dyn MetaStore>) {
    store.put("counter", None, Bytes::from("0")).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while done < 10 {
                    let row = store.get("counter").await.unwrap().unwrap();
                    let count: u64 = std::str::from_utf8(&row.value).unwrap().parse().unwrap();
                    match store.put("counter", Some(row.version), Bytes::from((count + 1).to_string())).await
                    {
                        Ok(_) => done += 1,
                        Err(MetaError::Conflict { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        store.get("counter").await.unwrap().unwrap(),
        Versioned { version: 81, value: Bytes::from("80") }
    );
}

#[tokio::test]
async fn memory_conforms() {
    conforms(Arc::new(MemoryMeta::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journalled_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(MemoryStore::new());
    let meta = JournalledMeta::open(dir.path().join("meta.db"), log, Env::real()).await.unwrap();
    conforms(Arc::new(meta)).await;
}
