//! What goes wrong with keys, in the service's words.

use crate::aws::arn::arn;
use crate::aws::error::AwsError;
use crate::config::Config;
use serde_json::json;
use vault::{AliasError, KeyError, KeyId, KeyUseError};

/// The ARN of a key.
pub(crate) fn key_arn(config: &Config, key: &KeyId) -> String {
    arn(config, "kms", &format!("key/{key}"))
}

/// The policy of a key that was given none: its account has the say.
pub(crate) fn default_policy(config: &Config) -> String {
    let policy = json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
        "Sid": "Enable IAM User Permissions", "Effect": "Allow",
        "Principal": {"AWS": config.names().root()}, "Action": "kms:*", "Resource": "*",
    }]});
    format!("{policy:#}")
}

pub(super) fn no_key(name: &str) -> AwsError {
    AwsError::new("NotFoundException", format!("Key '{name}' does not exist"))
}

pub(super) fn pending(config: &Config, key: &KeyId) -> AwsError {
    AwsError::new("KMSInvalidStateException", format!("{} is pending deletion.", key_arn(config, key)))
}

/// A key that cannot be used.
pub(super) fn unusable(config: &Config, error: KeyUseError) -> AwsError {
    match error {
        KeyUseError::NotFound(key) | KeyUseError::Destroyed(key) => no_key(&key_arn(config, &key)),
        KeyUseError::Disabled(key) => {
            AwsError::new("DisabledException", format!("{} is disabled.", key_arn(config, &key)))
        }
        KeyUseError::PendingDeletion(key) => pending(config, &key),
        KeyUseError::Root(refusal) => AwsError::new("KMSInvalidStateException", refusal.to_string()),
    }
}

/// A change that was not made.
pub(super) fn unchanged(config: &Config, error: &KeyError) -> AwsError {
    let state = |key: &KeyId, what: &str| {
        AwsError::new("KMSInvalidStateException", format!("{} {what}", key_arn(config, key)))
    };
    match error {
        KeyError::NotFound(key) | KeyError::Destroyed(key) => no_key(&key_arn(config, key)),
        KeyError::PendingDeletion(key) => pending(config, key),
        KeyError::NotPendingDeletion(key) => state(key, "is not pending deletion."),
        KeyError::TooMany { .. } | KeyError::AttributesTooLarge | KeyError::DescriptionTooLong { .. } => {
            AwsError::new("LimitExceededException", error.to_string())
        }
        KeyError::NotDone(_) | KeyError::Stopped => {
            tracing::error!(cause = %error, "a key cannot be changed");
            AwsError::unavailable("The keystore cannot be written.")
        }
        KeyError::Unknown(_) => AwsError::internal(error),
    }
}

/// A change of an alias that was not made.
pub(super) fn alias_unchanged(config: &Config, error: AliasError) -> AwsError {
    match error {
        AliasError::Key(error) => unchanged(config, &error),
        AliasError::Exists(name) => {
            let message = format!("An alias with the name {} already exists", arn(config, "kms", &name));
            AwsError::new("AlreadyExistsException", message)
        }
        AliasError::NotFound(name) => no_alias(config, &name),
    }
}

pub(super) fn no_alias(config: &Config, name: &str) -> AwsError {
    AwsError::new("NotFoundException", format!("Alias {} is not found.", arn(config, "kms", name)))
}

pub(super) fn unsupported(what: impl Into<String>) -> AwsError {
    AwsError::new("UnsupportedOperationException", what.into())
}
