//! The canonical form of a request: what both sides hash.

use super::Request;
use http::HeaderValue;

/// What of a query is not signed: the signature itself.
const SIGNATURE: &str = "X-Amz-Signature";

/// Method, path, query, signed headers and the body's hash, each in its canonical form.
///
/// `signed_headers`: names in lower case, separated by semicolons.
pub(super) fn canonical_request(request: &Request<'_>, signed_headers: &str, payload: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b'\n');
    push_path(request.uri.path(), &mut out);
    out.push(b'\n');
    push_query(request.uri.query().unwrap_or_default(), &mut out);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        push_header(request, name, &mut out);
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    out
}

/// The raw path without dot segments and empty segments, escaped once more: all services but S3 sign it so.
fn push_path(path: &str, out: &mut Vec<u8>) {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        push_escaped(segment.as_bytes(), out);
    }
    let ends_in_slash = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if segments.is_empty() || ends_in_slash {
        out.push(b'/');
    }
}

fn push_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// The raw parameters, sorted, but the signature.
fn push_query(query: &str, out: &mut Vec<u8>) {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(&str, &str)> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.retain(|(name, _)| *name != SIGNATURE);
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
    }
}

/// One header: its values trimmed, runs of spaces in them made one, several values joined by commas.
fn push_header(request: &Request<'_>, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    if name == "host" || name == ":authority" {
        out.extend_from_slice(request.host().unwrap_or_default());
    } else {
        for (index, value) in request.headers.get_all(name).iter().map(HeaderValue::as_bytes).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_trimmed(value, out);
        }
    }
    out.push(b'\n');
}

fn push_trimmed(value: &[u8], out: &mut Vec<u8>) {
    let mut space = false;
    for byte in value.trim_ascii() {
        if *byte == b' ' && space {
            continue;
        }
        space = *byte == b' ';
        out.push(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> String {
        let mut out = Vec::new();
        push_path(raw, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn query(raw: &str) -> String {
        let mut out = Vec::new();
        push_query(raw, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths() {
        for (raw, canonical) in [
            ("/", "/"),
            ("", "/"),
            ("/a/../b//./c", "/b/c"),
            ("/a/..", "/"),
            ("/a/", "/a/"),
            ("/a%20b/ä", "/a%2520b/%C3%A4"),
            ("/../../x", "/x"),
        ] {
            assert_eq!(path(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn queries_are_sorted_by_name_and_value() {
        assert_eq!(query("b=2&a=3&a=1&c&X-Amz-Signature=f00&a-b=1"), "a=1&a=3&a-b=1&b=2&c=");
        assert_eq!(query(""), "");
    }

    #[test]
    fn spaces() {
        let mut out = Vec::new();
        push_trimmed(b"  a   b\tc ", &mut out);
        assert_eq!(out, b"a b\tc");
    }
}
