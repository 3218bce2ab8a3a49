//! AWS Signature Version 4: whether a request was made by the holder of an access key's secret, and recently; and signing
//! requests of our own.
//!
//! ```text
//! request ─► Signed::read   which key, for which day, region and service; which headers; refusals that need no secret
//!               └─► Signed::proves   canonical request ─► string to sign ─► HMAC with the signing key ─► compare
//! request ─► Signer::sign                            └── the same ──┘                                 ─► Authorization
//! ```
//! The canonical request is made from the *raw* path and query and from the headers that the client says it signed. Over HTTP/2
//! `:authority` stands for `host`. The comparison takes the same time for any wrong signature.
//!
//! There is no nonce in this scheme: whoever captures a request can send it again within the allowed skew of the clocks. TLS is
//! what keeps requests from being captured.

mod canonical;
mod date;
mod keys;
mod presented;
mod refusal;
mod sign;
#[cfg(test)]
mod tests;

pub(crate) use keys::SigningKeys;
pub(crate) use refusal::Refusal;
pub(crate) use sign::Signer;

use aws_lc_rs::{digest, hmac};
use canonical::canonical_request;
use date::Skew;
use http::{HeaderMap, Method, Uri, Version};
use presented::{Presented, Scope};
use std::fmt::Write;
use std::time::Duration;

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What every scope ends with.
const TERMINATOR: &str = "aws4_request";

/// The parts of a request that a signature covers, but the body.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
}

impl Request<'_> {
    /// The host that the client asked for.
    fn host(&self) -> Option<&[u8]> {
        let authority = self.uri.authority().filter(|_| self.version == Version::HTTP_2);
        let header = || self.headers.get(http::header::HOST).map(http::HeaderValue::as_bytes);
        authority.map(|authority| authority.as_str().as_bytes()).or_else(header)
    }
}

/// What a service demands of signatures.
#[derive(Clone, Copy)]
pub(crate) struct Policy<'a> {
    /// The service that the scope must name.
    pub(crate) service: &'a str,
    /// Headers that must be signed if they are there, because they decide what happens; in lower case.
    pub(crate) signed_if_present: &'a [&'a str],
    /// How far the clocks may be apart.
    pub(crate) skew: Duration,
    /// Now, in milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
}

/// A signed request whose signature may still be anything.
pub(crate) struct Signed<'a> {
    request: Request<'a>,
    presented: Presented<'a>,
}

impl<'a> Signed<'a> {
    /// Reads what the request presents, and refuses what no secret could make good: missing or contradictory parts, a scope
    /// of another service, a time that is too far off.
    pub(crate) fn read(request: Request<'a>, policy: &Policy<'_>) -> Result<Self, Refusal> {
        let presented = Presented::read(&request)?;
        presented.check_scope(policy.service)?;
        presented.check_signed_headers(&request, policy.signed_if_present)?;
        Skew { now_ms: policy.now_ms, allowed: policy.skew }
            .check(presented.signed_at_s, presented.expires_s)?;
        Ok(Self { request, presented })
    }

    /// The access key that it claims to be signed with.
    pub(crate) fn key_id(&self) -> &str {
        self.presented.scope.key_id
    }

    /// Whether it comes with a session token. Its header or parameter must be signed.
    pub(crate) fn has_session_token(&self) -> bool {
        self.presented.session_token
    }

    /// Whether the signature is that of the holder of `secret` for a body of this SHA-256.
    pub(crate) fn proves(&self, keys: &SigningKeys, secret: &str, body_sha256: &[u8]) -> bool {
        let Some(signature) = unhex(self.presented.signature) else { return false };
        let mut payload = String::with_capacity(64);
        push_hex(body_sha256, &mut payload);
        let canonical = canonical_request(&self.request, &self.presented.signed_headers, &payload);
        let scope = &self.presented.scope;
        let to_sign = string_to_sign(&self.presented.timestamp, scope, &canonical);
        let key = keys.derive(secret, scope);
        let proven = hmac::verify(&key, to_sign.as_bytes(), &signature).is_ok();
        if proven {
            // Only what somebody with a secret signed is kept: others cannot fill the cache.
            keys.keep(secret, scope, key);
        }
        proven
    }
}

/// What the signature is made of.
fn string_to_sign(timestamp: &str, scope: &Scope<'_>, canonical: &[u8]) -> String {
    let mut text = String::with_capacity(192);
    let Scope { date, region, service, .. } = scope;
    // Memory takes every byte.
    let _ = write!(text, "{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/{TERMINATOR}\n");
    push_hex(digest::digest(&digest::SHA256, canonical).as_ref(), &mut text);
    text
}

fn push_hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// The 32 bytes of a signature.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |symbol: u8| char::from(symbol).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
