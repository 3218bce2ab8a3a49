//! What can go wrong: one enum per operation.

use crate::{KeyId, Part, RootKind, RootRefusal};
use std::io;
use std::path::PathBuf;

/// Why [`Vault::open`](crate::Vault::open) failed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file system refused.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// Another process, or another `Vault` of this one, has the directory open.
    #[error("the keystore at {0} is in use by another process")]
    InUse(PathBuf),
    /// The keystore file was written by a newer program.
    #[error("the keystore {path} has layout version {found}, which this program does not know")]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u8,
    },
    /// The keystore file is not what was written.
    #[error("the keystore {path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The keystore was made with another source of the root key.
    #[error("the keystore {path} was made with {stored} as its root, not with {given}")]
    OtherRoot {
        /// The file.
        path: PathBuf,
        /// What it was made with.
        stored: RootKind,
        /// What was given.
        given: RootKind,
    },
    /// The keystore is intact, but this root key (or passphrase, or secret) is not its own.
    #[error("this is not the root key of the keystore {0}")]
    WrongRootKey(PathBuf),
    /// There is no keystore to give another root.
    #[error("there is no keystore {0}")]
    NoKeystore(PathBuf),
    /// There is no root key file, and none may be made: not allowed, or the keystore already stands.
    #[error("there is no root key file {0}")]
    RootFileMissing(PathBuf),
    /// Others than the owner may use the root key file.
    #[error("the root key file {path} has mode {mode:03o}; only its owner may have access (chmod 600)")]
    RootFileExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The root key file holds something else.
    #[error("the root key file {0} does not hold a root key")]
    RootFileMalformed(PathBuf),
    /// The passphrase is too short or too long.
    #[error("a passphrase must have 12 to 1024 bytes")]
    Passphrase,
    /// Argon2id refused, for example for want of memory.
    #[error("could not derive a key from the passphrase: {0}")]
    Argon2(#[source] argon2::Error),
    /// The secret is not 32 to 1024 random bytes in hexadecimal or base64.
    #[error(
        "a root secret must be 32 to 1024 random bytes in hexadecimal or base64 (try: openssl rand -hex 32)"
    )]
    RootSecret,
}

/// Why a change to the keys failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such key.
    #[error("there is no key {0}")]
    NotFound(KeyId),
    /// The key was destroyed; nothing brings it back.
    #[error("key {0} is destroyed")]
    Destroyed(KeyId),
    /// The key waits to be destroyed.
    #[error("key {0} waits to be destroyed")]
    PendingDeletion(KeyId),
    /// The key does not wait to be destroyed.
    #[error("key {0} does not wait to be destroyed")]
    NotPendingDeletion(KeyId),
    /// The policy is too long, or there are too many tags, or too long ones.
    #[error("a key has a policy of at most 32768 bytes, and 50 tags of at most 1024 bytes")]
    AttributesTooLarge,
    /// The description has too many bytes.
    #[error("a description has at most {max} bytes")]
    DescriptionTooLong {
        /// The limit.
        max: usize,
    },
    /// No more keys, or no more versions of this one.
    #[error("at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The keystore file could not be replaced. The change did not happen; trying again is safe.
    #[error("the keystore was not changed: {0}")]
    NotDone(#[source] io::Error),
    /// The keystore file was replaced but may be the old one again after a power cut. The vault takes no more changes
    /// until it is opened again.
    #[error("the keystore may or may not have been changed: {0}")]
    Unknown(#[source] io::Error),
    /// An earlier change ended in [`KeyError::Unknown`].
    #[error(
        "the keystore takes no changes until it is opened again, because an earlier one may not be durable"
    )]
    Stopped,
}

