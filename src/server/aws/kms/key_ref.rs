//! Which key a request means: an id, an alias, or the ARN of either.

use super::faults::{key_arn, no_alias, no_key};
use crate::aws::arn::Arn;
use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use vault::{KeyId, KeyInfo, KeyState, encrypted_under};

/// Names that begin so belong to services.
pub(super) const RESERVED: &str = "alias/aws/";

/// What a request is about that is about no key in particular.
pub(super) fn nothing(_: &Call<'_>) -> Result<String, AwsError> {
    Ok("*".to_owned())
}

/// The key of `KeyId`.
pub(super) fn of_key(call: &Call<'_>) -> Result<String, AwsError> {
    Ok(key_arn(&call.app.config, &key(call)?.id))
}

/// The key that `TargetKeyId` names.
pub(super) fn of_target(call: &Call<'_>) -> Result<String, AwsError> {
    Ok(key_arn(&call.app.config, &target(call)?.id))
}

/// The key that an alias is to name instead, once it is known that there is the alias.
pub(super) fn of_new_alias(call: &Call<'_>) -> Result<String, AwsError> {
    let name = alias_name(call)?;
    call.app.vault.alias(name).ok_or_else(|| no_alias(&call.app.config, name))?;
    of_target(call)
}

/// The key that an alias names.
pub(super) fn of_alias(call: &Call<'_>) -> Result<String, AwsError> {
    let name = alias_name(call)?;
    let key = call.app.vault.alias(name).ok_or_else(|| no_alias(&call.app.config, name))?;
    Ok(key_arn(&call.app.config, &key))
}

/// The key that `CiphertextBlob` states.
pub(super) fn of_blob(call: &Call<'_>) -> Result<String, AwsError> {
    let blob = call.input.blob("CiphertextBlob");
    let (stated, _) = encrypted_under(&blob).map_err(|_| super::crypto::invalid_ciphertext())?;
    let info = call.app.vault.key(&stated).filter(|info| info.state != KeyState::Destroyed);
    // What is no text of ours is not even a key that there is not.
    Ok(key_arn(&call.app.config, &info.ok_or_else(super::crypto::invalid_ciphertext)?.id))
}

/// The key of `KeyId`.
pub(super) fn key(call: &Call<'_>) -> Result<KeyInfo, AwsError> {
    find(call, call.input.text("KeyId").unwrap_or_default())
}

/// The key of `TargetKeyId`, which may not be an alias.
pub(super) fn target(call: &Call<'_>) -> Result<KeyInfo, AwsError> {
    let name = call.input.text("TargetKeyId").unwrap_or_default();
    if name.starts_with("alias/") || name.contains(":alias/") {
        return Err(AwsError::validation("Aliases must refer to keys. Not aliases"));
    }
    find(call, name)
}

/// The key of this name.
pub(super) fn find(call: &Call<'_>, name: &str) -> Result<KeyInfo, AwsError> {
    let config = &call.app.config;
    let resource = match Arn::parse(name) {
        Some(arn) if arn.is_here(config, "kms") => arn.resource,
        Some(arn) if arn.service != "kms" => {
            return Err(AwsError::new("InvalidArnException", format!("Invalid ARN {name}")));
        }
        Some(_) => return Err(no_key(name)),
        None => name,
    };
    let id: KeyId = if resource.starts_with("alias/") {
        call.app.vault.alias(resource).ok_or_else(|| no_alias(config, resource))?
    } else {
        let id = resource.strip_prefix("key/").unwrap_or(resource);
        id.parse().map_err(|_| AwsError::new("NotFoundException", format!("Invalid keyId '{id}'")))?
    };
    let info = call.app.vault.key(&id).filter(|info| info.state != KeyState::Destroyed);
    info.ok_or_else(|| no_key(&key_arn(config, &id)))
}

/// The alias of `AliasName`.
pub(super) fn alias_name<'a>(call: &Call<'a>) -> Result<&'a str, AwsError> {
    let name = call.input.text("AliasName").unwrap_or_default();
    match name.strip_prefix("alias/") {
        Some(rest) if !rest.is_empty() => Ok(name),
        _ => {
            let message = "Alias must start with the prefix \"alias/\". Please see \
                           https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
            Err(AwsError::validation(message))
        }
    }
}

/// Whether a service of this server owns the key.
pub(super) fn is_owned(call: &Call<'_>, key: &KeyId) -> bool {
    call.app.vault.aliases().iter().any(|alias| alias.key == *key && alias.name.starts_with(RESERVED))
}
