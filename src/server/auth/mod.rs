//! Who may do what: access keys (everything) and tokens (what they say), checked before a request's body is read.

mod credentials;
mod keys;
pub mod policy;
mod request;
mod token;

pub use credentials::Credentials;
pub use keys::{AccessKeys, KeysError, Opened, preset};
pub use request::{
    Access, For, Frames, Ingest, Manage, Owner, Play, SIGN_IN_REQUIRED, check_stream_name, still_good,
};
pub use token::{Grant, UserPassword, Verb, Verbs};
