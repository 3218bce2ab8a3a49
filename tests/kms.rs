//! Keys over the wire, by a client nobody here wrote, and what users may do with them.

use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::scripts::{python, run};
use tests::harness::server::Server;

#[tokio::test]
async fn boto3_manages_keys_and_they_survive_a_kill() {
    let mut server = Server::start().await;
    run(python("kms_keys.py", &server, &[]), &server).await;
    server.kill().await;
    server.restart().await;
    // The same again beside what is there, and more.
    run(python("kms_errors.py", &server, &[]), &server).await;
}

/// What `kms_contract.toml` lists, against the model and, with `kms_errors.py`, against the server.
#[tokio::test]
async fn the_table_is_complete_and_true() {
    let server = Server::start().await;
    run(python("contract_table.py", &server, &["kms"]), &server).await;
    run(python("contract_constraints.py", &server, &["kms", "json", "cbor"]), &server).await;
}

#[tokio::test]
async fn a_user_may_do_with_streams_and_keys_what_policies_say() {
    let server = Server::start().await;
    let client = server.client();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesis:PutRecord*", "Resource": "arn:aws:kinesis:us-east-1:000000000000:stream/mine"},
        {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
         "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": "test"}}},
    ]});
    for (path, body) in [("/v1/users/anna", json!({})), ("/v1/users/anna/policies/p", policy)] {
        assert!(client.put_json(path, &body).await.status().is_success(), "{path}");
    }
    let made = client.request(Method::POST, "/v1/users/anna/keys").send().await.expect("answer");
    let made: Value = made.json().await.expect("JSON");
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    let (id, secret) = (text("key_id"), text("secret"));
    run(python("kms_users.py", &server, &[&id, &secret]), &server).await;
    let audit = std::fs::read_to_string(server.data().join("audit/audit.jsonl")).expect("audit log");
    for needle in [r#""action":"kms:CreateKey""#, r#""who":"anna""#, r#""event":"refusal""#] {
        assert!(audit.contains(needle), "{needle} in {audit}");
    }
}
