//! The root key in the hands of a KMS: moto's, which nobody here wrote, and for what moto does not enforce another Kinetoscope's.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::paths;
use tests::harness::root_kms::RootKms;
use tests::harness::server::{KEY_ID, SECRET, Server, Settings};
use tests::harness::wait;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(30);

async fn kinesis(server: &Server, operation: &str, input: Value) -> (u16, Value) {
    let request = server.client().request(Method::POST, &format!("/v1/kinesis/{operation}")).json(&input);
    let response = request.send().await.unwrap_or_else(|error| panic!("{operation}: {error}"));
    let status = response.status().as_u16();
    let text = response.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn put(server: &Server) -> Result<(), String> {
    let input = json!({"StreamName": "s", "Data": "aGVsbG8=", "PartitionKey": "k"});
    match kinesis(server, "PutRecord", input).await {
        (200, _) => Ok(()),
        (_, error) => Err(error["__type"].to_string()),
    }
}

/// How many records there are to read.
async fn read(server: &Server) -> Result<usize, String> {
    let input =
        json!({"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let (_, iterator) = kinesis(server, "GetShardIterator", input).await;
    match kinesis(server, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await {
        (200, answer) => Ok(answer["Records"].as_array().map_or(0, Vec::len)),
        (_, error) => Err(error["__type"].to_string()),
    }
}

/// A server with a stream and a record in it.
async fn start(data: &Path, settings: Settings) -> Server {
    let server = Server::start_on(data, settings).await;
    assert_eq!(kinesis(&server, "CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await.0, 200);
    wait::until("the first record", PATIENCE, || put(&server)).await;
    server
}

/// Waits until writes are refused, and with this error.
async fn refused_with(server: &Server, code: &str) {
    let error = wait::until("writes to be refused", PATIENCE, async || match put(server).await {
        Err(error) => Ok(error),
        Ok(()) => Err(server.log_tail()),
    });
    assert_eq!(error.await, code);
}

/// A start that must fail; what it says.
async fn refused(data: &Path, settings: &Settings) -> String {
    let mut command = Command::new(paths::binary("kinetoscope"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--rtsp-listen", "off", "--data"]).arg(data);
    let output = ended(command, &settings.env).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

async fn ended(mut command: Command, env: &[(String, String)]) -> Output {
    command.envs(env.iter().cloned()).kill_on_drop(true);
    tokio::time::timeout(Duration::from_secs(120), command.output()).await.expect("an end").expect("run")
}

async fn must_succeed(arguments: &[&str], data: &Path, env: &[(String, String)]) -> String {
    let mut command = Command::new(paths::binary("kinetoscope"));
    command.arg(arguments[0]).arg(data).args(&arguments[1..]);
    let output = ended(command, env).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `/readyz` says of the root key.
async fn root_check(server: &Server) -> String {
    let response = server.client().get("/readyz").await;
    let status = response.status();
    let checks = response.json::<Value>().await.expect("JSON");
    let root = checks["checks"]["root"].as_str().expect("a check").to_owned();
    assert!(root == "ok" || status == 503, "{checks}");
    root
}

async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.client().text("/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("kinetoscope_root_kms_{name} ")));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
}

/// The deployment and the blob that a keystore file carries, as its layout says.
fn carried(keystore: &Path) -> (String, Vec<u8>) {
    let file = std::fs::read(keystore).expect("keystore");
    let number = |at: usize| usize::from(u16::from_be_bytes([file[at], file[at + 1]]));
    let wrapped = 60;
    assert_eq!((&file[..10], file[wrapped]), (&b"KINVAULT\x03\x04"[..], 1));
    let hex: String = file[wrapped + 1..wrapped + 17].iter().map(|byte| format!("{byte:02x}")).collect();
    let deployment = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let blob = wrapped + 19 + number(wrapped + 17);
    let bytes = file[blob + 2..blob + 2 + number(blob)].to_vec();
    assert_eq!(number(58), blob + 2 + bytes.len() - wrapped);
    (deployment, bytes)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn moto_holds_the_root_from_the_first_start_on() {
    let mut kms = RootKms::moto().await;
    let folder = TempDir::new().expect("folder");
    let data = folder.path().join("data");
    let [first, second] = kms.keys.clone();
    kms.tell(&format!("alias alias/root {first}")).await;
    let mut server = start(&data, kms.settings("alias/root")).await;
    assert_eq!(root_check(&server).await, "ok");
    server.kill().await;
    server.restart().await;
    assert_eq!(read(&server).await, Ok(1));
    assert_eq!(server.stop().await, Some(0));
    let settings = kms.settings(&first);
    assert!(must_succeed(&["check"], &data, &settings.env).await.contains(": 0 faults"));

    // Nowhere in the clear, in no usual form.
    assert!(!data.join("root.key").exists());
    let (deployment, blob) = carried(&data.join("keys/keystore"));
    let root = kms.tell(&format!("decrypt {} {deployment}", STANDARD.encode(blob))).await;
    let digits = |at: usize| u8::from_str_radix(&root[at..at + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..64).step_by(2).map(digits).collect();
    let needles = [bytes.clone(), root.clone().into_bytes(), STANDARD.encode(&bytes).into_bytes()];
    for file in files_below(folder.path()) {
        let content = std::fs::read(&file).expect("read");
        for needle in &needles {
            let found = content.windows(needle.len()).position(|window| window == needle);
            assert_eq!(found, None, "the root key stands in {}", file.display());
        }
    }

    // Lost with its wrapping, the keystore comes back from the log.
    std::fs::remove_dir_all(data.join("keys")).expect("remove");
    server.restart().await;
    assert_eq!(read(&server).await, Ok(1));
    assert_eq!(server.stop().await, Some(0));

    let said = refused(&data, &kms.settings(&second)).await;
    assert!(said.contains(&first) && said.contains(&second) && said.contains("rewrap"), "{said}");
    let said = refused(&data, &Settings::default()).await;
    assert!(said.contains("was made with a key that an external KMS wrapped"), "{said}");
    kms.tell(&format!("disable {first}")).await;
    let said = refused(&data, &settings).await;
    assert!(said.contains("has disabled the key that holds the root"), "{said}");
    kms.tell("stop").await;
    let said = refused(&data, &settings).await;
    assert!(said.contains("gave no answer") && said.contains("cannot reach"), "{said}");
    assert_eq!(said.matches("attempt").count(), 4, "each try is said: {said}");
}

#[tokio::test]
async fn silence_changes_nothing_and_a_disabled_key_stops_streams() {
    let mut kms = RootKms::moto().await;
    let folder = TempDir::new().expect("folder");
    let key = kms.keys[0].clone();
    let server = start(&folder.path().join("data"), kms.settings(&key)).await;
    kms.tell("stop").await;
    wait::until("the silence to be noticed", PATIENCE, async || {
        if metric(&server, "unanswered").await == 1.0 { Ok(()) } else { Err(server.log_tail()) }
    })
    .await;
    assert_eq!((put(&server).await, root_check(&server).await), (Ok(()), "ok".to_owned()));
    kms.tell("start").await;
    wait::until("an answer", PATIENCE, async || {
        if metric(&server, "unanswered").await == 0.0 { Ok(()) } else { Err(server.log_tail()) }
    })
    .await;

    for (command, code, back) in [
        ("disable", "\"KMSDisabledException\"", "enable"),
        ("delete", "\"KMSInvalidStateException\"", "keep"),
    ] {
        let before = read(&server).await.expect("records");
        kms.tell(&format!("{command} {key}")).await;
        refused_with(&server, code).await;
        assert_eq!(read(&server).await, Err(code.to_owned()));
        assert!(root_check(&server).await.contains(&key));
        assert_eq!(metric(&server, "refused").await, 1.0);
        assert!(metric(&server, "checks_refused_total").await >= 1.0);
        // A question without an answer takes the refusal back no more than it makes one.
        kms.tell("stop").await;
        let silent = metric(&server, "checks_unanswered_total").await;
        wait::until("the silence", PATIENCE, async || {
            let now = metric(&server, "checks_unanswered_total").await;
            if now > silent { Ok(()) } else { Err(server.log_tail()) }
        })
        .await;
        assert_eq!(put(&server).await, Err(code.to_owned()));
        kms.tell("start").await;
        kms.tell(&format!("{back} {key}")).await;
        wait::until("writes", PATIENCE, || put(&server)).await;
        assert!(read(&server).await.expect("records") > before);
        assert_eq!(root_check(&server).await, "ok");
    }
}

#[tokio::test]
async fn a_keystore_moves_from_a_file_to_a_kms_and_back() {
    let kms = RootKms::moto().await;
    let folder = TempDir::new().expect("folder");
    let data = folder.path().join("data");
    let mut server = start(&data, Settings::default()).await;
    assert_eq!(server.stop().await, Some(0));
    let [first, second] = kms.keys.clone();
    let moved = async |key: &str, env: &[(String, String)]| {
        let arguments =
            ["rewrap", "--to-kms-key", key, "--to-kms-endpoint", &kms.url, "--to-kms-region", "us-east-1"];
        must_succeed(&arguments, &data, env).await;
    };
    let signed_in: Vec<_> =
        kms.environment().into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect();
    moved(&first, &signed_in).await;
    std::fs::rename(data.join("root.key"), folder.path().join("old.key")).expect("the old root key goes");
    let mut server = Server::start_on(&data, kms.settings(&first)).await;
    assert_eq!((read(&server).await, put(&server).await), (Ok(1), Ok(())));
    let said = {
        let mut command = Command::new(paths::binary("kinetoscope"));
        command.arg("rewrap").arg(&data).args(["--to-key-file", "never.key"]);
        ended(command, &kms.settings(&first).env).await
    };
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("in use"), "{said:?}");
    assert_eq!(server.stop().await, Some(0));

    moved(&second, &kms.settings(&first).env).await;
    let mut server = Server::start_on(&data, kms.settings(&second)).await;
    assert_eq!(read(&server).await, Ok(2));
    assert_eq!(server.stop().await, Some(0));

    let file = folder.path().join("new.key");
    let arguments = ["rewrap", "--to-key-file", file.to_str().expect("UTF-8")];
    must_succeed(&arguments, &data, &kms.settings(&second).env).await;
    let with_file = Settings {
        args: vec!["--root-key-file".to_owned(), file.display().to_string()],
        ..Settings::default()
    };
    let mut server = Server::start_on(&data, with_file).await;
    assert_eq!(read(&server).await, Ok(2));
    assert_eq!(server.stop().await, Some(0));
}

/// Moto knows no signatures, no policies, and decrypts under disabled keys; this one does as AWS does.
#[tokio::test]
async fn another_kinetoscope_holds_the_root() {
    let holder = Server::start().await;
    let client = holder.client();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}]});
    for (path, body) in [("/v1/users/server", json!({})), ("/v1/users/server/policies/p", policy)] {
        assert!(client.put_json(path, &body).await.status().is_success(), "{path}");
    }
    let made = client.request(Method::POST, "/v1/users/server/keys").send().await.expect("answer");
    let made: Value = made.json().await.expect("JSON");
    let (id, secret) = (made["key_id"].as_str().expect("id"), made["secret"].as_str().expect("secret"));
    let mut kms = RootKms::at(holder.url(), (KEY_ID, SECRET), (id, secret)).await;
    let key = kms.keys[0].clone();
    let folder = TempDir::new().expect("folder");
    let data = folder.path().join("data");
    let settings = kms.settings(&key);

    let wrong = |settings: &Settings| {
        let env = settings.env.iter().map(|(name, value)| match name.as_str() {
            "AWS_SECRET_ACCESS_KEY" => (name.clone(), "wrong".to_owned()),
            _ => (name.clone(), value.clone()),
        });
        Settings { env: env.collect(), ..Settings::default() }
    };
    let said = refused(&data, &wrong(&settings)).await;
    assert!(said.contains("GenerateDataKey with InvalidSignatureException"), "{said}");

    let server = start(&data, settings).await;
    kms.tell(&format!("forbid {key} arn:aws:iam::000000000000:user/server")).await;
    refused_with(&server, "\"KMSAccessDeniedException\"").await;
    assert!(root_check(&server).await.contains("denies access"));
    assert_eq!(read(&server).await, Err("\"KMSAccessDeniedException\"".to_owned()));
    // What the server itself keeps can still be administered.
    assert!(server.client().put_json("/v1/users/anna", &json!({})).await.status().is_success());
}
