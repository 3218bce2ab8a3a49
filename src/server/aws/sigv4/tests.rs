//! Signatures against a second implementation of the scheme, written straight from its description, and all that must fail.

use super::*;
use http::HeaderValue;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEY_ID: &str = "AKIDEXAMPLE";
/// 2015-08-30T12:36:00Z.
const NOW_MS: u64 = 1_440_938_160_000;
const POLICY: Policy<'static> = Policy {
    service: "kinesis",
    signed_if_present: &["x-amz-target"],
    skew: Duration::from_secs(300),
    now_ms: NOW_MS,
};

/// A request that can be changed after it was signed.
#[derive(Clone)]
struct Sent {
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new() -> Self {
        let mut sent = Self {
            method: Method::POST,
            uri: Uri::from_static("/"),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: b"{}".to_vec(),
        };
        for (name, value) in [
            ("host", "localhost:8080"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-date", "20150830T123600Z"),
            ("x-amz-target", "Kinesis_20131202.ListStreams"),
        ] {
            sent.set(name, value);
        }
        sent
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn sign(&mut self, secret: &str, scope: &str, signed: &str, canonical_head: &str, host: &str) {
        let mut canonical = format!("{canonical_head}\n");
        for name in signed.split(';') {
            let value = if name == "host" { host } else { self.headers[name].to_str().unwrap() };
            canonical += &format!("{name}:{value}\n");
        }
        canonical += &format!("\n{signed}\n{}", hex(digest::digest(&digest::SHA256, &self.body).as_ref()));
        let date = self.headers["x-amz-date"].to_str().unwrap().to_owned();
        let signature = signature(secret, scope, &date, &canonical);
        self.set(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={signed}, Signature={signature}"
            ),
        );
    }

    fn signed() -> Self {
        let mut sent = Self::new();
        sent.sign(SECRET, "20150830/us-east-1/kinesis/aws4_request", ALL, "POST\n/\n", "localhost:8080");
        sent
    }

    fn check_at(&self, policy: &Policy<'_>) -> Result<bool, Refusal> {
        let request =
            Request { method: &self.method, uri: &self.uri, version: self.version, headers: &self.headers };
        let signed = Signed::read(request, policy)?;
        assert_eq!(signed.key_id(), KEY_ID);
        let keys = SigningKeys::default();
        let hash = digest::digest(&digest::SHA256, &self.body);
        let proven = signed.proves(&keys, SECRET, hash.as_ref());
        assert_eq!(
            signed.proves(&keys, SECRET, hash.as_ref()),
            proven,
            "the same with a signing key that was kept"
        );
        assert!(!signed.proves(&keys, "another secret", hash.as_ref()));
        Ok(proven)
    }

    fn check(&self) -> Result<bool, Refusal> {
        self.check_at(&POLICY)
    }

    fn refusal(&self) -> (&'static str, String) {
        let refusal = self.check().expect_err("refused");
        (refusal.code, refusal.message.into_owned())
    }
}

const ALL: &str = "content-type;host;x-amz-date;x-amz-target";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature, step by step.
fn signature(secret: &str, scope: &str, date: &str, canonical: &str) -> String {
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let step = |key: &[u8], data: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec()
    };
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| step(&key, part));
    hex(&step(&key, &to_sign))
}

/// The worked example of the scheme's description: its date, key and the signing key's first use.
#[test]
fn the_signing_key_of_the_published_example() {
    let key = ["20150830", "us-east-1", "iam", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
        });
    assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

#[test]
fn what_was_signed_is_proven() {
    assert_eq!(Sent::signed().check(), Ok(true));
    let mut spaced = Sent::signed();
    spaced.set("content-type", "application/x-amz-json-1.1  ");
    assert_eq!(spaced.check(), Ok(true), "spaces around a value do not count");
    let mut region = Sent::new();
    region.sign(SECRET, "20150830/mars-north-7/kinesis/aws4_request", ALL, "POST\n/\n", "localhost:8080");
    assert_eq!(region.check(), Ok(true), "any region");
}

#[test]
fn paths_and_queries_are_signed_as_they_stand() {
    let mut sent = Sent::new();
    sent.uri = "/a%20b/c?b=%2F&a=x".parse().unwrap();
    sent.sign(
        SECRET,
        "20150830/us-east-1/kinesis/aws4_request",
        ALL,
        "POST\n/a%2520b/c\na=x&b=%2F",
        "localhost:8080",
    );
    assert_eq!(sent.check(), Ok(true));
    sent.uri = "/a%20b/c?b=%2F&a=y".parse().unwrap();
    assert_eq!(sent.check(), Ok(false));
}

#[test]
fn the_authority_of_http_2_is_the_host() {
    let mut sent = Sent::new();
    sent.headers.remove("host");
    sent.version = Version::HTTP_2;
    sent.uri = "http://stream.example:8443/".parse().unwrap();
    sent.sign(SECRET, "20150830/us-east-1/kinesis/aws4_request", ALL, "POST\n/\n", "stream.example:8443");
    assert_eq!(sent.check(), Ok(true));
    sent.uri = "http://other.example:8443/".parse().unwrap();
    assert_eq!(sent.check(), Ok(false));
}

