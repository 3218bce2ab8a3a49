//! What a session tells while it goes on.

use crate::camera::{Camera, joined};
use crate::world::{World, options, settle};
use bytes::Bytes;
use std::collections::HashMap;
use tokio::sync::mpsc;
use video::{End, Event, SessionOptions};

fn with_events() -> SessionOptions {
    SessionOptions { events: true, ..options() }
}

fn drain(events: &mut mpsc::Receiver<Event>) -> Vec<String> {
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(match event {
            Event::Buffering(fragment) => format!("BUFFERING {}", fragment.number),
            Event::Received(fragment) => format!("RECEIVED {}", fragment.number),
            Event::Persisted(fragment) => format!("PERSISTED {}", fragment.number),
            Event::Error { error, .. } => format!("ERROR {}", error.code()),
        });
    }
    told
}

#[tokio::test]
async fn each_fragment_is_announced_received_and_persisted() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.video.ingest("cam", with_events()).await.unwrap();
    let mut events = session.take_events().unwrap();
    session.push(camera.init()).await.unwrap();
    session.push(camera.frames(0, 5)).await.unwrap();
    settle().await;
    assert_eq!(drain(&mut events), ["BUFFERING 1"]);
    // Every chunk is on disk by now, but the fragment may still grow.
    session.push(camera.frames(5, 10)).await.unwrap();
    settle().await;
    assert_eq!(drain(&mut events), Vec::<String>::new());
    session.push(camera.frames(10, 12)).await.unwrap();
    settle().await;
    let told = drain(&mut events);
    assert_eq!(told, ["RECEIVED 1", "PERSISTED 1", "BUFFERING 3"]);
    session.push(Bytes::from_static(b"this is no box at all")).await.unwrap();
    let summary = session.finish(End::Eof).await;
    assert_eq!(summary.persisted, 2);
    let told = drain(&mut events);
    assert_eq!(told[..2], ["RECEIVED 3", "PERSISTED 3"]);
    assert!(told[2].starts_with("ERROR "), "{told:?}");
    assert!(events.recv().await.is_none());
}

#[tokio::test]
async fn events_come_in_order_when_everything_arrives_at_once() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.video.ingest("cam", with_events()).await.unwrap();
    let mut events = session.take_events().unwrap();
    let chunks: Vec<_> = (0..600).map(|chunk| camera.frames(chunk * 2, chunk * 2 + 2)).collect();
    let upload = joined(&[vec![camera.init()], chunks].concat());
    let pushing = tokio::spawn(async move {
        session.push(upload).await.unwrap();
        session.finish(End::Eof).await
    });
    let mut reached: HashMap<u64, usize> = HashMap::new();
    let mut latest = [0; 3];
    while let Some(event) = events.recv().await {
        let (stage, fragment) = match event {
            Event::Buffering(fragment) => (0, fragment),
            Event::Received(fragment) => (1, fragment),
            Event::Persisted(fragment) => (2, fragment),
            Event::Error { error, .. } => panic!("{error}"),
        };
        // For a fragment: one stage after the other. For a stage: one fragment after the other.
        let before = reached.insert(fragment.number, stage);
        assert_eq!(before, stage.checked_sub(1));
        assert!(fragment.number > latest[stage]);
        latest[stage] = fragment.number;
    }
    let summary = pushing.await.unwrap();
    assert_eq!((summary.fragments, summary.persisted, summary.chunks), (120, 120, 600));
    assert!(reached.values().all(|stage| *stage == 2));
}

#[tokio::test]
async fn a_reader_that_never_reads_does_not_hold_up_the_end() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.video.ingest("cam", with_events()).await.unwrap();
    let unread = session.take_events().unwrap();
    let pushing = tokio::spawn(async move {
        // Three events each: more than wait for a reader.
        let _ = session.push(camera.upload(0, 400)).await;
        session.finish(End::Eof).await
    });
    settle().await;
    assert!(!pushing.is_finished());
    service.video.shutdown().await;
    let summary = pushing.await.unwrap();
    assert_eq!((summary.persisted, summary.fragments), (400, 400));
    assert!(unread.len() >= 1000);
}

#[tokio::test]
async fn nobody_needs_to_listen() {
    let service = World::new().with_cam().await;
    let camera = Camera::new();
    let mut session = service.video.ingest("cam", with_events()).await.unwrap();
    drop(session.take_events());
    session.push(camera.upload(0, 40)).await.unwrap();
    assert_eq!(session.finish(End::Eof).await.persisted, 40);
}
