//! `StartStreamEncryption` and `StopStreamEncryption`
//!
//! Every record is sealed, whatever is said here: under the stream's own key, in the keystore of this server. What clients
//! choose is whether answers say so.

use super::change::{change, must_be_active};
use super::shapes::{ARN_MEMBER, NAME_MEMBER};
use super::stream_ref::look;
use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::operation::{Call, Outcome, Reply};
use crate::aws::wire::{Member, Shape, Text, required};
use streams::StreamInfo;

pub(super) const INPUT: &[Member] = &[
    NAME_MEMBER,
    ARN_MEMBER,
    required("EncryptionType", Shape::Text(Text::one_of(&["NONE", "KMS"]))),
    required("KeyId", Shape::Text(Text::of(1, 2048))),
];

/// The alias of the key that the service itself keeps.
const OWN_ALIAS: &str = "alias/aws/kinesis";

/// `StartStreamEncryption`
pub(super) async fn start(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    let key = checked_key(&call, &stream)?.to_owned();
    change(&call, &stream, move |data| {
        data.encryption = Some(key.clone());
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}

/// `StopStreamEncryption`
pub(super) async fn stop(call: Call<'_>) -> Outcome {
    let stream = look(&call)?;
    must_be_active(&call, &stream)?;
    checked_key(&call, &stream)?;
    change(&call, &stream, |data| {
        data.encryption = None;
        Ok(())
    })
    .await?;
    Ok(Reply::Empty)
}

/// The key that the request names, which must be the one that the stream is sealed under.
fn checked_key<'a>(call: &Call<'a>, stream: &StreamInfo) -> Result<&'a str, AwsError> {
    if call.input.text("EncryptionType") != Some("KMS") {
        let message = "1 validation error detected: Value 'NONE' at 'encryptionType' failed to satisfy constraint: Member must \
                       satisfy enum value set: [KMS]";
        return Err(AwsError::validation(message));
    }
    let key = call.input.text("KeyId").unwrap_or_default();
    // An ARN names an alias or a key.
    let name =
        Arn::parse(key).filter(|arn| arn.is_here(&call.app.config, "kms")).map_or(key, |arn| arn.resource);
    if name == OWN_ALIAS || name.strip_prefix("key/").unwrap_or(name) == stream.key {
        return Ok(key);
    }
    Err(AwsError::new("KMSNotFoundException", format!("Key '{key}' does not exist")))
}