#[test]
fn what_was_changed_afterwards_is_not_proven() {
    let mut body = Sent::signed();
    body.body = b"{ }".to_vec();
    let mut header = Sent::signed();
    header.set("x-amz-target", "Kinesis_20131202.DeleteStream");
    let mut host = Sent::signed();
    host.set("host", "localhost:8081");
    let mut method = Sent::signed();
    method.method = Method::PUT;
    let mut secret = Sent::new();
    secret.sign("wrong", "20150830/us-east-1/kinesis/aws4_request", ALL, "POST\n/\n", "localhost:8080");
    for (what, sent) in
        [("body", body), ("header", header), ("host", host), ("method", method), ("secret", secret)]
    {
        assert_eq!(sent.check(), Ok(false), "{what}");
    }
    let whole = Sent::signed().headers["authorization"].to_str().unwrap().to_owned();
    for (what, text) in [
        ("truncated", whole[..whole.len() - 2].to_owned()),
        ("longer", format!("{whole}00")),
        ("no hex", format!("{}zz", &whole[..whole.len() - 2])),
    ] {
        let mut sent = Sent::signed();
        sent.set("authorization", &text);
        assert_eq!(sent.check(), Ok(false), "{what}");
    }
}

#[test]
fn other_services_and_days_are_refused() {
    let with_scope = |scope: &str| {
        let mut sent = Sent::new();
        sent.sign(SECRET, scope, ALL, "POST\n/\n", "localhost:8080");
        sent
    };
    let (code, message) = with_scope("20150830/us-east-1/kms/aws4_request").refusal();
    assert_eq!(
        (code, &*message),
        ("InvalidSignatureException", "Credential should be scoped to correct service: 'kinesis'.")
    );
    let (_, message) = with_scope("20150830/us-east-1/kinesis/aws5_request").refusal();
    assert!(message.contains("valid terminator"), "{message}");
    let (_, message) = with_scope("20150829/us-east-1/kinesis/aws4_request").refusal();
    assert!(message.contains("'20150829' != '20150830'"), "{message}");
    let (code, message) = with_scope("20150830/us-east-1/kinesis").refusal();
    assert_eq!(code, "IncompleteSignatureException");
    assert!(message.contains("exactly 5 slash-delimited elements"), "{message}");
}

#[test]
fn times_that_are_far_off_are_refused_with_both_clocks() {
    let sent = Sent::signed();
    let at = |now_ms| sent.check_at(&Policy { now_ms, ..POLICY });
    assert_eq!(at(NOW_MS + 300_000), Ok(true));
    assert_eq!(at(NOW_MS - 300_000), Ok(true));
    assert!(at(NOW_MS + 301_000).unwrap_err().message.starts_with("Signature expired: 20150830T123600Z"));
    assert!(
        at(NOW_MS - 301_000).unwrap_err().message.starts_with("Signature not yet current: 20150830T123600Z")
    );
    let wide = Policy { now_ms: NOW_MS + 900_000, skew: Duration::from_secs(900), ..POLICY };
    assert_eq!(sent.check_at(&wide), Ok(true));
}

#[test]
fn what_decides_must_be_signed() {
    for (signed, must) in [
        ("content-type;x-amz-date;x-amz-target", "'Host' or ':authority'"),
        ("content-type;host;x-amz-target", "'x-amz-date'"),
        ("content-type;host;x-amz-date", "'x-amz-target'"),
    ] {
        let mut sent = Sent::new();
        sent.sign(SECRET, "20150830/us-east-1/kinesis/aws4_request", signed, "POST\n/\n", "localhost:8080");
        let (code, message) = sent.refusal();
        assert_eq!(code, "InvalidSignatureException");
        assert!(message.starts_with(must), "{message}");
    }
}

/// Else a long header would be copied as often as it is named.
#[test]
fn no_header_is_signed_twice_and_not_too_many_are() {
    let many = (0..101).map(|number| format!(";x-{number}")).collect::<String>();
    for (signed, works) in [
        (ALL.to_owned(), true),
        (format!("{ALL};host"), false),
        (format!("{ALL};x-none;x-none"), false),
        (format!("{ALL}{many}"), false),
    ] {
        let mut sent = Sent::signed();
        let header = sent.headers["authorization"].to_str().unwrap().replace(ALL, &signed);
        sent.set("authorization", &header);
        let read = sent.check();
        assert_eq!(read.is_ok(), works, "{signed}: {read:?}");
        assert!(works || sent.refusal().1.contains("each of them once"), "{signed}");
    }
}

