//! Key material in memory.

use crate::Entropy;
use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroize;

/// Bytes of a key.
pub(crate) const SECRET_BYTES: usize = 32;

/// 32 bytes of key material. On the heap, so that a move leaves no copy behind; wiped when dropped; never printed.
#[derive(Clone)]
pub(crate) struct Secret(Box<[u8; SECRET_BYTES]>);

impl Secret {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut secret = Self::zero();
        entropy.fill(secret.0.as_mut_slice());
        secret
    }

    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self::zero();
        if bytes.len() != SECRET_BYTES {
            return None;
        }
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    /// A secret made by writing into it.
    pub(crate) fn fill_with<E>(write: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self::zero();
        write(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// HKDF-SHA256 of key material of any length.
    pub(crate) fn derived_from(material: &[u8], salt: &[u8], info: &[&[u8]]) -> Self {
        let mut secret = Self::zero();
        let prk = Salt::new(HKDF_SHA256, salt).extract(material);
        prk.expand(info, SecretLength)
            .and_then(|okm| okm.fill(secret.0.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes");
        secret
    }

    /// HKDF-SHA256 of this secret: bytes for checking and comparing.
    pub(crate) fn derive(&self, salt: &[u8], info: &[&[u8]]) -> Self {
        Self::derived_from(self.as_bytes(), salt, info)
    }

    /// HKDF-SHA256 of this secret: an AES-256-GCM key. (Made by way of a `Secret`, because the library's own way from
    /// HKDF to a key leaves the bytes on the stack.)
    pub(crate) fn aead_key(&self, salt: &[u8], info: &[&[u8]]) -> LessSafeKey {
        let key = self.derive(salt, info);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).expect("AES-256 takes 32 bytes"))
    }

    /// HKDF-SHA256 of this secret: an HMAC-SHA256 key.
    pub(crate) fn mac_key(&self, salt: &[u8], info: &[&[u8]]) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derive(salt, info).as_bytes())
    }

    fn zero() -> Self {
        Self(Box::new([0; SECRET_BYTES]))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

struct SecretLength;

impl KeyType for SecretLength {
    fn len(&self) -> usize {
        SECRET_BYTES
    }
}
