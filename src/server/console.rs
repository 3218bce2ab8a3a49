//! The web console, embedded in the binary.

use crate::error::ApiError;
use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use rust_embed::{EmbeddedFile, RustEmbed};

/// Nothing comes from elsewhere; hls.js plays through blobs and works in a worker of its own making.
const POLICY: &str =
    "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' blob: data:";

/// What `cargo xtask web` built, if it did.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Kinetoscope</title>\
    <h1>The console is not built into this server</h1>\
    <p>The server works; only its web pages are missing. To have them: install Node, run <code>cargo xtask web</code>, \
    and build the server again.</p>";

/// `GET /`
pub async fn index() -> Response {
    match Dist::get("index.html") {
        Some(file) => page(file, "index.html"),
        None => guarded(Html(NOT_BUILT).into_response(), false),
    }
}

/// Everything else that was built, and the answer to paths that are not there.
pub async fn file(method: Method, uri: Uri) -> Result<Response, ApiError> {
    let path = uri.path().trim_start_matches('/');
    let file = Dist::get(path).filter(|_| method == Method::GET || method == Method::HEAD);
    let file = file.ok_or_else(|| ApiError::not_found("NO_SUCH_PATH", "there is nothing at this path"))?;
    Ok(page(file, path))
}

/// The answer to methods that a path does not know.
pub fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this path does not take that method")
}

fn page(file: EmbeddedFile, path: &str) -> Response {
    let mut response = file.data.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    guarded(response, is_hashed(path))
}

fn guarded(mut response: Response, immutable: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let cache = if immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `name-HASH.ext`, as the bundler writes files whose content never changes: at least eight letters and digits.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((stem, _)) = name.split_once('.') else { return false };
    let Some((_, hash)) = stem.rsplit_once('-') else { return false };
    hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        for (path, hashed) in [
            ("assets/app-5KXB2JQZ.js", true),
            ("app-5KXB2JQZ.css.map", true),
            ("index.html", false),
            ("favicon.svg", false),
            ("apple-touch.png", false),
        ] {
            assert_eq!(is_hashed(path), hashed, "{path}");
        }
    }
}
