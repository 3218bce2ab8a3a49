//! The root key: what everything else is sealed under, and the one thing to keep safe apart from the data.
//!
//! | source     | root key                                                                       |
//! |------------|--------------------------------------------------------------------------------|
//! | file       | 32 random bytes in a file that only its owner may read                         |
//! | passphrase | Argon2id; salt and cost are kept in the keystore file                          |
//! | secret     | HKDF-SHA256 of the bytes, salt empty, info "kinetoscope vault root secret 1"   |
//! | wrapped    | 32 random bytes that somebody else (a KMS) keeps wrapped; the keystore file carries the wrapping |
//!
//! The root key file is a line of text, so that it can be printed and typed in again:
//!
//! ```text
//! kinetoscope-root-key-1:<64 hexadecimal digits>\n
//! ```

use super::durable;
use crate::secret::{SECRET_BYTES, Secret};
use crate::{Entropy, VaultError};
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) const SALT_BYTES: usize = 16;

/// Most bytes of a wrapped root key.
pub const WRAPPED_ROOT_BYTES_MAX: usize = 16 << 10;

const FILE_PREFIX: &str = "kinetoscope-root-key-1:";
const FILE_BYTES_MAX: usize = 4096;
const PASSPHRASE_BYTES: std::ops::RangeInclusive<usize> = 12..=1024;
const SECRET_SOURCE_BYTES: std::ops::RangeInclusive<usize> = 32..=1024;
const SECRET_PURPOSE: &[u8] = b"kinetoscope vault root secret 1";

/// Where the root key comes from.
pub struct RootSource(Source);

enum Source {
    File { path: PathBuf, create: bool },
    Passphrase(Zeroizing<String>),
    Secret(Zeroizing<String>),
    Wrapped { key: Secret, wrapped: Vec<u8> },
}

/// The kind of a [`RootSource`]. A keystore keeps the kind it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RootKind {
    /// A file.
    File = 1,
    /// A passphrase.
    Passphrase = 2,
    /// A secret, as from an environment variable.
    Secret = 3,
    /// A key that somebody else wrapped, and unwraps.
    Wrapped = 4,
}

impl RootKind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let kinds = [Self::File, Self::Passphrase, Self::Secret, Self::Wrapped];
        kinds.into_iter().find(|kind| *kind as u8 == byte)
    }
}

impl fmt::Display for RootKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "a key file",
            Self::Passphrase => "a passphrase",
            Self::Secret => "a secret",
            Self::Wrapped => "a key that an external KMS wrapped",
        })
    }
}

/// What turning a passphrase into a key costs.
#[derive(Clone, Copy)]
pub(super) struct PassphraseCost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

/// Of RFC 9106's two recommendations the one for less memory: 64 MiB, three passes, four lanes.
const COST: PassphraseCost = PassphraseCost { memory_kib: 64 << 10, passes: 3, lanes: 4 };
/// The most that a keystore file may ask for.
const COST_MAX: PassphraseCost = PassphraseCost { memory_kib: 1 << 20, passes: 16, lanes: 16 };

/// A root key, and what the keystore file remembers of how it came about.
pub(super) struct Root {
    pub(super) key: Secret,
    pub(super) kind: RootKind,
    pub(super) salt: [u8; SALT_BYTES],
    /// Of a passphrase only.
    pub(super) cost: Option<PassphraseCost>,
    /// The key in the wrapping that its keeper gave it; empty for other kinds.
    pub(super) wrapped: Vec<u8>,
}

impl RootSource {
    /// A file, which group and others must have no access to. With `create`, it is made if neither it nor the keystore
    /// is there yet.
    pub fn from_file(path: impl Into<PathBuf>, create: bool) -> Self {
        Self(Source::File { path: path.into(), create })
    }

    /// A passphrase of 12 to 1024 bytes. Opening then takes 64 MiB of memory and a moment.
    pub fn from_passphrase(passphrase: impl Into<String>) -> Self {
        Self(Source::Passphrase(Zeroizing::new(passphrase.into())))
    }

    /// 32 to 1024 random bytes in hexadecimal or base64 (either alphabet), as from an environment variable.
    pub fn from_secret(text: impl Into<String>) -> Self {
        Self(Source::Secret(Zeroizing::new(text.into())))
    }

    /// A key of 32 bytes that somebody else keeps: it was made there, or unwrapped from what [`stated_root`](crate::stated_root)
    /// gave. The keystore file carries `wrapped`, of 1 to [`WRAPPED_ROOT_BYTES_MAX`] bytes, from then on. `None` if either has
    /// another length.
    pub fn from_wrapped(key: &[u8], wrapped: Vec<u8>) -> Option<Self> {
        let key = Secret::from_slice(key)?;
        (1..=WRAPPED_ROOT_BYTES_MAX)
            .contains(&wrapped.len())
            .then_some(Self(Source::Wrapped { key, wrapped }))
    }

    /// The kind of this source.
    pub fn kind(&self) -> RootKind {
        match self.0 {
            Source::File { .. } => RootKind::File,
            Source::Passphrase(_) => RootKind::Passphrase,
            Source::Secret(_) => RootKind::Secret,
            Source::Wrapped { .. } => RootKind::Wrapped,
        }
    }

