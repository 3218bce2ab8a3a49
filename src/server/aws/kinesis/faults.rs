//! What can go wrong with streams and shards, in the service's words.

use crate::aws::error::AwsError;
use crate::aws::operation::Call;
use streams::{
    AppendError, CatalogueError, CreateError, DataKeyError, DeleteError, InvalidSetting, ReadError,
    ShardError, StreamStatus, UpdateError,
};
use vault::{KeyUseError, RootRefusal};

/// There is no such thing.
pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";

fn account<'a>(call: &Call<'a>) -> &'a str {
    &call.app.config.account_id
}

/// There is no such stream.
pub(super) fn no_such_stream(call: &Call<'_>, name: &str) -> AwsError {
    let message = format!("Stream {name} under account {} not found.", account(call));
    AwsError::new(NOT_FOUND, message)
}

/// The stream has no such shard.
pub(super) fn no_such_shard(call: &Call<'_>, stream: &str, shard: &str) -> AwsError {
    let message = format!("Could not find shard {shard} in stream {stream} under account {}.", account(call));
    AwsError::new(NOT_FOUND, message)
}

/// What readers are told of a shard that is not there, for whatever reason: also when its whole stream is not.
pub(super) fn nothing_to_read(call: &Call<'_>, stream: &str, shard: u32) -> AwsError {
    let (shard, account) = (super::shard_id::shard_name(shard), account(call));
    let message = format!("Shard {shard} in stream {stream} under account {account} does not exist");
    AwsError::new(NOT_FOUND, message)
}

/// The name is taken.
pub(super) fn stream_exists(call: &Call<'_>, name: &str) -> AwsError {
    in_use(format!("Stream {name} under account {} already exists.", account(call)))
}

/// Something stands in the way for now.
pub(super) fn in_use(message: String) -> AwsError {
    AwsError::new("ResourceInUseException", message)
}

/// The stream must be active for this.
pub(super) fn not_active(call: &Call<'_>, name: &str, status: StreamStatus) -> AwsError {
    let state = status_name(status);
    let account = account(call);
    in_use(format!("Stream {name} under account {account} not ACTIVE, instead in state {state}"))
}

/// A shard has taken or given as much as it does for now.
pub(super) fn too_fast(call: &Call<'_>, stream: &str, shard: u32) -> AwsError {
    let (shard, account) = (super::shard_id::shard_name(shard), account(call));
    let message = format!("Rate exceeded for shard {shard} in stream {stream} under account {account}.");
    AwsError::new("ProvisionedThroughputExceededException", message)
}

/// What clients call a status.
pub(super) fn status_name(status: StreamStatus) -> &'static str {
    match status {
        StreamStatus::Creating => "CREATING",
        StreamStatus::Active => "ACTIVE",
        StreamStatus::Updating => "UPDATING",
        StreamStatus::Deleting => "DELETING",
    }
}

pub(super) fn catalogue(error: &CatalogueError) -> AwsError {
    match error {
        CatalogueError::ShuttingDown => AwsError::unavailable("shutting down"),
        CatalogueError::Key(error) => key(error),
        other => AwsError::internal(other),
    }
}

/// A data key that cannot be used. Clients tell these apart to know what to ask their administrator for.
pub(super) fn key(error: &DataKeyError) -> AwsError {
    match error {
        DataKeyError::Refused(KeyUseError::Disabled(id)) => {
            AwsError::new("KMSDisabledException", format!("{id} is disabled."))
        }
        DataKeyError::Refused(KeyUseError::NotFound(id) | KeyUseError::Destroyed(id)) => {
            AwsError::new("KMSNotFoundException", format!("{id} does not exist."))
        }
        DataKeyError::Refused(KeyUseError::Root(refusal)) => {
            AwsError::new(root(*refusal), refusal.to_string())
        }
        DataKeyError::Refused(refused @ KeyUseError::PendingDeletion(_)) => {
            AwsError::new("KMSInvalidStateException", refused.to_string())
        }
        other => AwsError::internal(other),
    }
}

/// The key under which all others are was taken back: the same to clients as if it had been their stream's.
fn root(refusal: RootRefusal) -> &'static str {
    match refusal {
        RootRefusal::Disabled => "KMSDisabledException",
        RootRefusal::AccessDenied => "KMSAccessDeniedException",
        RootRefusal::InvalidState => "KMSInvalidStateException",
        RootRefusal::NotFound => "KMSNotFoundException",
    }
}

pub(super) fn create(call: &Call<'_>, error: &CreateError) -> AwsError {
    match error {
        CreateError::AlreadyExists { name } => stream_exists(call, name),
        CreateError::TooMany { max } => AwsError::new(
            "LimitExceededException",
            format!("This account may have no more than {max} streams."),
        ),
        CreateError::Invalid(invalid) => AwsError::invalid_argument(invalid.to_string()),
        CreateError::Catalogue(error) => catalogue(error),
    }
}

pub(super) fn delete(call: &Call<'_>, error: &DeleteError) -> AwsError {
    match error {
        DeleteError::NotFound(not_found) => no_such_stream(call, &not_found.name),
        DeleteError::Held { .. } => in_use(error.to_string()),
        DeleteError::Catalogue(error) => catalogue(error),
    }
}

pub(super) fn update(call: &Call<'_>, error: &UpdateError) -> AwsError {
    match error {
        UpdateError::NotFound(not_found) => no_such_stream(call, &not_found.name),
        UpdateError::Invalid(InvalidSetting::KeyChanges { .. }) => {
            AwsError::new("LimitExceededException", error.to_string())
        }
        UpdateError::Invalid(invalid) => AwsError::invalid_argument(invalid.to_string()),
        UpdateError::NoSuchHold { .. } => AwsError::internal(error),
        UpdateError::Catalogue(error) => catalogue(error),
    }
}

pub(super) fn shard(call: &Call<'_>, error: &ShardError) -> AwsError {
    match error {
        ShardError::NotFound(not_found) => no_such_stream(call, &not_found.name),
        ShardError::NoSuchShard { name, index } => {
            no_such_shard(call, name, &super::shard_id::shard_name(*index))
        }
        ShardError::Read(error) => read(call, "", error),
    }
}

pub(super) fn read(call: &Call<'_>, stream: &str, error: &ReadError) -> AwsError {
    match error {
        ReadError::Deleted => no_such_stream(call, stream),
        ReadError::Key(error) => key(error),
        ReadError::ShuttingDown => AwsError::unavailable("shutting down"),
        ReadError::Unavailable(cause) => AwsError::internal(cause),
        other => AwsError::internal(other),
    }
}

pub(super) fn append(call: &Call<'_>, stream: &str, error: &AppendError) -> AwsError {
    match error {
        AppendError::Deleted => no_such_stream(call, stream),
        AppendError::Throttled { shard } => too_fast(call, stream, *shard),
        AppendError::Key(error) => key(error),
        AppendError::Catalogue(error) => catalogue(error),
        AppendError::ShuttingDown => AwsError::unavailable("shutting down"),
        other => AwsError::internal(other),
    }
}
