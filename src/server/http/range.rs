//! Byte ranges of a request (RFC 9110 §14): one range, or the whole.

use http::HeaderMap;
use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use std::ops::Range;

/// What to send of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it (200).
    Whole,
    /// One part of it (206).
    Part(Range<u64>),
    /// A range that lies outside (416).
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` against a representation of `len` bytes with the strong `etag` (quotes included).
/// What cannot be understood, several ranges, and ranges of another version of the representation give the whole,
/// as the standard allows.
pub fn wanted(headers: &HeaderMap, len: u64, etag: &str) -> Wanted {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else { return Wanted::Whole };
    // A date in If-Range would need Last-Modified, which we do not send: it never matches.
    if headers.get(IF_RANGE).is_some_and(|condition| condition.as_bytes() != etag.as_bytes()) {
        return Wanted::Whole;
    }
    parse(range, len)
}

fn parse(range: &str, len: u64) -> Wanted {
    let Some((unit, ranges)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = ranges.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), last) if last.is_some() || ranges.trim().ends_with('-') => {
            let end = last.map_or(len, |last| last.saturating_add(1).min(len));
            if first < end { Wanted::Part(first..end) } else { Wanted::Unsatisfiable }
        }
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || len == 0 {
                Wanted::Unsatisfiable
            } else {
                Wanted::Part(len.saturating_sub(suffix)..len)
            }
        }
        _ => Wanted::Whole,
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number too large for us lies beyond any representation.
    Some(text.parse().unwrap_or(u64::MAX))
}

/// Whether `If-None-Match` says that the client already has this version. Weak comparison, as the standard says.
pub fn unchanged(headers: &HeaderMap, etag: &str) -> bool {
    let Some(tags) = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    tags.trim() == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-99", Wanted::Part(0..100)),
            ("bytes=10-", Wanted::Part(10..100)),
            ("bytes=10-1000", Wanted::Part(10..100)),
            ("bytes=-7", Wanted::Part(93..100)),
            ("bytes=-700", Wanted::Part(0..100)),
            ("Bytes = 5-6", Wanted::Part(5..7)),
            ("bytes=99-99", Wanted::Part(99..100)),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=100-200", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..100)),
            ("bytes=9-3", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=1-x", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(parse(range, 100), expected, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Unsatisfiable);
        assert_eq!(parse("bytes=-1", 0), Wanted::Unsatisfiable);
    }

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn if_range_must_name_this_version() {
        let range = (RANGE, "bytes=1-2");
        assert_eq!(wanted(&headers(std::slice::from_ref(&range)), 9, "\"a\""), Wanted::Part(1..3));
        assert_eq!(wanted(&headers(&[range.clone(), (IF_RANGE, "\"a\"")]), 9, "\"a\""), Wanted::Part(1..3));
        assert_eq!(wanted(&headers(&[range.clone(), (IF_RANGE, "\"b\"")]), 9, "\"a\""), Wanted::Whole);
        assert_eq!(wanted(&headers(&[range.clone(), (IF_RANGE, "W/\"a\"")]), 9, "\"a\""), Wanted::Whole);
        let date = (IF_RANGE, "Sat, 29 Oct 1994 19:43:31 GMT");
        assert_eq!(wanted(&headers(&[range, date]), 9, "\"a\""), Wanted::Whole);
        assert_eq!(wanted(&headers(&[]), 9, "\"a\""), Wanted::Whole);
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for (value, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            assert_eq!(unchanged(&headers(&[(IF_NONE_MATCH, value)]), "\"a\""), expected, "{value}");
        }
    }
}
