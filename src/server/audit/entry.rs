//! A line of the audit log.

use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Something that changes something was allowed.
    Control,
    /// Something was read or sent.
    Use,
    /// Something was not allowed, or nobody was signed in.
    Refusal,
    /// Lines are missing.
    Dropped,
}

/// What happened. Two that are equal, but for the request's id, are of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What kind of thing.
    pub event: Event,
    /// `root`, or the user's name; none if nobody signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The access key's id. Never what somebody presented and is no key's id: it may be a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// What was to be done, as policies write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// To what: an ARN, or `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The encryption context that a key was used with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// As in the answer's `x-request-id` or `x-amzn-RequestId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How often something happened again.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Repeats {
    pub(super) count: u64,
    pub(super) since_ms: u64,
    pub(super) until_ms: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    entry: &'a Entry,
    #[serde(flatten)]
    repeats: Option<Repeats>,
}

impl Entry {
    /// Somebody at an address did not get as far as having a name.
    pub fn nobody(source: Option<IpAddr>, reason: &str) -> Self {
        Self {
            event: Event::Refusal,
            who: None,
            key_id: None,
            action: None,
            resource: None,
            context: BTreeMap::new(),
            allowed: false,
            reason: Some(reason.to_owned()),
            source: source.map(|address| address.to_string()),
            request_id: None,
        }
    }

    pub(super) fn dropped(count: u64) -> Self {
        let reason = format!("{count} lines could not be written");
        Self { event: Event::Dropped, ..Self::nobody(None, &reason) }
    }

    /// The line, with its end.
    pub(super) fn line(&self, now_ms: u64, repeats: Option<Repeats>) -> String {
        let time = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let time = time.map(|time| format!("{time:.3}")).unwrap_or_default();
        let line = serde_json::to_string(&Line { time, entry: self, repeats });
        line.unwrap_or_default() + "\n" // texts and numbers always can be written
    }
}
