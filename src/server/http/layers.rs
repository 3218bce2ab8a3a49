//! What happens to every request, whatever its route.

use super::serve::Peer;
use crate::app::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use shardlog::env::Random;
use std::net::SocketAddr;
use std::time::Duration;
use tower_http::compression::CompressionLayer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request; an extension of every request, and in the answer's header `x-request-id`.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 12];
        random.fill(&mut bytes);
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Wraps all routes.
pub fn wrap(router: Router<App>, app: &App) -> Router<App> {
    router
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(from_fn(refuse_cross_site))
        .layer(from_fn(harden))
        .layer(from_fn_with_state(app.clone(), observe))
}

/// Texts that are complete when they are sent: playlists, JSON, the console. Not media, and not lines of events, which
/// would be held back.
fn compressible(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or_default();
    kind.starts_with("text/")
        || ["application/json", "application/vnd.apple.mpegurl", "image/svg+xml"].contains(&kind)
}

/// A browser that has a password of ours sends it along when another site makes it post something here. It also says so.
async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let from = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    if changes && from.is_some_and(|from| from != b"same-origin" && from != b"none") {
        return ApiError::forbidden("CROSS_SITE", "other web sites may not change anything here")
            .into_response();
    }
    next.run(request).await
}

/// Headers that keep browsers from doing more with an answer than was meant.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Addresses may carry tokens.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// Counts and logs.
async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(&*app.env.random);
    let header = HeaderValue::try_from(&id.0);
    request.extensions_mut().insert(id);
    let route = request.extensions().get::<MatchedPath>().map_or("other", |route| route.as_str()).to_owned();
    let observed = Observed::begin(&app, &request);
    let mut response = next.run(request).await;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    observed.end(&app, &route, response.status());
    response
}

/// A request that is being answered.
pub(crate) struct Observed {
    started: Duration,
    method: Method,
    /// Without the query, which may carry a token.
    path: String,
    peer: Option<SocketAddr>,
}

impl Observed {
    /// It has come in.
    pub(crate) fn begin(app: &App, request: &Request) -> Self {
        Self {
            started: app.env.clock.monotonic(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            peer: request.extensions().get::<Peer>().map(|peer| peer.address),
        }
    }

    /// Its answer begins. It is counted under `route`.
    pub(crate) fn end(self, app: &App, route: &str, status: StatusCode) {
        let Self { started, method, path, peer } = self;
        let elapsed = app.env.clock.monotonic().saturating_sub(started);
        app.metrics.request(route, &method, status.as_u16(), elapsed);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(%method, path, status = status.as_u16(), elapsed_ms, ?peer, "request");
    }
}
