//! A 128-bit number as 32 hex digits: JSON readers lose digits of numbers as large as that.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:032x}"))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() != 32 {
        return Err(D::Error::custom("expected 32 hex digits"));
    }
    u128::from_str_radix(&text, 16).map_err(D::Error::custom)
}
