//! A log that is slow, and a disk that fails.

use crate::camera::{Camera, joined};
use crate::gate::GatedStore;
use crate::ingest::all;
use crate::world::{World, options, settle};
use shardlog::env::sim::sim_env;
use shardlog::local::{LocalOptions, LocalStore};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use video::{End, ErrorKind, Event, SessionOptions};

fn listening() -> SessionOptions {
    SessionOptions { events: true, ..options() }
}

fn told(event: &Event) -> String {
    match event {
        Event::Buffering(fragment) => format!("BUFFERING {}", fragment.number),
        Event::Received(fragment) => format!("RECEIVED {}", fragment.number),
        Event::Persisted(fragment) => format!("PERSISTED {}", fragment.number),
        Event::Error { error, .. } => format!("ERROR {}", error.code()),
    }
}

#[tokio::test]
async fn a_fragment_is_persisted_when_every_chunk_of_it_is_on_disk_and_not_before() {
    let store = Arc::new(GatedStore::new());
    let service = World::on(store.clone()).with_cam().await;
    let camera = Camera::new();
    let mut session = service.video.ingest("cam", listening()).await.unwrap();
    let mut events = session.take_events().unwrap();
    let mut drain = async || {
        settle().await;
        std::iter::from_fn(|| events.try_recv().ok()).map(|event| told(&event)).collect::<Vec<_>>()
    };
    // Records: 0 the initialisation segment, 1 and 2 a fragment, 3 the next.
    session.push(joined(&[camera.init(), camera.frames(0, 5), camera.frames(5, 10)])).await.unwrap();
    session.push(camera.frames(10, 20)).await.unwrap();
    assert_eq!(drain().await, ["BUFFERING 1", "RECEIVED 1", "BUFFERING 3"]);
    store.open(2);
    assert_eq!(drain().await, Vec::<String>::new(), "one of its chunks is not on disk");
    store.open(1);
    assert_eq!(drain().await, ["PERSISTED 1"]);
    let finishing = tokio::spawn(session.finish(End::Eof));
    assert_eq!(drain().await, ["RECEIVED 3"]);
    assert!(!finishing.is_finished());
    store.open(1);
    assert_eq!(drain().await, ["PERSISTED 3"]);
    // The end record, too, before the session is over.
    assert!(!finishing.is_finished());
    store.open(1);
    assert_eq!(finishing.await.unwrap().persisted, 2);
}

#[tokio::test]
async fn a_log_that_is_behind_holds_the_camera_back() {
    let store = Arc::new(GatedStore::new());
    let service = World::on(store.clone()).with_cam().await;
    // A megabyte a second.
    let camera = Camera { frame_bytes: 100 << 10, ..Camera::new() };
    let mut session = service.begin().await;
    session.push(camera.init()).await.unwrap();
    let pushed = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = pushed.clone();
    let pushing = tokio::spawn(async move {
        for second in camera.seconds(0, 120) {
            let len = second.len() as u64;
            session.push(second).await.unwrap();
            counter.fetch_add(len, Ordering::SeqCst);
        }
        session.finish(End::Eof).await
    });
    // Nothing becomes durable, so what streams admits for one shard is all that is taken, and a few chunks that wait.
    let mut before = 0;
    loop {
        tokio::time::timeout(Duration::from_millis(500), std::future::pending::<()>()).await.unwrap_err();
        let now = pushed.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    assert!((20 << 20..40 << 20).contains(&before), "{before} bytes were taken");
    assert!(store.admitted_bytes.load(Ordering::SeqCst) <= 32 << 20);
    store.open(u64::MAX);
    let summary = pushing.await.unwrap();
    assert_eq!((summary.persisted, summary.error.map(|error| error.code())), (120, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_ends_the_session_and_what_was_persisted_stays() {
    for failing_sync in [false, true] {
        let (env, mut sim) = sim_env(3);
        let dir = std::path::Path::new("/log");
        let open = async |env| Arc::new(LocalStore::open(dir, LocalOptions::default(), env).await.unwrap());
        let mut world = World::on(open(env).await);
        let service = world.with_cam().await;
        let camera = Camera::new();
        let mut session = service.video.ingest("cam", listening()).await.unwrap();
        let mut events = session.take_events().unwrap();
        session.push(camera.init()).await.unwrap();
        match failing_sync {
            true => sim.files.fail_sync_after(12),
            false => sim.files.fail_write_after(12),
        }
        let pushing = tokio::spawn(async move {
            for second in camera.seconds(0, 10_000) {
                if session.push(second).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            session.finish(End::Eof).await
        });
        let mut persisted = Vec::new();
        let mut failed = None;
        while let Some(event) = events.recv().await {
            assert!(failed.is_none(), "{event:?} after the error");
            match event {
                Event::Persisted(fragment) => persisted.push(fragment.number),
                Event::Error { error, .. } => failed = Some(error),
                _ => {}
            }
        }
        let error = failed.unwrap();
        assert_eq!((error.code(), error.kind()), ("STORAGE_FAILED", ErrorKind::Unavailable));
        let summary = pushing.await.unwrap();
        assert_eq!(summary.persisted, persisted.len() as u64);
        assert_eq!(summary.error.unwrap().code(), "STORAGE_FAILED");
        let env = sim.power_cut(9);
        world.store = open(env).await;
        let service = world.open().await;
        let listed = service.video.fragments("cam", all()).await.unwrap().fragments;
        let numbers: Vec<u64> = listed.iter().map(|fragment| fragment.fragment_number).collect();
        assert!(numbers.starts_with(&persisted), "{persisted:?} of {numbers:?}");
        assert!(service.upload(&Camera::new().upload(0, 2)).await.error.is_none());
    }
}
