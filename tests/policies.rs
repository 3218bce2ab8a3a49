//! Policies are evaluated as a second implementation does, as far as that one goes.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // black-box tests speak, and run on real time

use reqwest::Method;
use serde_json::{Value, json};
use std::process::Command;
use tests::harness::paths;
use tests::harness::seed::Seed;
use tests::harness::server::Server;

const CASES: usize = 400;

#[tokio::test]
async fn decisions_are_those_of_moto() {
    let server = Server::start().await;
    let client = server.client();
    let seed = Seed::new("policies").below(1 << 31).to_string();
    let script = paths::root().join("tests/clients/policies_moto.py");
    let output =
        Command::new(paths::python()).arg(script).args([&seed, &CASES.to_string()]).output().expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let (mut cases, mut allowed) = (0, 0);
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let asked = json!({
            "policies": {"p": case["policy"]}, "action": case["action"], "resource": case["resource"],
        });
        let answer =
            client.request(Method::POST, "/v1/policies/check").json(&asked).send().await.expect("answer");
        let answer: Value = answer.error_for_status().expect("200").json().await.expect("JSON");
        assert_eq!(answer["allowed"], case["allowed"], "seed {seed}: {line}\n{answer}");
        cases += 1;
        allowed += usize::from(answer["allowed"] == true);
    }
    assert_eq!(cases, CASES);
    assert!(
        (CASES / 20..CASES * 19 / 20).contains(&allowed),
        "both answers occur: {allowed} of {cases} allowed"
    );
    println!("{cases} decisions alike, {allowed} of them allow (seed {seed})");
}
