//! Who sends a request: digest with an access key or with a token in two parts, Basic where nobody can listen, or a token
//! in the URL.
//!
//! A nonce is a connection's own: what was overheard on one is worth nothing on another, so nothing has to be counted or
//! remembered, and a recording may last for days without signing in anew.

use super::digest::{Algorithm, Presented};
use super::refusal::Refusal;
use super::target::Target;
use crate::app::App;
use crate::auth::{Access, Circumstances, Grant, Identities, Identity, Token, still_good};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rtsp_types::Request;
use rtsp_types::headers::AUTHORIZATION;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

const REALM: &str = "kinetoscope";
const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// Who it is, and with which token if not with the key itself.
type Signed = (Identity, Option<Token>);

/// A connection's part in signing in.
pub(super) struct SignIn {
    nonce: String,
    /// Passwords may be sent as they are.
    private: bool,
    circumstances: Circumstances,
}

/// Why a request is not let through.
#[derive(Debug)]
pub(super) enum Unsigned {
    /// Nothing was presented: the usual first step.
    Nothing,
    /// What was presented is right, but made for another connection: the client may try again with the new nonce.
    Stale,
    /// What was presented is wrong.
    Wrong(Refusal),
}

impl SignIn {
    /// For a connection from `source`.
    pub(super) fn new(app: &App, source: IpAddr, secure: bool) -> Self {
        let mut random = [0; 16];
        app.env.random.fill(&mut random);
        Self {
            nonce: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            private: secure || source.is_loopback(),
            circumstances: Circumstances { source: Some(source), secure, ..Circumstances::default() },
        }
    }

    /// What a client is asked for. The weaker comes later: clients that know several take the first as they should, and
    /// those that forget what they read before take the last, which all of them know. Values of WWW-Authenticate.
    pub(super) fn challenges(&self, stale: bool) -> [String; 2] {
        let digest = |algorithm: Algorithm| {
            let stale = if stale { ", stale=true" } else { "" };
            format!(
                "Digest realm=\"{REALM}\", nonce=\"{}\", algorithm={}, qop=\"auth\"{stale}",
                self.nonce,
                algorithm.name()
            )
        };
        [digest(Algorithm::Sha256), digest(Algorithm::Md5)]
    }

    /// Who sends `request`.
    pub(super) fn check(
        &self,
        app: &App,
        request: &Request<Vec<u8>>,
        target: &Target,
    ) -> Result<Access, Unsigned> {
        let (identity, token) = self.identify(app, request, target)?;
        Ok(Access { identity, token, circumstances: self.circumstances.clone() })
    }

    fn identify(&self, app: &App, request: &Request<Vec<u8>>, target: &Target) -> Result<Signed, Unsigned> {
        let Some(header) = request.header(&AUTHORIZATION) else {
            let Some(token) = &target.token else { return Err(Unsigned::Nothing) };
            let verify =
                |bytes: &[u8], mac: &[u8]| app.vault.verify_mac(Identities::TOKEN_PURPOSE, bytes, mac);
            return token_access(app, Grant::open(token, verify));
        };
        let header = Some(header.as_str()).filter(|header| header.len() <= AUTHORIZATION_BYTES_MAX);
        let (scheme, value) = header.and_then(|header| header.split_once(' ')).ok_or_else(unreadable)?;
        if scheme.eq_ignore_ascii_case("digest") {
            let presented = Presented::parse(value).ok_or_else(unreadable)?;
            self.digest(app, request, target, &presented)
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.basic(app, value)
        } else {
            Err(unreadable())
        }
    }

    fn digest(
        &self,
        app: &App,
        request: &Request<Vec<u8>>,
        target: &Target,
        presented: &Presented,
    ) -> Result<Signed, Unsigned> {
        // Clients sign the URL of the track, of the stream or the path alone, as they please; the stream must be the one.
        if Target::of_text(&presented.uri).stream != target.stream {
            return Err(wrong("the sign-in is for another URL"));
        }
        if presented.realm != REALM {
            return Err(wrong("the sign-in is for another realm"));
        }
        let method: &str = request.method().into();
        let access = identify(app, &presented.username, |password| presented.proves(method, password))?;
        if presented.nonce.as_bytes().ct_eq(self.nonce.as_bytes()).into() {
            Ok(access)
        } else {
            Err(Unsigned::Stale)
        }
    }

    fn basic(&self, app: &App, value: &str) -> Result<Signed, Unsigned> {
        if !self.private {
            return Err(wrong("passwords are not taken in the clear: sign in with Digest, or use rtsps://"));
        }
        let pair = STANDARD.decode(value.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
        let (username, given) =
            pair.as_deref().and_then(|pair| pair.split_once(':')).ok_or_else(unreadable)?;
        identify(app, username, |password| password.as_bytes().ct_eq(given.as_bytes()).into())
    }
}

/// Whoever has this name and `proves` to know the password that belongs to it.
fn identify(app: &App, username: &str, proves: impl Fn(&str) -> bool) -> Result<Signed, Unsigned> {
    let mac = |bytes: &[u8]| app.vault.mac(Identities::TOKEN_PURPOSE, bytes);
    if let Some((grant, password)) = Grant::open_username(username, mac) {
        return token_access(app, proves(&password).then_some(grant));
    }
    let identity = app.keys.prove(username, proves);
    Ok((identity.ok_or_else(|| wrong("unknown access key id or wrong secret"))?, None))
}

fn token_access(app: &App, grant: Option<Grant>) -> Result<Signed, Unsigned> {
    let (grant, identity) = still_good(app, grant).map_err(|(_, message)| wrong(message))?;
    Ok((identity, Some(Token { grant, in_query: None })))
}

fn unreadable() -> Unsigned {
    wrong("the sign-in cannot be read")
}

fn wrong(reason: &str) -> Unsigned {
    Unsigned::Wrong(Refusal::new(401, reason))
}
