//! What a request presents: in its `Authorization` header, or in its query if it was presigned.

use super::date::{parse_basic, parse_http};
use super::{ALGORITHM, Refusal, Request, TERMINATOR};
use http::header::{AUTHORIZATION, DATE};
use std::borrow::Cow;

pub(super) const X_AMZ_DATE: &str = "x-amz-date";
pub(super) const SECURITY_TOKEN: &str = "x-amz-security-token";
/// Headers that decide who is asking and when: a second one could mean another thing to somebody else.
const ONCE: &[&str] =
    &["authorization", "host", "date", X_AMZ_DATE, SECURITY_TOKEN, "x-amz-content-sha256", "x-amz-target"];
/// Longest time that a presigned request may be good for: a week.
const EXPIRES_S_MAX: u32 = 604_800;
/// Longest header that is looked at.
const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// Most headers that are signed.
const SIGNED_HEADERS_MAX: usize = 100;

/// `{key id}/{date}/{region}/{service}/aws4_request`.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) key_id: &'a str,
    /// `20150830`.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
}

/// The parts of a signature.
pub(super) struct Presented<'a> {
    pub(super) scope: Scope<'a>,
    /// Names in lower case, separated by semicolons.
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: &'a str,
    /// When it was signed, as it stands in the string to sign.
    pub(super) timestamp: String,
    /// The same in seconds since the Unix epoch.
    pub(super) signed_at_s: i64,
    /// How long a presigned request is good for; `None` if it is signed in the header.
    pub(super) expires_s: Option<u32>,
    /// It comes with a session token.
    pub(super) session_token: bool,
}

impl<'a> Presented<'a> {
    pub(super) fn read(request: &Request<'a>) -> Result<Self, Refusal> {
        for name in ONCE {
            if request.headers.get_all(*name).iter().nth(1).is_some() {
                return Err(Refusal::invalid(format!("Found more than one '{name}' header.")));
            }
        }
        let header = request.headers.get(AUTHORIZATION);
        let query = Query::new(request.uri.query().unwrap_or_default());
        match (header, query.holds("X-Amz-Algorithm")) {
            (Some(_), true) => Err(Refusal::invalid(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
            )),
            (None, false) => Err(Refusal::missing()),
            (Some(header), false) => {
                let header = header.to_str().ok().filter(|header| header.len() <= AUTHORIZATION_BYTES_MAX);
                let header =
                    header.ok_or_else(|| Refusal::incomplete("Authorization header cannot be read."))?;
                Self::from_header(request, header)
            }
            (None, true) => Self::from_query(&query),
        }
    }

    fn from_header(request: &Request<'a>, header: &'a str) -> Result<Self, Refusal> {
        let (algorithm, parameters) = header.split_once(' ').unwrap_or((header, ""));
        let parameter = |name: &str| {
            let parameters = parameters.split([',', ' ']).filter_map(|part| part.split_once('='));
            let mut found = parameters.filter(|(known, value)| *known == name && !value.is_empty());
            (algorithm == ALGORITHM).then(|| found.next()).flatten().map(|(_, value)| value)
        };
        let date = request.headers.get(X_AMZ_DATE).or_else(|| request.headers.get(DATE));
        let parts = ["Credential", "Signature", "SignedHeaders"].map(|name| (name, parameter(name)));
        let [(_, Some(credential)), (_, Some(signature)), (_, Some(signed_headers))] = parts else {
            return Err(missing_parts(&parts, date.is_some(), header));
        };
        let Some(date) = date else { return Err(missing_parts(&parts, false, header)) };
        let date = date.to_str().unwrap_or_default();
        let signed_at_s = parse_basic(date).or_else(|| parse_http(date)).ok_or_else(|| bad_date(date))?;
        Ok(Self {
            scope: scope(credential)?,
            signed_headers: Cow::Borrowed(signed_headers),
            signature,
            timestamp: super::date::basic(signed_at_s),
            signed_at_s,
            expires_s: None,
            session_token: request.headers.contains_key(SECURITY_TOKEN),
        })
    }

