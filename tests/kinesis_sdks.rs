//! Clients of Kinesis Data Streams that nobody here wrote: the AWS command line, the SDKs for Java and JavaScript, the Kinesis
//! Client Library, aggregated records; and a second implementation, of which ours must not differ.

use tests::harness::scripts::{no_limits, node, python, run};
use tests::harness::server::Server;

#[tokio::test]
async fn the_aws_command_line() {
    let server = Server::start().await;
    run(python("kinesis_cli.py", &server, &[]), &server).await;
}

#[tokio::test]
async fn the_sdk_for_java_over_cbor() {
    let server = Server::start_with(no_limits()).await;
    run(python("java.py", &server, &["SyncClient"]), &server).await;
}

#[tokio::test]
async fn the_sdk_for_java_over_http2_with_subscriptions() {
    let server = Server::start_with(no_limits()).await;
    run(python("java.py", &server, &["AsyncClient"]), &server).await;
}

#[tokio::test]
async fn the_sdk_for_javascript_over_http2_and_http1() {
    let server = Server::start_with(no_limits()).await;
    run(node("kinesis.mjs", &server), &server).await;
}

#[tokio::test]
async fn the_kinesis_client_library_through_a_split_and_a_merge() {
    let server = Server::start().await;
    run(python("kinesis_kcl.py", &server, &[]), &server).await;
}

#[tokio::test]
async fn the_daemon_for_consumers_in_other_languages() {
    let server = Server::start().await;
    run(python("kinesis_multilang.py", &server, &[]), &server).await;
}

#[tokio::test]
async fn aggregated_records_are_taken_apart_again() {
    let server = Server::start_with(no_limits()).await;
    run(python("kinesis_aggregation.py", &server, &[]), &server).await;
}

#[tokio::test]
async fn random_operations_have_the_answers_of_a_second_implementation() {
    let server = Server::start_with(no_limits()).await;
    // The same each time, for what is compared with is not ours to mend; `KINETOSCOPE_TEST_SEED` tries others.
    let seed = std::env::var("KINETOSCOPE_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    run(python("kinesis_random.py", &server, &["500", &seed]), &server).await;
}
