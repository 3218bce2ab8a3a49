//! A camera that reads its acknowledgements: pushes fragments over one endless request and keeps what came back.

use super::client::Client;
use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::{Body, Method};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Acknowledgements as they arrive, shared with whoever watches.
pub type Events = Arc<Mutex<Vec<Value>>>;

/// A push under way.
pub struct Pusher {
    /// Everything the server has said so far.
    pub events: Events,
    task: JoinHandle<()>,
}

impl Pusher {
    /// Sends `init`, then `fragments` one every `pace`, and reads events until either side ends.
    pub fn start(
        client: &Client,
        stream: &str,
        init: Vec<u8>,
        fragments: Vec<Vec<u8>>,
        pace: Duration,
    ) -> Self {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
        let body = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|item| (item, receiver))
        });
        let request = client
            .request(Method::POST, &format!("/v1/video/{stream}/ingest"))
            .header("accept", "application/x-ndjson")
            .body(Body::wrap_stream(body));
        tokio::spawn(async move {
            for piece in std::iter::once(init).chain(fragments) {
                if sender.send(Ok(piece.into())).await.is_err() {
                    return;
                }
                tokio::time::sleep(pace).await;
            }
        });
        let events = Events::default();
        let seen = events.clone();
        let task = tokio::spawn(async move {
            let Ok(response) = request.send().await else { return };
            let (mut chunks, mut line) = (response.bytes_stream(), Vec::new());
            while let Some(Ok(bytes)) = chunks.next().await {
                line.extend_from_slice(&bytes);
                while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
                    let rest = line.split_off(end + 1);
                    if let Ok(event) = serde_json::from_slice(&line) {
                        seen.lock().expect("events").push(event);
                    }
                    line = rest;
                }
            }
        });
        Self { events, task }
    }

    /// Numbers of the fragments acknowledged as durable so far.
    pub fn persisted(&self) -> Vec<u64> {
        let events = self.events.lock().expect("events");
        let persisted = events.iter().filter(|event| event["EventType"] == "PERSISTED");
        persisted
            .map(|event| event["FragmentNumber"].as_str().and_then(|text| text.parse().ok()).expect("number"))
            .collect()
    }

    /// Waits until both sides are done.
    pub async fn finish(self) -> Vec<u64> {
        let numbers = self.events.clone();
        self.task.await.expect("reader of events");
        Self { events: numbers, task: tokio::spawn(async {}) }.persisted()
    }
}
