//! Losing a file is not losing footage: the metadata comes back from the log, also from an old copy; and what is not ours
//! stays where it is, whatever is done around it.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use tests::harness::camera::{FRAGMENTATIONS, push_copy};
use tests::harness::paths;
use tests::harness::server::Server;

const TABLE: [&str; 3] = ["meta.sqlite", "meta.sqlite-wal", "meta.sqlite-shm"];

fn check(data: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(paths::binary("kinetoscope"))
        .arg("check")
        .arg(data)
        .output()
        .expect("run kinetoscope check");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code(), said)
}

/// All that a client can see of the streams, and every byte of their footage.
#[derive(Debug, PartialEq)]
struct Seen {
    streams: Vec<Value>,
    footage: BTreeMap<String, Bytes>,
}

async fn look(server: &Server) -> Seen {
    let client = server.client();
    let mut seen = Seen { streams: Vec::new(), footage: BTreeMap::new() };
    let listed = client.json("/v1/video").await;
    for stream in listed["streams"].as_array().expect("streams") {
        let name = stream["name"].as_str().expect("name");
        let mut info = client.json(&format!("/v1/video/{name}")).await;
        let info = info.as_object_mut().expect("an object");
        // What time and a restart change by themselves.
        info.retain(|key, _| {
            [
                "name",
                "created_ms",
                "retention_hours",
                "attributes",
                "fragments",
                "first_ms",
                "last_ms",
                "source",
            ]
            .contains(&key.as_str())
        });
        if let Some(source) = info.get_mut("source").and_then(Value::as_object_mut) {
            source.retain(|key, _| ["url", "transport", "verify_certificate"].contains(&key.as_str()));
        }
        seen.streams.push(Value::Object(info.clone()));
        let page = client.json(&format!("/v1/video/{name}/fragments?limit=1000")).await;
        for fragment in page["fragments"].as_array().expect("fragments") {
            let number = fragment["fragment_number"].as_str().expect("number");
            let path = format!("/v1/video/{name}/hls/segment/{number}.m4s");
            let bytes = client.bytes(&path).await;
            seen.footage.insert(path, bytes);
        }
    }
    seen
}

async fn put(server: &Server, name: &str, settings: &Value) {
    let answer = server.client().put_json(&format!("/v1/video/{name}"), settings).await;
    assert!(answer.status().is_success(), "{}", answer.text().await.expect("text"));
}

async fn patch(server: &Server, name: &str, settings: &Value) {
    let request = server.client().request(Method::PATCH, &format!("/v1/video/{name}")).json(settings);
    let answer = request.send().await.expect("PATCH");
    assert!(answer.status().is_success(), "{}", answer.text().await.expect("text"));
}

async fn delete(server: &Server, name: &str) {
    let answer = server.client().request(Method::DELETE, &format!("/v1/video/{name}")).send().await;
    assert!(answer.expect("DELETE").status().is_success());
}

async fn push(server: &Server, name: &str) {
    let source = paths::media("bbb_320x240_24fps_aac_10s.mp4");
    push_copy(server, name, &source, FRAGMENTATIONS[1].options).await;
}

/// Takes the metadata's files to another folder.
fn take_away(data: &Path, to: &Path) {
    for name in TABLE {
        let (from, to) = (data.join(name), to.join(name));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("{}: {error}", from.display())
            }
            _ => {}
        }
    }
    assert!(!data.join(TABLE[0]).exists());
}

fn copy_table(from: &Path, to: &Path) {
    for name in TABLE {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).expect("copy");
        }
    }
}

/// Stops in good order, or as a power cut would.
async fn end(server: &mut Server, kindly: bool) {
    if kindly {
        assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    } else {
        server.kill().await;
    }
}

