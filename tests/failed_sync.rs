//! A disk that fails: syncs of the log end with EIO. Nothing more is acknowledged, whoever pushes is told that it may be
//! sent again, reading goes on, the operator is told to restart; and after that everything acknowledged is there.
//!
//! The failure is real: the log lies on ext4 in an image file whose own file system is full, so that the loop device below
//! ext4 cannot write.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::client::Client;
use tests::harness::disks::{Kind, Mounted, say_none};
use tests::harness::promises::{Pieces, Promises};
use tests::harness::rtsp;
use tests::harness::server::{self, Server, Settings};
use tests::harness::wait;

/// Room for all images together.
const MEMORY_MIB: u64 = 96;
const STREAM: &str = "cam";

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_and_nothing_that_was_is_lost() {
    let folder = TempDir::new().expect("temporary folder");
    let memory = match Mounted::memory(MEMORY_MIB, &folder.path().join("memory")) {
        Ok(memory) => memory,
        Err(why) => {
            say_none(&why, "The server's own tests make syncs fail without one.");
            return;
        }
    };
    let pieces = Pieces::make(folder.path(), 200, 10);
    let disk = memory.at().join("disk.img");
    Kind::Ext4.make(&disk, 2 << 10).expect("a file system is made in a file");
    // The server's messages go beside it.
    let data = folder.path().join("data");
    let mounted = Kind::Ext4.mount(&disk, &data).expect("and mounted");
    let mut server = Server::start_on(&data, Settings::default()).await;
    let client = server.client();

    let pusher = pieces.push(&client, STREAM, Duration::from_millis(20));
    let camera = rtsp::push_live(&server, "rtsp").await;
    wait::until("acknowledgements", Duration::from_secs(60), || async {
        let rtsp = client.get("/v1/video/rtsp").await.status().is_success();
        if pusher.persisted().len() >= 5 && rtsp { Ok(()) } else { Err(server.log_tail()) }
    })
    .await;
    let filler = fill(memory.at());
    let mut promises = Promises::default();
    let events = pusher.events.clone();
    promises.add(&pusher.finish().await);
    let events = events.lock().expect("events").clone();
    println!("{} fragments were acknowledged before: {}", promises.len(), events[events.len() - 1]);
    check_error(&events, &server);

    check_refusals(&client, &pieces, &server).await;
    check_rtsp(&server).await;
    drop(camera);
    check_operator_is_told(&client, &server).await;
    let held = promises.hold(&client, STREAM, &pieces).await;
    held.unwrap_or_else(|broken| panic!("reading goes on, but {broken}\n{}", server.log_tail()));

    std::fs::remove_file(filler).expect("make room");
    check_refusals(&client, &pieces, &server).await;
    // What the kernel has in memory of the failed writes must not be what the next start sees.
    server.kill().await;
    drop(mounted);
    let mounted = Kind::Ext4.mount(&disk, &data).expect("the file system recovers");
    server.restart().await;
    let client = server.client();
    let held = promises.hold(&client, STREAM, &pieces).await;
    held.unwrap_or_else(|broken| panic!("{broken}\n{}", server.log_tail()));
    let again = pieces.push(&client, STREAM, Duration::ZERO).finish().await;
    assert_eq!(again.len(), 200, "{}", server.log_tail());
    promises.add(&again);
    promises.hold(&client, STREAM, &pieces).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    server::check(&data);
    drop(mounted);
}

/// Fills a file system to the last byte.
fn fill(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("filler");
    let mut file = std::fs::File::create(&path).expect("filler");
    while file.write_all(&[1; 4096]).is_ok() {}
    path
}

/// The last thing a client hears is an error that is worth another try.
fn check_error(events: &[Value], server: &Server) {
    let (last, before) = events.split_last().expect("events");
    assert_eq!(last["EventType"], "ERROR", "{last}\n{}", server.log_tail());
    assert_eq!((&last["ErrorCode"], &last["ErrorId"]), (&"STORAGE_FAILED".into(), &5001.into()), "{last}");
    assert!(before.iter().all(|event| event["EventType"] != "ERROR"), "{before:?}");
}

/// Whoever pushes now is told to come again later; also with events.
async fn check_refusals(client: &Client, pieces: &Pieces, server: &Server) {
    let pusher = pieces.push(client, STREAM, Duration::ZERO);
    let events = pusher.events.clone();
    assert_eq!(pusher.finish().await, Vec::<u64>::new(), "{}", server.log_tail());
    check_error(&events.lock().expect("events"), server);
    let request = client.request(Method::POST, &format!("/v1/video/{STREAM}/ingest")).body(pieces.whole());
    let answer = request.send().await.expect("answer");
    let (status, retry) = (answer.status(), answer.headers().get("retry-after").cloned());
    let text = answer.text().await.expect("text");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(
        retry.is_some() && text.contains("STORAGE_FAILED") && text.contains("send what was not"),
        "{text}"
    );
}

/// A camera that pushes over RTSP is cut off and refused.
async fn check_rtsp(server: &Server) {
    wait::until("nobody to record over RTSP", Duration::from_secs(60), || async {
        let view = server.client().json("/v1/rtsp").await;
        if view["sessions"] == 0 { Ok(()) } else { Err(format!("{view}\n{}", server.log_tail())) }
    })
    .await;
    let _camera = rtsp::push_live(server, "rtsp").await;
    let refused = wait::until("a refusal over RTSP", Duration::from_secs(60), || async {
        let view = server.client().json("/v1/rtsp").await;
        let refused = view["refused"].as_array().and_then(|refused| refused.last()).cloned();
        refused.ok_or_else(|| format!("{view}\n{}", server.log_tail()))
    })
    .await;
    assert_eq!(refused["status"], 503, "{refused}");
}

/// `/readyz`, the metrics and the log say what is wrong and what to do.
async fn check_operator_is_told(client: &Client, server: &Server) {
    let answer = client.anonymous(Method::GET, "/readyz").send().await.expect("answer");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let ready: Value = answer.json().await.expect("JSON");
    let log = ready["checks"]["log"].as_str().unwrap_or_default();
    assert!(log.contains("restart the server") && log.contains("takes no writes"), "{ready}");
    let metrics = client.text("/metrics").await;
    let dead = metrics.lines().find_map(|line| line.strip_prefix("kinetoscope_log_lanes_dead "));
    assert!(dead.is_some_and(|dead| dead != "0"), "{metrics}");
    assert!(server.log_tail().contains("takes no more writes"), "{}", server.log_tail());
}
