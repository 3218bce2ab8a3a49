//! `kinetoscope user`, `key` and `policy`: who may sign in to a running server, and what they may do there.

pub(super) mod key;
pub(super) mod policy;
pub(super) mod user;

use serde_json::Value;

/// The path of a user. Characters that mean something in a path are escaped: the server says what is wrong with them.
fn path(user: &str) -> String {
    format!("/v1/users/{}", escape(user))
}

fn escape(segment: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(byte);
    let byte = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    segment.bytes().map(byte).collect()
}

/// An instant that the server gave in milliseconds.
fn instant(ms: &Value) -> String {
    let time = ms.as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"))
}
