//! Black-box tests of the crate: what callers of `Streams` and `Shard` may rely on.
#![allow(clippy::unwrap_used, reason = "the lint's exception for tests does not cover their helpers")]

mod append;
mod catalogue;
mod data;
mod faults;
mod keys;
mod limits;
mod local;
mod meddling;
mod read;
mod recovery;
mod reshard;
mod reshard_load;
mod retention;
mod space;
mod subscribe;
mod world;
