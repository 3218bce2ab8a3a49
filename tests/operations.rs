//! Running it: start, stop, configuration, health, metrics.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::{Method, StatusCode};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::camera::push_live;
use tests::harness::paths;
use tests::harness::server::Server;
use tests::harness::wait;

fn kinetoscope(args: &[&str], folder: &Path) -> Output {
    Command::new(paths::binary("kinetoscope"))
        .args(args)
        .current_dir(folder)
        .output()
        .expect("run kinetoscope")
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_push_is_clean_and_loses_nothing() {
    let mut server = Server::start().await;
    let _camera = push_live(&server, "cam", "testsrc2=size=160x90:rate=25");
    let before = wait::until("two seconds of footage", Duration::from_secs(20), || async {
        let text = server.client().get("/v1/video/cam").await.text().await.expect("text");
        let info: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        match (info["first_ms"].as_i64(), info["last_ms"].as_i64()) {
            (Some(first), Some(last)) if last - first > 2000 => Ok(last),
            _ => Err(text),
        }
    })
    .await;
    assert_eq!(server.stop().await, Some(0), "{}", server.log_tail());
    server.restart().await;
    let after = server.client().json("/v1/video/cam").await;
    assert!(after["last_ms"].as_i64() >= Some(before), "{after}");
    assert_eq!(after["state"], "idle", "{after}");
}

#[tokio::test]
async fn health_and_metrics_speak() {
    let server = Server::start().await;
    let client = server.client();
    assert_eq!(
        client.anonymous(Method::GET, "/healthz").send().await.expect("answer").status(),
        StatusCode::OK
    );
    wait::until("the server to be ready", Duration::from_secs(20), || async {
        let answer = client.anonymous(Method::GET, "/readyz").send().await.expect("answer");
        let status = answer.status();
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(format!("{status} {}", answer.text().await.expect("text")))
        }
    })
    .await;
    let metrics = client.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("# TYPE kinetoscope_"), "{metrics}");
}

#[test]
fn usage_errors_and_configuration_errors_say_what_is_wrong() {
    let folder = TempDir::new().expect("temporary folder");
    let output = kinetoscope(&["serve", "--no-such-flag"], folder.path());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    std::fs::write(folder.path().join("bad.toml"), "listne = \"127.0.0.1:1\"\n").expect("write");
    let output = kinetoscope(&["serve", "--config", "bad.toml"], folder.path());
    assert_ne!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("listne"), "the unknown key is named: {said}");
    let output = kinetoscope(&["serve", "--listen", "0.0.0.0:0", "--data", "open"], folder.path());
    assert_ne!(output.status.code(), Some(0), "an open address without TLS is refused");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--insecure-http") && said.contains("tls"), "{said}");
    assert!(!folder.path().join("open").exists(), "and nothing is made");
}

#[test]
fn the_effective_configuration_is_shown_with_its_sources() {
    let folder = TempDir::new().expect("temporary folder");
    std::fs::write(folder.path().join("k.toml"), "data = \"from-file\"\n").expect("write");
    let output = Command::new(paths::binary("kinetoscope"))
        .args(["serve", "--config", "k.toml", "--print-config"])
        .env("KINETOSCOPE_LISTEN", "127.0.0.1:18081")
        .current_dir(folder.path())
        .output()
        .expect("run kinetoscope");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("from-file") && said.contains("127.0.0.1:18081"), "{said}");
    assert!(
        said.contains("KINETOSCOPE_LISTEN") || said.contains("environment"),
        "the source is named: {said}"
    );
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_directory() {
    let server = Server::start().await;
    let data = server.data().to_str().expect("UTF-8");
    let output = kinetoscope(
        &["serve", "--listen", "127.0.0.1:0", "--rtsp-listen", "off", "--data", data],
        server.data().parent().expect("parent"),
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(said.contains("in use") || said.contains("another"), "{said}");
}

/// Whether messages can be written must not matter to footage: they may go to the disk that is full.
#[tokio::test]
async fn messages_that_cannot_be_written_do_no_harm() {
    let folder = TempDir::new().expect("temporary folder");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut server = Server::start_saying(&folder.path().join("data"), full).await;
    let _camera = push_live(&server, "cam", "testsrc2=size=160x90:rate=25");
    wait::until("footage", Duration::from_secs(30), || async {
        let answer = server.client().get("/v1/video/cam/fragments").await;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if text.contains("fragment_number") { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(server.stop().await, Some(0));
}

#[tokio::test]
async fn a_first_start_writes_credentials_that_work() {
    let folder = TempDir::new().expect("temporary folder");
    let data = folder.path().join("data");
    let mut server = tokio::process::Command::new(paths::binary("kinetoscope"))
        .args(["serve", "--listen", "127.0.0.1:0", "--rtsp-listen", "off", "--data"])
        .arg(&data)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("start kinetoscope");
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(server.stdout.take().expect("stdout")));
    let url = loop {
        let line = lines.next_line().await.expect("read").expect("the server says where it listens");
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split_whitespace().next().expect("a URL").to_owned();
        }
    };
    let text = std::fs::read_to_string(data.join("credentials")).expect("credentials");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &data.join("credentials").metadata().expect("metadata").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    assert!(text.starts_with("[default]"), "the AWS shared-credentials format");
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("no {key}"));
        line.trim_start_matches([' ', '=']).trim().to_owned()
    };
    let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
    let answer =
        reqwest::Client::builder().no_proxy().build().expect("client").get(format!("{url}/v1/video"));
    let answer = answer.basic_auth(id, Some(secret)).send().await.expect("answer");
    assert_eq!(answer.status(), StatusCode::OK);
}
