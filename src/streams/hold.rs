//! Holds: records that stay, whatever retention says, until somebody releases them.
//!
//! Records go in order of their age, so what came after the first record of a hold stays with it, and so the oldest hold
//! of a stream decides.

use crate::error::InvalidSetting;
use crate::limits::{HOLD_NAME_BYTES_MAX, HOLD_REASON_CHARS_MAX};
use serde::{Deserialize, Serialize};

/// Whose clock a hold's range is told by. Written to disk: the names are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldClock {
    /// Whatever the records say of themselves; arrival for records that say nothing.
    #[default]
    Producer,
    /// Arrival.
    Server,
}

/// What a hold covers, from one millisecond since the Unix epoch up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldRange {
    /// The first millisecond.
    pub from_ms: u64,
    /// The one after the last.
    pub to_ms: u64,
    /// Whose.
    pub clock: HoldClock,
}

/// A promise that records stay. Written to disk within the stream's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// 1 to 64 of `a-z A-Z 0-9 _ . -`, one of its kind in its stream.
    pub name: String,
    /// What it covers; `None`: everything, now and later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<HeldRange>,
    /// Why, for people: at most 256 characters.
    pub reason: String,
    /// When it was placed, in milliseconds since the Unix epoch.
    pub placed_ms: u64,
}

impl Hold {
    /// Whether a stream may have this hold.
    pub(crate) fn validate(&self) -> Result<(), InvalidSetting> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let fits = (1..=HOLD_NAME_BYTES_MAX).contains(&self.name.len());
        if !fits || !self.name.bytes().all(plain) || self.name == "." || self.name == ".." {
            return Err(InvalidSetting::Hold(
                "a name has 1 to 64 characters of a-z A-Z 0-9 _ . - and is not . or ..",
            ));
        }
        if self.reason.chars().count() > HOLD_REASON_CHARS_MAX || self.reason.chars().any(char::is_control) {
            return Err(InvalidSetting::Hold(
                "a reason has at most 256 characters, none of them a control character",
            ));
        }
        if self.range.is_some_and(|range| range.from_ms >= range.to_ms) {
            return Err(InvalidSetting::Hold("a range ends after it begins"));
        }
        Ok(())
    }
}

/// The oldest hold of a stream, and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name; `None` if no record that is there is covered by any hold.
    pub oldest: Option<String>,
    /// Bytes that cannot go: of the first record that is held, and of all after it.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let hold =
            |name: &str| Hold { name: name.to_owned(), range: None, reason: String::new(), placed_ms: 0 };
        for good in ["a", "case-17.b_C", &"x".repeat(64)] {
            assert_eq!(hold(good).validate(), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", &"x".repeat(65)] {
            assert!(hold(bad).validate().is_err(), "{bad}");
        }
        assert!(Hold { reason: "x".repeat(257), ..hold("a") }.validate().is_err());
        assert!(Hold { reason: "a\nb".to_owned(), ..hold("a") }.validate().is_err());
        let range = |from_ms, to_ms| Some(HeldRange { from_ms, to_ms, clock: HoldClock::Producer });
        assert!(Hold { range: range(5, 5), ..hold("a") }.validate().is_err());
        assert!(Hold { range: range(5, 6), ..hold("a") }.validate().is_ok());
    }
}
