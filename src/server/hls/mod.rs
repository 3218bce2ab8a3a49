//! HLS: `hls/live.m3u8` and `hls/archive.m3u8`, and what they lead to.
//!
//! ```text
//! live.m3u8?dvr=                    ─► live/media.m3u8?dvr=                    ─► ../segment/{fragment}.m4s
//! archive.m3u8?from=&to=&clock=     ─► archive/media.m3u8?from=&to=&clock=     ─► ../init/{id}.mp4
//! ```
//! A playlist that was asked for with `?token=` hands the token on in every address, because players send no headers of
//! ours there. Everything else about playlists is decided in `video` and `media`.

mod playlists;
mod segments;

use crate::app::App;
use axum::Router;
use axum::routing::get;

/// Everything below `hls/`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/live.m3u8", get(playlists::live))
        .route("/live/media.m3u8", get(playlists::live_media))
        .route("/archive.m3u8", get(playlists::archive))
        .route("/archive/media.m3u8", get(playlists::archive_media))
        .route("/segment/{file}", get(segments::segment))
        .route("/init/{file}", get(segments::init))
}
