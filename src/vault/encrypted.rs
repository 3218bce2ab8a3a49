//! Small texts encrypted under a key-encryption key directly, and bound to a context that must be given again.
//!
//! ```text
//! offset  size
//! 0       1     layout version = 2 (1 is a wrapped data key, so that neither passes for the other)
//! 1       16    id of the key
//! 17      4     version of the key (big-endian)
//! 21      32    salt, random
//! 53      n     ciphertext
//! 53+n    16    tag
//! ```
//! The last three are an envelope: each text has an AES-256-GCM key of its own, HKDF-SHA256(version's secret, salt, purpose), so
//! that no number of texts is too large. Additional data: bytes 0..21 and the context as pairs in the order of their
//! names, each text after its length in four bytes, so that no two contexts give the same bytes.

use crate::envelope::{self, ENVELOPE_OVERHEAD};
use crate::{KeyId, KeyUseError, UnwrapError, Vault};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a text is bound to: pairs of texts.
pub type EncryptionContext = BTreeMap<String, String>;

/// Most bytes of a text.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Most bytes of an encrypted text.
pub const ENCRYPTED_BYTES_MAX: usize = HEADER_BYTES + ENVELOPE_OVERHEAD + TEXT_BYTES_MAX;

const VERSION: u8 = 2;
const HEADER_BYTES: usize = 1 + 16 + 4;
const PURPOSE: &[u8] = b"kinetoscope vault text 1";

/// A text, and what it was encrypted under.
pub struct Decrypted {
    /// Wiped when dropped.
    pub text: Zeroizing<Vec<u8>>,
    /// The key.
    pub key: KeyId,
    /// The version of the key.
    pub version: u32,
}

/// Why a text could not be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// It is too long.
    #[error("a text has at most {max} bytes, not {found}")]
    TooLong {
        /// The limit.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyUseError),
}

impl Vault {
    /// Encrypts a text of at most [`TEXT_BYTES_MAX`] under the newest version of a key. The second value: that version.
    pub fn encrypt(
        &self,
        key: &KeyId,
        context: &EncryptionContext,
        text: &[u8],
    ) -> Result<(Vec<u8>, u32), EncryptError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(EncryptError::TooLong { max: TEXT_BYTES_MAX, found: text.len() });
        }
        let keys = self.usable_contents()?;
        let (version, secret) = keys.newest(key)?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + ENVELOPE_OVERHEAD + text.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.to_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        let additional = additional_data(&bytes, context);
        envelope::seal(secret, self.entropy(), PURPOSE, &additional, text, &mut bytes);
        Ok((bytes, version))
    }

    /// Decrypts what [`Vault::encrypt`] encrypted, with the same context.
    pub fn decrypt(&self, encrypted: &[u8], context: &EncryptionContext) -> Result<Decrypted, UnwrapError> {
        let (key, version) = encrypted_under(encrypted)?;
        let (header, sealed) = encrypted.split_at(HEADER_BYTES);
        let keys = self.usable_contents()?;
        let secret = keys.version(&key, version)?.ok_or(UnwrapError::UnknownKeyVersion { key, version })?;
        let text = envelope::open(secret, PURPOSE, &additional_data(header, context), sealed)
            .map_err(|_| UnwrapError::NotAuthentic)?;
        Ok(Decrypted { text, key, version })
    }
}

/// The key and its version that an encrypted text states. Whether that is true, decrypting says.
pub fn encrypted_under(encrypted: &[u8]) -> Result<(KeyId, u32), UnwrapError> {
    let wrong_length =
        UnwrapError::Length { expected: HEADER_BYTES + ENVELOPE_OVERHEAD, found: encrypted.len() };
    match encrypted.first() {
        Some(&VERSION) => {}
        Some(other) => return Err(UnwrapError::UnknownVersion(*other)),
        None => return Err(wrong_length),
    }
    if !(HEADER_BYTES + ENVELOPE_OVERHEAD..=ENCRYPTED_BYTES_MAX).contains(&encrypted.len()) {
        return Err(wrong_length);
    }
    let (mut id, mut version) = ([0; 16], [0; 4]);
    id.copy_from_slice(&encrypted[1..17]);
    version.copy_from_slice(&encrypted[17..HEADER_BYTES]);
    Ok((KeyId::from_bytes(id), u32::from_be_bytes(version)))
}

fn additional_data(header: &[u8], context: &EncryptionContext) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
