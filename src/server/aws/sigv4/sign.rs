//! Signing requests of our own.

use super::canonical::canonical_request;
use super::date::basic;
use super::keys::signing_key;
use super::presented::{SECURITY_TOKEN, Scope, X_AMZ_DATE};
use super::{ALGORITHM, Request, TERMINATOR, push_hex, string_to_sign};
use aws_lc_rs::{digest, hmac};
use http::HeaderValue;
use http::header::{AUTHORIZATION, InvalidHeaderValue};
use http::request::Parts;

/// Who signs, and for whom.
pub(crate) struct Signer<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) secret: &'a str,
    /// Of temporary credentials.
    pub(crate) session_token: Option<&'a str>,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// Now, in milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
}

impl Signer<'_> {
    /// Signs a request and every header that it has by now, `Host` among them; adds the headers that say so.
    ///
    /// # Errors
    /// If the key id or the token hold what no header can.
    pub(crate) fn sign(&self, parts: &mut Parts, body: &[u8]) -> Result<(), InvalidHeaderValue> {
        let timestamp = basic(i64::try_from(self.now_ms / 1000).unwrap_or(i64::MAX));
        parts.headers.insert(X_AMZ_DATE, HeaderValue::try_from(&timestamp)?);
        if let Some(token) = self.session_token {
            let mut token = HeaderValue::try_from(token)?;
            token.set_sensitive(true);
            parts.headers.insert(SECURITY_TOKEN, token);
        }
        let mut names: Vec<_> = parts.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let signed_headers = names.join(";");
        let mut payload = String::with_capacity(64);
        push_hex(digest::digest(&digest::SHA256, body).as_ref(), &mut payload);
        let request = Request {
            method: &parts.method,
            uri: &parts.uri,
            version: parts.version,
            headers: &parts.headers,
        };
        let Self { key_id, region, service, .. } = self;
        let date = timestamp.get(..8).unwrap_or_default();
        let scope = Scope { key_id, date, region, service, terminator: TERMINATOR };
        let canonical = canonical_request(&request, &signed_headers, &payload);
        let to_sign = string_to_sign(&timestamp, &scope, &canonical);
        let mut signature = String::with_capacity(64);
        push_hex(hmac::sign(&signing_key(self.secret, &scope), to_sign.as_bytes()).as_ref(), &mut signature);
        let mut authorization = HeaderValue::try_from(format!(
            "{ALGORITHM} Credential={key_id}/{date}/{region}/{service}/{TERMINATOR}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        ))?;
        authorization.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }
}
