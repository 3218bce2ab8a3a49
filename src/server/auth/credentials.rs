//! The credentials file, in the format that AWS clients share.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Most bytes of a credentials file.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// An access key id and its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Not secret.
    pub key_id: String,
    /// Secret.
    pub secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Writes the file, mode 0600, durable on return; an older one is replaced whole. Blocks.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let Self { key_id, secret } = self;
        writeln!(file, "[default]\naws_access_key_id={key_id}\naws_secret_access_key={secret}")?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        match path.parent() {
            // A bare name lies in the current folder.
            Some(dir) if dir.as_os_str().is_empty() => std::fs::File::open(".")?.sync_all(),
            Some(dir) => std::fs::File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Reads the `[default]` section of a file. Blocks.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::parse(&read_profiles(path)?).ok_or_else(|| {
            io::Error::other("no [default] section with aws_access_key_id and aws_secret_access_key")
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name| profile_value(text, "default", name).map(str::to_owned);
        Some(Self { key_id: value("aws_access_key_id")?, secret: value("aws_secret_access_key")? })
    }
}

/// The text of such a file. Blocks.
pub(crate) fn read_profiles(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("too large for a credentials file"));
    }
    std::fs::read_to_string(path)
}

/// A value in a section of such a file; the last one if there are several.
pub(crate) fn profile_value<'a>(text: &'a str, profile: &str, name: &str) -> Option<&'a str> {
    let (mut inside, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.strip_suffix(']').is_some_and(|section| section.trim() == profile);
        } else if let (true, Some((key, value))) = (inside, line.split_once('='))
            && key.trim() == name
        {
            found = Some(value.trim());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_private_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials");
        for secret in ["first", "sec=ret/+="] {
            let credentials = Credentials { key_id: "KINE".into(), secret: secret.into() };
            credentials.write(&path).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(Credentials::read(&path).unwrap(), credentials);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn only_the_default_section_counts() {
        let text = "[other]\naws_access_key_id=a\naws_secret_access_key=b\n[default]\n# c\naws_access_key_id = d\naws_secret_access_key = e\nregion=x\n";
        assert_eq!(Credentials::parse(text), Some(Credentials { key_id: "d".into(), secret: "e".into() }));
        assert_eq!(Credentials::parse("[other]\naws_access_key_id=a\naws_secret_access_key=b"), None);
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let credentials = Credentials { key_id: "id".into(), secret: "hush".into() };
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
