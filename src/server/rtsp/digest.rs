//! Digest access authentication (RFC 7616, and RFC 2069 for clients that know no better): the arithmetic.
//!
//! ```text
//! response = H(HA1 : nonce : nc : cnonce : qop : HA2)     with qop=auth
//! response = H(HA1 : nonce : HA2)                         without qop
//! HA1 = H(username : realm : password)    HA2 = H(method : uri)    H in lower-case hexadecimal
//! ```

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// Hash functions that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    /// As it stands in headers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// In hexadecimal, of the parts with colons between them.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => {
                hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a client presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    algorithm: Algorithm,
    response: String,
    /// nc and cnonce, when the client speaks RFC 7616.
    counted: Option<(String, String)>,
}

impl Presented {
    /// Reads what stands behind `Digest ` in an Authorization header. `None` for what is incomplete or was not offered.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = Fields::default();
        for (name, value) in Parameters(text) {
            fields.set(name, value?)?;
        }
        let algorithm = match fields.algorithm.as_deref() {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("MD5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let counted = match fields.qop.as_deref() {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some((fields.nc?, fields.cnonce?)),
            Some(_) => return None,
        };
        Some(Self {
            username: fields.username?,
            realm: fields.realm?,
            nonce: fields.nonce?,
            uri: fields.uri?,
            response: fields.response?,
            algorithm,
            counted,
        })
    }

    /// Whether it was made with `password`. Takes as long for a wrong one as for the right one.
    pub(super) fn proves(&self, method: &str, password: &str) -> bool {
        let hash = |parts: &[&str]| self.algorithm.hash(parts);
        let ha1 = hash(&[&self.username, &self.realm, password]);
        let ha2 = hash(&[method, &self.uri]);
        let expected = match &self.counted {
            Some((nc, cnonce)) => hash(&[&ha1, &self.nonce, nc, cnonce, "auth", &ha2]),
            None => hash(&[&ha1, &self.nonce, &ha2]),
        };
        expected.as_bytes().ct_eq(self.response.to_ascii_lowercase().as_bytes()).into()
    }
}

#[derive(Default)]
struct Fields {
    username: Option<String>,
    realm: Option<String>,
    nonce: Option<String>,
    uri: Option<String>,
    response: Option<String>,
    algorithm: Option<String>,
    qop: Option<String>,
    nc: Option<String>,
    cnonce: Option<String>,
}

impl Fields {
    /// `None` for what is said twice.
    fn set(&mut self, name: &str, value: String) -> Option<()> {
        let field = match name.to_ascii_lowercase().as_str() {
            "username" => &mut self.username,
            "realm" => &mut self.realm,
            "nonce" => &mut self.nonce,
            "uri" => &mut self.uri,
            "response" => &mut self.response,
            "algorithm" => &mut self.algorithm,
            "qop" => &mut self.qop,
            "nc" => &mut self.nc,
            "cnonce" => &mut self.cnonce,
            _ => return Some(()),
        };
        field.replace(value).is_none().then_some(())
    }
}

/// `name=value, name="value", …`; a value is `None` where it cannot be read, and is the last then.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, Option<String>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([' ', '\t', ',']);
        self.0 = "";
        if text.is_empty() {
            return None;
        }
        let Some((name, rest)) = text.split_once('=') else { return Some((text, None)) };
        let (name, rest) = (name.trim(), rest.trim_start());
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            self.0 = &rest[end..];
            let value = Some(rest[..end].trim()).filter(|value| !value.is_empty());
            return Some((name, value.map(str::to_owned)));
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some((name, Some(value)));
                }
                '\\' => value.push(characters.next().map_or('\\', |(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        Some((name, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 7616, section 3.9.1; the MD5 one is RFC 2617's too, under another cnonce.
    fn rfc_7616(algorithm: &str, response: &str) -> String {
        format!(
            "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    }

    const MD5: &str = "8ca523f5e9506fed4657c9700eebdbec";
    const SHA_256: &str = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";

    #[test]
    fn the_vectors_of_the_standard() {
        for (algorithm, response) in [("MD5", MD5), ("SHA-256", SHA_256)] {
            let presented = Presented::parse(&rfc_7616(algorithm, response)).unwrap();
            assert_eq!(presented.algorithm.name(), algorithm);
            assert!(presented.proves("GET", "Circle of Life"));
            assert!(!presented.proves("GET", "Circle of life"));
            assert!(!presented.proves("PUT", "Circle of Life"));
        }
        // RFC 2617, section 3.5.
        let presented = Presented::parse(
            "username=\"Mufasa\",realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",\
             uri=\"/dir/index.html\",qop=auth,nc=00000001,cnonce=\"0a4f113b\",\
             response=\"6629fae49393a05397450978507c4ef1\",opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        );
        assert!(presented.unwrap().proves("GET", "Circle Of Life"));
    }

    #[test]
    fn without_qop_as_old_clients_do() {
        // RFC 2069, section 2.4, as corrected by its erratum 749.
        let presented = Presented::parse(
            "username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
             uri=\"/dir/index.html\", response=\"1949323746fe6a43ef61f9606e7febea\"",
        );
        assert!(presented.unwrap().proves("GET", "CircleOfLife"));
    }

    #[test]
    fn what_was_not_offered_or_is_cut_is_not_read() {
        let good = rfc_7616("MD5", MD5);
        for (from, to) in [
            ("algorithm=MD5", "algorithm=MD5-sess"),
            ("qop=auth", "qop=auth-int"),
            ("nc=00000001, ", ""),
            ("nonce=\"", "nonsense=\""),
            ("qop=auth", "qop=auth, username=\"Scar\""),
        ] {
            assert!(good.contains(from));
            assert_eq!(Presented::parse(&good.replacen(from, to, 1)), None, "{to}");
        }
        let response_ends = good.find(", opaque").unwrap();
        for len in 0..response_ends - 1 {
            assert_eq!(Presented::parse(&good[..len]), None, "cut at {len}");
        }
    }

    #[test]
    fn quotes_may_be_escaped() {
        let text = r#"username="a \"b\" \\c", realm=r , nonce=n,uri="/x,y", response=0"#;
        let presented = Presented::parse(text).unwrap();
        assert_eq!((presented.username.as_str(), presented.uri.as_str()), (r#"a "b" \c"#, "/x,y"));
        assert_eq!(presented.realm, "r");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = Presented::parse(&text);
            let _ = Presented::parse(&format!("username=\"{text}\", realm={text}"));
        }
    }
}
