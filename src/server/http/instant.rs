//! Instants in queries: RFC 3339, or seconds since the Unix epoch with an optional fraction.

use serde::de::{Deserialize, Deserializer, Error};

/// An instant, to the microsecond. Finer fractions are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Microseconds since the Unix epoch.
    pub us: u64,
}

/// The end of the year 9999, in seconds: later instants are typing errors, for example milliseconds given as seconds.
const SECONDS_MAX: u64 = 253_402_300_799;

impl Instant {
    /// Milliseconds since the Unix epoch, cut off.
    pub fn ms(self) -> u64 {
        self.us / 1000
    }

    /// Reads one; the error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        epoch(text).or_else(|| rfc3339(text)).ok_or_else(|| {
            format!("{text:?} is not an instant: give RFC 3339 (2026-01-31T12:00:00.5Z) or seconds since the epoch (1769860800.5)")
        })
    }
}

/// Decimal digits only; going through a float would move instants by milliseconds.
fn epoch(text: &str) -> Option<Instant> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) {
        return None;
    }
    let seconds = seconds.parse::<u64>().ok().filter(|seconds| *seconds <= SECONDS_MAX)?;
    let us = fraction.bytes().chain(*b"000000").take(6).fold(0, |us, byte| us * 10 + u64::from(byte - b'0'));
    Some(Instant { us: seconds * 1_000_000 + us })
}

fn rfc3339(text: &str) -> Option<Instant> {
    // In a query a plus sign means a space, so "+02:00" arrives as " 02:00" unless the client escaped it.
    let text = if text.contains(['T', 't']) { text.replace(' ', "+") } else { text.to_owned() };
    let timestamp = text.parse::<jiff::Timestamp>().ok()?;
    u64::try_from(timestamp.as_microsecond()).ok().map(|us| Instant { us })
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_instant() {
        let cases = [
            ("0", 0),
            ("1769860800", 1_769_860_800_000_000),
            ("1769860800.5", 1_769_860_800_500_000),
            ("1769860800.1239", 1_769_860_800_123_900),
            ("1769860800.999999999999999999999", 1_769_860_800_999_999),
            ("2026-01-31T12:00:00Z", 1_769_860_800_000_000),
            ("2026-01-31T12:00:00.0625Z", 1_769_860_800_062_500),
            ("2026-01-31T14:00:00+02:00", 1_769_860_800_000_000),
            ("2026-01-31T14:00:00 02:00", 1_769_860_800_000_000),
            ("2026-01-31t07:00:00-05:00", 1_769_860_800_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(Instant::parse(text), Ok(Instant { us: expected }), "{text}");
        }
    }

    #[test]
    fn what_is_not() {
        let cases = [
            "",
            "now",
            "-1",
            "1e9",
            "1.",
            ".5",
            "+5",
            "1769860800000",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "1.-5",
        ];
        for text in cases {
            assert!(Instant::parse(text).is_err(), "{text}");
        }
        assert!(Instant::parse("1900-01-01T00:00:00Z").is_err(), "before the epoch");
    }
}
