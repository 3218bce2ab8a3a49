//! Doors for fuzzing: each takes any bytes to a parser of what comes from outside, and panics if something does not hold that
//! must. The server itself goes in by none of them.

use crate::auth::policy::{Caller, Context, Policy, PolicyKind, Question, ResourceRule, decide};
use crate::aws::dispatch::SERVICES;
use crate::aws::sigv4;
use crate::aws::wire::{Format, Value, conform, validate};
use bytes::Bytes;
use http::Request;
use std::time::Duration;

/// A body, and whether some operation takes it. `operation`: which one, counted through all services, over and over.
///
/// What was read reads back as it is written; what is too long or too deep is refused by the readers.
pub fn body(json: bool, operation: u8, bytes: &[u8]) {
    let format = if json { Format::Json } else { Format::Cbor };
    let body = Bytes::copy_from_slice(bytes);
    let Ok(mut value) = format.decode(&body) else { return };
    if !(json && has_fraction(&value)) {
        let written = Bytes::from(format.encode(&value));
        let read = format.decode(&written);
        // Not the values: a number that is none is not equal to itself.
        let again = read.map(|read| format.encode(&read));
        assert_eq!(again.as_deref(), Ok(&*written), "what was written reads back");
    }
    let operations: Vec<_> = SERVICES.iter().flat_map(|service| service.operations).collect();
    let operation = operations[usize::from(operation) % operations.len()];
    if !matches!(value, Value::Map(_)) || conform(&mut value, operation.input, format, bytes.len()).is_err() {
        return;
    }
    if let Err(error) = validate(&value, operation.input) {
        assert!(error.message().len() < 64 << 10, "{}", error.message().len());
    }
}

/// Whether a value has a number that is not whole: of very long ones the reader of JSON takes a neighbour.
fn has_fraction(value: &Value<'_>) -> bool {
    match value {
        Value::Float(_) => true,
        Value::List(values) => values.iter().any(has_fraction),
        Value::Map(members) => members.iter().any(|(_, value)| has_fraction(value)),
        _ => false,
    }
}

/// The name of the service in the scope of signatures that [`signature`] lets through.
const SERVICE: &str = "kinesis";

/// A request's head: a line with method and path, lines of headers, an empty line; then its body. No such signature is proven.
/// `bytes` beginning with `2`: it came over HTTP/2.
pub fn signature(bytes: &[u8]) {
    let (version, rest) = match bytes.split_first() {
        Some((b'2', rest)) => (http::Version::HTTP_2, rest),
        _ => (http::Version::HTTP_11, bytes),
    };
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&rest[..end], &rest[end + 2..]),
        None => (rest, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let (method, uri) = first.split_once(' ').unwrap_or(("POST", &first));
    let mut request = Request::builder().method(method).uri(uri).version(version);
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii_start());
    }
    let Ok(request) = request.body(()) else { return };
    let (parts, ()) = request.into_parts();
    let unverified = sigv4::Request {
        method: &parts.method,
        uri: &parts.uri,
        version: parts.version,
        headers: &parts.headers,
    };
    let policy = sigv4::Policy {
        service: SERVICE,
        signed_if_present: &["x-amz-target"],
        // Any time: there are other things to find.
        skew: Duration::from_secs(u32::MAX.into()),
        now_ms: 1_440_938_160_000,
    };
    let Ok(signed) = sigv4::Signed::read(unverified, &policy) else { return };
    assert!(!signed.key_id().is_empty());
    signed.has_session_token();
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    assert!(!signed.proves(
        &sigv4::SigningKeys::default(),
        "a secret that nobody signed with",
        sha256.as_ref()
    ));
}

