//! When a request was signed, and whether that is close enough to now.

use super::Refusal;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use std::time::Duration;

/// ISO 8601's basic format, to the second, in UTC.
const BASIC: &str = "%Y%m%dT%H%M%SZ";

/// Reads `20150830T123600Z` as seconds since the Unix epoch.
pub(super) fn parse_basic(text: &str) -> Option<i64> {
    if text.len() != 16 {
        return None;
    }
    let parsed = DateTime::strptime(BASIC, text).ok()?;
    Some(parsed.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Reads the form of HTTP's `Date`.
pub(super) fn parse_http(text: &str) -> Option<i64> {
    rfc2822::parse(text).ok().map(|time| time.timestamp().as_second())
}

/// Writes seconds since the Unix epoch in the basic format.
pub(super) fn basic(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime(BASIC).to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// The time now, and how far a request's may be from it.
pub(super) struct Skew {
    pub(super) now_ms: u64,
    pub(super) allowed: Duration,
}

impl Skew {
    /// Refuses what was signed too long ago or too far ahead. `expires_s` is how long a presigned request is good for.
    pub(super) fn check(&self, signed_at_s: i64, expires_s: Option<u32>) -> Result<(), Refusal> {
        let now = i64::try_from(self.now_ms / 1000).unwrap_or(i64::MAX);
        let allowed = i64::try_from(self.allowed.as_secs()).unwrap_or(i64::MAX);
        let minutes = allowed / 60;
        let signed = basic(signed_at_s);
        if signed_at_s > now.saturating_add(allowed) {
            let (latest, now) = (basic(now.saturating_add(allowed)), basic(now));
            return Err(Refusal::invalid(format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {minutes} min.)"
            )));
        }
        if let Some(expires) = expires_s {
            let until = signed_at_s.saturating_add(expires.into());
            if now > until {
                let (until, now) = (basic(until), basic(now));
                return Err(Refusal::invalid(format!(
                    "Signature expired: {until} is now earlier than {now}"
                )));
            }
        } else if signed_at_s < now.saturating_sub(allowed) {
            let (earliest, now) = (basic(now.saturating_sub(allowed)), basic(now));
            return Err(Refusal::invalid(format!(
                "Signature expired: {signed} is now earlier than {earliest} ({now} - {minutes} min.)"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_dates() {
        assert_eq!(parse_basic("20150830T123600Z"), Some(1_440_938_160));
        assert_eq!(parse_http("Sun, 30 Aug 2015 12:36:00 GMT"), Some(1_440_938_160));
        assert_eq!(basic(1_440_938_160), "20150830T123600Z");
        for bad in [
            "",
            "20150830T123600",
            "2015-08-30T12:36:00Z",
            "20151330T123600Z",
            "20150830T123600Zx",
            "ä2345678901234",
        ] {
            assert_eq!(parse_basic(bad), None, "{bad}");
        }
    }

    #[test]
    fn five_minutes_either_way() {
        let skew = Skew { now_ms: 1_440_938_160_999, allowed: Duration::from_secs(300) };
        for at in [-300, 0, 300] {
            assert_eq!(skew.check(1_440_938_160 + at, None), Ok(()), "{at}");
        }
        let refused = |at: i64, expires| skew.check(1_440_938_160 + at, expires).unwrap_err().message;
        assert_eq!(
            refused(-301, None),
            "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"
        );
        assert_eq!(
            refused(301, None),
            "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)"
        );
        assert_eq!(skew.check(1_440_938_160 - 3600, Some(3600)), Ok(()));
        assert_eq!(
            refused(-3601, Some(3600)),
            "Signature expired: 20150830T123559Z is now earlier than 20150830T123600Z"
        );
    }
}