    fn from_query(query: &Query<'a>) -> Result<Self, Refusal> {
        let names =
            ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
        let mut message = String::new();
        for name in names {
            match query.values(name).count() {
                0 => message += &format!("AWS query-string parameters must include '{name}'. "),
                1 => {}
                _ => {
                    return Err(Refusal::invalid(format!(
                        "Found more than one '{name}' query-string parameter."
                    )));
                }
            }
        }
        if !message.is_empty() {
            return Err(Refusal::incomplete(message + "Re-examine the query-string parameters."));
        }
        let raw = |name| query.values(name).next().unwrap_or_default();
        let algorithm = raw("X-Amz-Algorithm");
        if algorithm != ALGORITHM {
            return Err(Refusal::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let timestamp = raw("X-Amz-Date");
        let signed_at_s = parse_basic(timestamp).ok_or_else(|| bad_date(timestamp))?;
        let expires = query.values("X-Amz-Expires").next().unwrap_or("300");
        let expires_s = expires.parse().ok().filter(|expires| (1..=EXPIRES_S_MAX).contains(expires));
        let expires_s = expires_s.ok_or_else(|| {
            Refusal::incomplete(format!(
                "X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_S_MAX}"
            ))
        })?;
        Ok(Self {
            scope: scope_of_query(raw("X-Amz-Credential"))?,
            signed_headers: unescape(raw("X-Amz-SignedHeaders"), "%3B", ";"),
            signature: raw("X-Amz-Signature"),
            timestamp: timestamp.to_owned(),
            signed_at_s,
            expires_s: Some(expires_s),
            session_token: query.holds("X-Amz-Security-Token"),
        })
    }

    /// Whether the scope is one that this service takes. Any region is: it is the client's word, and bound by the signature.
    pub(super) fn check_scope(&self, service: &str) -> Result<(), Refusal> {
        let Scope { date, terminator, .. } = self.scope;
        if terminator != TERMINATOR {
            return Err(Refusal::invalid(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        if self.scope.service != service {
            return Err(Refusal::invalid(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        let day = self.timestamp.get(..8).unwrap_or_default();
        if date != day {
            return Err(Refusal::invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{day}', \
                 from '{}'.",
                self.timestamp
            )));
        }
        Ok(())
    }

    /// Whether everything is signed that has to be.
    pub(super) fn check_signed_headers(
        &self,
        request: &Request<'_>,
        if_present: &[&str],
    ) -> Result<(), Refusal> {
        let names = || self.signed_headers.split(';');
        // Each is copied into what is hashed: a long header that is named a thousand times would cost as much as it pleases.
        let twice = |(before, name): (usize, &str)| names().take(before).any(|known| known == name);
        if names().nth(SIGNED_HEADERS_MAX).is_some() || names().enumerate().any(twice) {
            return Err(Refusal::invalid(format!(
                "'SignedHeaders' must name up to {SIGNED_HEADERS_MAX} headers, each of them once."
            )));
        }
        let signed = |name: &str| names().any(|known| known == name);
        if !signed("host") && !signed(":authority") {
            return Err(Refusal::invalid(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        for name in if_present.iter().chain(&[X_AMZ_DATE, SECURITY_TOKEN]) {
            if request.headers.contains_key(*name) && !signed(name) {
                return Err(Refusal::invalid(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        Ok(())
    }
}

/// Says everything that a header lacks.
fn missing_parts(parts: &[(&str, Option<&str>); 3], dated: bool, header: &str) -> Refusal {
    let mut message = String::new();
    for (name, _) in parts.iter().filter(|(_, value)| value.is_none()) {
        message += &format!("Authorization header requires '{name}' parameter. ");
    }
    if !dated {
        message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    }
    // Other schemes carry passwords, which an answer need not repeat.
    let shown =
        if header.starts_with(ALGORITHM) { header } else { header.split(' ').next().unwrap_or_default() };
    Refusal::incomplete(format!("{message}Authorization={shown}"))
}

fn bad_date(date: &str) -> Refusal {
    let date: String = date.chars().take(64).collect();
    Refusal::incomplete(format!(
        "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    ))
}

fn scope(credential: &str) -> Result<Scope<'_>, Refusal> {
    split_scope(credential.split('/')).ok_or_else(|| bad_credential(credential))
}

/// The scope in a query, whose slashes are mostly escaped. Nothing else in a scope needs to be.
fn scope_of_query(credential: &str) -> Result<Scope<'_>, Refusal> {
    if credential.contains('/') {
        return scope(credential);
    }
    let escape = if credential.contains("%2f") { "%2f" } else { "%2F" };
    split_scope(credential.split(escape)).ok_or_else(|| bad_credential(credential))
}

fn split_scope<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Scope<'a>> {
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let scope =
        Scope { key_id: next()?, date: next()?, region: next()?, service: next()?, terminator: next()? };
    parts.next().is_none().then_some(scope)
}

fn bad_credential(credential: &str) -> Refusal {
    let credential: String = credential.chars().take(256).collect();
    Refusal::incomplete(format!(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
    ))
}

fn unescape<'a>(text: &'a str, escape: &str, plain: &str) -> Cow<'a, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(escape, plain).replace(&escape.to_ascii_lowercase(), plain))
}

/// A raw query.
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The raw values of a parameter.
    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(move |(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
    }

    fn holds(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}
