//! `/healthz`: it answers. `/readyz`: the disk takes writes, the log does, frames can be made, and an external KMS that has the
//! root key lets it be used.
//!
//! A lane of the log that has seen a write or a sync fail takes no more until the server is started again: only then is the
//! file looked at afresh, and what was acknowledged told from what was not. `/readyz` says so, for whoever restarts servers.

use crate::app::App;
use crate::aws::root_kms::{RootKms, Standing};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use streams::DiskState;
use tokio::sync::Mutex;

/// Anyone may ask; the disk is asked no more often than this.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// `GET /healthz`
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub async fn readyz(State(app): State<App>) -> Response {
    let mut disk = app.disk.check(&app).await;
    let DiskState { full, free, full_below, .. } = app.video.disk();
    if full {
        let free = free.unwrap_or_default();
        disk = Err(format!(
            "full: {free} bytes are free, and below {full_below} streams refuse media or drop their oldest"
        ));
    }
    let log = match app.store.failures() {
        failures if failures.is_empty() => Ok(()),
        failures => Err(format!("restart the server: {}", failures.join("; "))),
    };
    let workers = match &app.pool {
        Ok(pool) if pool.stats().alive > 0 => Ok(()),
        Ok(pool) => Err(format!("no media-worker is up: {}", pool.stats().description)),
        Err(error) => Err(error.to_string()),
    };
    let root = match app.root_kms.as_ref().map(RootKms::standing) {
        Some(Standing::Refused(_, why)) => Err(why),
        // Whoever is up can go on.
        Some(Standing::Good | Standing::Unanswered(_)) | None => Ok(()),
    };
    let ready = disk.is_ok() && log.is_ok() && workers.is_ok() && root.is_ok();
    let word = |outcome: Result<(), String>| outcome.err().unwrap_or_else(|| "ok".to_owned());
    let checks = json!({"disk": word(disk), "log": word(log), "workers": word(workers), "root": word(root)});
    let body: Value = json!({"ready": ready, "checks": checks});
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// When the disk was last tried, and what came of it.
#[derive(Default)]
pub struct DiskProbe(Mutex<Option<(Duration, Result<(), String>)>>);

impl DiskProbe {
    async fn check(&self, app: &App) -> Result<(), String> {
        // Held while the disk is asked: whoever comes meanwhile waits for the same answer.
        let mut last = self.0.lock().await;
        let now = app.env.clock.monotonic();
        if let Some((at, outcome)) = &*last
            && now.saturating_sub(*at) < PROBE_INTERVAL
        {
            return outcome.clone();
        }
        let dir = app.data.clone();
        let outcome = tokio::task::spawn_blocking(move || probe(&dir)).await;
        let outcome =
            outcome.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|error| error.to_string());
        *last = Some((now, outcome.clone()));
        outcome
    }
}

/// Writes a small file and makes it durable.
fn probe(dir: &Path) -> io::Result<()> {
    let path = dir.join("probe.tmp");
    let mut file = std::fs::File::create(&path)?;
    file.write_all(b"probe")?;
    file.sync_data()?;
    std::fs::remove_file(&path)
}