#[tokio::test]
async fn without_its_metadata_file_the_server_has_everything() {
    for kindly in [true, false] {
        let mut server = Server::start().await;
        let data = server.data().to_path_buf();
        let elsewhere = TempDir::new().expect("temporary folder");
        put(&server, "yard", &json!({"retention_hours": 48, "attributes": {"site": "north"}})).await;
        put(&server, "gone", &json!({})).await;
        push(&server, "yard").await;
        push(&server, "gate").await;
        // An old copy: it knows a stream that is deleted later, and not what comes after it.
        end(&mut server, kindly).await;
        copy_table(&data, elsewhere.path());
        server.restart().await;
        let source = json!({"source": {"url": "rtsp://127.0.0.1:1/none", "username": "u", "password": "p"}});
        patch(&server, "yard", &source).await;
        patch(&server, "gate", &json!({"attributes": {"site": "south"}})).await;
        delete(&server, "gone").await;
        push(&server, "late").await;
        let before = look(&server).await;
        assert_eq!((before.streams.len(), before.footage.len() > 5), (3, true), "{:?}", before.streams);

        end(&mut server, kindly).await;
        let lost = TempDir::new().expect("temporary folder");
        take_away(&data, lost.path());
        let (code, said) = check(&data);
        assert_eq!(code, Some(1), "the loss is a fault: {said}");
        assert!(
            said.contains("meta.sqlite: it is lost: a start rebuilds it") && said.contains("3 streams"),
            "{said}"
        );
        assert!(said.contains(": 1 faults"), "and the only one: {said}");
        server.restart().await;
        assert_eq!(look(&server).await, before, "{}", server.log_tail());

        end(&mut server, kindly).await;
        std::fs::remove_file(data.join("keys/keystore")).expect("the keystore");
        let (code, said) = check(&data);
        assert!(code == Some(1) && said.contains("keystore: is lost: a start restores it"), "{said}");
        server.restart().await;
        assert_eq!(look(&server).await, before, "{}", server.log_tail());

        end(&mut server, kindly).await;
        take_away(&data, TempDir::new().expect("temporary folder").path());
        copy_table(elsewhere.path(), &data);
        let (code, said) = check(&data);
        assert_eq!(code, Some(0), "an old copy does no harm: {said}");
        assert!(said.contains("older than in its journal"), "{said}");
        server.restart().await;
        assert_eq!(look(&server).await, before, "{}", server.log_tail());
        push(&server, "later").await;
        let before = look(&server).await;

        end(&mut server, kindly).await;
        without_a_sound_file(&mut server, &before).await;
        end(&mut server, kindly).await;
        without_its_journal(&mut server, &before).await;
    }
}

/// A damaged file is not touched. The server has ended.
async fn without_a_sound_file(server: &mut Server, before: &Seen) {
    let data = server.data().to_path_buf();
    std::fs::write(data.join(TABLE[0]), [7; 9000]).expect("write");
    let start = Command::new(paths::binary("kinetoscope"))
        .args(["serve", "--listen", "127.0.0.1:0", "--rtsp-listen", "off", "--data"])
        .arg(&data)
        .output()
        .expect("start kinetoscope");
    let said = String::from_utf8_lossy(&start.stderr);
    assert_eq!(start.status.code(), Some(1), "{said}");
    assert!(said.contains("meta.sqlite is damaged") && said.contains("rebuilt from the log"), "{said}");
    let (code, said) = check(&data);
    assert!(code == Some(1) && said.contains("meta.sqlite is damaged"), "{said}");
    assert!(std::fs::read(data.join(TABLE[0])).expect("read") == [7; 9000], "the damaged file was changed");
    take_away(&data, TempDir::new().expect("temporary folder").path());
    std::fs::remove_file(data.join("keys/keystore")).expect("the keystore, too");
    server.restart().await;
    assert_eq!(look(server).await, *before, "{}", server.log_tail());
    assert!(server.log_tail().contains("the keystore was lost"), "{}", server.log_tail());
}

