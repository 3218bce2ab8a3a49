//! The vault from outside: what it writes, what it reads back, and what it must refuse.

// Helpers outside of #[test] functions may unwrap too: a failure here is a failed test.
#![allow(clippy::unwrap_used)]

mod blobs;
mod data_keys;
mod keys_model;
mod keystore;
mod kms;
mod ranges;
mod roots;
mod support;
mod tampering;
mod vectors;
