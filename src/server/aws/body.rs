//! A request's body: bounded, whole, and hashed while it comes in.

use crate::app::App;
use crate::http::Upload;
use aws_lc_rs::digest::{Context, Digest, SHA256};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Largest body: 10 MiB of records are 14 MB in base64, and 500 records have names and keys besides.
const BODY_BYTES_MAX: usize = 15 << 20;
/// Most bytes of all bodies at a time.
pub(super) const BODIES_BYTES_MAX: usize = 256 << 20;
/// Longest silence within a body.
const IDLE: Duration = Duration::from_secs(20);
/// A body must be there after this, give or take [`IDLE`].
const COMPLETE_AFTER: Duration = Duration::from_secs(120);

/// A body that has come in.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) sha256: Digest,
    /// Its part of [`BODIES_BYTES_MAX`].
    _admitted: Option<OwnedSemaphorePermit>,
}

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than [`BODY_BYTES_MAX`].
    TooLarge,
    /// Too many bytes of other requests are held.
    NoRoom,
    /// It came too slowly, or the connection broke.
    Incomplete,
}

impl BodyError {
    /// Status of the answer, which has nothing else.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

/// Takes in a body. What is left of one that is refused is read for a moment, so that the client gets to see the answer.
pub(super) async fn receive(app: &App, headers: &HeaderMap, body: Body) -> Result<Received, BodyError> {
    let mut upload = Upload::new(body, app.env.clock.clone(), IDLE);
    let announced = headers.get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    let received = match announced {
        Some(len) if len > BODY_BYTES_MAX => Err(BodyError::TooLarge),
        _ => collect(app, &mut upload, announced.unwrap_or(0)).await,
    };
    if let Err(BodyError::TooLarge | BodyError::NoRoom) = received {
        tokio::spawn(upload.linger());
    }
    received
}

async fn collect(app: &App, upload: &mut Upload, announced: usize) -> Result<Received, BodyError> {
    let deadline = app.env.clock.monotonic() + COMPLETE_AFTER;
    let mut admitted = None;
    let mut hash = Context::new(&SHA256);
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    while let Some(part) = upload.next().await.map_err(|_| BodyError::Incomplete)? {
        let have = first.len().max(whole.len());
        if have + part.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        if app.env.clock.monotonic() > deadline {
            return Err(BodyError::Incomplete);
        }
        // Room is taken as bytes come, not as they are announced: announcing costs a client nothing.
        admit(app, part.len(), &mut admitted)?;
        hash.update(&part);
        if have == 0 {
            first = part;
            continue;
        }
        // The one copy of a body that comes in several parts: everything after this borrows from it.
        if whole.is_empty() {
            whole.reserve(announced.max(have + part.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&part);
    }
    let bytes = if whole.is_empty() { first } else { whole.freeze() };
    Ok(Received { bytes, sha256: hash.finish(), _admitted: admitted })
}

fn admit(app: &App, len: usize, admitted: &mut Option<OwnedSemaphorePermit>) -> Result<(), BodyError> {
    let permits = u32::try_from(len).map_err(|_| BodyError::TooLarge)?;
    let more = app.aws.bodies.clone().try_acquire_many_owned(permits).map_err(|_| BodyError::NoRoom)?;
    match admitted {
        Some(admitted) => admitted.merge(more),
        None => *admitted = Some(more),
    }
    Ok(())
}
