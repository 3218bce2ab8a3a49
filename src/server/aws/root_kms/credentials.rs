//! Whom the KMS knows us as: the access key of the usual environment variables, or of the shared credentials file.

use crate::auth::{profile_value, read_profiles};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the access key is found.
pub(super) enum Keyring {
    /// In the environment.
    Given(AccessKey),
    /// In a file, which may change: temporary access keys are replaced there.
    File { path: PathBuf, profile: String },
}

/// An access key, perhaps a temporary one.
#[derive(Clone)]
pub(super) struct AccessKey {
    pub(super) id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) session_token: Option<String>,
}

impl Keyring {
    /// As the environment says: an access key, or a file and a profile in it.
    pub(super) fn new(environment: &impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            let session_token = variable("AWS_SESSION_TOKEN");
            return Self::Given(AccessKey { id, secret: Zeroizing::new(secret), session_token });
        }
        let path = variable("AWS_SHARED_CREDENTIALS_FILE")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(variable("HOME").unwrap_or_default()).join(".aws/credentials"));
        Self::File { path, profile: variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()) }
    }

    /// The access key as it stands now, or what is wrong. Blocks.
    pub(super) fn read(&self) -> Result<AccessKey, String> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::File { path, profile } => read(path, profile).map_err(|why| {
                format!(
                    "{why}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE"
                )
            }),
        }
    }
}

fn read(path: &Path, profile: &str) -> Result<AccessKey, String> {
    let text =
        read_profiles(path).map(Zeroizing::new).map_err(|error| format!("{}: {error}", path.display()))?;
    let value = |name| profile_value(&text, profile, name).filter(|value| !value.is_empty());
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(AccessKey {
            id: id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            session_token: value("aws_session_token").map(str::to_owned),
        }),
        _ => Err(format!("{} has no access key for the profile {profile:?}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[default]\naws_access_key_id=A\naws_secret_access_key=a\n[other]\naws_access_key_id = B\n\
                    aws_secret_access_key = b\naws_session_token = t==\n";
        std::fs::write(file.path(), text).unwrap();
        let path = file.path().to_str().unwrap();
        let read = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            Keyring::new(&find).read().map(|key| (key.id, key.secret.to_string(), key.session_token))
        };
        let key = |id: &str, secret: &str, token: Option<&str>| {
            (id.to_owned(), secret.to_owned(), token.map(str::to_owned))
        };
        let of_file = ("AWS_SHARED_CREDENTIALS_FILE", path);
        assert_eq!(read(&[of_file]), Ok(key("A", "a", None)));
        assert_eq!(read(&[of_file, ("AWS_PROFILE", "other")]), Ok(key("B", "b", Some("t=="))));
        let given =
            [("AWS_ACCESS_KEY_ID", "C"), ("AWS_SECRET_ACCESS_KEY", "c"), ("AWS_SESSION_TOKEN", ""), of_file];
        assert_eq!(read(&given), Ok(key("C", "c", None)));
        let why = read(&[of_file, ("AWS_PROFILE", "third")]).unwrap_err();
        assert!(why.contains("\"third\""), "{why}");
        assert!(read(&[("HOME", "/nowhere")]).unwrap_err().starts_with("/nowhere/.aws/credentials: "));
    }
}
