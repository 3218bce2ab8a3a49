//! Where a stream's camera is called for: as users give it, as it is kept, as it is shown.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use url::Url;

/// Name of the sealed setting.
const SETTING: &str = "source";
/// Stands for a password that is not shown. Given back to us, it means that the password stays.
const HIDDEN: &str = "***";
/// Longest address in bytes.
const URL_BYTES_MAX: usize = 2048;
/// Longest user name and longest password in bytes.
const CREDENTIAL_BYTES_MAX: usize = 256;

/// How packets are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In the RTSP connection: nothing is lost on the way.
    #[default]
    Tcp,
    /// Beside it.
    Udp,
}

/// A camera that we call for. Kept as JSON in a sealed setting of its stream.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Source {
    /// `rtsp://` or `rtsps://`, without user and password.
    url: Url,
    username: Option<String>,
    password: Option<String>,
    /// How packets are asked for.
    pub transport: Transport,
    /// Whether it is to be recorded.
    pub enabled: bool,
    /// Whether the certificate of an `rtsps://` camera must be one that this machine trusts.
    pub verify_certificate: bool,
}

/// What users give. What is not given stays, as long as the camera's address does, or gets its default.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    url: Option<String>,
    username: Option<String>,
    password: Option<String>,
    transport: Option<Transport>,
    enabled: Option<bool>,
    verify_certificate: Option<bool>,
}

/// A source as users give it: its address alone, or with everything else.
#[derive(Clone)]
pub enum Given {
    /// The address, which may have user and password in it.
    Url(String),
    /// With everything else.
    Wish(Wish),
}

impl<'de> Deserialize<'de> for Given {
    /// By hand: what serde says of an untagged enum tells nobody what is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(url) => Ok(Self::Url(url)),
            other => serde_json::from_value(other).map(Self::Wish).map_err(D::Error::custom),
        }
    }
}

/// Why a source is refused. Says nothing of passwords.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSource {
    /// There is no address.
    #[error("a source needs a url")]
    NoUrl,
    /// Not an address.
    #[error("the source's url cannot be read: {0}")]
    Url(#[from] url::ParseError),
    /// An address of something else.
    #[error("the source's url must begin with rtsp:// or rtsps:// and name a host")]
    NotRtsp,
    /// Too long.
    #[error("the source's {0} is too long")]
    TooLong(&'static str),
    /// The user is named twice, or a password has no user.
    #[error(
        "give user name and password either in the url or beside it, and no password without a user name"
    )]
    Credentials,
}

impl Source {
    /// The source that a stream is kept with, if any.
    pub fn of(settings: &streams::SealedSettings) -> Option<Self> {
        let text = settings.get(SETTING)?;
        let source = serde_json::from_str(text);
        source.inspect_err(|error| tracing::error!(%error, "a stream's source cannot be read")).ok()
    }

    /// The settings with this source, or with none.
    pub fn put(source: Option<&Self>, settings: streams::SealedSettings) -> streams::SealedSettings {
        match source.and_then(|source| serde_json::to_string(source).ok()) {
            Some(text) => settings.with(SETTING, text),
            None => settings.without(SETTING),
        }
    }

    /// What users give, laid over the source that there is.
    pub fn read(given: Given, old: Option<&Self>) -> Result<Self, BadSource> {
        let (wish, old_fields) = match given {
            // An address alone says everything.
            Given::Url(url) => (Wish { url: Some(url), ..Wish::default() }, None),
            Given::Wish(wish) => (wish, old),
        };
        let (url, in_url) = match &wish.url {
            Some(url) => split(url)?,
            None => (old_fields.ok_or(BadSource::NoUrl)?.url.clone(), (None, None)),
        };
        // Passwords are for one place only.
        let same_place = |old: &&Self| {
            (old.url.scheme(), old.url.host(), old.url.port()) == (url.scheme(), url.host(), url.port())
        };
        let (old, old_fields) = (old.filter(same_place), old_fields.filter(same_place));
        if in_url.0.is_some() && wish.username.is_some() || in_url.1.is_some() && wish.password.is_some() {
            return Err(BadSource::Credentials);
        }
        let kept = |field: fn(&Self) -> Option<String>| old_fields.and_then(field);
        let username = wish.username.or(in_url.0);
        let new_user = username.is_some();
        let username = match username {
            // Nobody: what is empty has been said, too.
            Some(username) => Some(username).filter(|username| !username.is_empty()),
            None => kept(|old| old.username.clone()),
        };
        let password = match wish.password.or(in_url.1) {
            Some(hidden) if hidden == HIDDEN => {
                old.filter(|old| old.username == username).and_then(|old| old.password.clone())
            }
            Some(password) => Some(password).filter(|password| !password.is_empty()),
            None if new_user => {
                old_fields.filter(|old| old.username == username).and_then(|old| old.password.clone())
            }
            None => kept(|old| old.password.clone()),
        };
        if password.is_some() && username.is_none() {
            return Err(BadSource::Credentials);
        }
        for (name, value) in [("user name", &username), ("password", &password)] {
            if value.as_ref().is_some_and(|value| value.len() > CREDENTIAL_BYTES_MAX) {
                return Err(BadSource::TooLong(name));
            }
        }
        Ok(Self {
            url,
            username,
            password,
            transport: wish.transport.or(old_fields.map(|old| old.transport)).unwrap_or_default(),
            enabled: wish.enabled.or(old_fields.map(|old| old.enabled)).unwrap_or(true),
            verify_certificate: wish
                .verify_certificate
                .or(old_fields.map(|old| old.verify_certificate))
                .unwrap_or(true),
        })
    }

