//! `StartStreamEncryption` and `StopStreamEncryption`
//!
//! Every record is sealed, whatever is said here: under a key of this server's keystore. Clients choose which one, and so who can
//! take the power to read away; from streams for which nobody chose, answers do not speak of encryption.

use super::change::must_be_active;
use super::faults;
use super::shapes::{ARN_MEMBER, NAME_MEMBER, STREAM_ID_MEMBER};
use super::stream_ref::{look, stream_arn};
use crate::aws::error::AwsError;
use crate::aws::kms;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, required};
use std::sync::Arc;
use streams::{ChosenKey, StreamInfo};

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required("EncryptionType", Shape::Text(Text::one_of(&["NONE", "KMS"]))),
    required("KeyId", Shape::Text(Text::of(1, 2048))),
    STREAM_ID_MEMBER,
];

/// `StartStreamEncryption`
pub(super) async fn start(call: Call<'_>) -> Outcome {
    let stream = changeable(&call)?;
    let called = call.input.text("KeyId").unwrap_or_default();
    let id = kms::key_named(&call, called)
        .map_err(|error| AwsError::new("KMSNotFoundException", error.message().to_owned()))?;
    set_key(
        &call,
        &stream,
        Some(ChosenKey { id, called: called.to_owned(), bound_to: binding(&call, &stream) }),
    )
    .await
}

/// What data keys are bound to: the encryption context that the service gives.
fn binding(call: &Call<'_>, stream: &StreamInfo) -> String {
    serde_json::json!({kms::STREAM_CONTEXT: stream_arn(call, &stream.name)}).to_string()
}

/// `StopStreamEncryption`: back to the default key. Which key is named does not matter, because it may be gone.
pub(super) async fn stop(call: Call<'_>) -> Outcome {
    let stream = changeable(&call)?;
    set_key(&call, &stream, None).await
}

/// The stream, if it is active and the request is in order.
fn changeable(call: &Call<'_>) -> Result<Arc<StreamInfo>, AwsError> {
    let stream = look(call)?;
    must_be_active(call, &stream)?;
    if call.input.text("EncryptionType") == Some("KMS") {
        return Ok(stream);
    }
    let message = "1 validation error detected: Value 'NONE' at 'encryptionType' failed to satisfy constraint: Member must \
                   satisfy enum value set: [KMS]";
    Err(AwsError::validation(message))
}

async fn set_key(call: &Call<'_>, stream: &StreamInfo, chosen: Option<ChosenKey>) -> Outcome {
    let set = call.app.streams.set_key(&stream.name, chosen).await;
    set.map_err(|error| faults::update(call, &error))?;
    Ok(Reply::Empty)
}
