//! Thousands of streams that nobody uses: what the server holds in memory for one, and how long it takes to start.

use crate::process;
use futures_util::StreamExt;
use serde_json::json;
use std::time::Instant;
use tests::harness::server::Server;

const STREAMS: usize = 5000;
/// Requests at once.
const AT_ONCE: usize = 32;

pub(crate) async fn run() {
    let mut server = Server::start().await;
    let client = server.client();
    let created = Instant::now();
    let create = |index| {
        let client = client.clone();
        async move {
            let answer =
                client.put_json(&format!("/v1/video/idle-{index}"), &json!({"retention_hours": 24})).await;
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
        }
    };
    futures_util::stream::iter(0..STREAMS).map(create).buffer_unordered(AT_ONCE).collect::<()>().await;
    let created = created.elapsed().as_secs_f64();
    // Both after a start: what creating them has left behind in the allocator is not theirs.
    let without = Server::start().await;
    let empty_kib = process::memory_kib(without.pid());
    drop(without);
    server.kill().await;
    let start = Instant::now();
    server.restart().await;
    let seconds = start.elapsed().as_secs_f64();
    let full_kib = process::memory_kib(server.pid());
    println!("\n{STREAMS} idle streams, created in {created:.1} s");
    println!(
        "start after a kill {seconds:.2} s; memory {:.1} MiB, {:.1} without them: {:.1} KiB a stream",
        full_kib as f64 / 1024.0,
        empty_kib as f64 / 1024.0,
        full_kib.saturating_sub(empty_kib) as f64 / STREAMS as f64
    );
}
