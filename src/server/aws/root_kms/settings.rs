//! Which KMS, and which key there.

use url::{Host, Url};

/// What the operator says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The key: its id, its ARN, or an alias.
    pub key: String,
    /// Where the KMS is, if it is not that of AWS in the region.
    pub endpoint: Option<Url>,
    /// The region to sign for, if the key is no ARN that says it.
    pub region: Option<String>,
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// Neither given nor to be seen from the key.
    #[error("root_kms_region is needed, because root_kms_key = {0:?} is no ARN that names one")]
    NoRegion(String),
    /// Not http, or not https.
    #[error(
        "root_kms_endpoint = {0} must be an https:// URL without a path (or http:// on a loopback address)"
    )]
    Endpoint(Url),
    /// The root key would cross the network in the clear.
    #[error(
        "root_kms_endpoint = {0} is plain HTTP, which is for loopback addresses alone: the root key would cross the network in the clear"
    )]
    InTheClear(Url),
    /// No certificates to trust.
    #[error(
        "the certificates that the KMS's is checked against (AWS_CA_BUNDLE or SSL_CERT_FILE names others): {0}"
    )]
    Certificates(#[from] crate::http::TlsError),
}

impl Settings {
    /// The region to sign for.
    pub(super) fn region(&self) -> Result<String, BadSettings> {
        let from_key =
            || self.key.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty());
        let region = self.region.as_deref().or_else(from_key);
        region.map(str::to_owned).ok_or_else(|| BadSettings::NoRegion(self.key.clone()))
    }

    /// Where to ask.
    pub(super) fn endpoint(&self, region: &str) -> Result<Url, BadSettings> {
        let Some(given) = &self.endpoint else {
            let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
            let usual = format!("https://kms.{region}.amazonaws.com{suffix}");
            return Url::parse(&usual).map_err(|_| BadSettings::NoRegion(self.key.clone()));
        };
        let bare = given.has_host()
            && given.path() == "/"
            && given.query().is_none()
            && given.username().is_empty()
            && given.password().is_none();
        match given.scheme() {
            "https" if bare => Ok(given.clone()),
            "http" if bare && !is_loopback(given) => Err(BadSettings::InTheClear(given.clone())),
            "http" if bare => Ok(given.clone()),
            _ => Err(BadSettings::Endpoint(given.clone())),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(key: &str, endpoint: Option<&str>, region: Option<&str>) -> Settings {
        let endpoint = endpoint.map(|text| Url::parse(text).unwrap());
        Settings { key: key.to_owned(), endpoint, region: region.map(str::to_owned) }
    }

    #[test]
    fn the_region_comes_from_the_key_unless_it_is_given() {
        const ARN: &str = "arn:aws:kms:eu-west-1:1234:key/a";
        assert_eq!(settings(ARN, None, None).region().unwrap(), "eu-west-1");
        assert_eq!(settings(ARN, None, Some("mars-1")).region().unwrap(), "mars-1");
        for key in ["alias/a", "1234", "arn:aws:kms::1:key/a", "arn:"] {
            assert!(matches!(settings(key, None, None).region(), Err(BadSettings::NoRegion(_))), "{key}");
        }
        let endpoint = |region| settings("k", None, None).endpoint(region).unwrap().to_string();
        assert_eq!(endpoint("eu-west-1"), "https://kms.eu-west-1.amazonaws.com/");
        assert_eq!(endpoint("cn-north-1"), "https://kms.cn-north-1.amazonaws.com.cn/");
    }

    #[test]
    fn endpoints_are_encrypted_or_here() {
        let endpoint = |text| settings("k", Some(text), None).endpoint("r").map(|url| url.to_string());
        for good in ["https://kms.example", "http://127.0.0.1:9/", "http://[::1]:9", "http://localhost:9"] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for clear in
            ["http://kms.example", "http://192.0.2.1", "http://localhost.example", "http://[2001:db8::1]"]
        {
            assert!(matches!(endpoint(clear), Err(BadSettings::InTheClear(_))), "{clear}");
        }
        for strange in ["ftp://kms", "https://kms/path", "https://a:b@kms", "https://kms?q", "unix:/run/kms"]
        {
            assert!(matches!(endpoint(strange), Err(BadSettings::Endpoint(_))), "{strange}");
        }
    }
}
