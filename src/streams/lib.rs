//! Streams: named, encrypted, sharded logs with retention, on [`shardlog`] and [`vault`].
//!
//! ```text
//!   Streams ── catalogue (rows in the MetaStore, sealed) ── create, describe, list, update, delete
//!      └─ Shard ── append ─► admission (bytes, per shard and over all) ─► owner (one task per shard that is written to)
//!            │                                                              numbers, seals, appends; tells when durable
//!            └─ read, body, seek, watch ─► store ─► opened here with the stream's data keys
//! ```
//! What video or data records mean is not known here: a record is a head and a body of bytes. Every record is sealed
//! under a data key of its stream before the store sees it, and opens only in its own place; see [`vault::seal`]. Data
//! keys are replaced daily and forgotten when retention has trimmed everything that needs them; deleting a stream
//! destroys them first.
//!
//! An append is answered twice: when the batch has its place ([`Shard::append`]) and when it is on disk
//! ([`Appended::durable`]). Errors say whether it did not happen, may have happened, or never will.

mod catalogue;
mod consumers;
mod crypto;
mod data;
mod data_head;
mod error;
mod evict;
mod hash;
mod hex128;
mod hold;
mod keys;
pub mod limits;
mod map;
mod owner;
mod pages;
mod reshard;
mod retention;
mod room;
mod route;
mod sealed;
mod service;
mod shard;
mod subscribe;
mod throttle;
mod traffic;
mod types;

pub use catalogue::DEFAULT_KEY_ALIAS;
pub use catalogue::settings::check_name;
pub use consumers::ConsumerError;
pub use data::{Capacity, Consumer, DataSettings, Distribution, note_within_a_day};
pub use data_head::{DataHead, DataHeadError, PARTITION_KEY_BYTES_MAX, counted_bytes};
pub use error::{
    AppendError, CatalogueError, CreateError, DataKeyError, DeleteError, InvalidSetting, OpenError,
    ReadError, ShardError, StreamNotFound, UpdateError,
};
pub use hash::{HashRange, split_evenly};
pub use hold::{Held, HeldRange, Hold, HoldClock};
pub use limits::{DiskMarks, StreamsConfig};
pub use map::{Closed, ShardInfo, ShardMap};
pub use pages::Pages;
pub use reshard::{Busy, ReshardError};
pub use retention::{RetentionReport, TrimExactly, TrimGuard};
pub use room::DiskState;
pub use route::{KeyedRecord, Placed};
pub use sealed::SealedSettings;
pub use service::Streams;
pub use shard::Shard;
pub use subscribe::{SubscribeError, Subscription, SubscriptionEnd, SubscriptionEvent};
pub use throttle::{Bucket, ShardRates};
pub use traffic::{RecentTraffic, Traffic};
pub use types::{
    Appended, ChosenKey, KeyedPage, KeyedStream, NewStream, PlainRecord, Record, StrayShard, StreamInfo,
    StreamKind, StreamPage, StreamPatch, StreamStatus, StreamUsage, Unbroken, WhenFull,
};
// The words of the log that this crate's interface is made of.
pub use shardlog::{Arrival, Parts, ReadLimit, Seq, ShardId, ShardState, Source, Tail};