/// A policy, of a user or of a resource, asked about some things. What denies everything denies in its company, too.
pub fn policy(of_resource: bool, text: &str) {
    const BYTES_MAX: usize = 20 << 10;
    let kind = if of_resource { PolicyKind::Resource } else { PolicyKind::Identity };
    let Ok(policy) = Policy::parse(text, kind, BYTES_MAX) else { return };
    assert!(text.len() <= BYTES_MAX);
    let denial = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let denial = Policy::parse(denial, PolicyKind::Identity, BYTES_MAX);
    let mut known = Context::default();
    known.set_time(1_440_938_160_000);
    known.set_source([192, 0, 2, 1].into(), true);
    known.set("aws:username", "ann");
    known.set_resource_tags([("team", "red")]);
    let caller = Caller { account: "000000000000", arn: "arn:aws:iam::000000000000:user/ann" };
    for context in [&Context::default(), &known] {
        for (action, resource) in
            [("kinesis:PutRecord", "arn:aws:kinesis:us-east-1:000000000000:stream/s"), ("kms:Decrypt", "*")]
        {
            let question = Question { caller, action, resource, context };
            let asked = |denials: &[(&str, &Policy)]| {
                let own = (!of_resource).then_some(("p", &policy));
                let identity = own.into_iter().chain(denials.iter().copied());
                decide(identity, of_resource.then_some(&policy), ResourceRule::Either, &question)
            };
            let verdict = asked(&[]);
            assert!(!verdict.allowed || verdict.because.is_some(), "{verdict:?}");
            assert_eq!(asked(&[]), verdict);
            let denied = denial.as_ref().is_ok_and(|denial| !asked(&[("d", denial)]).allowed);
            assert!(denied, "a denial was not heard");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::wire::value_strategy;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Members that operations know, so that more than their absence is looked at.
    fn input() -> impl Strategy<Value = Value<'static>> {
        let names = prop::sample::select(vec![
            "StreamName",
            "StreamARN",
            "Records",
            "Data",
            "PartitionKey",
            "Tags",
            "TagKeys",
            "Limit",
            "ShardFilter",
            "StartingPosition",
            "Timestamp",
            "KeyId",
            "EncryptionContext",
            "StreamModeDetails",
            "ShardLevelMetrics",
        ]);
        vec((names.prop_map(Into::into), value_strategy(false)), 0..8).prop_map(Value::Map)
    }

    const HEAD: &[&str] = &[
        "POST /",
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "&X-Amz-Credential=K%2F20150830%2Fr%2Fkinesis%2Faws4_request",
        "&X-Amz-Date=20150830T123600Z",
        "&X-Amz-SignedHeaders=host",
        "&X-Amz-Signature=00",
        "&X-Amz-Expires=300",
        "\n",
        "host: a",
        "authorization: AWS4-HMAC-SHA256 Credential=K/20150830/r/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "x-amz-date: 20150830T123600Z",
        ";",
        "..",
        "%",
        "a",
        "Date: Sun, 30 Aug 2015 12:36:00 GMT",
        ", ",
        "=",
        "/",
        "x-amz-target: T",
    ];
    const POLICY: &[&str] = &[
        r#"{"Version":"2012-10-17","Statement":["#,
        r#"{"Effect":"Allow""#,
        r#"{"Effect":"Deny""#,
        r#","Action":"*""#,
        r#","NotAction":["kinesis:Put*"]"#,
        r#","Resource":"*""#,
        r#","Resource":"arn:aws:kinesis:*:*:stream/${aws:username}""#,
        r#","Condition":{"StringLike":{"aws:username":"a*"}}"#,
        r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
        r#","Condition":{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#,
        r#","Principal":{"AWS":"*"}"#,
        "}",
        "]}",
        ",",
        "\"",
        "${",
    ];

    fn pieces(of: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        vec(prop::sample::select(of), 0..most).prop_map(|pieces| pieces.concat())
    }

    /// A policy of whole statements.
    fn statements() -> impl Strategy<Value = String> {
        let statement = pieces(&POLICY[3..11], 5);
        let effect = prop::sample::select(&POLICY[1..3]);
        let statement = (effect, statement).prop_map(|(effect, rest)| format!("{effect}{rest}}}"));
        vec(statement, 0..4).prop_map(|statements| format!("{}{}]}}", POLICY[0], statements.join(",")))
    }

    proptest! {
        #[test]
        fn bodies(json in any::<bool>(), operation in any::<u8>(), input in input(), cut in any::<prop::sample::Index>()) {
            let format = if json { Format::Json } else { Format::Cbor };
            let written = format.encode(&input);
            body(json, operation, &written);
            body(json, operation, &written[..cut.index(written.len())]);
        }

        #[test]
        fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
            body(true, 0, &bytes);
            body(false, 0, &bytes);
            signature(&bytes);
        }

        #[test]
        fn signatures(head in pieces(HEAD, 24)) {
            signature(head.as_bytes());
            signature(format!("2{head}").as_bytes());
        }

        #[test]
        fn policies(of_resource in any::<bool>(), text in prop_oneof![pieces(POLICY, 16), statements()]) {
            policy(of_resource, &text);
        }
    }
}
