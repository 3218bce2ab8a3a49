//! Keys, and sealing with them: a keystore with the operations of a KMS, and the format in which records are sealed.
//!
//! ```text
//!   root key (file, passphrase, secret, or kept by somebody else)
//!      └─ seals the keystore file: DATA/keys/keystore
//!            ├─ key-encryption keys, each with versions ──wrap──► data keys (their owner stores the wrapped bytes)
//!            │                                                      └─ per batch: HKDF, random salt ──► records
//!            └─ internal secret ──► blobs (rows of metadata, credentials) and message authentication codes
//! ```
//! Only AES-256-GCM, HKDF-SHA256 and HMAC-SHA256 from aws-lc-rs are used, and Argon2id for passphrases. Nothing here is
//! async: opening a vault and changing keys block on files (and Argon2id); sealing and opening take processor time.
//!
//! Destroying a data key, or the key that wraps it, destroys the data. What remains readable without keys: see
//! [`seal`] for records; blobs and wrapped keys show their length, and the latter the id of the key that wraps them.
//!
//! Key material is wiped from memory when dropped and never printed. Swap and core dumps are the operator's business.

mod blob;
mod data_key;
mod encrypted;
mod entropy;
mod envelope;
mod error;
mod keystore;
mod mac;
pub mod seal;
mod secret;

pub use blob::{BLOB_BYTES_MAX, BLOB_OVERHEAD};
pub use data_key::{DataKey, WRAPPED_KEY_BYTES, WrappedKey};
pub use encrypted::{
    Decrypted, ENCRYPTED_BYTES_MAX, EncryptError, EncryptionContext, TEXT_BYTES_MAX, encrypted_under,
};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{
    AliasError, BlobError, KeyError, KeyUseError, OpenError, SealError, UnwrapError, VaultError,
};
pub use keystore::{
    ALIASES_MAX, AliasInfo, Attributes, DEMANDS_MAX, DESCRIPTION_BYTES_MAX, KEY_POLICY_BYTES_MAX, KEYS_MAX,
    KeyId, KeyInfo, KeyState, NewKey, ParseKeyIdError, RootKind, RootRefusal, RootSource, Schedule,
    StatedRoot, Swept, TAGS_MAX, VERSIONS_MAX, Vault, VersionCause, VersionInfo, WRAPPED_ROOT_BYTES_MAX,
    change_root, restore, sealed_copy, stated_root,
};
pub use mac::MAC_BYTES;
pub use seal::{BatchSealer, Part, RecordContext, Sealed, SealedHead};
