//! AWS clients that nobody here wrote, against Kinesis Data Streams: boto3 over JSON, and CBOR made by a library of its own.
//!
//! The scripts say what they expect; here is the server that they talk to, and its end.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tests::harness::server::{Server, Settings};
use tests::harness::{scripts, wait};

async fn run(name: &str, server: &Server, arguments: &[&str]) {
    scripts::run(scripts::python(name, server, arguments), server).await;
}

async fn unlimited() -> Server {
    Server::start_with(scripts::no_limits()).await
}

#[tokio::test]
async fn streams_are_made_described_listed_and_deleted() {
    run("kinesis_life.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn records_come_back_equal_and_in_order() {
    run("kinesis_records.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn settings_are_changed_and_shown() {
    run("kinesis_settings.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn shards_that_are_pushed_too_hard_say_so() {
    // As many calls as the original service takes.
    let settings = Settings { args: vec!["--call-rate-percent=100".to_owned()], ..Settings::default() };
    run("kinesis_limits.py", &Server::start_with(settings).await, &[]).await;
}

#[tokio::test]
async fn refusals_are_in_the_words_that_clients_know() {
    run("kinesis_refusals.py", &unlimited().await, &[]).await;
}

/// What `kinesis_contract.toml` lists, against the model and, by three scripts, against the server.
#[tokio::test]
async fn the_table_is_complete_and_true() {
    let server = unlimited().await;
    run("contract_table.py", &server, &["kinesis"]).await;
    run("contract_constraints.py", &server, &["kinesis", "json", "cbor"]).await;
    run("kinesis_answers.py", &server, &[]).await;
    run("kinesis_errors.py", &server, &[]).await;
    let slow = vec!["--call-rate-percent=1".to_owned()];
    let server = Server::start_with(Settings { args: slow, ..Settings::default() }).await;
    run("kinesis_rates.py", &server, &[]).await;
}

#[tokio::test]
async fn cbor_is_spoken_as_well() {
    run("kinesis_cbor.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn acknowledged_records_survive_sigkill() {
    let folder = TempDir::new().expect("temporary folder");
    let mut server = Server::start_on(&folder.path().join("data"), scripts::no_limits()).await;
    let promises = folder.path().join("promises");
    let mut putting = scripts::python("kinesis_promises.py", &server, &["put"]);
    putting.stdout(File::create(&promises).expect("promises")).stderr(Stdio::piped());
    let putting = putting.spawn().expect("python");
    wait::until("some promises", Duration::from_secs(60), || async { enough(&promises) }).await;
    server.kill().await;
    let output = putting.wait_with_output().await.expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    server.restart().await;
    run("kinesis_promises.py", &server, &["check", promises.to_str().expect("UTF-8")]).await;
}

/// Whether so much was promised that the kill comes in the middle of it.
fn enough(promises: &Path) -> Result<(), String> {
    let lines = std::fs::read_to_string(promises).unwrap_or_default().lines().count();
    if lines >= 400 { Ok(()) } else { Err(format!("{lines} promises")) }
}

#[tokio::test]
async fn shards_are_split_and_merged_under_load() {
    run("kinesis_reshard.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn consumers_are_pushed_every_record() {
    run("kinesis_consumers.py", &unlimited().await, &[]).await;
}

#[tokio::test]
async fn subscriptions_go_over_http_2_with_prior_knowledge() {
    run("kinesis_h2.py", &unlimited().await, &[]).await;
}
