//! Waiting for a condition, with an end.

use std::future::Future;
use std::time::{Duration, Instant};

/// Polls until `check` gives a value; panics with `what` and the last thing seen after `limit`.
pub async fn until<T, F>(what: &str, limit: Duration, mut check: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let start = Instant::now();
    loop {
        match check().await {
            Ok(value) => return value,
            Err(seen) => assert!(start.elapsed() < limit, "waited {limit:?} for {what}; last seen: {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
