//! Operations at paths of their own, `POST /v1/kinesis/{operation}`, for callers that sign in as on every other native path: the
//! console, curl. Input, answer and errors are those of the operation in AWS JSON 1.1; what is meant is said by the path alone,
//! so the content type of the request does not matter.

use super::answer::Answer;
use super::body::receive;
use super::error::AwsError;
use super::front::{decode, perform};
use super::kinesis;
use super::operation::Operation;
use super::wire::Format;
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};

/// The paths.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v1/kinesis/{operation}", post(answer))
}

async fn answer(
    State(app): State<App>,
    caller: Result<Access, ApiError>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return not_signed_in(refusal),
    };
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let operation = match find(&name) {
        Ok(operation) => operation,
        Err(answer) => return answer.unnamed(),
    };
    let received = match receive(&app, &headers, body).await {
        Ok(received) => received,
        Err(error) => return Answer::bare(error.status()).unnamed(),
    };
    let outcome = match decode(&received.bytes, Format::Json) {
        Some(input) => {
            let body = (Format::Json, received.bytes.len());
            // The console looks at many streams at once, and takes nothing away from applications.
            perform(&app, &caller, operation, input, body, None).await
        }
        None => Err(AwsError::malformed()),
    };
    Answer::of(outcome, Format::Json).unnamed()
}

/// The operation of a path.
fn find(name: &str) -> Result<&'static Operation, Answer> {
    let operation = kinesis::SERVICE.operations.iter().find(|known| known.name() == name);
    match operation {
        None => {
            let answer = Answer::error(AwsError::unknown_operation(), Format::Json);
            Err(Answer { status: StatusCode::NOT_FOUND, ..answer })
        }
        Some(operation) if operation.action == kinesis::SUBSCRIBE_TO_SHARD => {
            let message = "SubscribeToShard answers with an event stream, which is served to AWS clients only. Use GetRecords.";
            Err(Answer::error(AwsError::invalid_argument(message), Format::Json))
        }
        Some(operation) => Ok(operation),
    }
}

/// A refused sign-in, with its status, code and challenge, in the form of all other errors here.
fn not_signed_in(refusal: ApiError) -> Response {
    let error = AwsError::new(refusal.code(), refusal.message().to_owned());
    let mut shaped = Answer::error(error, Format::Json).unnamed();
    let refused = refusal.into_response();
    *shaped.status_mut() = refused.status();
    for (name, value) in refused.headers() {
        if name != http::header::CONTENT_TYPE && name != http::header::CONTENT_LENGTH {
            shaped.headers_mut().insert(name, value.clone());
        }
    }
    shaped
}
