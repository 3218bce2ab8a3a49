//! Key Management Service: symmetric keys, what is known of them, and what they encrypt.
//!
//! Keys themselves are the business of [`vault`]; here is what AWS clients call them and how they are told. Not served, and
//! refused with `UnsupportedOperationException`: asymmetric and HMAC keys, imported material, other key stores, several
//! regions. Every change is on disk, with a copy of the keystore in the metadata, before it is answered.

mod aliases;
mod crypto;
mod describe;
mod faults;
mod key_ref;
mod keys;
mod policy;
mod rotation;
mod shapes;
mod tags;

pub(crate) use faults::{default_policy, key_arn};

use crate::keystore_copy::Keystore;
use streams::DEFAULT_KEY_ALIAS;
use vault::{AliasError, KeyId, Vault};

use super::error::AwsError;
use super::operation::{Call, Operation, Service, operation as op};
use key_ref::{nothing, of_alias, of_blob, of_key, of_new_alias, of_target};

/// What the data keys of a stream are bound to: its ARN, under this name.
pub(crate) const STREAM_CONTEXT: &str = "aws:kinesis:arn";

/// The operation that policies know under two names.
pub(crate) const RE_ENCRYPT: &str = "kms:ReEncrypt";

/// The services of this server whose key clients name.
const OWN_ALIASES: &[&str] = &["alias/aws/kinesis", "alias/aws/kinesisvideo", "alias/aws/firehose"];

/// Gives the key that streams have by default the names that clients know it by.
pub(crate) async fn name_default_key(keystore: &Keystore, now_ms: u64) -> Result<(), AliasError> {
    keystore.change(move |vault| OWN_ALIASES.iter().try_for_each(|name| name_key(vault, name, now_ms))).await
}

fn name_key(vault: &Vault, name: &str, now_ms: u64) -> Result<(), AliasError> {
    let Some(key) = vault.alias(DEFAULT_KEY_ALIAS) else { return Ok(()) };
    match vault.alias(name) {
        None => vault.create_alias(name, &key, now_ms),
        Some(_) => Ok(()),
    }
}

/// The service.
pub(crate) static SERVICE: Service =
    Service { target: "TrentService", signing_name: "kms", operations: OPERATIONS };

/// What a policy calls the operation, its input, what it is about, and what does it.
const OPERATIONS: &[Operation] = &[
    // Keys.
    op("kms:CreateKey", keys::CREATE, nothing, |call| Box::pin(keys::create(call))),
    op("kms:DescribeKey", keys::ONE_TOLD, of_key, |call| Box::pin(async move { describe::key(call) })),
    op("kms:ListKeys", describe::PAGE, nothing, |call| Box::pin(async move { describe::keys(call) })),
    op("kms:UpdateKeyDescription", keys::DESCRIBE, of_key, |call| Box::pin(keys::describe(call))),
    op("kms:EnableKey", keys::ONE, of_key, |call| Box::pin(keys::enable(call))),
    op("kms:DisableKey", keys::ONE, of_key, |call| Box::pin(keys::disable(call))),
    op("kms:ScheduleKeyDeletion", keys::SCHEDULE, of_key, |call| Box::pin(keys::schedule_deletion(call))),
    op("kms:CancelKeyDeletion", keys::ONE, of_key, |call| Box::pin(keys::cancel_deletion(call))),
    // What they encrypt.
    op("kms:Encrypt", crypto::ENCRYPT, of_key, |call| Box::pin(async move { crypto::encrypt(call) })),
    op("kms:Decrypt", crypto::DECRYPT, of_blob, |call| Box::pin(async move { crypto::decrypt(call) })),
    op(RE_ENCRYPT, crypto::RE_ENCRYPT, of_blob, |call| Box::pin(async move { crypto::re_encrypt(call) })),
    op("kms:GenerateDataKey", crypto::DATA_KEY, of_key, |call| {
        Box::pin(async move { crypto::data_key(call, true) })
    }),
    op("kms:GenerateDataKeyWithoutPlaintext", crypto::HIDDEN_DATA_KEY, of_key, |call| {
        Box::pin(async move { crypto::data_key(call, false) })
    }),
    op("kms:GenerateRandom", crypto::RANDOM, nothing, |call| Box::pin(async move { crypto::random(call) })),
    // Their other names.
    op("kms:CreateAlias", aliases::CREATE, of_target, |call| Box::pin(aliases::create(call))),
    op("kms:UpdateAlias", aliases::CREATE, of_new_alias, |call| Box::pin(aliases::update(call))),
    op("kms:DeleteAlias", aliases::DELETE, of_alias, |call| Box::pin(aliases::delete(call))),
    op("kms:ListAliases", aliases::LIST, nothing, |call| Box::pin(async move { aliases::list(call) })),
    // Their versions.
    op("kms:EnableKeyRotation", rotation::ENABLE, of_key, |call| Box::pin(rotation::enable(call))),
    op("kms:DisableKeyRotation", keys::ONE, of_key, |call| Box::pin(rotation::disable(call))),
    op("kms:GetKeyRotationStatus", keys::ONE, of_key, |call| Box::pin(async move { rotation::status(call) })),
    op("kms:RotateKeyOnDemand", keys::ONE, of_key, |call| Box::pin(rotation::rotate(call))),
    op("kms:ListKeyRotations", rotation::LIST, of_key, |call| Box::pin(async move { rotation::list(call) })),
    // Who may use them.
    op("kms:PutKeyPolicy", policy::PUT, of_key, |call| Box::pin(policy::put(call))),
    op("kms:GetKeyPolicy", policy::GET, of_key, |call| Box::pin(async move { policy::get(call) })),
    op("kms:ListKeyPolicies", policy::LIST, of_key, |call| Box::pin(async move { policy::list(call) })),
    // What is written on them.
    op("kms:TagResource", tags::TAG, of_key, |call| Box::pin(tags::tag(call))),
    op("kms:UntagResource", tags::UNTAG, of_key, |call| Box::pin(tags::untag(call))),
    op("kms:ListResourceTags", tags::LIST, of_key, |call| Box::pin(async move { tags::list(call) })),
];

/// The key of this name: an id, an alias, or the ARN of either.
pub(crate) fn key_named(call: &Call<'_>, name: &str) -> Result<KeyId, AwsError> {
    Ok(key_ref::find(call, name)?.id)
}

/// The key that `ReEncrypt` encrypts under.
pub(crate) fn destination(call: &Call<'_>) -> Result<String, AwsError> {
    let name = call.input.text("DestinationKeyId").unwrap_or_default();
    Ok(key_arn(&call.app.config, &key_ref::find(call, name)?.id))
}