#[test]
fn parts_that_are_missing_are_named() {
    let refusal = |change: &dyn Fn(&mut Sent)| {
        let mut sent = Sent::signed();
        change(&mut sent);
        sent.refusal()
    };
    let (code, message) = refusal(&|sent| _ = sent.headers.remove("authorization"));
    assert_eq!((code, &*message), ("MissingAuthenticationTokenException", "Missing Authentication Token"));
    let (code, message) = refusal(&|sent| sent.set("authorization", "AWS4-HMAC-SHA256 Signature=b"));
    assert_eq!(code, "IncompleteSignatureException");
    assert_eq!(
        message,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter. \
         Authorization=AWS4-HMAC-SHA256 Signature=b"
    );
    let (_, message) = refusal(&|sent| sent.set("authorization", "Basic c2VjcmV0"));
    assert!(message.contains("requires 'Credential'") && !message.contains("c2VjcmV0"), "{message}");
    let (_, message) = refusal(&|sent| _ = sent.headers.remove("x-amz-date"));
    assert!(
        message.starts_with("Authorization header requires existence of either a 'X-Amz-Date' or"),
        "{message}"
    );
    let (_, message) = refusal(&|sent| sent.set("x-amz-date", "yesterday"));
    assert!(message.contains("'basic format'. Got 'yesterday'"), "{message}");
}

#[test]
fn nothing_that_decides_comes_twice() {
    let mut both = Sent::signed();
    both.uri = Uri::from_static("/?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    let (code, message) = both.refusal();
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.starts_with("Found both 'X-Amz-Algorithm'"), "{message}");
    for name in ["authorization", "x-amz-date", "host", "x-amz-target"] {
        let mut twice = Sent::signed();
        let value = twice.headers[name].clone();
        twice.headers.append(name, value);
        assert_eq!(twice.refusal().1, format!("Found more than one '{name}' header."));
    }
}

#[test]
fn presigned_queries() {
    const SCOPE: &str = "20150830/us-east-1/kinesis/aws4_request";
    let unsigned = |expires: &str| {
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY_ID}%2F20150830%2Fus-east-1%2Fkinesis%2Faws4_request\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host"
        )
    };
    let sent = |query: &str, signature: &str| {
        let mut sent = Sent::new();
        sent.headers =
            HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("localhost:8080"))]);
        sent.method = Method::GET;
        sent.body.clear();
        sent.uri = format!("/?{query}&X-Amz-Signature={signature}").parse().unwrap();
        sent
    };
    let signed = |query: &str| {
        let body = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let canonical = format!("GET\n/\n{query}\nhost:localhost:8080\n\nhost\n{body}");
        sent(query, &signature(SECRET, SCOPE, "20150830T123600Z", &canonical))
    };
    let good = signed(&unsigned("60"));
    assert_eq!(good.check(), Ok(true));
    let later = Policy { now_ms: NOW_MS + 61_000, ..POLICY };
    assert!(good.check_at(&later).unwrap_err().message.starts_with("Signature expired: 20150830T123700Z"));
    assert_eq!(sent(&unsigned("61"), &"0".repeat(64)).check(), Ok(false));
    assert!(signed(&unsigned("604801")).refusal().1.contains("X-Amz-Expires"));
    let (code, message) = sent("X-Amz-Algorithm=AWS4-HMAC-SHA256", "00").refusal();
    assert_eq!(code, "IncompleteSignatureException");
    assert!(
        message.starts_with("AWS query-string parameters must include 'X-Amz-Credential'. "),
        "{message}"
    );
    let twice = sent(&format!("{}&X-Amz-Date=20150830T123601Z", unsigned("60")), "00").refusal();
    assert_eq!(twice.1, "Found more than one 'X-Amz-Date' query-string parameter.");
}

fn signer<'a>(service: &'a str, session_token: Option<&'a str>) -> Signer<'a> {
    Signer { key_id: KEY_ID, secret: SECRET, session_token, region: "us-east-1", service, now_ms: NOW_MS }
}

/// `get-vanilla` of the published test suite.
#[test]
fn what_we_sign_is_what_the_published_suite_expects() {
    let request = http::Request::get("/").header("host", "example.amazonaws.com").body(()).unwrap();
    let (mut parts, ()) = request.into_parts();
    signer("service", None).sign(&mut parts, b"").unwrap();
    assert_eq!(
        parts.headers["authorization"].to_str().unwrap(),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
}

#[test]
fn what_we_sign_we_accept() {
    for token in [None, Some("a/session+token==")] {
        let Sent { method, uri, headers, body, .. } = Sent::new();
        let (mut parts, ()) = http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        parts.headers = headers;
        signer("kinesis", token).sign(&mut parts, &body).unwrap();
        let http::request::Parts { method, uri, version, headers, .. } = parts;
        let mut sent = Sent { method, uri, version, headers, body };
        assert_eq!(sent.check(), Ok(true));
        sent.body.push(b' ');
        assert_eq!(sent.check(), Ok(false));
    }
    let (mut parts, ()) = http::Request::get("/").body(()).unwrap().into_parts();
    assert!(Signer { key_id: "a\nb", ..signer("kinesis", None) }.sign(&mut parts, b"").is_err());
}
