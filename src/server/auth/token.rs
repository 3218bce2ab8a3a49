//! Tokens: a grant and its MAC, so that checking one needs no storage.
//!
//! In text: `kt_` and the bytes below in base64url without padding.
//!
//! ```text
//! byte  0        version, 1
//!       1..9     valid until, seconds since the Unix epoch, big endian
//!       9        verbs, bit set (see Verb)
//!       10       n = length of the access key id (1..=128)
//!       11..     n bytes: access key that made the token; when it goes, its tokens go with it
//!       ..       u16, big endian: m = length of the stream's name (0: every stream)
//!       ..       m bytes: the stream's name
//!       last 32  HMAC-SHA256 of everything before, under the vault's key for the purpose "token"
//! ```
//!
//! For protocols that sign in with a user's name and prove a password without showing it, the same token comes in two
//! parts: as user name `kt_` and everything but the MAC in base64url, as password the MAC in base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;
const PREFIX: &str = "kt_";
/// Longer texts are no tokens and not worth decoding.
const TEXT_BYTES_MAX: usize = 1024;

/// What a token may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Verb {
    /// See and read: descriptions, timelines, playlists, segments, clips, frames.
    Play = 1,
    /// Push media (and so create the stream it names).
    Ingest = 2,
    /// Create, change and delete streams.
    Manage = 4,
    /// Read `/metrics`.
    Metrics = 8,
    /// Take single frames and sets of them, and nothing else that `Play` allows.
    Frames = 16,
}

/// A set of verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verbs(u8);

impl Verbs {
    /// Whether the set allows `verb`. Who may play may also take frames.
    pub fn allow(self, verb: Verb) -> bool {
        let enough = if verb == Verb::Frames { Verb::Frames as u8 | Verb::Play as u8 } else { verb as u8 };
        self.0 & enough != 0
    }

    /// Whether there is no verb in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<T: IntoIterator<Item = Verb>>(verbs: T) -> Self {
        Self(verbs.into_iter().fold(0, |set, verb| set | verb as u8))
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Valid until then, seconds since the Unix epoch.
    pub until_s: u64,
    /// What is allowed.
    pub verbs: Verbs,
    /// The access key that made the token; at most 128 bytes.
    pub key_id: String,
    /// The only stream it is good for; `None`: every stream. At most 256 bytes.
    pub stream: Option<String>,
}

/// A token as a user's name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserPassword {
    /// What the token says; no secret.
    pub username: String,
    /// Proves it; secret.
    pub password: String,
}

