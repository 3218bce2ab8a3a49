//! Times as queries want them.

use serde_json::Value;
use std::time::SystemTime;

/// Now, in milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("fits")
}

/// Milliseconds since the epoch as seconds with a fraction.
pub fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// A query that covers all that a stream holds, from its description.
pub fn whole_range(info: &Value) -> String {
    let bound = |key: &str| info[key].as_i64().unwrap_or_else(|| panic!("no {key} in {info}"));
    format!("from={}&to={}", seconds(bound("first_ms") - 1), seconds(bound("last_ms") + 1))
}
