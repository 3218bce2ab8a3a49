//! The crate from outside, on a store in memory and a stopped clock unless a test says otherwise.

mod camera;
mod events;
mod footage;
mod ingest;
mod reopen;
mod retention;
mod world;
