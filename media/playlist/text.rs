//! Pieces of playlist text.

/// Milliseconds as decimal seconds.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// RFC 3339 in UTC with milliseconds; `None` beyond the years that it can write.
pub(super) fn date_time(unix_ms: i64) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(unix_ms).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Whether a URI can stand on a line of its own.
pub(super) fn uri_is_safe(uri: &str) -> bool {
    !uri.is_empty() && !uri.starts_with('#') && uri.chars().all(|c| !c.is_control() && c != ' ')
}

/// Whether a value can stand in a quoted attribute.
pub(super) fn attribute_is_safe(value: &str) -> bool {
    value.chars().all(|c| !c.is_control() && c != '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds(0), "0.000");
        assert_eq!(seconds(61_007), "61.007");
        assert_eq!(date_time(-1).unwrap(), "1969-12-31T23:59:59.999Z");
        assert_eq!(date_time(1_767_225_600_120).unwrap(), "2026-01-01T00:00:00.120Z");
        assert_eq!(date_time(i64::MAX), None);
    }
}
