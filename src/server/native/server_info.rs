//! `GET /v1/server`: what the console's footer shows.

use crate::app::App;
use crate::auth::Access;
use crate::cameras::CamerasStats;
use crate::error::ApiError;
use crate::workers::{Pool, PoolStats};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::path::Path;

/// The server as it is.
#[derive(Serialize)]
pub struct ServerInfo {
    version: &'static str,
    uptime_s: u64,
    storage: Storage,
    workers: PoolStats,
    /// What is taken in over RTP, and the processes that do it.
    cameras: CamerasStats,
    rtsp: RtspInfo,
}

/// Where cameras push over RTSP.
#[derive(Serialize)]
struct RtspInfo {
    listen: Option<String>,
    /// Why there is no address, if there should be one.
    error: Option<String>,
    tls: bool,
}

#[derive(Serialize)]
struct Storage {
    /// What the record log takes.
    used_bytes: u64,
    free_bytes: u64,
    total_bytes: u64,
}

/// For whoever is signed in, with whatever rights.
pub async fn describe(State(app): State<App>, _: Access) -> Result<Json<ServerInfo>, ApiError> {
    let rtsp = app.rtsp.view(app.config.tls());
    let data = app.data.clone();
    let space = tokio::task::spawn_blocking(move || space(&data))
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let (free_bytes, total_bytes) = space.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(ServerInfo {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: app.env.clock.monotonic().saturating_sub(app.started).as_secs(),
        storage: Storage { used_bytes: app.store.stats().bytes_on_disk, free_bytes, total_bytes },
        workers: app.pool.as_ref().map(Pool::stats).unwrap_or_default(),
        cameras: app.cameras.stats(),
        rtsp: RtspInfo { listen: rtsp.listen, error: rtsp.error, tls: rtsp.tls },
    }))
}

/// Free bytes for us, and all bytes, of the file system.
fn space(path: &Path) -> std::io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(path)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}
