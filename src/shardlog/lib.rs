//! The record log: ordered shards of records with durable append, reads by sequence or time, tailing and trim.
//!
//! This crate is the seam between the services and whatever stores bytes. It is handed ciphertext: it knows lengths,
//! order and arrival times, and nothing of keys, video or AWS. Three traits make up the seam:
//!
//! - [`LogStore`]: everything one does with shards except appending.
//! - [`ShardWriter`]: the one owner of a shard's tail; claiming a shard with a larger [`Epoch`] fences it off.
//! - [`MetaStore`]: small values with compare-and-set.
//!
//! Engines: [`local`] (segment files on one machine) and [`memory`]. Both pass the suite in `conformance`.
//! Clock, randomness and the file system come in through [`env`](mod@env), so that tests can stop time and cut the power.

mod batch;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod env;
mod error;
pub mod local;
pub mod memory;
pub mod meta;
#[cfg(any(test, feature = "testing"))]
pub mod simulation;
mod store;
mod types;

pub use error::{Source, StoreError};
pub use local::{Damage, LocalOptions, LocalStats, LocalStore, Verified};
pub use memory::MemoryStore;
pub use meta::{JOURNAL_SHARD, MetaError, MetaStore, Versioned};
pub use store::{Durable, LogStore, ShardWriter};
pub use types::{
    Arrival, Epoch, Limits, Parts, ReadLimit, RetentionClass, SealedRecord, Seq, ShardId, ShardState,
    StoredRecord, Tail,
};