    /// The root key for a keystore that is to be made.
    pub(super) fn new_root(&self, entropy: &dyn Entropy) -> Result<Root, VaultError> {
        if let Source::File { path, create: true } = &self.0 {
            make_file_unless_there(path, entropy)?;
        }
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        self.root(salt, COST)
    }

    /// The root key of a keystore that is there; `None` if it asks for an absurd amount of work.
    pub(super) fn existing_root(
        &self,
        salt: [u8; SALT_BYTES],
        cost: PassphraseCost,
    ) -> Result<Option<Root>, VaultError> {
        let absurd = cost.memory_kib > COST_MAX.memory_kib
            || cost.passes > COST_MAX.passes
            || cost.lanes > COST_MAX.lanes;
        if absurd { Ok(None) } else { self.root(salt, cost).map(Some) }
    }

    fn root(&self, salt: [u8; SALT_BYTES], cost: PassphraseCost) -> Result<Root, VaultError> {
        let root = |key, cost| Root { key, kind: self.kind(), salt, cost, wrapped: Vec::new() };
        Ok(match &self.0 {
            Source::File { path, .. } => root(read_file(path)?, None),
            Source::Passphrase(passphrase) => root(from_passphrase(passphrase, &salt, cost)?, Some(cost)),
            Source::Secret(text) => root(from_secret(text)?, None),
            Source::Wrapped { key, wrapped } => Root { wrapped: wrapped.clone(), ..root(key.clone(), None) },
        })
    }
}

impl fmt::Debug for RootSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File { path, create } => {
                formatter.debug_struct("File").field("path", path).field("create", create).finish()
            }
            Source::Passphrase(_) => formatter.write_str("Passphrase(..)"),
            Source::Secret(_) => formatter.write_str("Secret(..)"),
            Source::Wrapped { .. } => formatter.write_str("Wrapped(..)"),
        }
    }
}

fn make_file_unless_there(path: &Path, entropy: &dyn Entropy) -> Result<(), VaultError> {
    let io_error = |source| VaultError::Io { action: "create", path: path.to_owned(), source };
    if path.try_exists().map_err(io_error)? {
        return Ok(());
    }
    let key = Secret::random(entropy);
    let mut line = Zeroizing::new(Vec::with_capacity(FILE_PREFIX.len() + 2 * SECRET_BYTES + 1));
    line.extend_from_slice(FILE_PREFIX.as_bytes());
    for byte in key.as_bytes() {
        line.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
    line.push(b'\n');
    // A root key that a power cut could take back must not be used, so an unsure end counts as a failure too.
    durable::replace(path, &line).map_err(|error| io_error(error.into_cause()))?;
    tracing::info!(path = %path.display(), "created a root key file; keep a copy of it apart from the data");
    Ok(())
}

fn read_file(path: &Path) -> Result<Secret, VaultError> {
    let io_error = |source| VaultError::Io { action: "read", path: path.to_owned(), source };
    let malformed = || VaultError::RootFileMalformed(path.to_owned());
    let (file, text) = durable::read(path, FILE_BYTES_MAX)
        .map_err(io_error)?
        .ok_or_else(|| VaultError::RootFileMissing(path.to_owned()))?;
    let text = Zeroizing::new(text);
    // Of the open file, so that it is the very one that was read.
    let mode = file.metadata().map_err(io_error)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::RootFileExposed { path: path.to_owned(), mode });
    }
    let text = std::str::from_utf8(&text).map_err(|_| malformed())?;
    let digits = text.trim_ascii_end().strip_prefix(FILE_PREFIX).ok_or_else(malformed)?;
    let key = from_hex(digits).ok_or_else(malformed)?;
    Secret::from_slice(&key).ok_or_else(malformed)
}

fn from_passphrase(passphrase: &str, salt: &[u8], cost: PassphraseCost) -> Result<Secret, VaultError> {
    if !PASSPHRASE_BYTES.contains(&passphrase.len()) {
        return Err(VaultError::Passphrase);
    }
    let argon2 = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(SECRET_BYTES))
        .map(|params| argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params));
    argon2
        .and_then(|argon2| {
            Secret::fill_with(|key| argon2.hash_password_into(passphrase.as_bytes(), salt, key))
        })
        .map_err(VaultError::Argon2)
}

fn from_secret(text: &str) -> Result<Secret, VaultError> {
    let text = text.trim_ascii();
    let bytes = from_hex(text).or_else(|| from_base64(text)).ok_or(VaultError::RootSecret)?;
    // Catches placeholders such as "0000…": of 32 random bytes about 30 differ.
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let various = seen.iter().filter(|seen| **seen).count() >= 16;
    if !various || !SECRET_SOURCE_BYTES.contains(&bytes.len()) {
        return Err(VaultError::RootSecret);
    }
    Ok(Secret::derived_from(&bytes, &[], &[SECRET_PURPOSE]))
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) || text.len() > 2 * SECRET_SOURCE_BYTES.end() {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > 2 * SECRET_SOURCE_BYTES.end() {
        return None;
    }
    let alphabet = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet, config).decode(text).ok().map(Zeroizing::new)
}
