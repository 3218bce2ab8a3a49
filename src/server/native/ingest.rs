//! `PUT` or `POST /v1/video/{stream}/ingest`: a camera's media comes in.
//!
//! The upload is fed to the session by a task of its own. A camera that hangs up right after its last byte takes the
//! handler with it, but not that task: what arrived is stored.

use super::events;
use crate::app::App;
use crate::auth::Ingest;
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
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_stream::wrappers::ReceiverStream;
use video::{End, IngestError, IngestSession, SessionOptions, Summary};

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
    /// Why it broke off, if it did.
    upload: Option<UploadError>,
}

/// Takes media until the sender ends it. Answers with a summary then, or with events meanwhile.
pub async fn ingest(
    State(app): State<App>,
    camera: Ingest,
    Query(options): Query<Options>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let idle = Duration::from_secs(app.config.ingest_idle_timeout_s);
    let upload = Upload::new(body, app.env.clock.clone(), idle);
    let wants_events =
        headers.get_all(ACCEPT).iter().any(|accept| accept.as_bytes().starts_with(NDJSON.as_bytes()));
    let session = match begin(&app, &camera.stream, &options, &headers, &peer, wants_events).await {
        Ok(session) => session,
        Err(refusal) => {
            app.metrics.ingest_errors.inc();
            // A client that asked first has not sent anything, and must not be told to go on.
            if !headers.contains_key(EXPECT) {
                app.sessions.spawn(upload.linger());
            }
            return Err(refusal);
        }
    };
    let (tell, told) = oneshot::channel();
    let mut session = session;
    let events = session.take_events();
    app.sessions.spawn(feed(app.clone(), session, upload, tell));
    let Some(events) = events else {
        let ended = told.await.map_err(|_| ApiError::from(IngestError::Interrupted))?;
        return answer(ended);
    };
    // From now on we write while the camera sends, and must not stop reading when it stops listening.
    peer.keep_reading.set(true);
    let lines = ReceiverStream::new(events).map(|event| events::line(&event));
    let last = futures_util::stream::once(told).filter_map(async |ended| last_line(&ended.ok()?));
    let lines = lines.chain(last).map(Ok::<_, Infallible>);
    Ok(([(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, "no-store")], Body::from_stream(lines)).into_response())
}

/// What the session itself does not know.
fn last_line(ended: &Ended) -> Option<Bytes> {
    matches!(ended.upload, Some(UploadError::Idle(_))).then(events::idle_line)
}

async fn begin(
    app: &App,
    stream: &str,
    options: &Options,
    headers: &HeaderMap,
    peer: &Peer,
    events: bool,
) -> Result<IngestSession, ApiError> {
    if app.stop.is_cancelled() {
        return Err(IngestError::ShuttingDown.into());
    }
    let start_ms = match (options.start, headers.get(START_HEADER)) {
        (Some(start), _) => Some(start.ms()),
        (None, Some(header)) => {
            let text = header.to_str().unwrap_or_default();
            Some(Instant::parse(text).map_err(|error| ApiError::bad_request("BAD_HEADER", error))?.ms())
        }
        (None, None) => None,
    };
    let session =
        || SessionOptions { start_ms, peer: peer.address.to_string(), tags: BTreeMap::new(), events };
    match app.video.ingest(stream, session()).await {
        Err(IngestError::NotFound(_)) if options.auto_create != Some(false) => {
            app.create_default(stream).await?;
            Ok(app.video.ingest(stream, session()).await?)
        }
        begun => Ok(begun?),
    }
}

/// Hands the upload to the session until one of them ends, or the server does.
async fn feed(app: App, mut session: IngestSession, mut upload: Upload, tell: oneshot::Sender<Ended>) {
    app.metrics.sessions.inc();
    let (end, broken) = loop {
        let next = tokio::select! {
            next = upload.next() => next,
            () = app.stop.cancelled() => break (End::Shutdown, None),
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
            Err(error) => break (End::Disconnected, Some(error)),
        }
    };
    let summary = session.finish(end).await;
    app.metrics.sessions.dec();
    app.metrics.ingest_fragments.inc_by(summary.persisted);
    if summary.error.is_some() {
        app.metrics.ingest_errors.inc();
    }
    let unread = end != End::Eof;
    // The sender may have gone.
    let _ = tell.send(Ended { summary, upload: broken });
    if unread {
        upload.linger().await;
    }
}

fn answer(ended: Ended) -> Result<Response, ApiError> {
    let Ended { summary, upload } = ended;
    let stored = describe(&summary);
    let error: ApiError = match (summary.error, upload) {
        (_, Some(idle @ UploadError::Idle(_))) => idle.into(),
        (Some(error), _) => error.into(),
        // Nobody is there to read it.
        (None, Some(broken)) => broken.into(),
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
        "truncated": summary.truncated,
    })
}
