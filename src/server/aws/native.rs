//! Operations at paths of their own, `POST /v1/kinesis/{operation}` and `POST /v1/kms/{operation}`, for callers that sign in as on
//! every other native path: the console, curl. Input, answer and errors are those of the operation in AWS JSON 1.1; what is meant
//! is said by the path alone, so the content type of the request does not matter. And what only the native interface tells of
//! data streams.

use super::answer::Answer;
use super::body::receive;
use super::error::AwsError;
use super::front::{decode, perform};
use super::operation::{Operation, Service};
use super::wire::{Format, structure};
use super::{kinesis, kms};
use crate::app::App;
use crate::auth::{Access, Owner};
use crate::error::ApiError;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

/// The paths.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/kinesis/{operation}", post(of_kinesis))
        .route("/v1/kms/{operation}", post(of_kms))
        .route("/v1/data/{stream}/traffic", get(traffic))
}

/// What stands in the place of a path's parameter.
type Given = Result<Path<String>, PathRejection>;

async fn of_kinesis(
    State(app): State<App>,
    caller: Result<Access, ApiError>,
    name: Given,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match caller {
        Ok(caller) => answer(&app, &caller, &kinesis::SERVICE, name, &headers, body).await,
        Err(refusal) => refused(refusal),
    }
}

async fn of_kms(
    State(app): State<App>,
    owner: Result<Owner, ApiError>,
    name: Given,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match owner {
        Ok(Owner(caller)) => answer(&app, &caller, &kms::SERVICE, name, &headers, body).await,
        Err(refusal) => refused(refusal),
    }
}

async fn traffic(State(app): State<App>, caller: Result<Access, ApiError>, stream: Given) -> Response {
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refused(refusal),
    };
    let stream = stream.map(|Path(stream)| stream).unwrap_or_default();
    let input = structure([("StreamName", stream.into())]);
    let outcome = perform(&app, &caller, &kinesis::TRAFFIC, input, (Format::Json, 0), None).await;
    Answer::of(outcome, Format::Json).unnamed()
}

async fn answer(
    app: &App,
    caller: &Access,
    service: &Service,
    name: Given,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let operation = match find(service, &name.map(|Path(name)| name).unwrap_or_default()) {
        Ok(operation) => operation,
        Err(answer) => return answer.unnamed(),
    };
    let received = match receive(app, headers, body).await {
        Ok(received) => received,
        Err(error) => return Answer::bare(error.status()).unnamed(),
    };
    let outcome = match decode(&received.bytes, Format::Json) {
        Some(input) => {
            let body = (Format::Json, received.bytes.len());
            // The console looks at many streams at once, and takes nothing away from applications.
            perform(app, caller, operation, input, body, None).await
        }
        None => Err(AwsError::malformed()),
    };
    Answer::of(outcome, Format::Json).unnamed()
}

/// The operation of a path.
fn find(service: &Service, name: &str) -> Result<&'static Operation, Answer> {
    let operation = service.operations.iter().find(|known| known.name() == name);
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

/// A refused sign-in or token, with its status, code and challenge, in the form of all other errors here.
fn refused(refusal: ApiError) -> Response {
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
