//! Which path leads where.

use crate::app::App;
use crate::{aws, console, frames, health, hls, http, monitor, native};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, patch, post, put};

/// All routes, with what happens to every request around them.
pub fn build(app: &App) -> Router {
    let stream = Router::new()
        .route(
            "/",
            get(native::streams::describe)
                .put(native::streams::create)
                .patch(native::streams::change)
                .delete(native::streams::delete),
        )
        .route("/ingest", put(native::ingest::ingest).post(native::ingest::ingest))
        .route("/holds", get(native::holds::list))
        .route("/holds/{name}", put(native::holds::place).delete(native::holds::release))
        .route("/source", get(native::sources::describe))
        .route("/source/start", post(native::sources::start))
        .route("/source/stop", post(native::sources::stop))
        .route("/timeline", get(native::timeline::timeline))
        .route("/fragments", get(native::fragments::list))
        .route("/clip.mp4", get(native::clip::clip))
        .route("/clip.frames.json", get(native::clip::frames))
        .route("/media.mp4", get(native::media::media))
        .route("/frame.jpg", get(native::frame::jpeg))
        .route("/frame.png", get(native::frame::png))
        .route("/frames.tar", get(frames::archive))
        .nest("/hls", hls::routes());
    let user = Router::new()
        .route("/", get(native::users::describe).put(native::users::create).delete(native::users::delete))
        .route("/keys", get(native::users::list_keys).post(native::users::create_key))
        .route("/keys/{key}", patch(native::users::change_key).delete(native::users::delete_key))
        .route(
            "/policies/{policy}",
            get(native::policies::show).put(native::policies::put).delete(native::policies::delete),
        );
    let router = Router::new()
        .route("/v1/video", get(native::streams::list))
        .nest("/v1/video/{stream}", stream)
        .route("/v1/sources/probe", post(native::probe::probe))
        .route("/v1/users", get(native::users::list))
        .nest("/v1/users/{user}", user)
        .route("/v1/keys/streams", get(native::key_streams::list))
        .route("/v1/audit", get(native::audit::list))
        .route("/v1/policies/check", post(native::policies::check))
        .route("/v1/tokens", post(native::tokens::create))
        .merge(aws::native::routes())
        .route("/v1/rtsp", get(native::rtsp::describe))
        .route("/v1/server", get(native::server_info::describe))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(monitor::metrics))
        .route("/", get(console::index))
        .fallback(console::file)
        .method_not_allowed_fallback(async || console::no_such_method());
    let routes = http::wrap(router, app).with_state(app.clone());
    // Around all routes: AWS clients are told by a header, not by the path.
    Router::new().fallback_service(routes).layer(from_fn_with_state(app.clone(), aws::divert))
}
