//! The `kinetoscope` server: HTTP, the native interface, HLS, the console, configuration and the command line.
//!
//! ```text
//! cli ─► service (opens log, metadata, keystore, streams, video, media-workers) ─► app ─► router ─► handlers
//!  └─ config                                                                        │
//!                                                     http: accepting, limits, TLS, stopping
//!                                                     rtsp: the same for cameras ─► cameras
//! ```
//! Handlers translate: a request into a domain call, its outcome into an answer. Errors become answers in [`error`].

pub mod app;
pub mod audit;
pub mod auth;
pub mod aws;
pub mod ballast;
pub mod cameras;
pub mod cli;
pub mod config;
pub mod console;
pub mod data_dir;
pub mod error;
pub mod frames;
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod hls;
pub mod http;
pub mod keystore_copy;
pub mod logging;
pub mod metrics;
pub mod monitor;
pub mod native;
pub mod root;
pub mod router;
pub mod rtsp;
pub mod service;
pub mod workers;

#[cfg(test)]
mod tests;
