//! What is known of a request beside who makes it, what it does and to what: the keys that conditions may ask for.

use std::collections::HashMap;
use std::net::IpAddr;

/// Keys that are determined for every request: where one has no value, it is known to have none.
const DETERMINED: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:useragent",
    "aws:userid",
    "aws:username",
];

/// The values of a request's keys. Names of keys have no case.
#[derive(Clone, Debug, Default)]
pub struct Context {
    values: HashMap<String, Vec<String>>,
    /// Further keys, or beginnings of keys, that are determined.
    determined: Vec<String>,
}

/// What is known of a key.
pub(super) enum Lookup<'a> {
    /// Its values, at least one.
    Values(&'a [String]),
    /// It has none.
    Absent,
    /// This server does not determine it for this request.
    Unknown,
}

impl Context {
    /// Gives a key its one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    /// Gives a key that may have several values these.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        let key = key.to_ascii_lowercase();
        if values.is_empty() {
            self.values.remove(&key);
        } else {
            self.values.insert(key.clone(), values);
        }
        self.determined.push(key);
    }

    /// Says that everything there is to know about `key` is set. A key that ends in `/` or `:` stands for all that begin so.
    pub fn determine(&mut self, key: &str) {
        self.determined.push(key.to_ascii_lowercase());
    }

    /// The time of the request, in milliseconds since the Unix epoch.
    pub fn set_time(&mut self, now_ms: u64) {
        self.set("aws:EpochTime", (now_ms / 1000).to_string());
        let time = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        if let Some(time) = time {
            self.set("aws:CurrentTime", time.to_string());
        }
    }

    /// Where the request comes from.
    pub fn set_source(&mut self, address: IpAddr, secure: bool) {
        self.set("aws:SourceIp", address.to_canonical().to_string());
        self.set("aws:SecureTransport", secure.to_string());
    }

    /// The tags that a request brings along.
    pub fn set_request_tags<'a>(&mut self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut names = Vec::new();
        for (name, value) in tags {
            self.set(&format!("aws:RequestTag/{name}"), value);
            names.push(name.to_owned());
        }
        self.determine("aws:RequestTag/");
        self.set_all("aws:TagKeys", names);
    }

    /// The tags of the resource.
    pub fn set_resource_tags<'a>(&mut self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in tags {
            self.set(&format!("aws:ResourceTag/{name}"), value);
        }
        self.determine("aws:ResourceTag/");
    }

    /// Looks a key up, given in lower case.
    pub(super) fn get(&self, key: &str) -> Lookup<'_> {
        if let Some(values) = self.values.get(key) {
            return Lookup::Values(values);
        }
        let covers =
            |known: &String| known == key || (known.ends_with(['/', ':']) && key.starts_with(known.as_str()));
        if DETERMINED.contains(&key) || self.determined.iter().any(covers) {
            Lookup::Absent
        } else {
            Lookup::Unknown
        }
    }
}