    /// The address, without user and password.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// User and password, the latter empty if there is none.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        let password = self.password.as_deref().unwrap_or_default();
        self.username.as_deref().map(|username| (username, password))
    }

    /// Whether it is reached over TLS.
    pub(super) fn tls(&self) -> bool {
        self.url.scheme() == "rtsps"
    }

    /// Host and port, for people.
    pub(super) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        format!("{host}:{}", self.url.port().unwrap_or(if self.tls() { 322 } else { 554 }))
    }

    /// The address as it may be shown: with the user, without the password.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        // Only addresses without a host take neither, and those are refused.
        let _ = self.username.as_deref().map(|username| url.set_username(username));
        let _ = self.password.as_ref().map(|_| url.set_password(Some(HIDDEN)));
        url.into()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.shown()).finish()
    }
}

/// What stands before the `@` of an address.
type UserAndPassword = (Option<String>, Option<String>);

/// Takes user and password out of an address.
fn split(text: &str) -> Result<(Url, UserAndPassword), BadSource> {
    if text.len() > URL_BYTES_MAX {
        return Err(BadSource::TooLong("url"));
    }
    let mut url = Url::parse(text.trim())?;
    if !matches!(url.scheme(), "rtsp" | "rtsps") || url.host_str().is_none_or(str::is_empty) {
        return Err(BadSource::NotRtsp);
    }
    let username = Some(decoded(url.username())).filter(|username| !username.is_empty());
    let password = url.password().map(decoded);
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| BadSource::NotRtsp)?;
    url.set_fragment(None);
    Ok((url, (username, password)))
}

/// Undoes percent-encoding. What then is not UTF-8 is replaced, and will not be let in.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: serde_json::Value) -> Given {
        serde_json::from_value(json).unwrap()
    }

    fn read(json: serde_json::Value, old: Option<&Source>) -> Result<Source, BadSource> {
        Source::read(given(json), old)
    }

    #[test]
    fn an_address_is_enough() {
        let source = read("rtsp://u%40x:p%2Fw@cam:8554/live?channel=1#x".into(), None).unwrap();
        assert_eq!(source.url().as_str(), "rtsp://cam:8554/live?channel=1");
        assert_eq!(source.credentials(), Some(("u@x", "p/w")));
        assert_eq!(source.shown(), "rtsp://u%40x:***@cam:8554/live?channel=1");
        assert_eq!(format!("{source:?}"), format!("Source({:?})", source.shown()), "no password in logs");
        assert!(source.enabled && source.verify_certificate && source.transport == Transport::Tcp);
        let plain = read("rtsps://[::1]/x".into(), None).unwrap();
        assert_eq!(
            (plain.shown().as_str(), plain.tls(), plain.credentials()),
            ("rtsps://[::1]/x", true, None)
        );
    }

    #[test]
    fn what_is_not_said_stays_as_long_as_the_place_does() {
        let old = read(
            serde_json::json!({"url": "rtsp://cam/1", "username": "u", "password": "p", "transport": "udp"}),
            None,
        );
        let old = old.unwrap();
        let changed = read(serde_json::json!({"enabled": false}), Some(&old)).unwrap();
        assert_eq!(changed, Source { enabled: false, ..old.clone() });
        let moved = read(serde_json::json!({"url": "rtsp://cam/2"}), Some(&old)).unwrap();
        assert_eq!((moved.credentials(), moved.transport), (Some(("u", "p")), Transport::Udp));
        let shown = read(old.shown().into(), Some(&old)).unwrap();
        assert_eq!(shown.credentials(), Some(("u", "p")), "what is shown can be given back");
        // A password is not given to another host, nor to another user.
        let elsewhere = read("rtsp://u:***@elsewhere/".into(), Some(&old)).unwrap();
        assert_eq!(elsewhere.credentials(), Some(("u", "")));
        let elsewhere = read(serde_json::json!({"url": "rtsp://elsewhere/"}), Some(&old)).unwrap();
        assert_eq!(elsewhere.credentials(), None);
        let other = read("rtsp://v:***@cam/1".into(), Some(&old)).unwrap();
        assert_eq!(other.credentials(), Some(("v", "")));
        let nobody = read(serde_json::json!({"username": ""}), Some(&old)).unwrap();
        assert_eq!(nobody.credentials(), None);
    }

    #[test]
    fn it_survives_being_kept() {
        let source = read("rtsp://u:p@cam/".into(), None).unwrap();
        let settings = Source::put(Some(&source), streams::SealedSettings::default());
        assert_eq!(Source::of(&settings), Some(source));
        assert_eq!(Source::of(&Source::put(None, settings)), None);
    }

    #[test]
    fn what_cannot_be_called_for_is_refused() {
        for url in ["", "cam", "http://cam/", "rtsp:///x", "rtsp://", "file:///etc/passwd"] {
            assert!(read(url.into(), None).is_err(), "{url}");
        }
        let long = |len| read(format!("rtsp://cam/{}", "x".repeat(len)).into(), None);
        assert!(long(2000).is_ok() && long(3000).is_err());
        let refused = [
            serde_json::json!({}),
            serde_json::json!({"url": "rtsp://cam/", "password": "p"}),
            serde_json::json!({"url": "rtsp://u:p@cam/", "password": "p"}),
            serde_json::json!({"url": "rtsp://cam/", "username": "u".repeat(300)}),
        ];
        for json in refused {
            assert!(read(json.clone(), None).is_err(), "{json}");
        }
    }
}
