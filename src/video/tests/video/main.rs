//! The crate from outside, on a store in memory and a stopped clock unless a test says otherwise.

#![allow(clippy::unwrap_used, reason = "the lint's exception for tests does not cover their helpers")]

mod camera;
mod clocks;
mod events;
mod faults;
mod footage;
mod frames;
mod gate;
mod ingest;
mod model;
mod playback;
mod reopen;
mod retention;
mod timeline;
mod verify;
mod world;
