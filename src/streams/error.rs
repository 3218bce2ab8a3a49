//! What can go wrong, one enum per area. The variants say what a caller may do next.

use shardlog::{Epoch, MetaError, Seq, Source, StoreError};
use std::sync::Arc;
use vault::{BlobError, KeyUseError, UnwrapError};

/// A setting that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// The stream's name.
    #[error("a stream name has 1 to 256 characters of a-z A-Z 0-9 _ . - and is not . or ..")]
    Name,
    /// The retention.
    #[error("retention of {hours} hours is not within {min} to {max}")]
    Retention {
        /// What was asked for.
        hours: u32,
        /// The shortest.
        min: u32,
        /// The longest.
        max: u32,
    },
    /// The retention in bytes.
    #[error("retention of {bytes} bytes is less than {min}")]
    RetentionBytes {
        /// What was asked for.
        bytes: u64,
        /// The smallest.
        min: u64,
    },
    /// How often the key-encryption key is changed.
    #[error("the key of a stream can be chosen {max} times in 24 hours, and given up as often")]
    KeyChanges {
        /// What is allowed.
        max: usize,
    },
    /// A hold, or their number.
    #[error("holds: {0}")]
    Hold(&'static str),
    /// The number of shards.
    #[error("{shards} shards are not within 1 to {max}")]
    Shards {
        /// What was asked for.
        shards: u32,
        /// The most.
        max: u32,
    },
    /// An attribute, or their number.
    #[error("attributes: {0}")]
    Attributes(&'static str),
    /// A sealed setting, or their number.
    #[error("sealed settings: {0}")]
    Sealed(&'static str),
    /// A setting of a stream of data records.
    #[error("data settings: {0}")]
    Data(&'static str),
}

/// There is no such stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream {name} not found")]
pub struct StreamNotFound {
    /// The name that was asked for.
    pub name: String,
}

/// Errors of opening the service.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The catalogue could not be read or mended.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Two rows claim one name; somebody has copied rows by hand.
    #[error("rows {first} and {second} of the catalogue have the same stream name")]
    DuplicateName {
        /// Key of one row.
        first: String,
        /// Key of the other.
        second: String,
    },
    /// There are more streams than this service takes.
    #[error("the catalogue has {found} streams, more than {max}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        max: usize,
    },
}

/// What can go wrong below the catalogue.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Reading or writing rows.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Making or deleting shards.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Making or using a data key.
    #[error(transparent)]
    Key(#[from] DataKeyError),
    /// Making the default key-encryption key.
    #[error(transparent)]
    Keystore(Arc<vault::AliasError>),
    /// Sealing a row.
    #[error(transparent)]
    Seal(#[from] BlobError),
    /// A row that does not open or does not parse.
    #[error("row {key} of the catalogue is damaged: {what}")]
    Row {
        /// The row's key.
        key: String,
        /// What does not hold.
        what: String,
    },
    /// A row has grown beyond its limit.
    #[error("row of {size} bytes exceeds the limit of {max}")]
    RowTooLarge {
        /// Its size.
        size: usize,
        /// What is allowed.
        max: usize,
    },
    /// The service is being shut down.
    #[error("shutting down")]
    ShuttingDown,
}

/// Errors of `create`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CreateError {
    /// A setting is not allowed.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// The name is taken, or its former owner is still being deleted.
    #[error("stream {name} already exists")]
    AlreadyExists {
        /// The name.
        name: String,
    },
    /// There are as many streams as this service takes.
    #[error("no more than {max} streams")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
    /// It did not happen, or will be undone when the service opens next.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Errors of `update`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpdateError {
    /// A setting is not allowed.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// The stream has no such hold.
    #[error("the stream has no hold {name}")]
    NoSuchHold {
        /// The name that was asked for.
        name: String,
    },
    /// It did not happen.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Errors of `delete`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// Something in it must stay until its holds are released. Nothing happened.
    #[error("the stream is held: hold {hold}{}", match holds { 1 => String::new(), holds => format!(" and {} more", holds - 1) })]
    Held {
        /// One of the holds.
        hold: String,
        /// How many there are.
        holds: usize,
    },
    /// It did not happen, or is only half done: then the stream is gone for its users, a further `delete` goes on, and
    /// so does the next opening of the service.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Errors of looking up a shard or the usage of a stream.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShardError {
    /// There is no such stream.
    #[error(transparent)]
    NotFound(#[from] StreamNotFound),
    /// The stream has no shard of this index.
    #[error("stream {name} has no shard {index}")]
    NoSuchShard {
        /// The stream.
        name: String,
        /// The index asked for.
        index: u32,
    },
    /// The record log did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Errors of a stream's data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataKeyError {
    /// The stream was deleted and its data keys destroyed.
    #[error("the stream's data keys are destroyed")]
    Destroyed,
    /// A record names a data key that the stream does not have (any more).
    #[error("the stream has no data key {number}")]
    Missing {
        /// The key's number.
        number: u32,
    },
    /// The key-encryption key is disabled or destroyed.
    #[error(transparent)]
    Refused(#[from] KeyUseError),
    /// What the row holds is not a data key of this stream.
    #[error(transparent)]
    Damaged(UnwrapError),
}

impl From<UnwrapError> for DataKeyError {
    fn from(error: UnwrapError) -> Self {
        match error {
            UnwrapError::Key(refusal) => Self::Refused(refusal),
            other => Self::Damaged(other),
        }
    }
}

/// Errors of an append, both of its admission and of its durability.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream was deleted, or its shard is missing from the store (said in the log when the service was opened).
    #[error("the stream was deleted")]
    Deleted,
    /// The shard takes no more records.
    #[error("the shard is sealed at sequence {next}")]
    Sealed {
        /// Where it ends.
        next: Seq,
    },
    /// The shard takes no more for now. Nothing was written; a retry in a while is safe.
    #[error("shard {shard} takes no more for now")]
    Throttled {
        /// Its index.
        shard: u32,
    },
    /// A batch without records.
    #[error("an empty batch")]
    Empty,
    /// A head, body or batch exceeds the limits.
    #[error("too large: {what} of {size} (limit {limit})")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// Its size.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The stream's data key cannot be used. Nothing was written.
    #[error(transparent)]
    Key(DataKeyError),
    /// A new data key was due and could not be written down. Nothing was written.
    #[error("data key not replaced: {0}")]
    Catalogue(CatalogueError),
    /// The service is being shut down. Nothing was written.
    #[error("shutting down")]
    ShuttingDown,
    /// Another owner took the shard. The batch is not in it.
    #[error("fenced by a newer owner (epoch {})", by.0)]
    Fenced {
        /// The newer owner's generation.
        by: Epoch,
    },
    /// It did not happen; a retry is safe.
    #[error("unavailable: {0}")]
    Unavailable(Source),
    /// The disk is full, or as full as this stream may make it. It did not happen; once there is room, a retry is safe.
    #[error("the disk is full: {0}")]
    Full(Source),
    /// It may have happened: look at the shard's tail before appending it again.
    #[error("outcome unknown: {0}")]
    Unknown(Source),
    /// The store found damage.
    #[error("{0}")]
    Corrupt(StoreError),
}

/// Errors of reading, following and trimming a shard.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream was deleted, or its shard has expired, or is missing from the store (said in the log when the service was
    /// opened).
    #[error("the stream, or its shard, was deleted")]
    Deleted,
    /// The record was there and has been trimmed.
    #[error("trimmed: the oldest readable sequence is {first}")]
    Trimmed {
        /// The oldest record still readable.
        first: Seq,
    },
    /// The record has not been written (or is not durable) yet.
    #[error("not written yet: the next sequence is {next}")]
    Unwritten {
        /// The sequence that the next record will get.
        next: Seq,
    },
    /// The byte range does not lie within the body.
    #[error("bytes {start}..{end} are not within the body of {len}")]
    OutOfRange {
        /// First byte asked for.
        start: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Length of the body.
        len: u64,
    },
    /// The data key cannot be used.
    #[error(transparent)]
    Key(#[from] DataKeyError),
    /// The stored record is not what was written here: damaged, moved from another place, or cut.
    #[error("record {seq} does not open: {cause}")]
    Forged {
        /// The record.
        seq: Seq,
        /// What the cipher said.
        cause: vault::OpenError,
    },
    /// The store found damage, or answered what it must not.
    #[error("{0}")]
    Corrupt(StoreError),
    /// The store did not answer; a retry is safe.
    #[error("unavailable: {0}")]
    Unavailable(Source),
    /// The service is being shut down.
    #[error("shutting down")]
    ShuttingDown,
}

impl From<CatalogueError> for AppendError {
    fn from(error: CatalogueError) -> Self {
        match error {
            CatalogueError::Key(DataKeyError::Destroyed) => Self::Deleted,
            CatalogueError::Key(error) => Self::Key(error),
            CatalogueError::ShuttingDown => Self::ShuttingDown,
            other => Self::Catalogue(other),
        }
    }
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::Deleted,
            StoreError::Sealed { next } => Self::Sealed { next },
            StoreError::Fenced { by } => Self::Fenced { by },
            StoreError::TooLarge { what, size, limit } => Self::TooLarge { what, size, limit },
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::Full(source) => Self::Full(source),
            StoreError::Unknown(source) => Self::Unknown(source),
            StoreError::Corrupt { .. } => Self::Corrupt(error),
            // Somebody else has moved the tail. Nothing was written, and the next append looks at the tail anew.
            StoreError::AlreadyExists(_)
            | StoreError::OutOfSequence { .. }
            | StoreError::ArrivalBefore { .. }
            | StoreError::Trimmed { .. }
            | StoreError::Unwritten { .. } => Self::Unavailable(Arc::new(error)),
        }
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::Deleted,
            StoreError::Trimmed { first } => Self::Trimmed { first },
            StoreError::Unwritten { next } => Self::Unwritten { next },
            // Reading changes nothing, and trimming twice is trimming once: both may be tried again.
            StoreError::Unavailable(source) | StoreError::Full(source) | StoreError::Unknown(source) => {
                Self::Unavailable(source)
            }
            other => Self::Corrupt(other),
        }
    }
}
