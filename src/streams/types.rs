//! The words of this crate.

use crate::data::DataSettings;
use crate::error::AppendError;
use crate::hold::Hold;
use crate::map::{ShardInfo, ShardMap};
use crate::reshard::Unfinished;
use crate::sealed::SealedSettings;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use shardlog::{Arrival, Seq, ShardId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vault::KeyId;

/// What a stream is for. Written to disk: the names are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Chunks of video and their init segments.
    Video,
    /// Plain data records.
    Data,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamStatus {
    /// It is being made, and nothing else can be done with it.
    Creating,
    /// It is there.
    Active,
    /// It is there, and its shards are being split or merged, or its key-encryption key was changed just now.
    Updating,
    /// Its data keys are destroyed, and what is left is being deleted.
    Deleting,
}

/// What a stream does when the disk is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It takes no new records.
    #[default]
    Refuse,
    /// Its oldest records that are not held go, if they are the oldest of all such streams.
    DropOldest,
}

impl WhenFull {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A stream to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStream {
    /// 1 to 256 of `a-z A-Z 0-9 _ . -`, unique over all kinds.
    pub name: String,
    /// What it is for.
    pub kind: StreamKind,
    /// How many shards, 1 to [`SHARDS_MAX`](crate::limits::SHARDS_MAX).
    pub shards: u32,
    /// How long records are kept, in hours.
    pub retention_hours: u32,
    /// How many bytes of them are kept, if that is bounded.
    pub retention_bytes: Option<u64>,
    /// What it does when the disk is full.
    pub when_full: WhenFull,
    /// Whatever the user wants to be kept with it.
    pub attributes: BTreeMap<String, String>,
    /// What must not be shown.
    pub sealed_settings: SealedSettings,
    /// What a stream of data records has besides; `None`: as by default. Not for video.
    pub data: Option<DataSettings>,
}

/// A change of a stream. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPatch {
    /// The new retention in hours. Shards stay in the retention class they were made with, so after a large change
    /// their segment files are given back later than they could be.
    pub retention_hours: Option<u32>,
    /// How many bytes are kept; `Some(None)`: as many as there are.
    pub retention_bytes: Option<Option<u64>>,
    /// What it does when the disk is full.
    pub when_full: Option<WhenFull>,
    /// All attributes anew.
    pub attributes: Option<BTreeMap<String, String>>,
    /// All sealed settings anew.
    pub sealed_settings: Option<SealedSettings>,
}

/// A key-encryption key that a user chose for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenKey {
    /// The key.
    pub id: KeyId,
    /// What the user called it; kept with streams of data records.
    pub called: String,
    /// What data keys that it wraps are bound to, besides their stream.
    pub bound_to: String,
}

/// A stream as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Names the stream for ever (a UUIDv7); a stream made again under the same name has another.
    pub id: u128,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: StreamKind,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// How long records are kept, in hours.
    pub retention_hours: u32,
    /// How many bytes of them are kept, if that is bounded.
    pub retention_bytes: Option<u64>,
    /// What it does when the disk is full.
    pub when_full: WhenFull,
    /// What must not be trimmed, nor the stream deleted, in the order of their names.
    pub holds: Vec<Hold>,
    /// What the user wanted to be kept with it.
    pub attributes: BTreeMap<String, String>,
    /// What must not be shown: not for answers of an interface.
    pub sealed_settings: SealedSettings,
    /// What a stream of data records has besides; `None` for video.
    pub data: Option<Arc<DataSettings>>,
    /// Where it is in its life.
    pub status: StreamStatus,
    /// Its shards, open ones and closed ones that can still be read, in the order of their indexes.
    pub shards: ShardMap,
    /// What of its shards is under way.
    pub(crate) unfinished: Unfinished,
    /// The key-encryption key that wraps its new data keys.
    pub key: String,
    /// What new data keys are bound to besides the stream.
    pub(crate) binding: Option<String>,
    /// The same of all data keys there are, each once.
    pub(crate) bindings: Vec<String>,
}

impl StreamInfo {
    /// The shards that take records, in the order of their hash keys.
    pub fn open_shards(&self) -> impl ExactSizeIterator<Item = &ShardInfo> {
        self.shards.open()
    }

    /// The open shard that owns a hash key.
    pub fn open_shard_of(&self, hash_key: u128) -> Option<&ShardInfo> {
        self.shards.open_of(hash_key)
    }

    /// The readable shards that were made of this one: none while it is open.
    pub fn children(&self, index: u32) -> impl Iterator<Item = &ShardInfo> {
        self.shards.children(index)
    }
}

/// A page of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPage {
    /// Streams in the order of their names.
    pub streams: Vec<Arc<StreamInfo>>,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A stream and the key-encryption keys that it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedStream {
    /// The stream, with the key on which what is written now depends.
    pub info: Arc<StreamInfo>,
    /// Others, on which what was written before depends.
    pub older_keys: BTreeSet<KeyId>,
}

/// A page of streams and their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedPage {
    /// Streams in the order of their names.
    pub streams: Vec<KeyedStream>,
    /// What to pass as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A shard in the store that belongs to no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrayShard {
    /// Its id.
    pub id: ShardId,
    /// Bytes on disk.
    pub stored_bytes: u64,
}

/// What a stream takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamUsage {
    /// Bytes on disk: sealed records and their framing.
    pub stored_bytes: u64,
    /// Readable records.
    pub records: u64,
}

/// A record to append, in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What lists need to know: at most [`HEAD_BYTES_MAX`](crate::limits::HEAD_BYTES_MAX).
    pub head: Bytes,
    /// At most [`BODY_BYTES_MAX`](crate::limits::BODY_BYTES_MAX).
    pub body: Bytes,
}

/// A record as it is read back, in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainRecord {
    /// Its place in the shard.
    pub seq: Seq,
    /// When it reached us.
    pub arrival: Arrival,
    /// Its head.
    pub head: Bytes,
    /// Length of its body in bytes.
    pub body_len: u64,
    /// Its body, when [`Parts::Whole`](shardlog::Parts::Whole) was asked for.
    pub body: Option<Bytes>,
}

/// What a batch that is to come only behind earlier ones is appended with: as long as no batch of the shard has been lost
/// since one of those was answered, none of them is missing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbroken(pub(crate) u64);

/// A batch that has its place in the shard but is not durable yet.
pub struct Appended {
    /// The sequence of its first record; the others follow without a hole.
    pub first: Seq,
    /// When it reached us; the same for the whole batch.
    pub arrival: Arrival,
    /// For whoever has more that must not be stored without this batch.
    pub unbroken: Unbroken,
    /// Resolves once the batch is on disk. Dropping it does not undo the append.
    pub durable: BoxFuture<'static, Result<(), AppendError>>,
}

impl std::fmt::Debug for Appended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appended")
            .field("first", &self.first)
            .field("arrival", &self.arrival)
            .finish_non_exhaustive()
    }
}