/// The other way round: the journal comes back from the metadata. The server has ended.
async fn without_its_journal(server: &mut Server, before: &Seen) {
    let data = server.data().to_path_buf();
    std::fs::remove_dir_all(data.join("log/ff-00")).expect("the journal's segments");
    let (code, said) = check(&data);
    assert!(code == Some(1) && said.contains("its journal in the log is lost"), "{said}");
    server.restart().await;
    assert_eq!(look(server).await, *before, "{}", server.log_tail());
    end(server, true).await;
    let (code, said) = check(&data);
    assert!(code == Some(0) && said.contains("agrees with its journal"), "{said}");
}

#[tokio::test]
async fn footage_of_streams_that_nobody_knows_is_left_alone() {
    let mut server = Server::start().await;
    let data = server.data().to_path_buf();
    push(&server, "yard").await;
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    let kept = TempDir::new().expect("temporary folder");
    take_away(&data, kept.path());
    let journal = data.join("log/ff-00");
    std::fs::rename(&journal, kept.path().join("ff-00")).expect("the journal's segments");

    let (code, said) = check(&data);
    assert_eq!(code, Some(1), "{said}");
    let line =
        said.lines().find(|line| line.contains("belongs to no stream")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("cannot be opened") && line.contains(" bytes"), "{line}");
    server.restart().await;
    push(&server, "other").await;
    delete(&server, "other").await;
    let metrics = server.client().text("/metrics").await;
    assert!(metrics.contains("\nkinetoscope_log_stray_shards 1\n"), "{metrics}");
    assert!(!metrics.contains("\nkinetoscope_log_stray_bytes 0\n"), "{metrics}");
    assert!(server.log_tail().contains("belongs to no stream"), "{}", server.log_tail());
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());

    // Both are put back, and so is the footage.
    take_away(&data, TempDir::new().expect("temporary folder").path());
    std::fs::remove_dir_all(&journal).expect("the journal begun since");
    std::fs::rename(kept.path().join("ff-00"), &journal).expect("the journal");
    copy_table(kept.path(), &data);
    server.restart().await;
    let seen = look(&server).await;
    assert!(seen.streams.len() == 1 && seen.footage.len() > 1, "{seen:?}");
}

#[tokio::test]
async fn unknown_files_stay_and_are_named() {
    let mut server = Server::start().await;
    let data = server.data().to_path_buf();
    push(&server, "yard").await;
    push(&server, "gone").await;
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    let lane = std::fs::read_dir(data.join("log")).expect("log").map(|entry| entry.expect("entry").path());
    let lanes: Vec<PathBuf> = lane.filter(|path| path.is_dir()).collect();
    assert!(lanes.len() >= 2, "{lanes:?}");
    let mut unknown: Vec<PathBuf> =
        ["notes.txt", "meta.sqlite.old", "meta.sqlite-wal.bak", ".hidden", "lock2"]
            .iter()
            .map(|name| data.join(name))
            .chain(["log/a.seg", "log/0-0", "keys/keystore.old", "keys/id_rsa"].map(|name| data.join(name)))
            .collect();
    for lane in &lanes {
        let names =
            ["0000000000000001.seg.bak", "1.seg", "00000000000000ff.seg.tmp", "core", "x.tmp", "ü\u{1f600}"];
        unknown.extend(names.map(|name| lane.join(name)));
    }
    for path in &unknown {
        std::fs::write(path, path.to_str().expect("UTF-8")).expect("write");
    }
    let folder = data.join("log/photographs");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("cat.jpg"), "cat").expect("write");

    server.restart().await;
    delete(&server, "gone").await;
    patch(&server, "yard", &json!({"retention_hours": 1})).await;
    push(&server, "yard").await;
    server.kill().await;
    server.restart().await;
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    let (code, said) = check(&data);
    assert_eq!(code, Some(0), "what is unknown is no fault: {said}");
    for path in unknown.iter().chain([&folder]) {
        assert!(
            said.contains(&format!("{} is unknown and left alone", path.display())),
            "{}: {said}",
            path.display()
        );
    }
    for path in &unknown {
        assert_eq!(std::fs::read_to_string(path).expect("still there"), path.to_str().expect("UTF-8"));
    }
    assert_eq!(std::fs::read_to_string(folder.join("cat.jpg")).expect("still there"), "cat");
}
