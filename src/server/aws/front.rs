//! From a request to its answer, in the order in which the service itself checks things.

use super::answer::{Answer, Ids, beside_the_runtime, preflight};
use super::authorize::authorize;
use super::body::{Received, receive};
use super::dispatch;
use super::error::AwsError;
use super::operation::{Call, Operation, Outcome, Service};
use super::rates::Rates;
use super::sigv4::{Policy, Refusal, Request as Unverified, Signed};
use super::wire::{Format, Input, Value, conform, validate};
use crate::app::App;
use crate::audit::Entry;
use crate::auth::{Access, Circumstances};
use crate::http::{Observed, RequestId};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use std::time::Duration;

const TARGET: &str = "x-amz-target";
/// Headers that decide what happens, so the signature must cover them.
const SIGNED_IF_PRESENT: &[&str] = &[TARGET];
/// A body above this is read where that may take its time: at about 1 GB/s, 1 MiB takes a millisecond.
const DECODE_INLINE_BYTES_MAX: usize = 1 << 20;

/// Answers what is meant for this face, and hands on everything else.
pub(crate) async fn divert(State(app): State<App>, request: Request, next: Next) -> Response {
    if !is_ours(&request) {
        return next.run(request).await;
    }
    let observed = Observed::begin(&app, &request);
    let (mut parts, body) = request.into_parts();
    let ids = Ids::new(&*app.env.random);
    parts.extensions.insert(RequestId(ids.request.clone()));
    if parts.method == Method::OPTIONS {
        return preflight(ids, &parts.headers);
    }
    let name = dispatch::find(text(&parts.headers, TARGET)).map_or("aws", |(_, operation)| operation.action);
    let answer = match receive(&app, &parts.headers, body).await {
        Ok(received) => answer(&app, &parts, &received).await,
        Err(error) => Answer::bare(error.status()),
    };
    let response = answer.respond(ids, &parts.headers);
    observed.end(&app, name, response.status());
    response
}

/// A POST to `/`, or with a target to anywhere: the service does not care about the path. And what a browser asks first.
fn is_ours(request: &Request) -> bool {
    let headers = request.headers();
    match *request.method() {
        Method::POST => request.uri().path() == "/" || headers.contains_key(TARGET),
        Method::OPTIONS => {
            let asks = text(headers, ACCESS_CONTROL_REQUEST_HEADERS.as_str()).to_ascii_lowercase();
            headers.contains_key(ORIGIN) && (request.uri().path() == "/" || asks.contains(TARGET))
        }
        _ => false,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// How a request says that its body is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Known(Format),
    /// `application/json`, which is understood but not served.
    PlainJson,
    Other,
}

fn spoken(headers: &HeaderMap) -> Spoken {
    let content_type = text(headers, CONTENT_TYPE.as_str()).split(';').next().unwrap_or_default().trim();
    let known = [Format::Json, Format::Cbor].into_iter().find(|format| format.content_type() == content_type);
    match known {
        Some(format) => Spoken::Known(format),
        None if content_type == "application/json" => Spoken::PlainJson,
        None => Spoken::Other,
    }
}

async fn answer(app: &App, parts: &Parts, received: &Received) -> Answer {
    let target = text(&parts.headers, TARGET);
    let found = dispatch::find(target);
    let body = &received.bytes;
    let spoken = spoken(&parts.headers);
    if body.is_empty() {
        let format = if spoken == Spoken::Known(Format::Json) { Format::Json } else { Format::Cbor };
        let error = if found.is_some() { AwsError::malformed() } else { AwsError::unknown_operation() };
        return Answer::error(error, format);
    }
    let format = match spoken {
        Spoken::Known(format) => format,
        Spoken::PlainJson => {
            let readable = matches!(Format::Json.decode(body), Ok(Value::Map(_)));
            return match readable {
                true => Answer::coral(StatusCode::NOT_FOUND, "UnknownOperationException"),
                false => Answer::coral(StatusCode::BAD_REQUEST, "SerializationException"),
            };
        }
        Spoken::Other
            if target
                .split_once('.')
                .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()) =>
        {
            return Answer::xml(StatusCode::NOT_FOUND, "UnknownOperationException", None);
        }
        Spoken::Other => {
            let message = "Unable to determine service/operation name to be authorized";
            return Answer::xml(StatusCode::FORBIDDEN, "AccessDeniedException", Some(message));
        }
    };
    let Some(input) = decode(body, format) else {
        return Answer::error(AwsError::malformed(), format);
    };
    let Some((service, operation)) = found else {
        return Answer::error(AwsError::unknown_operation(), format);
    };
    let outcome = match sign_in(app, parts, received, service) {
        Ok(caller) => {
            let rates = app.aws.rates.as_ref();
            perform(app, &caller, operation, input, (format, body.len()), rates).await
        }
        Err(Refusal { code, message }) => {
            app.audit.note(&Entry::nobody(Circumstances::of(parts, app).source, code));
            Err(AwsError::new(code, message))
        }
    };
    if let Err(error) = &outcome {
        tracing::debug!(target, code = error.code(), message = error.message(), "refused");
    }
    Answer::of(outcome, format)
}

/// Finds out who signed a request.
fn sign_in(app: &App, parts: &Parts, received: &Received, service: &Service) -> Result<Access, Refusal> {
    let request = Unverified {
        method: &parts.method,
        uri: &parts.uri,
        version: parts.version,
        headers: &parts.headers,
    };
    let policy = Policy {
        service: service.signing_name,
        signed_if_present: SIGNED_IF_PRESENT,
        skew: Duration::from_secs(app.config.signature_skew_s),
        now_ms: app.env.clock.now_ms(),
    };
    let signed = Signed::read(request, &policy)?;
    // Nobody here hands out sessions.
    if signed.has_session_token() {
        return Err(Refusal::unrecognized());
    }
    let mut known = false;
    let proven = app.keys.prove(signed.key_id(), |secret| {
        known = true;
        signed.proves(&app.aws.signing_keys, secret, received.sha256.as_ref())
    });
    match proven {
        Some(identity) => Ok(Access { identity, token: None, circumstances: Circumstances::of(parts, app) }),
        None if known => Err(Refusal::mismatch()),
        None => Err(Refusal::unrecognized()),
    }
}

/// Reads a body. `None`: it is not well-formed, or not a structure.
pub(super) fn decode(body: &Bytes, format: Format) -> Option<Value<'_>> {
    let decoded = beside_the_runtime(is_long(body.len()), || format.decode(body));
    decoded.ok().filter(|value| matches!(value, Value::Map(_)))
}

fn is_long(body_bytes: usize) -> bool {
    body_bytes > DECODE_INLINE_BYTES_MAX
}

/// Does what a caller who has signed in asks for, if they may. Of the body that `input` was read from come its format and its
/// length. `rates`: how often that may be asked for, if it matters.
pub(crate) async fn perform(
    app: &App,
    caller: &Access,
    operation: &Operation,
    mut input: Value<'_>,
    (format, body_bytes): (Format, usize),
    rates: Option<&Rates>,
) -> Outcome {
    beside_the_runtime(is_long(body_bytes), || {
        conform(&mut input, operation.input, format, body_bytes)?;
        validate(&input, operation.input)
    })?;
    let call = Call { app, input: Input::new(&input) };
    let resource = (operation.resource)(&call)?;
    authorize(caller, operation, &call, &resource).await?;
    if let (Some(rates), Some(rate)) = (rates, operation.rate) {
        rates.admit(operation.action, rate, &call, &resource)?;
    }
    (operation.run)(call).await
}
