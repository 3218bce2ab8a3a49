//! Which root key opens the keystore, and who has it: a file, the environment, or an external KMS.

use crate::aws::root_kms::{BadSettings, RootKms, RootKmsError, Settings};
use shardlog::env::Env;
use std::path::{Path, PathBuf};
use vault::{RootKind, RootSource, StatedRoot, VaultError, stated_root};

const PASSPHRASE: &str = "KINETOSCOPE_ROOT_PASSPHRASE";
const SECRET: &str = "KINETOSCOPE_ROOT_KEY";

/// What settings say of the root key.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// A file with it.
    pub key_file: Option<PathBuf>,
    /// The key of an external KMS that holds it.
    pub kms_key: Option<String>,
    /// Where that KMS is.
    pub kms_endpoint: Option<url::Url>,
    /// The region to sign for there.
    pub kms_region: Option<String>,
}

/// Settings that name no root key that could be asked for.
#[derive(Debug, thiserror::Error)]
pub enum BadRoot {
    /// More than one root key is given.
    #[error("give one root key: {first} or {second}, not both")]
    TooMany {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A setting of a KMS without a key there.
    #[error("{0} is given without root_kms_key, which says which key of the KMS holds the root")]
    NoKey(&'static str),
    /// The external KMS.
    #[error(transparent)]
    Kms(#[from] BadSettings),
}

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The keystore cannot be read, or was made with another kind of root.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The external KMS.
    #[error(transparent)]
    Kms(#[from] RootKmsError),
    /// The process is ending.
    #[error("the server is ending")]
    Ending,
}

/// Where the root key comes from.
pub enum Root {
    /// The machine itself.
    Local(RootSource),
    /// An external KMS.
    Kms(RootKms),
}

impl Root {
    /// The root key that settings and environment name; `root.key` in the data directory when they name none. `create`: a
    /// key file that is not there is made, unless there is a keystore already. Blocks.
    pub fn new(
        given: Given,
        data: &Path,
        create: bool,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadRoot> {
        let (passphrase, secret) = (environment(PASSPHRASE), environment(SECRET));
        let sources = [
            (PASSPHRASE, passphrase.is_some()),
            (SECRET, secret.is_some()),
            ("root_key_file", given.key_file.is_some()),
            ("root_kms_key", given.kms_key.is_some()),
        ];
        let mut sources = sources.into_iter().filter_map(|(name, given)| given.then_some(name));
        if let (Some(first), Some(second)) = (sources.next(), sources.next()) {
            return Err(BadRoot::TooMany { first, second });
        }
        let Given { key_file, kms_key, kms_endpoint: endpoint, kms_region: region } = given;
        if let Some(key) = kms_key {
            return Ok(Self::Kms(RootKms::new(Settings { key, endpoint, region }, environment)?));
        }
        for (name, given) in
            [("root_kms_endpoint", endpoint.is_some()), ("root_kms_region", region.is_some())]
        {
            if given {
                return Err(BadRoot::NoKey(name));
            }
        }
        Ok(Self::Local(match (passphrase, secret) {
            (Some(passphrase), _) => RootSource::from_passphrase(passphrase),
            (_, Some(secret)) => RootSource::from_secret(secret),
            _ => RootSource::from_file(key_file.unwrap_or_else(|| data.join("root.key")), create),
        }))
    }

    /// The external KMS that has it, if one has.
    pub fn kms(&self) -> Option<&RootKms> {
        match self {
            Self::Local(_) => None,
            Self::Kms(kms) => Some(kms),
        }
    }

    /// Gets the root key for the keystore in a directory, or a new one if there is no keystore. May take half a minute when an
    /// external KMS does not answer.
    pub async fn unlock(self, keys: &Path, env: &Env) -> Result<RootSource, RootError> {
        let kms = match self {
            Self::Local(source) => return Ok(source),
            Self::Kms(kms) => kms,
        };
        let dir = keys.to_owned();
        let stated = env.blocking(move || stated_root(&dir)).await.ok_or(RootError::Ending)??;
        Ok(match stated {
            None => kms.create(env).await?,
            Some(StatedRoot { kind: RootKind::Wrapped, wrapped }) => kms.open(&wrapped, env).await?,
            Some(StatedRoot { kind: stored, .. }) => {
                let path = keys.join("keystore");
                return Err(VaultError::OtherRoot { path, stored, given: RootKind::Wrapped }.into());
            }
        })
    }

    /// Gets a new root key, for a keystore that has another one.
    pub async fn fresh(self, env: &Env) -> Result<RootSource, RootError> {
        match self {
            Self::Local(source) => Ok(source),
            Self::Kms(kms) => Ok(kms.create(env).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(given: Given, variables: &[&str]) -> Result<Option<RootKind>, BadRoot> {
        let environment = |name: &str| variables.contains(&name).then(|| "value".to_owned());
        Root::new(given, Path::new("/data"), true, environment).map(|root| match root {
            Root::Local(source) => Some(source.kind()),
            Root::Kms(_) => None,
        })
    }

    #[test]
    fn at_most_one_root_is_given() {
        let file = || Given { key_file: Some("/k".into()), ..Given::default() };
        let endpoint =
            || Given { kms_endpoint: url::Url::parse("http://127.0.0.1:1").ok(), ..Given::default() };
        let kms = || Given {
            kms_key: Some("alias/root".to_owned()),
            kms_region: Some("us-east-1".to_owned()),
            ..endpoint()
        };
        assert_eq!(root(Given::default(), &[]).unwrap(), Some(RootKind::File));
        assert_eq!(root(file(), &[]).unwrap(), Some(RootKind::File));
        assert_eq!(root(Given::default(), &[PASSPHRASE]).unwrap(), Some(RootKind::Passphrase));
        assert_eq!(root(Given::default(), &[SECRET]).unwrap(), Some(RootKind::Secret));
        assert_eq!(root(kms(), &[]).unwrap(), None);
        for (given, variables) in [
            (Given::default(), &[SECRET, PASSPHRASE][..]),
            (file(), &[SECRET]),
            (kms(), &[PASSPHRASE]),
            (Given { key_file: Some("/k".into()), ..kms() }, &[]),
        ] {
            assert!(matches!(root(given, variables), Err(BadRoot::TooMany { .. })));
        }
        assert!(matches!(root(endpoint(), &[]), Err(BadRoot::NoKey("root_kms_endpoint"))));
        let nowhere = Given { kms_region: None, ..kms() };
        assert!(matches!(root(nowhere, &[]), Err(BadRoot::Kms(BadSettings::NoRegion(_)))));
    }
}
