//! Which root key opens the keystore.

use std::path::Path;
use vault::RootSource;

const PASSPHRASE: &str = "KINETOSCOPE_ROOT_PASSPHRASE";
const SECRET: &str = "KINETOSCOPE_ROOT_KEY";

/// More than one root key is given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("give one root key: {first} or {second}, not both")]
pub struct TooManyRoots {
    first: &'static str,
    second: &'static str,
}

/// The root key that settings and environment name; `root.key` in the data directory when they name none. `create`: a
/// key file that is not there is made, unless there is a keystore already.
pub fn source(
    key_file: Option<&Path>,
    data: &Path,
    create: bool,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<RootSource, TooManyRoots> {
    let (passphrase, secret) = (environment(PASSPHRASE), environment(SECRET));
    let given = [
        (PASSPHRASE, passphrase.is_some()),
        (SECRET, secret.is_some()),
        ("root_key_file", key_file.is_some()),
    ];
    let mut given = given.into_iter().filter_map(|(name, given)| given.then_some(name));
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        return Err(TooManyRoots { first, second });
    }
    Ok(match (passphrase, secret) {
        (Some(passphrase), _) => RootSource::from_passphrase(passphrase),
        (_, Some(secret)) => RootSource::from_secret(secret),
        _ => RootSource::from_file(key_file.map_or_else(|| data.join("root.key"), Path::to_owned), create),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::RootKind;

    fn kind(root_key_file: Option<&str>, variables: &[&str]) -> Result<RootKind, TooManyRoots> {
        let environment = |name: &str| variables.contains(&name).then(|| "value".to_owned());
        source(root_key_file.map(Path::new), Path::new("/data"), true, environment)
            .map(|source| source.kind())
    }

    #[test]
    fn at_most_one_root_is_given() {
        assert_eq!(kind(None, &[]), Ok(RootKind::File));
        assert_eq!(kind(Some("/k"), &[]), Ok(RootKind::File));
        assert_eq!(kind(None, &[PASSPHRASE]), Ok(RootKind::Passphrase));
        assert_eq!(kind(None, &[SECRET]), Ok(RootKind::Secret));
        assert!(kind(None, &[SECRET, PASSPHRASE]).is_err());
        assert!(kind(Some("/k"), &[SECRET]).is_err());
    }
}
