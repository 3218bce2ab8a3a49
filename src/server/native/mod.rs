//! The native HTTP interface, one file per resource. Handlers read a request, call the domain and write the answer;
//! what errors look like is decided in [`crate::error`].

pub mod audit;
pub mod clip;
pub mod events;
pub mod fragments;
pub mod frame;
pub mod holds;
pub mod ingest;
pub mod key_streams;
pub mod media;
mod page;
pub mod policies;
pub mod probe;
pub mod range;
pub mod rtsp;
pub mod server_info;
pub mod sources;
pub mod streams;
pub mod timeline;
pub mod tokens;
pub mod users;
