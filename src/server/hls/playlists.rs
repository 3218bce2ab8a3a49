//! The playlists.

use crate::app::App;
use crate::auth::GetHls;
use crate::error::ApiError;
use crate::http::Query;
use crate::native::range::RangeQuery;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use media::playlist::MediaPlaylist;
use serde::Deserialize;
use video::{Clock, TimeRange, Uris};

/// A live playlist reaches back this far unless asked otherwise.
const DVR_S_DEFAULT: u64 = 60;
/// May grow at any moment; players ask again about every target duration.
const GROWING: &str = "private, max-age=1";
/// Says only where the others are, and how fast and large they are at the moment.
const INDEX: &str = "private, max-age=5";
/// Changes no more, unless retention takes its beginning.
const FINISHED: &str = "private, max-age=60";

/// Playlists of so many segments are written down on a thread that may block.
const LONG: usize = 1000;

/// How far back a live playlist reaches.
#[derive(Deserialize)]
pub(super) struct Window {
    dvr: Option<u64>,
}

pub(super) async fn live(
    State(app): State<App>,
    camera: GetHls,
    Query(window): Query<Window>,
) -> Result<Response, ApiError> {
    let dvr_s = window.dvr.unwrap_or(DVR_S_DEFAULT);
    let media = with_token(format!("live/media.m3u8?dvr={dvr_s}"), camera.token_in_query());
    let playlist = app.video.multivariant(&camera.stream, None, media).await?;
    Ok(answer(playlist.to_text(), INDEX))
}

pub(super) async fn live_media(
    State(app): State<App>,
    camera: GetHls,
    Query(window): Query<Window>,
) -> Result<Response, ApiError> {
    let dvr_s = window.dvr.unwrap_or(DVR_S_DEFAULT);
    let playlist = app.video.live_playlist(&camera.stream, dvr_s, &uris(&camera)).await?;
    Ok(answer(text(playlist).await?, GROWING))
}

pub(super) async fn archive(
    State(app): State<App>,
    camera: GetHls,
    Query(range): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let range = range.up_to_now(&app, &camera.stream).await?;
    let media = with_token(format!("archive/media.m3u8?{}", query(range)), camera.token_in_query());
    let playlist = app.video.multivariant(&camera.stream, Some(range), media).await?;
    Ok(answer(playlist.to_text(), INDEX))
}

pub(super) async fn archive_media(
    State(app): State<App>,
    camera: GetHls,
    Query(range): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let range = range.up_to_now(&app, &camera.stream).await?;
    let playlist = app.video.archive_playlist(&camera.stream, range, &uris(&camera)).await?;
    let cache = if playlist.ended { FINISHED } else { GROWING };
    Ok(answer(text(playlist).await?, cache))
}

/// The range, spelled out: the media playlist must be about the same one, whenever it is asked for.
fn query(range: TimeRange) -> String {
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let clock = match range.clock {
        Clock::Producer => "producer",
        Clock::Server => "server",
    };
    format!("from={}&to={}&clock={clock}", seconds(range.from_ms), seconds(range.to_ms))
}

fn with_token(uri: String, token: Option<&str>) -> String {
    match token {
        Some(token) => format!("{uri}&token={token}"),
        None => uri,
    }
}

fn uris(camera: &GetHls) -> Uris {
    let suffix = camera.token_in_query().map(|token| format!("?token={token}"));
    Uris { prefix: "../".to_owned(), suffix: suffix.unwrap_or_default() }
}

/// The playlist's text. A long one takes a moment to write down.
async fn text(playlist: MediaPlaylist) -> Result<String, ApiError> {
    if playlist.segments.len() < LONG {
        return Ok(playlist.to_text());
    }
    let written = tokio::task::spawn_blocking(move || playlist.to_text()).await;
    written.map_err(|error| ApiError::internal(&error))
}

fn answer(text: String, cache: &'static str) -> Response {
    ([(CONTENT_TYPE, "application/vnd.apple.mpegurl"), (CACHE_CONTROL, cache)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Instant;

    #[test]
    fn the_range_survives_the_way_through_the_address() {
        let range = TimeRange { from_ms: 1_769_860_800_007, to_ms: 1_769_860_900_000, clock: Clock::Server };
        let uri: http::Uri = format!("http://x/?{}", query(range)).parse().unwrap();
        let read = axum::extract::Query::<RangeQuery>::try_from_uri(&uri).unwrap().0;
        assert_eq!(read.from, Some(Instant { us: 1_769_860_800_007_000 }));
        assert_eq!(read.or(0, 0), range);
    }
}