impl Grant {
    /// The token in text. `mac` is the vault's for tokens.
    pub fn sign(&self, mac: impl Fn(&[u8]) -> [u8; MAC_BYTES]) -> String {
        let mut bytes = self.encode();
        let mac = mac(&bytes);
        bytes.extend_from_slice(&mac);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token in two parts. `mac` is the vault's for tokens.
    pub fn sign_in_parts(&self, mac: impl Fn(&[u8]) -> [u8; MAC_BYTES]) -> UserPassword {
        let bytes = self.encode();
        UserPassword {
            username: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes)),
            password: URL_SAFE_NO_PAD.encode(mac(&bytes)),
        }
    }

    /// Reads the part of a token that is a user's name, and says which password belongs to it. Whoever asks must have it
    /// proved before believing the grant. Says nothing about its age.
    pub fn open_username(text: &str, mac: impl Fn(&[u8]) -> [u8; MAC_BYTES]) -> Option<(Self, String)> {
        let bytes = Self::bytes(text)?;
        Some((Self::decode(&bytes)?, URL_SAFE_NO_PAD.encode(mac(&bytes))))
    }

    /// What is signed.
    fn encode(&self) -> Vec<u8> {
        let stream = self.stream.as_deref().unwrap_or_default();
        let (Ok(key_len), Ok(stream_len)) = (u8::try_from(self.key_id.len()), u16::try_from(stream.len()))
        else {
            unreachable!("access key ids and stream names are checked where they enter");
        };
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.until_s.to_be_bytes());
        bytes.push(self.verbs.0);
        bytes.push(key_len);
        bytes.extend_from_slice(self.key_id.as_bytes());
        bytes.extend_from_slice(&stream_len.to_be_bytes());
        bytes.extend_from_slice(stream.as_bytes());
        bytes
    }

    fn bytes(text: &str) -> Option<Vec<u8>> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()
    }

    /// Reads a token whose MAC `verify` accepts. Says nothing about its age. `None` for everything we did not make.
    pub fn open(text: &str, verify: impl Fn(&[u8], &[u8]) -> bool) -> Option<Self> {
        let bytes = Self::bytes(text)?;
        let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        if !verify(signed, mac) {
            return None;
        }
        Self::decode(signed)
    }

    fn decode(signed: &[u8]) -> Option<Self> {
        let (&[version], rest) = signed.split_first_chunk()?;
        if version != VERSION {
            return None;
        }
        let (until, rest) = rest.split_first_chunk()?;
        let (&[verbs, key_len], rest) = rest.split_first_chunk()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(key_len))?;
        let (stream_len, stream) = rest.split_first_chunk()?;
        if stream.len() != usize::from(u16::from_be_bytes(*stream_len)) {
            return None;
        }
        Some(Self {
            until_s: u64::from_be_bytes(*until),
            verbs: Verbs(verbs),
            key_id: String::from_utf8(key_id.to_vec()).ok()?,
            stream: (!stream.is_empty()).then(|| String::from_utf8(stream.to_vec())).transpose().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(bytes: &[u8]) -> [u8; 32] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"test");
        aws_lc_rs::hmac::sign(&key, bytes).as_ref().try_into().unwrap()
    }

    fn verify(bytes: &[u8], tag: &[u8]) -> bool {
        mac(bytes) == tag
    }

    fn grant() -> Grant {
        Grant {
            until_s: 1_769_860_800,
            verbs: [Verb::Play, Verb::Metrics].into_iter().collect(),
            key_id: "KINE0123456789".into(),
            stream: Some("cam-1".into()),
        }
    }

    #[test]
    fn round_trip() {
        for grant in
            [grant(), Grant { stream: None, ..grant() }, Grant { stream: Some("x".repeat(256)), ..grant() }]
        {
            let text = grant.sign(mac);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
            assert_eq!(Grant::open(&text, verify), Some(grant));
        }
    }

    #[test]
    fn the_layout_does_not_change() {
        let text = grant().sign(|_| [0; 32]);
        let bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
        let expected = b"\x01\0\0\0\0\x69\x7d\xee\xc0\x09\x0eKINE0123456789\0\x05cam-1";
        assert_eq!(&bytes[..bytes.len() - 32], expected);
    }

    #[test]
    fn any_changed_or_missing_byte_is_refused() {
        let text = grant().sign(mac);
        let bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(
                Grant::open(&format!("kt_{}", URL_SAFE_NO_PAD.encode(changed)), verify),
                None,
                "byte {at}"
            );
            let cut = &bytes[..at];
            assert_eq!(
                Grant::open(&format!("kt_{}", URL_SAFE_NO_PAD.encode(cut)), verify),
                None,
                "cut at {at}"
            );
        }
        for text in ["", "kt_", "kt_!!!!", &text[3..], &"x".repeat(5000)] {
            assert_eq!(Grant::open(text, verify), None);
        }
    }

    #[test]
    fn in_two_parts_too() {
        let parts = grant().sign_in_parts(mac);
        let (opened, password) = Grant::open_username(&parts.username, mac).unwrap();
        assert_eq!((opened, &password), (grant(), &parts.password));
        let other = Grant { stream: Some("cam-2".into()), ..grant() }.sign_in_parts(mac);
        assert_ne!(other.password, parts.password, "what it says cannot be changed");
        assert_eq!(Grant::open_username("KINE0123456789", mac), None);
        assert_eq!(Grant::open(&parts.username, verify), None, "a name alone is no token");
    }

    #[test]
    fn a_truncated_but_signed_payload_is_refused() {
        let text = grant().sign(|_| [0; 32]);
        let bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
        for len in 0..bytes.len() - 32 {
            let mut cut = bytes[..len].to_vec();
            cut.extend_from_slice(&mac(&bytes[..len]));
            assert_eq!(Grant::open(&format!("kt_{}", URL_SAFE_NO_PAD.encode(cut)), verify), None, "{len}");
        }
    }
}
