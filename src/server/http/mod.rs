//! The HTTP server: accepting, limits, TLS, stopping; and what handlers of all routes share. A client for the few requests of
//! our own.

mod body;
mod client;
mod idle;
mod instant;
mod io;
mod layers;
pub mod limits;
mod params;
mod preface;
pub mod range;
pub mod reply;
mod serve;
mod tls;

pub use body::{Upload, UploadError};
pub use client::{ExchangeError, exchange};
pub use idle::Idle;
pub use instant::Instant;
pub use io::{Guarded, KeepReading};
pub(crate) use layers::Observed;
pub use layers::{RequestId, wrap};
pub use params::{JsonBody, Query, TextBody};
pub use serve::{Peer, Server};
pub use tls::{SYSTEM_CERTIFICATES, TlsError, acceptor, connector};
