//! Data keys: they seal records, and are kept wrapped under a key-encryption key.
//!
//! A wrapped key, 101 bytes:
//!
//! ```text
//! offset  size
//! 0       1     layout version = 1
//! 1       16    id of the wrapping key
//! 17      4     version of the wrapping key (big-endian)
//! 21      80    envelope of the data key (salt 32, ciphertext 32, tag 16)
//! ```
//! Additional data: bytes 0..21 and the context. The context names what the key is for (for example the stream), and
//! must be the same, byte for byte, when unwrapping.

use crate::envelope::{self, ENVELOPE_OVERHEAD};
use crate::keystore::Contents;
use crate::secret::{SECRET_BYTES, Secret};
use crate::{KeyId, KeyUseError, UnwrapError, Vault};
use aws_lc_rs::aead::LessSafeKey;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a wrapped key.
pub const WRAPPED_KEY_BYTES: usize = HEADER_BYTES + ENVELOPE_OVERHEAD + SECRET_BYTES;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 16 + 4;
const WRAP_PURPOSE: &[u8] = b"kinetoscope vault data key 1";
const RECORD_PURPOSE: &[u8] = b"kinetoscope record 1";

/// A key that seals records. Cheap to clone; wiped when the last clone goes.
///
/// Whoever keeps one keeps the power to open: after [`Vault::disable`] or [`Vault::destroy`], drop it and unwrap again.
#[derive(Clone)]
pub struct DataKey(Arc<Inner>);

struct Inner {
    secret: Secret,
    /// The batch key used last: the head and the body of a record, and its neighbours, mostly share one.
    last: Mutex<Option<(BatchKeyId, Arc<LessSafeKey>)>>,
}

/// What tells the batch keys of one data key apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchKeyId {
    /// The number its owner gave the data key; mixed in so that the number a record states is authentic.
    pub(crate) key_number: u32,
    /// Random.
    pub(crate) salt: [u8; 16],
}

impl DataKey {
    pub(crate) fn new(secret: Secret) -> Self {
        Self(Arc::new(Inner { secret, last: Mutex::new(None) }))
    }

    /// The AES-256-GCM key of a batch: HKDF-SHA256(data key, salt, purpose and key number).
    pub(crate) fn batch_key(&self, id: &BatchKeyId) -> Arc<LessSafeKey> {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last_id, key)) = &*last
            && last_id == id
        {
            return Arc::clone(key);
        }
        let info = [RECORD_PURPOSE, &id.key_number.to_be_bytes()];
        let key = Arc::new(self.0.secret.aead_key(&id.salt, &info));
        *last = Some((*id, Arc::clone(&key)));
        key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DataKey(..)")
    }
}

/// A data key wrapped under a key-encryption key: safe to store anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey([u8; WRAPPED_KEY_BYTES]);

impl WrappedKey {
    /// Takes bytes from storage. Checks the layout, not yet the authenticity.
    pub fn parse(bytes: &[u8]) -> Result<Self, UnwrapError> {
        let wrong_length = UnwrapError::Length { expected: WRAPPED_KEY_BYTES, found: bytes.len() };
        match bytes.first() {
            None => return Err(wrong_length),
            Some(&VERSION) => {}
            Some(version) => return Err(UnwrapError::UnknownVersion(*version)),
        }
        bytes.try_into().map(Self).map_err(|_| wrong_length)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key that wraps it.
    pub fn key_id(&self) -> KeyId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[1..17]);
        KeyId::from_bytes(id)
    }

    /// The version of the key that wraps it.
    pub fn key_version(&self) -> u32 {
        let mut version = [0; 4];
        version.copy_from_slice(&self.0[17..HEADER_BYTES]);
        u32::from_be_bytes(version)
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WrappedKey({} version {})", self.key_id(), self.key_version())
    }
}

impl Vault {
    /// Makes a data key and wraps it under the newest version of a key.
    pub fn generate_data_key(
        &self,
        key: &KeyId,
        context: &[u8],
    ) -> Result<(DataKey, WrappedKey), KeyUseError> {
        let keys = self.usable_contents()?;
        let (version, wrapping) = keys.newest(key)?;
        let secret = Secret::random(self.entropy());
        let mut bytes = Vec::with_capacity(WRAPPED_KEY_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.to_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        let aad = [&bytes, context].concat();
        envelope::seal(wrapping, self.entropy(), WRAP_PURPOSE, &aad, secret.as_bytes(), &mut bytes);
        let wrapped = bytes.try_into().map(WrappedKey).expect("the parts add up");
        Ok((DataKey::new(secret), wrapped))
    }

    /// Opens a wrapped data key. The key that wraps it must be enabled; any of its versions will do.
    pub fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<DataKey, UnwrapError> {
        let keys = self.usable_contents()?;
        let wrapping = wrapping_key(&keys, wrapped)?;
        let (header, sealed) = wrapped.0.split_at(HEADER_BYTES);
        let plain = envelope::open(wrapping, WRAP_PURPOSE, &[header, context].concat(), sealed)
            .map_err(|_| UnwrapError::NotAuthentic)?;
        Secret::from_slice(&plain).map(DataKey::new).ok_or(UnwrapError::NotAuthentic)
    }
}

fn wrapping_key<'a>(keys: &'a Contents, wrapped: &WrappedKey) -> Result<&'a Secret, UnwrapError> {
    let (key, version) = (wrapped.key_id(), wrapped.key_version());
    keys.version(&key, version)?.ok_or(UnwrapError::UnknownKeyVersion { key, version })
}
