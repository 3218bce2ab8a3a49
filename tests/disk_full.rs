//! A disk that is full, many times over. The data lies on a small ext4, which another process fills to the last byte while
//! cameras push. What was acknowledged is there, what cannot be stored is refused by name, reading, deleting and holding go
//! on, and recording resumes by itself: once there is room again, or, for streams that let their oldest footage go, although
//! there is none.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::client::Client;
use tests::harness::disks::{Kind, Mounted, say_none};
use tests::harness::promises::{Pieces, Promises};
use tests::harness::server::{self, Server, Settings};
use tests::harness::wait;
use tokio::process::Command;

const DISK_MIB: u64 = 96;
const MIB: u64 = 1 << 20;
/// How often the disk is filled to the last byte while a stream is written that refuses then.
const ROUNDS: usize = 10;
/// How often while one is written that lets its oldest footage go.
const RING_ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a small disk, and somebody else who uses the disk too.
struct Machine {
    // Dropped in this order: the server, then the disk.
    server: Server,
    disk: Mounted,
    pieces: Pieces,
    _folder: TempDir,
}

impl Machine {
    /// `None` where nothing can be mounted.
    async fn start() -> Option<Self> {
        let folder = TempDir::new().expect("temporary folder");
        let (image, at) = (folder.path().join("disk.img"), folder.path().join("data"));
        let made = Kind::Ext4.make(&image, DISK_MIB).and_then(|()| Kind::Ext4.mount(&image, &at));
        let disk = match made {
            Ok(disk) => disk,
            Err(why) => {
                say_none(&why, "THAT A FULL DISK DOES NO HARM IS NOT TESTED, but on the simulated one.");
                return None;
            }
        };
        let pieces = Pieces::make(folder.path(), 300, 10);
        let args =
            ["--segment-mib", "1", "--disk-reserve-mib", "4", "--disk-free-min", "8MiB", "--workers", "1"];
        let settings = Settings { args: args.map(str::to_owned).to_vec(), ..Settings::default() };
        let server = Server::start_on(disk.at(), settings).await;
        Some(Self { server, disk, pieces, _folder: folder })
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn filler(&self) -> PathBuf {
        self.disk.at().join("somebody-elses")
    }

    /// Another process writes until nothing more fits, to the last block.
    async fn fill(&self) {
        for block in ["bs=1M", "bs=4k"] {
            let said = self.dd(&[block]).await;
            assert!(said.contains("No space left"), "dd ended otherwise: {said}");
        }
    }

    /// Another process takes all the room there is, and somewhat more, if it is made meanwhile.
    async fn fill_beyond(&self, free: u64) {
        self.dd(&["bs=1M", &format!("count={}", free / MIB + 3)]).await;
    }

    async fn dd(&self, more: &[&str]) -> String {
        let mut dd = Command::new("dd");
        dd.arg("if=/dev/zero").arg(format!("of={}", self.filler().display())).args(more);
        dd.args(["oflag=append", "conv=notrunc,fsync"]).stderr(Stdio::piped());
        let output = dd.output().await.expect("dd");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn give_back(&self) {
        std::fs::remove_file(self.filler()).expect("the other one's file");
    }

    /// Pushes all pieces at once until that is taken.
    async fn push_until_taken(&self, stream: &str) -> Vec<u64> {
        wait::until("the server takes media", PATIENCE, || async {
            let pusher = self.pieces.push(&self.client(), stream, Duration::ZERO);
            let events = pusher.events.clone();
            let persisted = pusher.finish().await;
            if persisted.len() == 300 {
                return Ok(persisted);
            }
            Err(format!("{:?}\n{}", events.lock().expect("events").last(), self.server.log_tail()))
        })
        .await
    }

    /// The server ends in good order, and all it has written is sound.
    async fn end(mut self) {
        assert_eq!(self.server.stop().await, Some(0), "{}", self.server.log_tail());
        server::check(self.disk.at());
    }
}

async fn delete(client: &Client, path: &str) -> StatusCode {
    client
        .request(Method::DELETE, path)
        .send()
        .await
        .unwrap_or_else(|error| panic!("DELETE {path}: {error}"))
        .status()
}

/// What holds while the disk is full and stays so.
async fn check_while_full(machine: &Machine, round: usize, promises: &mut Promises) {
    let client = machine.client();
    let path = |rest: &str| format!("/v1/video/cam{rest}");
    // The disk is looked at now and then; until then the first byte that does not fit tells.
    wait::until("a refusal", PATIENCE, || async {
        let push = client.request(Method::POST, &path("/ingest")).body(machine.pieces.whole());
        let answer = push.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|error| error.to_string())?;
        let error = &body["error"];
        let refused = status == StatusCode::INSUFFICIENT_STORAGE && error["code"] == "DISK_FULL";
        if refused && error["hint"].as_str().is_some_and(|hint| hint.contains("drop_oldest")) {
            return Ok(());
        }
        Err(format!("{status}: {body}"))
    })
    .await;
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().await.expect("text").contains("full"));
    promises.hold_since(&client, "cam", &machine.pieces).await.unwrap_or_else(|broken| {
        panic!("{broken}\nround {round}, disk full; the server's log:\n{}", machine.server.log_tail())
    });
    // Small writes find room.
    wait::until("a hold, its release, and a deletion", PATIENCE, || async {
        let placed =
            client.put_json(&path("/holds/case"), &json!({"reason": "while the disk is full"})).await;
        if !placed.status().is_success() {
            return Err(format!("hold: {}", placed.text().await.unwrap_or_default()));
        }
        let released = delete(&client, &path("/holds/case")).await;
        if released != StatusCode::NO_CONTENT {
            return Err(format!("release: {released}"));
        }
        match delete(&client, &format!("/v1/video/spare-{round}")).await {
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            other => Err(format!("delete: {other}\n{}", machine.server.log_tail())),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_filled_to_the_last_byte_loses_nothing_and_recording_resumes_by_itself() {
    let Some(machine) = Machine::start().await else { return };
    let client = machine.client();
    let mut promises = Promises::default();
    for round in 0..ROUNDS {
        machine.push_until_taken(&format!("spare-{round}")).await;
        let pusher = machine.pieces.push(&client, "cam", Duration::from_millis(15));
        wait::until("an acknowledgement", PATIENCE, || async {
            if pusher.persisted().is_empty() { Err(machine.server.log_tail()) } else { Ok(()) }
        })
        .await;
        machine.fill().await;
        let events = pusher.events.clone();
        let acknowledged = pusher.finish().await;
        let last = events.lock().expect("events").last().cloned().unwrap_or_default();
        assert_eq!((&last["EventType"], &last["ErrorId"]), (&json!("ERROR"), &json!(5001)), "{last}");
        assert_eq!(last["ErrorCode"], "DISK_FULL", "{last}");
        promises.add(&acknowledged);
        check_while_full(&machine, round, &mut promises).await;
        machine.give_back();
        promises.add(&machine.push_until_taken("cam").await);
        println!("round {round}: {} acknowledged before the disk was full", acknowledged.len());
    }
    let gaps = client.json("/v1/video/cam/timeline?from=0&clock=server").await;
    assert!(gaps.to_string().contains("disk_full"), "{gaps}");
    promises.hold(&client, "cam", &machine.pieces).await.expect("everything acknowledged is there");
    let metrics = client.text("/metrics").await;
    let refused = metrics.lines().find(|line| line.starts_with("kinetoscope_disk_refused_total "));
    assert!(refused.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    machine.end().await;
}

/// Bytes that may still be written, as the server sees it.
async fn free_bytes(client: &Client) -> u64 {
    let info = client.json("/v1/server").await;
    info["storage"]["free_bytes"].as_u64().unwrap_or_else(|| panic!("{info}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_oldest_goes_recording_goes_on() {
    let Some(machine) = Machine::start().await else { return };
    let client = machine.client();
    for stream in ["ring", "held"] {
        let made =
            client.put_json(&format!("/v1/video/{stream}"), &json!({"when_full": "drop_oldest"})).await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let mut held = Promises::default();
    held.add(&machine.push_until_taken("held").await);
    let hold = json!({"from": 0, "to": 4_102_444_800_u64, "reason": "must stay"});
    assert!(client.put_json("/v1/video/held/holds/case", &hold).await.status().is_success());
    assert_eq!(delete(&client, "/v1/video/held").await, StatusCode::CONFLICT);

    // More than the disk holds: no push is refused, and there is always some room.
    let pushed = machine.pieces.whole().len() as u64;
    let pushes = DISK_MIB * MIB * 3 / 2 / pushed;
    let mut newest = Vec::new();
    for push in 0..pushes {
        let pusher = machine.pieces.push(&client, "ring", Duration::ZERO);
        let events = pusher.events.clone();
        newest = pusher.finish().await;
        let last = events.lock().expect("events").last().cloned().unwrap_or_default();
        assert_eq!(newest.len(), 300, "push {push} of {pushes}: {last}\n{}", machine.server.log_tail());
        assert!(free_bytes(&client).await > 2 * MIB, "push {push}");
    }
    let info = client.json("/v1/video/ring").await;
    let stored = info["stored_bytes"].as_u64().expect("bytes");
    assert!(stored > DISK_MIB * MIB / 3, "much more went than had to: {info}");
    let metrics = client.text("/metrics").await;
    let evicted = metrics.lines().find(|line| line.starts_with("kinetoscope_disk_evicted_bytes_total "));
    assert!(evicted.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");

    // Somebody else takes all the room there is, and keeps it: recording goes on in what the oldest footage leaves.
    for round in 0..RING_ROUNDS {
        machine.fill_beyond(free_bytes(&client).await).await;
        newest = machine.push_until_taken("ring").await;
        println!(
            "round {round}: recording goes on beside {} bytes of somebody else's",
            len(&machine.filler())
        );
    }
    let listed = client.json(&format!("/v1/video/ring/fragments?limit=1000&after={}", newest[0] - 1)).await;
    assert_eq!(listed["fragments"].as_array().map(Vec::len), Some(300), "{listed}");
    held.hold(&client, "held", &machine.pieces).await.expect("what is held is there");
    let info = client.json("/v1/video/held").await;
    let bytes = |key: &str| info[key].as_u64().expect("bytes");
    assert_eq!(info["oldest_hold"], "case", "{info}");
    assert!(bytes("held_bytes") > bytes("stored_bytes") * 9 / 10, "{info}");
    machine.give_back();
    machine.end().await;
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
