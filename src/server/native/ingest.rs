//! `PUT` or `POST /v1/video/{stream}/ingest`: a camera's media comes in.
//!
//! The upload is fed to the session by a task of its own. A camera that hangs up right after its last byte takes the
//! handler with it, but not that task: what arrived is stored.

use super::events;
use crate::app::App;
use crate::auth::PutMedia;
use crate::error::ApiError;
use crate::http::{Instant, Peer, Query, Upload, UploadError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_stream::wrappers::ReceiverStream;
use video::{End, Event, IngestError, IngestSession, SessionOptions, Summary};

const NDJSON: &str = "application/x-ndjson";
const START_HEADER: &str = "x-amzn-producer-start-timestamp";

/// What the query may say.
#[derive(Deserialize)]
pub struct Options {
    /// The camera's time of the first frame.
    start: Option<Instant>,
    /// Whether a stream that is not there is made; it is, unless this is `false`.
    auto_create: Option<bool>,
}

/// How an upload ended.
struct Ended {
    summary: Summary,
    /// Why it ended early, where the session does not know.
    cause: Option<Cause>,
}

enum Cause {
    Upload(UploadError),
    /// The server is going down.
    Stopped,
}

/// Takes media until the sender ends it. Answers with a summary then, or with events meanwhile.
pub async fn ingest(
    State(app): State<App>,
    camera: PutMedia,
    Query(query): Query<Options>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let idle = Duration::from_secs(app.config.ingest_idle_timeout_s);
    let upload = Upload::new(body, app.env.clock.clone(), idle);
    let events =
        headers.get_all(ACCEPT).iter().any(|accept| accept.as_bytes().starts_with(NDJSON.as_bytes()));
    let start_ms = start_ms(&query, &headers)?;
    // A client that asks before it sends has not sent anything yet, and must not be told to go on if it is refused.
    let asks_first = headers.contains_key(EXPECT);
    let options = SessionOptions {
        start_ms,
        peer: peer.address.to_string(),
        events,
        takeover: app.config.publisher_takeover,
        ..SessionOptions::default()
    };
    let auto_create = query.auto_create != Some(false) && camera.access.may_create(&app, &camera.stream);

    let (tell_begun, begun) = oneshot::channel();
    let (tell_ended, ended) = oneshot::channel();
    let tracker = app.sessions.clone();
    tracker.spawn(async move {
        match begin(&app, &camera.stream, options, auto_create).await {
            Ok(mut session) => {
                // The handler may have gone.
                let _ = tell_begun.send(Ok(session.take_events()));
                feed(&app, session, upload, &peer, tell_ended).await;
            }
            Err(refusal) => {
                app.metrics.ingest_errors.inc();
                let _ = tell_begun.send(Err(refusal));
                if !asks_first {
                    tokio::spawn(upload.linger());
                }
            }
        }
    });
    let Some(events) = begun.await.map_err(interrupted)?? else {
        return answer(ended.await.map_err(interrupted)?);
    };
    let lines = ReceiverStream::new(events).map(|event| events::line(&event));
    let last = futures_util::stream::once(ended).filter_map(async |ended| last_line(&ended.ok()?));
    let lines = lines.chain(last).map(Ok::<_, Infallible>);
    Ok(([(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, "no-store")], Body::from_stream(lines)).into_response())
}

/// The task has panicked, or the server is going down.
fn interrupted(_: oneshot::error::RecvError) -> ApiError {
    IngestError::Interrupted.into()
}

/// What the session itself does not know.
fn last_line(ended: &Ended) -> Option<Bytes> {
    match ended.cause {
        Some(Cause::Upload(UploadError::Idle(_))) => Some(events::idle_line()),
        Some(Cause::Stopped) => Some(events::line(&Event::Error {
            fragment: ended.summary.last_fragment,
            error: IngestError::ShuttingDown,
        })),
        // Nobody is there to read it.
        Some(Cause::Upload(UploadError::Broken(_))) | None => None,
    }
}

fn start_ms(query: &Options, headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let start = match (query.start, headers.get(START_HEADER)) {
        (None, Some(header)) => {
            let text = header.to_str().unwrap_or_default();
            Some(Instant::parse(text).map_err(|error| ApiError::bad_request("BAD_HEADER", error))?)
        }
        (start, _) => start,
    };
    Ok(start.map(Instant::ms))
}

async fn begin(
    app: &App,
    stream: &str,
    options: SessionOptions,
    auto_create: bool,
) -> Result<IngestSession, ApiError> {
    if app.stop.is_cancelled() {
        return Err(IngestError::ShuttingDown.into());
    }
    match app.video.ingest(stream, options.clone()).await {
        Err(IngestError::NotFound(_)) if auto_create => {
            app.create_default(stream).await?;
            Ok(app.video.ingest(stream, options).await?)
        }
        begun => Ok(begun?),
    }
}

/// Hands the upload to the session until one of them ends, or the server does.
async fn feed(
    app: &App,
    mut session: IngestSession,
    mut upload: Upload,
    peer: &Peer,
    tell: oneshot::Sender<Ended>,
) {
    // We may write (events, "100 Continue") while the camera sends, and must not stop reading when it stops listening.
    peer.keep_reading.set(true);
    app.metrics.sessions.inc();
    let (end, cause) = loop {
        let next = tokio::select! {
            next = upload.next() => next,
            () = app.stop.cancelled() => break (End::Shutdown, Some(Cause::Stopped)),
        };
        match next {
            Ok(Some(bytes)) => {
                app.metrics.ingest_bytes.inc_by(bytes.len() as u64);
                if session.push(bytes).await.is_err() {
                    // The summary says why.
                    break (End::Disconnected, None);
                }
            }
            Ok(None) => break (End::Eof, None),
            Err(error) => break (End::Disconnected, Some(Cause::Upload(error))),
        }
    };
    // Nothing more is to be read for the session's sake.
    peer.keep_reading.set(false);
    let summary = session.finish(end).await;
    app.metrics.sessions.dec();
    app.metrics.ingest_fragments.inc_by(summary.persisted);
    if summary.error.is_some() {
        app.metrics.ingest_errors.inc();
    }
    // The sender may have gone.
    let _ = tell.send(Ended { summary, cause });
    if end == End::Disconnected {
        tokio::spawn(upload.linger());
    }
}

fn answer(ended: Ended) -> Result<Response, ApiError> {
    let Ended { summary, cause } = ended;
    let stored = describe(&summary);
    let error: ApiError = match (cause, summary.error) {
        (Some(Cause::Stopped), _) => IngestError::ShuttingDown.into(),
        (Some(Cause::Upload(error)), _) => error.into(),
        (None, Some(error)) => error.into(),
        (None, None) => return Ok((StatusCode::OK, Json(stored)).into_response()),
    };
    Err(error.beside("summary", stored))
}

fn describe(summary: &Summary) -> Value {
    json!({
        "fragments": summary.fragments,
        "persisted": summary.persisted,
        "chunks": summary.chunks,
        "stored_bytes": summary.stored_bytes,
        "received_bytes": summary.received_bytes,
        "first_fragment": summary.first_fragment.map(|fragment| fragment.number.to_string()),
        "last_fragment": summary.last_fragment.map(|fragment| fragment.number.to_string()),
        "start_ms": summary.first_fragment.map(|fragment| fragment.producer_ms),
        "end_ms": summary.end_ms,
        "clock": summary.clock,
        "offset_ms": summary.offset_ms,
        "drift_ms": summary.drift_ms,
        "camera_offset_ms": summary.camera_offset_ms,
        "truncated": summary.truncated,
    })
}