/// Why a change to the aliases failed.
#[derive(Debug, thiserror::Error)]
pub enum AliasError {
    /// There is one of this name.
    #[error("there is an alias {0:?} already")]
    Exists(String),
    /// There is none.
    #[error("there is no alias {0:?}")]
    NotFound(String),
    /// As for changes to keys.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyUseError {
    /// No such key.
    #[error("there is no key {0}")]
    NotFound(KeyId),
    /// The key is disabled; enabling it brings it back.
    #[error("key {0} is disabled")]
    Disabled(KeyId),
    /// The key waits to be destroyed; cancelling that and enabling it brings it back.
    #[error("key {0} waits to be destroyed")]
    PendingDeletion(KeyId),
    /// The key was destroyed; what it wrapped is lost.
    #[error("key {0} is destroyed")]
    Destroyed(KeyId),
    /// No key can be used, because the root key was taken back.
    #[error("{0}")]
    Root(RootRefusal),
}

/// Why a data key could not be unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// The bytes are not a wrapped key.
    #[error("a wrapped key has {expected} bytes, not {found}")]
    Length {
        /// Bytes of this layout.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A layout of a newer program.
    #[error("wrapped key of unknown layout version {0}")]
    UnknownVersion(u8),
    /// The wrapping key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyUseError),
    /// The wrapping key has no such version.
    #[error("key {key} has no version {version}")]
    UnknownKeyVersion {
        /// The wrapping key.
        key: KeyId,
        /// The version asked for.
        version: u32,
    },
    /// Damaged, or wrapped for another context.
    #[error("the wrapped key is not authentic, or its context is another")]
    NotAuthentic,
}

/// Why a blob could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// More than a blob may hold.
    #[error("a blob holds at most {max} bytes, not {found}")]
    TooLarge {
        /// The limit on the plaintext.
        max: usize,
        /// Bytes of plaintext.
        found: usize,
    },
    /// Shorter than the shortest blob.
    #[error("a sealed blob has at least {min} bytes, not {found}")]
    Truncated {
        /// The least length.
        min: usize,
        /// Bytes given.
        found: usize,
    },
    /// A layout of a newer program.
    #[error("blob of unknown layout version {0}")]
    UnknownVersion(u8),
    /// Damaged, cut, of another keystore, or sealed for another context.
    #[error("the blob is not authentic, or its context is another")]
    NotAuthentic,
}

/// Why a record could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The head is too large.
    #[error("a head holds at most {max} bytes, not {found}")]
    HeadTooLarge {
        /// The limit on the plaintext.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// The body is too large.
    #[error("a body holds at most {max} bytes, not {found}")]
    BodyTooLarge {
        /// The limit on the plaintext.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// The batch has no nonces left for this record; seal it in a new batch.
    #[error("the batch has used up its nonces")]
    BatchFull,
}

/// Why a sealed record could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The sealed head is too short or too long to be one.
    #[error("a sealed head has {min} to {max} bytes, not {found}")]
    HeadLength {
        /// The least length.
        min: usize,
        /// The greatest length.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// A layout of a newer program.
    #[error("record of unknown layout version {0}")]
    UnknownVersion(u8),
    /// The head states a body that is larger than any may be.
    #[error("the head states a body of {found} bytes; at most {max} are possible")]
    BodyTooLarge {
        /// The limit on the plaintext.
        max: usize,
        /// What the head states.
        found: u64,
    },
    /// The sealed bytes are not as long as they must be: cut, or of another record.
    #[error("expected {expected} sealed bytes, found {found}")]
    BodyLength {
        /// Bytes there must be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// No sealed body has this length.
    #[error("no sealed body has {0} bytes")]
    ImpossibleLength(u64),
    /// The range is reversed or goes beyond the body.
    #[error("range {start}..{end} is not within a body of {len} bytes")]
    Range {
        /// First byte asked for.
        start: u64,
        /// Byte after the last one asked for.
        end: u64,
        /// Plaintext length of the body.
        len: u64,
    },
    /// Damaged, moved from another place, or sealed under another key.
    #[error("{part} is not authentic: damaged, moved, or sealed under another key")]
    NotAuthentic {
        /// What did not open.
        part: Part,
    },
}
